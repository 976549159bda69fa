"""LiteLLM spend logs: token classes by adapter, where a status stands, hosts, and cut or sparse files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tokenworks_sources.connectors.requests import litellm, litellm_engine, litellm_left

CONNECTOR = litellm.CONNECTOR
pytestmark = pytest.mark.usefixtures("spend_log_reader")

Ingest = Callable[..., Any]


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Any, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """Ingests lines of text as one file."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(*lines: str, name: str = "spend.jsonl") -> Any:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        return ingest_file(path, CONNECTOR)

    return run


def row(**fields: Any) -> str:
    """One record; fields set to None are left out."""
    whole = {
        "request_id": "r-1",
        "call_type": "acompletion",
        "startTime": "2026-09-01T00:00:00Z",
        "model": "m",
        "prompt_tokens": 200000,
        "completion_tokens": 10,
        "status": "success",
        "metadata": {"status": "success"},
        **fields,
    }
    return json.dumps({key: value for key, value in whole.items() if value is not None})


def as_csv(record: str) -> tuple[str, str]:
    """Header and record of the same row as CSV."""
    values = json.loads(record)
    texts = [json.dumps(v) if isinstance(v, dict) else str(v) for v in values.values()]
    return ",".join(values), ",".join('"' + text.replace('"', '""') + '"' for text in texts)


CLASSES = [
    # usage_object, prompt_tokens; input, read, write, 5m, 1h
    (
        {
            "prompt_tokens": 200000,
            "cache_creation_input_tokens": 0,
            "prompt_tokens_details": {
                "cache_creation_token_details": {"ephemeral_5m_input_tokens": 31490}
            },
        },
        200000,
        (200000, None, 31490, 31490, None),
    ),
    (
        {
            "cache_creation_input_tokens": 184457,
            "cache_creation": {"ephemeral_5m_input_tokens": 31490},
        },
        200000,
        (200000, None, 184457, 31490, None),
    ),
    (
        {
            "cache_creation": {
                "ephemeral_5m_input_tokens": 30,
                "ephemeral_1h_input_tokens": 12,
            }
        },
        100,
        (100, None, 42, 30, 12),
    ),
    # Responses API
    (
        {"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 900}},
        1000,
        (1000, 900, None, None, None),
    ),
    # Anthropic as it came: cached tokens stand beside input_tokens
    (
        {
            "input_tokens": 5,
            "cache_read_input_tokens": 128955,
            "cache_creation_input_tokens": 1253,
        },
        5,
        (130213, 128955, 1253, None, None),
    ),
    (
        {"input_tokens": 5000, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 0},
        5000,
        (6000, 1000, 0, None, None),
    ),
    # Anthropic with cached tokens added by the gateway
    (
        {
            "input_tokens": 5,
            "cache_read_input_tokens": 128955,
            "cache_creation_input_tokens": 1253,
        },
        130213,
        (130213, 128955, 1253, None, None),
    ),
    (
        {"prompt_tokens": 5000, "input_tokens": 5000, "cache_read_input_tokens": 1000},
        5000,
        (5000, 1000, None, None, None),
    ),
]


@pytest.mark.parametrize("inside", ["object", "usage as text", "metadata as text", "csv"])
@pytest.mark.parametrize(("usage", "prompt", "expected"), CLASSES)
def test_token_classes_are_exact_when_adapters_spell_usage_in_their_own_way(
    usage: dict[str, Any],
    prompt: int,
    expected: tuple[int | None, ...],
    inside: str,
    ingest: Ingest,
) -> None:
    metadata: Any = {"status": "success", "usage_object": usage}
    if inside == "usage as text":
        metadata["usage_object"] = json.dumps(usage)
    if inside == "metadata as text":
        metadata = json.dumps(metadata)
    record = row(prompt_tokens=prompt, metadata=metadata)
    outcome = ingest(*as_csv(record), name="spend.csv") if inside == "csv" else ingest(record)
    found = outcome.frames["requests"].row(0, named=True)
    names = (
        "input_total_tokens",
        "input_cache_read_tokens",
        "input_cache_write_tokens",
        "input_cache_write_5m_tokens",
        "input_cache_write_1h_tokens",
    )
    assert tuple(found[name] for name in names) == expected


@pytest.mark.parametrize(
    ("status", "own", "expected"),
    [
        (None, "failure", "failure"),
        ("success", "failure", "success"),
        (None, None, "unknown"),
    ],
)
def test_status_is_that_of_metadata_when_the_row_has_none(
    status: str | None, own: str | None, expected: str, ingest: Ingest
) -> None:
    record = row(status=status, metadata={"status": own, "trace_id": "t"})
    assert ingest(record).frames["requests"]["status"].to_list() == [expected]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("https://api.x.com?api_key=sk-123", "api.x.com"),
        ("https://api.x.com#sk-123", "api.x.com"),
        ("https://api.x.com/v1?next=http://key@other", "api.x.com"),
        ("https://user:p@ss@api.x.com:8443/v1", "api.x.com:8443"),
        ("api.x.com:8000", "api.x.com:8000"),
    ],
)
def test_endpoint_is_host_and_port_alone_when_the_address_holds_more(
    base: str, expected: str | None, ingest: Ingest
) -> None:
    assert ingest(row(api_base=base)).frames["requests"]["endpoint"].to_list() == [expected]


