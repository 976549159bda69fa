"""Langfuse exports: every way they are shipped, the unit of durations, who encloses whom, privacy."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.requests import json_elements, langfuse
from tokenworks_sources.connectors.requests.langfuse_spool import Unit
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

CONNECTOR = langfuse.CONNECTOR

# A row of the blob export of legacy observations, in its order, as ClickHouse writes it.
BLOB: dict[str, Any] = {
    "id": "obs-1",
    "trace_id": "trace-1",
    "project_id": "project-1",
    "environment": "production",
    "type": "GENERATION",
    "parent_observation_id": None,
    "start_time": "2026-03-29 00:59:59.900",
    "end_time": "2026-03-29 01:00:02.150",
    "name": "CANARY-name",
    "metadata": {"CANARY-key": "CANARY-value"},
    "level": "DEFAULT",
    "status_message": "CANARY-status",
    "version": None,
    "input": '{"messages": "CANARY-input"}',
    "output": '"CANARY-output"',
    "provided_model_name": "claude-sonnet-4-5",
    "model_parameters": '{"stop": "CANARY-stop"}',
    "usage_details": {"input": "5", "input_cache_read": "20", "output": "7", "total": "32"},
    "cost_details": {"input": 0.000015, "total": 0.000126},
    "completion_start_time": "2026-03-29 01:00:00.400",
    "prompt_name": "CANARY-prompt",
    "prompt_version": None,
    "total_cost": "0.000126000000",
    "latency": 2.25,
    "time_to_first_token": 0.5,
    "model_id": "m-1",
    "created_at": "2026-03-29 01:00:05.000",
    "updated_at": "2026-03-29 01:00:05.000",
    "prompt_id": None,
    "tool_calls": ['{"arguments": "CANARY-arguments"}'],
    "tool_call_names": ["CANARY-tool"],
    "tool_definitions": {"CANARY-tool": "CANARY-definition"},
    "usage_pricing_tier_name": None,
}
V4 = {
    **BLOB,
    "bookmarked": False,
    "public": False,
    "user_id": "alice@example.com",
    "session_id": "session-1",
    "is_root_observation": True,
    "tags": ["checkout", "beta"],
    "release": "CANARY-release",
    "trace_name": "CANARY-trace",
    "usage_pricing_tier_id": None,
}
# A row of the batch export of the user interface.
BATCH: dict[str, Any] = {
    "id": "obs-1",
    "traceId": "trace-1",
    "projectId": "project-1",
    "startTime": "2026-03-29T02:59:59.900+02:00",
    "endTime": "2026-03-29T01:00:02.150Z",
    "name": "CANARY-name",
    "type": "GENERATION",
    "environment": "production",
    "userId": "alice@example.com",
    "sessionId": "session-1",
    "level": "DEFAULT",
    "statusMessage": "CANARY-status",
    "model": "claude-sonnet-4-5",
    "modelParameters": {"stop": "CANARY-stop"},
    "usageDetails": {"input": 5, "input_cache_read": 20, "output": 7, "total": 32},
    "costDetails": {"total": 0.000126},
    "totalCost": 0.000126,
    "completionStartTime": "2026-03-29T01:00:00.400Z",
    "latency": 2250,
    "timeToFirstToken": 500,
    "traceTags": ["checkout", "beta"],
    "parentObservationId": None,
    "input": {"messages": "CANARY-input"},
    "output": "CANARY-output",
    "metadata": {"CANARY-key": "CANARY-value"},
    "toolCalls": ["CANARY-arguments"],
    "toolDefinitions": {"CANARY-tool": "CANARY-definition"},
    "comments": [{"content": "CANARY-comment"}],
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes rows as JSONL, JSON, CSV or Parquet by the name's end; text is written as it is."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(*rows: dict[str, Any] | str, name: str = "observations.jsonl") -> Path:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        if name.endswith(".csv"):
            path.write_text(_csv(rows))  # type: ignore[arg-type]
        elif name.endswith(".parquet"):
            pq.write_table(_parquet(rows), path)  # type: ignore[arg-type]
        elif name.endswith(".json"):
            path.write_text(json.dumps(rows, indent=2))
        else:
            lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
            path.write_text("\n".join(lines) + "\n")
        return path

    return run


def _csv(rows: tuple[dict[str, Any], ...]) -> str:
    """As Langfuse writes it: every cell quoted, objects and dates of JavaScript as their JSON."""
    target = io.StringIO()
    writer = csv.writer(target, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        cells = [
            "" if value is None else value if isinstance(value, str) else json.dumps(value)
            for value in row.values()
        ]
        writer.writerow(cells)
    return target.getvalue()


def _parquet(rows: tuple[dict[str, Any], ...]) -> pa.Table:
    """As ClickHouse writes it: maps, decimals, times without a zone."""
    counts, costs = pa.map_(pa.string(), pa.uint64()), pa.map_(pa.string(), pa.decimal128(38, 12))
    times = [name for name in rows[0] if name.endswith("_time")]
    columns = {
        name: pa.array([row[name] for row in rows], pa.string())
        for name in ("id", "trace_id", "project_id", "environment", "type", "level", "input")
    }
    columns |= {
        name: pa.array(
            [row[name] and datetime.fromisoformat(row[name]) for row in rows], pa.timestamp("ms")
        )
        for name in times
    }
    columns |= {
        "parent_observation_id": pa.array(
            [row["parent_observation_id"] for row in rows], pa.string()
        ),
        "provided_model_name": pa.array(
            [row["provided_model_name"] for row in rows]
        ).dictionary_encode(),
        "usage_details": pa.array(
            [[(key, int(value)) for key, value in row["usage_details"].items()] for row in rows],
            counts,
        ),
        "cost_details": pa.array([[("total", Decimal("0.000126"))] for _ in rows], costs),
        "total_cost": pa.array([Decimal(row["total_cost"]) for row in rows], pa.decimal128(38, 12)),
        "latency": pa.array([row["latency"] for row in rows], pa.float64()),
        "time_to_first_token": pa.array([row["time_to_first_token"] for row in rows], pa.float64()),
    }
    return pa.table(columns)


def changed(**fields: Any) -> dict[str, Any]:
    return {**BLOB, **fields}


def requests(outcome: Any) -> pl.DataFrame:
    frame: pl.DataFrame = outcome.frames["requests"]
    return frame


def only(outcome: Any) -> dict[str, Any]:
    assert requests(outcome).height == 1, outcome.rejects
    return requests(outcome).row(0, named=True)


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
    got = requests(ingest_file(write(*rows), CONNECTOR))
    assert got["ttft_seconds"].to_list() == got["e2e_seconds"].to_list() == [None, None]
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
    assert unit == Unit(0, 0)
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


def test_broken_lines_are_rejected_when_the_others_are_read(write: Write, ingest_file: Any) -> None:
    lines = [
        json.dumps(BLOB),
        "",
        json.dumps(changed(id="cut"))[:-40],
        "[1]",
        '{"other": 1}',
        "[" * 100_000,
        json.dumps(changed(id="deep"))
        .replace('"2.25', '"')
        .replace('"usage_details": {', '"usage_details": ' + '{"a":' * 3_000 + "{"),
    ]
    outcome = ingest_file(write(*lines), CONNECTOR)
    assert requests(outcome)["request_id"].to_list() == ["obs-1"]
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (3, "not JSON"),
        (4, "not a JSON object"),
        (5, "not a record of a Langfuse export of observations"),
        (6, "not a JSON object"),
        (7, "not JSON"),
    ]


def trace_file(observations: list[dict[str, Any]], *, first: bool = True) -> dict[str, Any]:
    trace = {
        "id": "trace-1",
        "projectId": "project-1",
        "name": "CANARY-trace",
        "timestamp": "2026-03-29T01:00:00.000Z",
        "environment": "production",
        "tags": ["checkout"],
        "userId": "alice@example.com",
        "sessionId": "session-9",
        "input": "CANARY-input",
        "metadata": '{"a": "CANARY"}',
        "observations": observations,
    }
    parts = {"trace": trace, "observations": observations}
    return parts if first else dict(reversed(parts.items()))


def observation(**fields: Any) -> dict[str, Any]:
    row = {
        key: value
        for key, value in BATCH.items()
        if key not in ("userId", "sessionId", "traceTags")
    }
    return {**row, **fields}


@pytest.mark.parametrize("first", [True, False])
def test_a_trace_gives_its_user_and_tags_to_its_observations_when_it_comes_before_or_after(
    first: bool, write: Write, ingest_file: Any
) -> None:
    document = trace_file([observation(), observation(id="s", type="SPAN")], first=first)
    path = write(json.dumps(document), name="trace.json.txt")
    outcome = ingest_file(path, CONNECTOR)
    got = only(outcome)
    assert got["session_id"] == "session-9"
    assert got["user_pseudonym"] == "1f0ea040eb7f5fe1a78ab504e5536415"
    assert json.loads(got["tags"]) == ["checkout", "environment:production"]
    assert (got["e2e_seconds"], got["ttft_seconds"]) == (2.25, 0.5)
    assert outcome.manifest.skipped == {
        "SPAN: no inference": 1,
        "observation that the file lists twice": 2,
    }
    if first:
        assert CONNECTOR.recognise(preview_of(path)) == "a Langfuse trace with observations"


def test_traces_are_kept_apart_when_a_file_holds_several(write: Write, ingest_file: Any) -> None:
    second = trace_file([observation(id="obs-2", traceId="trace-2")])
    second["trace"] |= {"id": "trace-2", "sessionId": "session-2", "userId": None, "tags": []}
    path = write(
        json.dumps(trace_file([observation()])), json.dumps(second), name="traces.json.txt"
    )
    got = requests(ingest_file(path, CONNECTOR))
    assert got.select("request_id", "session_id").rows() == [
        ("obs-1", "session-9"),
        ("obs-2", "session-2"),
    ]
    assert got["user_pseudonym"].null_count() == 1


def test_the_api_shape_is_read_when_a_trace_is_fetched_by_its_id(
    write: Write, ingest_file: Any
) -> None:
    document = trace_file([observation()])["trace"] | {"htmlPath": "/x"}
    path = write(json.dumps(document, indent=1), name="trace.json.txt")
    assert CONNECTOR.recognise(preview_of(path)) == "a Langfuse trace with observations"
    got = only(ingest_file(path, CONNECTOR))
    assert (got["request_id"], got["session_id"]) == ("obs-1", "session-9")


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9, 0.999])
def test_a_json_file_is_one_error_when_it_is_cut(
    cut: float, write: Write, ingest_file: Any
) -> None:
    text = json.dumps(trace_file([observation(), observation(id="b")]), indent=2)
    path = write(text[: int(len(text) * cut)].rstrip(), name="trace.json.txt")
    with pytest.raises(LandingFileError) as error:
        ingest_file(path, CONNECTOR)
    assert "CANARY" not in str(error.value)


@pytest.mark.parametrize(
    ("rows", "name"),
    [
        ((V4, changed(start_time="CANARY")), "events.jsonl"),
        ((V4, {**V4, "start_time": "CANARY"}), "events.csv"),
        ((V4, {**V4, "usage_details": "CANARY"}), "events.json"),
        ((BATCH, {**BATCH, "type": "CANARY"}), "batch.csv"),
        ((json.dumps(V4)[:-3] + "CANARY",), "events.jsonl"),
        ((json.dumps(trace_file([observation(level="CANARY-level")])),), "trace.jsonl"),
    ],
)
def test_nothing_that_people_wrote_is_kept_when_every_field_carries_it(
    rows: tuple[Any, ...], name: str, write: Write, ingest_file: Any, settings: Any
) -> None:
    outcome = ingest_file(write(*rows, name=name), CONNECTOR)
    written = json.dumps(requests(outcome).to_dicts(), default=str) + str(
        outcome.rejects.to_dicts()
    )
    assert "CANARY" not in written
    assert "alice" not in written
    assert requests(outcome).height + outcome.rejects.height > 0


def test_cells_of_megabytes_are_read_when_prompts_are_long(write: Write, ingest_file: Any) -> None:
    long = {**BLOB, "input": "x" * 3_000_000, "output": 'He said "no",\n' * 50_000}
    for name in ("long.csv", "long.jsonl", "long.json"):
        path = write(long, name=name)
        assert CONNECTOR.recognise(preview_of(path)), name
        outcome = ingest_file(path, CONNECTOR)
        assert (outcome.manifest.records_in, outcome.manifest.records_out) == (1, 1)
        assert set(requests(outcome)["input_total_tokens"]) == {25}


def test_a_compressed_file_with_a_byte_order_mark_is_read(tmp_path: Path, ingest_file: Any) -> None:
    path = tmp_path / "in" / "observations.jsonl.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + json.dumps(BLOB).encode() + b"\r\n"))
    assert CONNECTOR.recognise(preview_of(path))
    assert only(ingest_file(path, CONNECTOR))["source_line"] == 1


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"{",
        b"[",
        b"[[[[[[",
        b"id,trace_id\n1,2\n",
        b'{"id": 1, "trace_id": 2}\n',
        b'{"trace": 1}',
        b"\x00\xff",
        b"PAR1",
        json.dumps({"note": json.dumps(BLOB)}).encode(),
    ],
)
def test_other_files_are_not_claimed_when_they_only_look_alike(head: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(head)
    assert CONNECTOR.recognise(Preview(path, head)) is None


def test_a_foreign_csv_is_one_error_when_the_connector_is_forced(
    tmp_path: Path, ingest_file: Any
) -> None:
    path = tmp_path / "in" / "x.csv"
    path.parent.mkdir()
    path.write_text("id,secret\n1,CANARY\n")
    with pytest.raises(LandingFileError, match="is not a Langfuse export") as error:
        ingest_file(path, CONNECTOR)
    assert "CANARY" not in str(error.value)


def test_a_parquet_file_is_one_error_when_it_is_damaged(write: Write, ingest_file: Any) -> None:
    path = write(BLOB, name="observations.parquet")
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole[: len(whole) // 2], b"PAR1" + whole[200:]):
        path.write_bytes(damaged)
        with pytest.raises(LandingFileError, match="is not Parquet, or is damaged"):
            ingest_file(path, CONNECTOR)


def test_texts_are_read_when_parquet_has_them_as_bytes(write: Write, ingest_file: Any) -> None:
    """ClickHouse writes its strings without saying that they are UTF-8, unless it is told to."""
    path = write(BLOB, name="observations.parquet")
    table = pq.read_table(path)
    for index, column in enumerate(table.schema):
        if column.type == pa.string():
            table = table.set_column(index, column.name, table[index].cast(pa.binary()))
    pairs = [(b"input", 5), (b"input_cache_read", 20), (b"output", 7)]
    counts = pa.array([pairs], pa.map_(pa.binary(), pa.uint64()))
    table = table.set_column(table.schema.get_field_index("usage_details"), "usage_details", counts)
    pq.write_table(table, path)
    got = only(ingest_file(path, CONNECTOR))
    assert (got["request_id"], got["status"]) == ("obs-1", "success")
    assert (got["input_total_tokens"], got["output_total_tokens"]) == (25, 7)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_a_time_is_rejected_when_no_calendar_reaches_it(
    unit: str, write: Write, ingest_file: Any
) -> None:
    path = write(BLOB, changed(id="far"), name="observations.parquet")
    table = pq.read_table(path)
    begin = 1_774_745_999_900 * {"ms": 1, "us": 1_000, "ns": 1_000_000}[unit]
    far = 2**63 - 1 if unit != "ns" else None
    ends = pa.array([begin, far], pa.int64()).cast(pa.timestamp(unit, "UTC"))
    table = table.set_column(table.schema.get_field_index("start_time"), "start_time", ends)
    pq.write_table(table, path)
    outcome = ingest_file(path, CONNECTOR)
    assert requests(outcome)["started_at"].to_list() == [datetime(2026, 3, 29, 0, 59, 59, 900_000)]
    reason = "start_time: missing" if unit == "ns" else "start_time: not a timestamp"
    assert outcome.rejects.select("source_line", "reason").rows() == [(2, reason)]


def test_nothing_is_lost_when_an_export_is_larger_than_a_block(
    write: Write, ingest_file: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_elements, "CHUNK_BYTES", 1_000)
    monkeypatch.setattr("tokenworks_sources.connectors.requests.langfuse_spool.BLOCK_ROWS", 7)
    rows = [changed(id=f"obs-{number:03d}") for number in range(50)]
    for name in ("many.json", "many.jsonl"):
        got = requests(ingest_file(write(*rows, name=name), CONNECTOR))
        ids = got.filter(pl.col("source_file").str.ends_with(name))["request_id"].to_list()
        assert ids == [f"obs-{number:03d}" for number in range(50)]
