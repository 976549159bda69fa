"""Helicone exports: the table, the API and the export tool; token classes, cost units, privacy."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokenworks_sources.connectors.requests import helicone
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

CONNECTOR = helicone.CONNECTOR
NOBODY = "00000000-0000-0000-0000-000000000000"

# A row of `request_response_rmt`, as ClickHouse writes it.
TABLE: dict[str, Any] = {
    "response_id": "3f3c2b1a-0000-4000-8000-000000000001",
    "response_created_at": "2026-05-01 10:00:02.500",
    "latency": "2400",
    "status": "200",
    "completion_tokens": "40",
    "completion_audio_tokens": "0",
    "reasoning_tokens": "15",
    "prompt_tokens": "100",
    "prompt_cache_write_tokens": "0",
    "prompt_cache_read_tokens": "900",
    "prompt_audio_tokens": "0",
    "model": "gpt-5",
    "request_id": "3f3c2b1a-0000-4000-8000-000000000002",
    "request_created_at": "2026-05-01 10:00:00.100",
    "user_id": "alice@example.com",
    "organization_id": "83635a30-5ba6-41a8-8cc6-fb7df941b24a",
    "proxy_key_id": NOBODY,
    "threat": False,
    "time_to_first_token": "350",
    "provider": "OPENAI",
    "target_url": "https://user:pw@api.openai.com:443/v1/chat/completions?key=CANARY-key",
    "country_code": "DE",
    "properties": {"Helicone-Session-Id": "session-1", "Helicone-Prompt-Id": "p", "app": "shop"},
    "scores": {},
    "request_body": '{"messages": "CANARY-request"}',
    "response_body": "CANARY-response",
    "assets": [],
    "cache_reference_id": NOBODY,
    "cache_enabled": False,
    "cost": "1234567890",
    "updated_at": "2026-05-01 10:00:03.000",
}
# The same request as the API and the export tool write it.
API: dict[str, Any] = {
    "response_id": TABLE["response_id"],
    "response_created_at": "2026-05-01T12:00:02.500+02:00",
    "response_body": {"choices": "CANARY-response"},
    "response_status": 200,
    "request_id": TABLE["request_id"],
    "request_created_at": "2026-05-01T10:00:00.100Z",
    "request_body": {"messages": "CANARY-request"},
    "request_path": "https://api.openai.com/v1/chat/completions?key=CANARY-key",
    "request_user_id": "alice@example.com",
    "request_properties": {"Helicone-Session-Id": "session-1", "app": "shop"},
    "request_model": "gpt-5-alias",
    "provider": "OPENAI",
    "delay_ms": 2400,
    "time_to_first_token": 350,
    "total_tokens": 155,
    "prompt_tokens": 100,
    "prompt_cache_write_tokens": 0,
    "prompt_cache_read_tokens": 900,
    "completion_tokens": 40,
    "reasoning_tokens": 15,
    "prompt_id": "CANARY-prompt",
    "signed_body_url": "https://bucket/CANARY-signature",
    "country_code": "DE",
    "properties": {"Helicone-Session-Id": "session-1", "app": "shop"},
    "target_url": "https://api.openai.com/v1/chat/completions",
    "model": "gpt-5",
    "cost": 1.23456789,
    "cache_reference_id": NOBODY,
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes rows as JSONL, a JSON list, the API's answer, CSV or Parquet by the name."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(*rows: dict[str, Any] | str, name: str = "requests.jsonl") -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        if name.endswith(".csv"):
            path.write_text(_csv(rows))  # type: ignore[arg-type]
        elif name.endswith(".parquet"):
            pq.write_table(pa.Table.from_pylist([_texts(row) for row in rows]), path)  # type: ignore[arg-type]
        elif name == "answer.json":
            path.write_text(json.dumps({"data": rows, "error": None}))
        elif name.endswith(".json"):
            path.write_text(json.dumps(rows, indent=2))
        else:
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            path.write_text("\n".join(lines) + "\n")
        return path

    return run


def _texts(row: dict[str, Any]) -> dict[str, str]:
    return {name: _clickhouse(value) for name, value in row.items()}


def _clickhouse(value: object) -> str:
    """Maps in ClickHouse's CSV have single quotes."""
    if isinstance(value, dict):
        return "{" + ",".join(f"'{key}':'{inner}'" for key, inner in value.items()) + "}"
    return str(value)


def _csv(rows: tuple[dict[str, Any], ...]) -> str:
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_clickhouse(value) for value in row.values()] for row in rows)
    return target.getvalue()


def changed(**fields: Any) -> dict[str, Any]:
    """TABLE with other fields; the ones set to ... are left out."""
    return {key: value for key, value in {**TABLE, **fields}.items() if value is not ...}


