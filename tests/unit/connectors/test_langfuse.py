"""Langfuse observations: every kind of export, the unit of durations, who encloses whom, cost, tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connectors.langfuse_files import (
    BATCH,
    BLOB,
    V4,
    Write,
    changed,
    only,
    requests,
    writer,
)
from tokenworks_sources.connectors.requests import langfuse
from tokenworks_sources.connectors.requests.langfuse_spool import Unit
from tokenworks_sources.landing import preview_of

CONNECTOR = langfuse.CONNECTOR


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """See `langfuse_files.writer`."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")
    return writer(tmp_path)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (BLOB, "observations.jsonl"),
        (BLOB, "observations.json"),
        (BLOB, "observations.csv"),
        (BLOB, "observations.parquet"),
        (V4, "events.jsonl"),
        (V4, "events.json"),
        (V4, "events.csv"),
        (BATCH, "batch.jsonl"),
        (BATCH, "batch.json"),
        (BATCH, "batch.csv"),
    ],
)
def test_the_row_is_the_same_when_the_export_is_of_another_kind(
    row: dict[str, Any], name: str, write: Write, ingest_file: Any
) -> None:
    path = write(row, name=name)
    assert CONNECTOR.recognise(preview_of(path))
    got = only(ingest_file(path, CONNECTOR))
    assert (got["emitter"], got["request_id"], got["span_id"]) == ("langfuse", "obs-1", "obs-1")
    assert (got["trace_id"], got["parent_span_id"]) == ("trace-1", None)
    assert got["logical_request_id"] is None
    assert got["started_at"] == datetime(2026, 3, 29, 0, 59, 59, 900_000)
    assert got["first_token_at"] == datetime(2026, 3, 29, 1, 0, 0, 400_000)
    assert got["ended_at"] == datetime(2026, 3, 29, 1, 0, 2, 150_000)
    assert (got["e2e_seconds"], got["ttft_seconds"]) == (2.25, 0.5)
    assert (got["model_served"], got["model_requested"]) == ("claude-sonnet-4-5", None)
    assert (got["input_total_tokens"], got["input_cache_read_tokens"]) == (25, 20)
    assert (got["input_cache_write_tokens"], got["output_total_tokens"]) == (None, 7)
    assert got["reported_cost_usd"] == Decimal("0.000126")
    assert (got["tenant_id"], got["status"], got["error_type"]) == ("project-1", "success", None)
    assert (got["operation"], got["is_streaming"]) == (None, True)
    tags = json.loads(got["tags"])
    if row is BLOB:
        assert tags == ["environment:production"]
        assert (got["session_id"], got["user_pseudonym"]) == (None, None)
    else:
        assert tags == ["checkout", "beta", "environment:production"]
        assert got["session_id"] == "session-1"
        # HMAC-SHA-256 of the address under the key of the tests.
        assert got["user_pseudonym"] == "1f0ea040eb7f5fe1a78ab504e5536415"


@pytest.mark.parametrize("per_second", [1, 1000])
def test_durations_are_seconds_when_the_file_says_milliseconds_or_seconds(
    per_second: int, write: Write, ingest_file: Any
) -> None:
    """One odd row of twenty does not turn the file, and is read in the same unit."""
    rows = [
        changed(id=f"obs-{number}", latency=2.25 * per_second, time_to_first_token=0.5 * per_second)
        for number in range(19)
    ]
    odd = changed(id="odd", latency=2.25 * (1000 / per_second), time_to_first_token=None)
    got = requests(ingest_file(write(*rows, odd), CONNECTOR))
    assert got["e2e_seconds"].to_list()[:19] == [2.25] * 19
    assert got["ttft_seconds"].to_list()[:19] == [0.5] * 19
    assert got["e2e_seconds"][19] == (2250 if per_second == 1 else 0.00225)


def test_durations_are_unknown_when_nothing_tells_their_unit(
    write: Write, ingest_file: Any
) -> None:
    rows = [
        changed(id="a", end_time=None, completion_start_time=None),
        changed(id="b", end_time=None, completion_start_time=None, latency=2250),
    ]
    outcome = ingest_file(write(*rows), CONNECTOR)
    got = requests(outcome)
    assert got["ttft_seconds"].to_list() == got["e2e_seconds"].to_list() == [None, None]
    assert outcome.manifest.notes == {
        "latency, time to first token: no times tell whether seconds or ms, so they stay unknown": 4
    }
    assert got["status"].to_list() == ["unknown", "unknown"]


def test_durations_are_unknown_when_rows_contradict_each_other(
    write: Write, ingest_file: Any
) -> None:
    rows = [changed(id="a"), changed(id="b", latency=2250, time_to_first_token=500)]
    got = requests(ingest_file(write(*rows), CONNECTOR))
    assert got["ttft_seconds"].to_list() == [None, None]
    assert got["first_token_at"].null_count() == 0


