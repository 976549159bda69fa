"""LiteLLM spend logs: tokens, times, privacy, rejects with their line, and every way they are shipped."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from tokenworks_sources.connectors.requests import litellm, slices
from tokenworks_sources.errors import LandingFileError

CONNECTOR = litellm.CONNECTOR
pytestmark = pytest.mark.usefixtures("spend_log_reader")

ROW: dict[str, Any] = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "spend": 0.00026620,
    "total_tokens": 2817,
    "prompt_tokens": 2662,
    "completion_tokens": 155,
    "startTime": "2026-09-01T00:00:00.123Z",
    "endTime": "2026-09-01T00:00:05Z",
    "completionStartTime": "2026-09-01T00:00:00.300Z",
    "request_duration_ms": 4877,
    "model": "llama-3.1-8b-instruct",
    "model_id": "small-us",
    "model_group": "small",
    "custom_llm_provider": "hosted_vllm",
    "api_base": "http://user:pass@small-us-0.fleet.internal:8000/v1",
    "user": "alice@example.com",
    "metadata": {
        "usage_object": {
            "prompt_tokens_details": {"cached_tokens": 1617},
            "completion_tokens_details": {"reasoning_tokens": 40},
        },
        "trace_id": "trace-7",
        "spend_logs_metadata": {
            "prefix_block_hashes": [11, -22, 33],
            "prefix_block_tokens": 512,
            "prompt_fingerprint": "ab12",
            "queue_seconds": 0.05,
            "prefill_seconds": 0.127,
            "decode_seconds": 4.7,
            "routing_propensity": 0.05,
            "quality_score": -1.5,
        },
    },
    "cache_hit": "False",
    "request_tags": ["prod", "chat"],
    "team_id": "search",
    "organization_id": "acme",
    "end_user": "",
    "session_id": "s-1",
    "status": "success",
    "messages": [{"role": "user", "content": "my secret question"}],
    "response": {"text": "my secret answer"},
    "proxy_server_request": {"body": "my secret question"},
    "requester_ip_address": "203.0.113.9",
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes lines of JSON into a file; text is written as it is."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(*rows: dict[str, Any] | str, name: str = "spend.jsonl", end: str = "\n") -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
        path.write_text("\n".join(lines) + end)
        return path

    return run


def changed(**fields: Any) -> dict[str, Any]:
    """ROW with other fields; the ones set to None are left out."""
    row = {**ROW, **fields}
    return {key: value for key, value in row.items() if value is not None}


def with_usage(usage: Any) -> dict[str, Any]:
    return changed(metadata={"usage_object": usage})


def test_every_column_is_filled_when_the_row_is_whole(write: Write, ingest_file: Any) -> None:
    row = ingest_file(write(ROW), CONNECTOR).frames["requests"].row(0, named=True)
    assert row["emitter"] == "litellm"
    assert row["request_id"] == "chatcmpl-1"
    assert row["logical_request_id"] == row["trace_id"] == "trace-7"
    assert row["session_id"] == "s-1"
    assert row["started_at"] == datetime(2026, 9, 1, 0, 0, 0, 123000)
    assert row["first_token_at"] == datetime(2026, 9, 1, 0, 0, 0, 300000)
    assert row["ended_at"] == datetime(2026, 9, 1, 0, 0, 5)
    assert row["clock"] == "utc"
    assert row["e2e_seconds"] == 4.877
    assert (row["queue_seconds"], row["prefill_seconds"], row["decode_seconds"]) == (
        0.05,
        0.127,
        4.7,
    )
    assert row["operation"] == "chat"
    assert (row["model_requested"], row["model_served"]) == ("small", "llama-3.1-8b-instruct")
    assert (row["provider"], row["deployment_key"]) == ("hosted_vllm", "small-us")
    assert row["endpoint"] == "small-us-0.fleet.internal:8000"
    assert (row["tenant_id"], row["team_id"]) == ("acme", "search")
    assert json.loads(row["tags"]) == ["prod", "chat"]
    assert (row["input_total_tokens"], row["output_total_tokens"]) == (2662, 155)
    assert (row["input_cache_read_tokens"], row["input_cache_write_tokens"]) == (1617, None)
    assert row["output_reasoning_tokens"] == 40
    assert (row["status"], row["error_type"]) == ("success", None)
    assert row["is_streaming"] is True
    assert row["is_gateway_cache_hit"] is False
    assert row["reported_cost_usd"] == Decimal("0.000266200000")
    assert (row["prompt_fingerprint"], row["prefix_block_tokens"]) == ("ab12", 512)
    assert row["prefix_block_hashes"] == [11, -22, 33]
    assert (row["routing_propensity"], row["quality_score"]) == (0.05, -1.5)
    assert row["source_line"] == 1
    assert len(row["user_pseudonym"]) == len(row["api_key_pseudonym"]) == 32


@pytest.mark.parametrize(
    ("usage", "read", "written"),
    [
        ({"prompt_tokens_details": None}, None, None),  # vllm#44961
        ({"prompt_tokens_details": {"cached_tokens": None}}, None, None),
        ({}, None, None),
        (None, None, None),
        ({"prompt_tokens_details": {"cached_tokens": 0}}, 0, None),
        ({"cache_read_input_tokens": 900, "cache_creation_input_tokens": 100}, 900, 100),
        (
            {"prompt_tokens_details": {"cached_tokens": 0}, "cache_read_input_tokens": 900},
            900,
            None,
        ),
        ({"prompt_tokens_details": {"cached_tokens": "12"}}, 12, None),
    ],
)
def test_cached_tokens_are_unknown_when_no_place_has_them(
    usage: Any, read: int | None, written: int | None, write: Write, ingest_file: Any
) -> None:
    row = ingest_file(write(with_usage(usage)), CONNECTOR).frames["requests"].row(0, named=True)
    assert (row["input_cache_read_tokens"], row["input_cache_write_tokens"]) == (read, written)


def test_the_whole_cache_write_is_kept_when_its_details_are_smaller(
    write: Write, ingest_file: Any
) -> None:
    """litellm#42663: the total of 184,457 is billed, not the 31,490 of the 5 minute detail."""
    usage = {
        "cache_creation_input_tokens": 184457,
        "cache_creation": {"ephemeral_5m_input_tokens": 31490, "ephemeral_1h_input_tokens": 0},
    }
    row = {**with_usage(usage), "prompt_tokens": 200000}
    found = ingest_file(write(row), CONNECTOR).frames["requests"].row(0, named=True)
    assert found["input_cache_write_tokens"] == 184457
    assert found["input_cache_write_5m_tokens"] == 31490
    assert found["input_cache_write_1h_tokens"] == 0