@pytest.mark.parametrize("cut", ['is my password hunter2?"}', "a, b, c", '"open quote'])
def test_only_the_first_line_is_a_reject_when_a_log_begins_in_the_middle_of_it(
    cut: str, ingest: Ingest
) -> None:
    outcome = ingest(cut, row(), row(request_id="r-2"))
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (1, "not a JSON object with the fields of a spend log")
    ]
    assert "hunter2" not in str(outcome.rejects.rows())
    assert outcome.frames["requests"]["source_line"].to_list() == [2, 3]


def test_log_is_csv_when_a_quoted_value_has_a_line_that_begins_an_object(ingest: Ingest) -> None:
    outcome = ingest(
        "request_id,startTime,call_type,metadata",
        'r-1,2026-09-01 00:00:00,acompletion,"',
        '{""trace_id"": ""t""}"',
        name="spend.csv",
    )
    assert outcome.frames["requests"].select("source_line", "trace_id").rows() == [(2, "t")]


def test_every_row_is_read_when_metadata_has_nothing_known_and_every_second_line_is_blank(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm_left, "REJECTS_AT_ONCE", 7)
    lines = []
    for number in range(3000):
        tokens: Any = "many" if number % 100 == 0 else number
        record = row(request_id=f"r-{number}", prompt_tokens=tokens, metadata={"user_api_key": "x"})
        lines += [record, ""]
    outcome = ingest(*lines)
    found = outcome.frames["requests"].select(
        pl.col("source_line"), pl.col("request_id").str.slice(2).cast(pl.Int64)
    )
    assert found.height == 2970
    assert all(line == 2 * number + 1 for line, number in found.rows())
    assert outcome.rejects["source_line"].to_list() == list(range(1, 6000, 200))
    assert outcome.rejects["reason"].unique().to_list() == [
        "prompt_tokens: not a whole number below 10^15"
    ]


def test_no_place_of_metadata_is_overlooked_when_the_first_records_do_not_fill_it(
    ingest: Ingest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm_engine, "MET_RECORDS", 2)
    early = {"usage_object": {"prompt_tokens_details": {"cached_tokens": 3}}, "trace_id": "t"}
    late: dict[str, Any] = {
        "usage_object": {
            "prompt_tokens_details": {"cached_tokens": 3, "cache_creation_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
        "spend_logs_metadata": {"queue_seconds": 0.5},
    }
    bad = {"usage_object": {"reasoning_tokens": 1.5}}
    outcome = ingest(
        row(request_id="r-1", metadata=early),
        row(request_id="r-2", metadata=early),
        row(request_id="r-3", metadata=late),
        row(request_id="r-4", metadata=early),
        row(request_id="r-5", metadata=bad),
    )
    found = outcome.frames["requests"].sort("request_id")
    columns = (
        "request_id",
        "source_line",
        "input_cache_read_tokens",
        "input_cache_write_tokens",
        "output_reasoning_tokens",
        "queue_seconds",
        "trace_id",
    )
    assert found.select(columns).rows() == [
        ("r-1", 1, 3, None, None, None, "t"),
        ("r-2", 2, 3, None, None, None, "t"),
        ("r-3", 3, 3, 2, 1, 0.5, None),
        ("r-4", 4, 3, None, None, None, "t"),
    ]
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (5, "metadata.usage_object.reasoning_tokens: not a whole number below 10^15")
    ]


@pytest.mark.parametrize("name", ["spend.jsonl", "spend.csv"])
def test_one_record_is_a_reject_when_its_counts_overflow(ingest: Ingest, name: str) -> None:
    metadata = '{"usage_object": {"input_tokens": 5, "cache_read_input_tokens": %d}}'
    most, more = metadata % 10**15, metadata % (2**63 - 1)
    if name.endswith(".csv"):
        lines = ["request_id,call_type,startTime,model,prompt_tokens,metadata"]
        for number, text in enumerate((most, more), start=1):
            cell = text.replace('"', '""')
            lines.append(f'r-{number},acompletion,2026-09-01T00:00:00Z,m,5,"{cell}"')
    else:
        lines = [
            row(request_id=f"r-{number}", prompt_tokens=5, metadata=json.loads(text))
            for number, text in enumerate((most, more), start=1)
        ]
    outcome = ingest(*lines, name=name)
    assert outcome.frames["requests"].select("request_id", "input_total_tokens").rows() == [
        ("r-1", 1_000_000_000_000_005)
    ]
    assert outcome.rejects["reason"].to_list() == [
        "metadata.usage_object.cache_read_input_tokens: not a whole number below 10^15"
    ]