def test_a_duration_does_not_vote_when_it_fits_both_units() -> None:
    unit = Unit()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    unit.see(0.001, begin, datetime(2026, 1, 1, 0, 0, 0, 1000, tzinfo=UTC))
    unit.see(0.0, begin, begin)
    unit.see(5.0, begin, None)
    unit.see(77.0, begin, datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert (unit.seconds, unit.milliseconds) == (0, 0)
    assert unit.per_second is None


def test_the_parent_is_the_nearest_generation_when_spans_lie_between(
    write: Write, ingest_file: Any
) -> None:
    def node(name: str, parent: str | None, kind: str) -> dict[str, Any]:
        return changed(id=name, parent_observation_id=parent, type=kind)

    rows = [
        node("leaf", "tool", "GENERATION"),
        node("tool", "span", "TOOL"),
        node("span", "agent", "SPAN"),
        node("agent", "root", "GENERATION"),
        node("root", None, "AGENT"),
        node("vector", "elsewhere", "EMBEDDING"),
        node("loop", "ring-1", "GENERATION"),
        node("ring-1", "ring-2", "SPAN"),
        node("ring-2", "ring-1", "SPAN"),
    ]
    outcome = ingest_file(write(*rows), CONNECTOR)
    got = {row["span_id"]: row for row in requests(outcome).iter_rows(named=True)}
    parents = {name: row["parent_span_id"] for name, row in got.items()}
    assert parents == {
        "leaf": "agent",
        "agent": "root",
        "vector": "elsewhere",
        "loop": "ring-1",
    }
    assert got["vector"]["operation"] == "embeddings"
    assert outcome.manifest.skipped == {
        "TOOL: no inference": 1,
        "SPAN: no inference": 3,
        "AGENT: no inference": 1,
    }


def test_an_error_is_a_failure_without_its_text_when_the_level_says_so(
    write: Write, ingest_file: Any
) -> None:
    got = only(ingest_file(write(changed(level="ERROR", usage_details={})), CONNECTOR))
    assert (got["status"], got["error_type"]) == ("failure", None)
    assert got["input_total_tokens"] is None
    assert got["output_total_tokens"] is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"usage": {"input": 12, "output": 3, "total": 15, "unit": "TOKENS"}}, (12, 3)),
        ({"usage": {"input": 12, "output": 3, "total": 15, "unit": "CHARACTERS"}}, (None, None)),
        ({"promptTokens": 12, "completionTokens": 3, "totalTokens": 15}, (12, 3)),
        ({"promptTokens": 0, "completionTokens": 0, "totalTokens": 0}, (None, None)),
        ({"promptTokens": 12, "completionTokens": 3, "unit": "SECONDS"}, (None, None)),
        ({"inputUsage": 12, "outputUsage": 3, "totalUsage": 15}, (12, 3)),
        ({"usageDetails": {"input": 9}, "promptTokens": 12, "unit": "IMAGES"}, (None, None)),
    ],
)
def test_tokens_are_read_when_the_export_is_older_and_unknown_when_they_are_none(
    fields: dict[str, Any], expected: tuple[int | None, int | None], write: Write, ingest_file: Any
) -> None:
    row = {key: value for key, value in BATCH.items() if key != "usageDetails"}
    got = only(ingest_file(write({**row, **fields}), CONNECTOR))
    assert (got["input_total_tokens"], got["output_total_tokens"]) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"total_cost": "12345678901234.123456789012"}, Decimal("12345678901234.123456789012")),
        ({"total_cost": "9" * 26 + ".999999999999"}, Decimal("9" * 26 + ".999999999999")),
        ({"total_cost": None}, Decimal("0.000126")),
        ({"total_cost": 0, "cost_details": {}}, None),
        ({"total_cost": 0, "cost_details": {"total": 0}}, Decimal(0)),
        ({"total_cost": None, "cost_details": {}}, None),
        ({"total_cost": 0.30000000000000004}, Decimal("0.3")),
    ],
)
def test_the_cost_is_exact_when_it_is_known(
    fields: dict[str, Any], expected: Decimal | None, write: Write, ingest_file: Any
) -> None:
    assert only(ingest_file(write(changed(**fields)), CONNECTOR))["reported_cost_usd"] == expected


def test_digits_are_kept_when_a_cost_is_a_json_number(write: Write, ingest_file: Any) -> None:
    line = json.dumps(changed()).replace('"0.000126000000"', "98765432109876.123456789012")
    got = only(ingest_file(write(line), CONNECTOR))
    assert got["reported_cost_usd"] == Decimal("98765432109876.123456789012")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"start_time": "CANARY"}, "start_time: not a timestamp"),
        ({"start_time": None}, "start_time: missing"),
        ({"end_time": "2026-13-01 00:00:00"}, "end_time: not a timestamp"),
        ({"id": None}, "id: missing"),
        ({"type": "CANARY"}, "type: not a type of observation"),
        ({"usage_details": "CANARY"}, "usage_details: not an object"),
        ({"usage_details": [{"key": ["CANARY"]}]}, "usage_details: not an object"),
        ({"usage_details": {"input": 1.5}}, "usage_details.input: not a whole number"),
        ({"usage_details": {"input": -2}}, "usage_details.input: below 0"),
        ({"total_cost": "CANARY"}, "total_cost: not a number"),
        ({"total_cost": "1e999999999"}, "total_cost: too large"),
        ({"total_cost": "1e26"}, "total_cost: too large"),
        ({"latency": "NaN"}, "latency: not a number"),
        ({"tags": 7}, "tags: not a list of texts"),
        ({"latency": -3, "start_time": "2026-03-29 01:00:05.150"}, "e2e_seconds: below 0"),
    ],
)
def test_a_record_is_rejected_with_its_line_when_a_field_cannot_be_used(
    fields: dict[str, Any], reason: str, write: Write, ingest_file: Any
) -> None:
    outcome = ingest_file(write(changed(id="good"), changed(**fields)), CONNECTOR)
    rejects = outcome.rejects
    assert rejects.select("source_line", "reason").rows() == [(2, reason)]
    assert "CANARY" not in rejects["raw"][0]
    assert requests(outcome).height == 1