def test_metadata_is_read_when_it_is_json_inside_a_string(write: Write, ingest_file: Any) -> None:
    row = changed(metadata=json.dumps(ROW["metadata"]), request_tags='["a"]')
    found = ingest_file(write(row), CONNECTOR).frames["requests"].row(0, named=True)
    assert found["input_cache_read_tokens"] == 1617
    assert found["trace_id"] == "trace-7"
    assert json.loads(found["tags"]) == ["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-09-01 10:00:00", datetime(2026, 9, 1, 10)),
        ("2026-09-01T10:00:00Z", datetime(2026, 9, 1, 10)),
        ("2026-09-01T10:00:00+02:00", datetime(2026, 9, 1, 8)),
        ("2026-09-01 10:00:00.5-0530", datetime(2026, 9, 1, 15, 30, 0, 500000)),
        ("2026-09-01 10:00:00.123456789+00", datetime(2026, 9, 1, 10, 0, 0, 123456)),
        ("2026-09-01T10:00:00.1234567Z", datetime(2026, 9, 1, 10, 0, 0, 123456)),
        ("2026-09-01T10:00:00.1", datetime(2026, 9, 1, 10, 0, 0, 100000)),
    ],
)
def test_time_is_utc_when_it_is_written_in_any_common_way(
    text: str, expected: datetime, write: Write, ingest_file: Any
) -> None:
    row = changed(startTime=text, endTime=None, completionStartTime=None)
    assert ingest_file(write(row), CONNECTOR).frames["requests"]["started_at"][0] == expected


def test_first_token_is_unknown_when_nothing_was_streamed(write: Write, ingest_file: Any) -> None:
    row = changed(completionStartTime=ROW["endTime"])
    found = ingest_file(write(row), CONNECTOR).frames["requests"].row(0, named=True)
    assert found["first_token_at"] is None
    assert found["is_streaming"] is None