def only(outcome: Any) -> dict[str, Any]:
    frame = outcome.frames["requests"]
    assert frame.height == 1, outcome.rejects
    row: dict[str, Any] = frame.row(0, named=True)
    return row


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (TABLE, "requests.jsonl"),
        (TABLE, "requests.csv"),
        (TABLE, "requests.json"),
        (TABLE, "requests.parquet"),
        (API, "requests.jsonl"),
        (API, "requests.json"),
        (API, "answer.json"),
    ],
)
def test_the_row_is_the_same_when_the_export_is_of_another_kind(
    row: dict[str, Any], name: str, write: Write, ingest_file: Any
) -> None:
    path = write(row, name=name)
    assert CONNECTOR.recognise(preview_of(path))
    outcome = ingest_file(path, CONNECTOR)
    got = only(outcome)
    assert (got["emitter"], got["request_id"]) == ("helicone", TABLE["request_id"])
    assert got["started_at"] == datetime(2026, 5, 1, 10, 0, 0, 100_000)
    assert got["ended_at"] == datetime(2026, 5, 1, 10, 0, 2, 500_000)
    assert (got["e2e_seconds"], got["ttft_seconds"]) == (2.4, 0.35)
    assert (got["input_total_tokens"], got["input_cache_read_tokens"]) == (1000, 900)
    # OpenAI states no cache writes: the 0 is a default.
    assert got["input_cache_write_tokens"] is None
    assert (got["output_total_tokens"], got["output_reasoning_tokens"]) == (55, 15)
    assert got["reported_cost_usd"] == Decimal("1.23456789")
    assert (got["model_served"], got["provider"]) == ("gpt-5", "openai")
    assert got["model_requested"] == (None if row is TABLE else "gpt-5-alias")
    assert got["endpoint"] == ("api.openai.com:443" if row is TABLE else "api.openai.com")
    assert (got["operation"], got["client_region"]) == ("chat", "DE")
    assert got["tenant_id"] == (TABLE["organization_id"] if row is TABLE else None)
    assert (got["session_id"], json.loads(got["tags"])) == ("session-1", {"app": "shop"})
    assert got["user_pseudonym"] == "1f0ea040eb7f5fe1a78ab504e5536415"
    assert (got["status"], got["error_type"]) == ("success", None)
    assert got["is_gateway_cache_hit"] is False
    written = json.dumps(got, default=str) + str(outcome.rejects.to_dicts())
    assert "CANARY" not in written
    assert "alice" not in written


def test_the_input_is_unknown_when_the_tool_leaves_the_cache_columns_out(
    tmp_path: Path, ingest_file: Any
) -> None:
    """The tool's CSV doubles the quotes of properties twice and has no request id."""
    path = tmp_path / "in" / "output.csv"
    path.parent.mkdir()
    path.write_text(
        "response_id,response_created_at,response_status,request_created_at,request_body,"
        "request_properties,request_user_id,model,prompt_tokens,completion_tokens,latency,cost\n"
        '"r-1","2026-05-01T10:00:02.500Z","429","2026-05-01T10:00:00.100Z","CANARY",'
        '"{""""app"""":""""shop""""}","undefined","gpt-5","100","40","","0.5"\n'
    )
    assert CONNECTOR.recognise(preview_of(path))
    got = only(ingest_file(path, CONNECTOR))
    assert (got["request_id"], got["user_pseudonym"]) == ("r-1", None)
    assert (got["input_total_tokens"], got["output_total_tokens"]) == (None, 40)
    assert (got["status"], got["error_type"]) == ("failure", "429")
    assert json.loads(got["tags"]) == {"app": "shop"}
    assert got["reported_cost_usd"] == Decimal("0.5")
    assert got["e2e_seconds"] is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # Anthropic: 3 uncached, 25 written, 13,216 read.
        (
            {"provider": "ANTHROPIC", "prompt_tokens": 3, "prompt_cache_write_tokens": 25}
            | {"prompt_cache_read_tokens": 13216, "completion_tokens": 12, "reasoning_tokens": 0},
            (13244, 13216, 25, 12, None),
        ),
        # Counted zeros, and zeros that are defaults.
        (
            {"provider": "ANTHROPIC", "prompt_cache_read_tokens": 0, "reasoning_tokens": 0},
            (100, 0, 0, 40, None),
        ),
        ({"prompt_cache_read_tokens": 0, "reasoning_tokens": 0}, (100, 0, None, 40, 0)),
        (
            {"provider": "CUSTOM", "prompt_cache_read_tokens": 0, "reasoning_tokens": 0},
            (100, None, None, 40, None),
        ),
        # No usage in the answer at all.
        (
            {"prompt_tokens": 0, "completion_tokens": 0, "prompt_cache_read_tokens": 0}
            | {"reasoning_tokens": 0},
            (None, None, None, None, None),
        ),
        # Answered by Helicone's own cache.
        (
            {"prompt_tokens": 0, "completion_tokens": 0, "prompt_cache_read_tokens": 0}
            | {"reasoning_tokens": 0, "cache_reference_id": "3f3c2b1a-0000-4000-8000-000000000009"},
            (0, 0, 0, 0, 0),
        ),
        # Older tables: inclusive, but for Anthropic.
        (
            {"prompt_cache_read_tokens": ..., "prompt_cache_write_tokens": ...}
            | {"reasoning_tokens": ...},
            (100, None, None, 40, None),
        ),
        (
            {"prompt_cache_read_tokens": ..., "prompt_cache_write_tokens": ...}
            | {"reasoning_tokens": ..., "provider": "ANTHROPIC"},
            (None, None, None, 40, None),
        ),
        # Audio is within for some versions and beside for others.
        (
            {"prompt_audio_tokens": 7, "completion_audio_tokens": 9},
            (None, 900, None, None, 15),
        ),
    ],
)
def test_token_classes_are_the_providers_when_helicone_counts_them(
    fields: dict[str, Any], expected: tuple[int | None, ...], write: Write, ingest_file: Any
) -> None:
    got = only(ingest_file(write(changed(**fields)), CONNECTOR))
    names = ("input_total", "input_cache_read", "input_cache_write", "output_total")
    counts = tuple(got[f"{name}_tokens"] for name in (*names, "output_reasoning"))
    assert counts == expected


