"""Langfuse files: traces, what is broken, what is large, what is not Langfuse's, and what nobody may see."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.connectors.langfuse_files import (
    BATCH,
    BLOB,
    V4,
    Write,
    changed,
    observation,
    only,
    requests,
    trace_file,
    writer,
)
from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.json import lists
from tokenworks_sources.connectors.requests import langfuse
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

CONNECTOR = langfuse.CONNECTOR


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """See `langfuse_files.writer`."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")
    return writer(tmp_path)


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
    monkeypatch.setattr(lists, "CHUNK_BYTES", 1_000)
    monkeypatch.setattr("tokenworks_sources.connectors.requests.langfuse_spool.BLOCK_ROWS", 7)
    rows = [changed(id=f"obs-{number:03d}") for number in range(50)]
    for name in ("many.json", "many.jsonl"):
        got = requests(ingest_file(write(*rows, name=name), CONNECTOR))
        ids = got.filter(pl.col("source_file").str.ends_with(name))["request_id"].to_list()
        assert ids == [f"obs-{number:03d}" for number in range(50)]