def test_failure_keeps_its_class_and_not_its_text_when_a_request_failed(
    write: Write, ingest_file: Any
) -> None:
    error = {"error_class": "RateLimitError", "error_message": "my secret question was too long"}
    row = changed(
        status="failure",
        prompt_tokens=0,
        completion_tokens=0,
        metadata={"error_information": error},
    )
    found = ingest_file(write(row), CONNECTOR).frames["requests"].row(0, named=True)
    assert (found["status"], found["error_type"]) == ("failure", "RateLimitError")
    assert (found["input_total_tokens"], found["output_total_tokens"]) == (0, 0)


def test_failure_is_a_cancellation_when_the_client_left(write: Write, ingest_file: Any) -> None:
    error = {"error_class": "CancelledError", "error_message": ""}
    row = changed(status="failure", metadata={"error_information": error})
    found = ingest_file(write(row), CONNECTOR).frames["requests"].row(0, named=True)
    assert found["status"] == "cancelled"


def test_team_is_charged_when_there_is_no_organisation(write: Write, ingest_file: Any) -> None:
    row = changed(organization_id=None, cache_hit="True", status=None)
    found = ingest_file(write(row), CONNECTOR).frames["requests"].row(0, named=True)
    assert (found["tenant_id"], found["team_id"]) == ("search", "search")
    assert found["is_gateway_cache_hit"] is True
    assert found["status"] == "unknown"


def test_request_gets_an_id_of_its_own_when_the_log_has_none(
    write: Write, ingest_file: Any
) -> None:
    outcome = ingest_file(write(changed(request_id=None), changed(request_id=None)), CONNECTOR)
    ids = outcome.frames["requests"]["request_id"].to_list()
    assert ids == [f"{outcome.manifest.digest[:16]}-1", f"{outcome.manifest.digest[:16]}-2"]


def test_nothing_private_enters_the_lake_when_rows_hold_text_and_names(
    write: Write, ingest_file: Any, settings: Any
) -> None:
    bad = changed(prompt_tokens="my secret question", end_user="bob@example.com")
    ingest_file(write(ROW, bad), CONNECTOR)
    parts = [path for path in settings.lake.rglob("*.parquet") if path.name != "_empty.parquet"]
    assert len(parts) == 2
    for path in parts:
        stored = str(pl.read_parquet(path).to_dicts())
        for secret in ("secret", "alice", "bob", "203.0.113.9", ROW["api_key"], "pass@"):
            assert secret not in stored, (path, secret)


def test_user_is_the_same_pseudonym_when_the_user_is_the_same(
    write: Write, ingest_file: Any
) -> None:
    rows = [
        changed(user="a"),
        changed(user="b"),
        changed(user="a"),
        changed(user="c", end_user="b"),
    ]
    found = ingest_file(write(*rows), CONNECTOR).frames["requests"]["user_pseudonym"].to_list()
    assert found[0] == found[2] != found[1]
    assert found[3] == found[1]


BAD = [
    ('{"request_id": "x", "startTime": ', "not a JSON object with the fields of a spend log"),
    ("[1, 2]", "not a JSON object with the fields of a spend log"),
    ('{"a": 1}{"b": 2}', "not a JSON object with the fields of a spend log"),
    (changed(prompt_tokens=12.7), "prompt_tokens: not a whole number below 10^15"),
    (changed(prompt_tokens=True), "prompt_tokens: not a whole number below 10^15"),
    (changed(completion_tokens="many"), "completion_tokens: not a whole number below 10^15"),
    (changed(completion_tokens=-1), "output_total_tokens: below 0"),
    (changed(startTime="2026-02-30 00:00:00"), "startTime: not a timestamp"),
    (changed(startTime=None), "started_at: missing"),
    (changed(endTime="soon"), "endTime: not a timestamp"),
    (changed(spend="free"), "spend: not a number"),
    (changed(metadata="{oops"), "metadata: not JSON"),
    (
        with_usage({"prompt_tokens_details": {"cached_tokens": 2663}}),
        "input_total_tokens: less than cache read + cache write",
    ),
    (
        with_usage({"completion_tokens_details": {"reasoning_tokens": 156}}),
        "output_reasoning_tokens: more than output_total_tokens",
    ),
    (
        with_usage({"prompt_tokens_details": {"cached_tokens": 1.5}}),
        "metadata.usage_object.prompt_tokens_details.cached_tokens: not a whole number below 10^15",
    ),
    (
        changed(metadata={"spend_logs_metadata": {"prefix_block_hashes": ["x"]}}),
        "prefix_block_hashes: not a list of whole numbers below 2^63",
    ),
]