@pytest.mark.parametrize(
    ("fields", "column", "expected"),
    [
        ({"cost": 0}, "reported_cost_usd", None),
        ({"cost": 0, "cache_reference_id": "x"}, "reported_cost_usd", Decimal(0)),
        ({"cost": 1}, "reported_cost_usd", Decimal("0.000000001")),
        ({"time_to_first_token": 0}, "ttft_seconds", None),
        ({"response_created_at": ""}, "ended_at", None),
        ({"user_id": "null"}, "user_pseudonym", None),
        ({"organization_id": NOBODY}, "tenant_id", None),
        ({"cache_reference_id": ...}, "is_gateway_cache_hit", None),
        ({"cache_reference_id": "x"}, "is_gateway_cache_hit", True),
        ({"status": -2}, "status", "unknown"),
        ({"status": 0}, "status", "unknown"),
        ({"status": 500}, "status", "failure"),
        ({"status": 500}, "error_type", "500"),
        ({"properties": {}}, "tags", None),
        ({"target_url": "https://h/v1/embeddings"}, "operation", "embeddings"),
        ({"target_url": "https://h/v1/other"}, "operation", None),
        ({"country_code": ""}, "client_region", None),
    ],
)
def test_what_stands_for_nothing_is_unknown_when_it_is_read(
    fields: dict[str, Any], column: str, expected: object, write: Write, ingest_file: Any
) -> None:
    assert only(ingest_file(write(changed(**fields)), CONNECTOR))[column] == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"request_created_at": "CANARY"}, "request_created_at: not a timestamp"),
        ({"request_created_at": None}, "request_created_at: missing"),
        ({"request_id": None, "response_id": None}, "request_id: missing"),
        ({"prompt_tokens": 1.5}, "prompt_tokens: not a whole number"),
        ({"prompt_tokens": -1}, "prompt_tokens: below 0"),
        ({"cost": "CANARY"}, "cost: not a number"),
        ({"cost": "1e9999999"}, "cost: too large"),
        ({"properties": "CANARY"}, "properties: not an object"),
        ({"latency": "CANARY"}, "latency: not a number"),
    ],
)
def test_a_record_is_rejected_with_its_line_when_a_field_cannot_be_used(
    fields: dict[str, Any], reason: str, write: Write, ingest_file: Any
) -> None:
    outcome = ingest_file(write(TABLE, "", changed(**fields), json.dumps(TABLE)[:90]), CONNECTOR)
    assert outcome.rejects.select("source_line", "reason").rows() == [(3, reason), (4, "not JSON")]
    assert outcome.frames["requests"].height == 1
    assert "CANARY" not in str(outcome.rejects.to_dicts())
    assert "alice" not in str(outcome.rejects.to_dicts())


def test_a_list_is_one_error_when_it_is_cut(write: Write, ingest_file: Any) -> None:
    path = write(TABLE, TABLE, name="requests.json")
    path.write_text(path.read_text()[:-40])
    with pytest.raises(LandingFileError, match="after record 1"):
        ingest_file(path, CONNECTOR)