def test_every_bad_line_is_a_reject_with_its_number_when_blank_lines_lie_between(
    write: Write, ingest_file: Any
) -> None:
    rows: list[dict[str, Any] | str] = ["", ROW]
    expected = []
    for bad, reason in BAD:
        rows += ["   ", bad, ROW]
        expected.append((len(rows) - 1, reason))
    outcome = ingest_file(write(*rows, end=""), CONNECTOR)
    assert outcome.rejects.select("source_line", "reason").rows() == expected
    good = [2] + [line + 1 for line, _ in expected]
    assert outcome.frames["requests"]["source_line"].to_list() == good


@pytest.mark.parametrize("count", [1, 2, 5, 16])
def test_lines_are_numbered_exactly_when_a_file_is_cut_into_slices(
    count: int, write: Write, ingest_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, Any] | str] = []
    for number in range(1, 301):
        blank = number % 7 == 0 or 100 < number < 140
        rows.append(" \t" if blank else changed(request_id=f"line-{number}"))
    path = write("\ufeff" + json.dumps(changed(request_id="line-1")), *rows[1:])
    cut = slices.slices_of
    monkeypatch.setattr(slices, "slices_of", lambda *run: cut(*run, count))
    found = (
        ingest_file(path, CONNECTOR).frames["requests"].select("source_line", "request_id").rows()
    )
    assert len(found) == 300 - 42 - 39 + 5
    assert all(name == f"line-{line}" for line, name in found)


def test_rows_are_the_same_when_the_file_is_compressed(write: Write, ingest_file: Any) -> None:
    plain = write(ROW, "{", changed(request_id="chatcmpl-2"))
    zipped = plain.with_name("spend.jsonl.gz")
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    packed = plain.with_name("spend.jsonl.zst")
    with pa.output_stream(str(packed), compression="zstd") as stream:
        stream.write(plain.read_bytes())
    for path in (zipped, packed):
        outcome = ingest_file(path, CONNECTOR)
        assert outcome.manifest.tables["requests"].rows == 2
        assert outcome.rejects["source_line"].to_list() == [2]


def test_rows_are_the_same_when_the_log_is_csv(write: Write, ingest_file: Any) -> None:
    names = [name for name in ROW if name not in ("messages", "response")]
    as_text = {
        name: json.dumps(value) if isinstance(value, dict | list) else str(value)
        for name, value in ROW.items()
    }
    quoted = ",".join('"' + as_text[name].replace('"', '""') + '"' for name in names)
    path = write(
        ",".join(names),
        quoted,
        "",
        quoted.replace("2662", "many"),
        "one,field,too,few",
        quoted.replace("llama-3.1", "two\nlines"),
        quoted.replace("{", ""),
        name="spend.csv",
    )
    outcome = ingest_file(path, CONNECTOR)
    found = outcome.frames["requests"]
    assert found["source_line"].to_list() == [2, 6]
    one = ingest_file(write(ROW), CONNECTOR).frames["requests"].filter(pl.col("source_line") == 1)
    provenance = ["source_line", "source_file", "source_digest", "tags", "event_date"]
    assert found[:1].drop(provenance).equals(one.drop(provenance))
    assert outcome.rejects.sort("source_line").select("source_line", "reason").rows() == [
        (4, "prompt_tokens: not a whole number below 10^15"),
        (5, "another number of fields than the header: 4, not 27"),
        (8, "metadata: not JSON"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"request_id": "x"}, {', "after record 1 cannot be read: it ends within a record"),
        ("time,tokens", "lacks request_id, startTime, call_type"),
    ],
)
def test_file_is_refused_when_it_is_no_spend_log(
    text: str, message: str, write: Write, ingest_file: Any
) -> None:
    with pytest.raises(LandingFileError, match=message):
        ingest_file(write(text, name="other.txt"), CONNECTOR)
