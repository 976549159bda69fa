"""LiteLLM spend logs by the kernel: the same rows and rejects as by DuckDB, whatever the lines are."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.json_columns import texts
from tokenworks_sources.connectors.requests import (
    line_runs,
    litellm,
    litellm_columns,
    litellm_engine,
    litellm_jsonl,
    slices,
)
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.machine_code import KeptKernel

TIMES = {"startTime": "2026-09-01T10:00:00Z", "endTime": "2026-09-01T10:00:01Z"}


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """All logs are large, and pseudonyms the same in each."""
    monkeypatch.setattr(litellm_engine, "SMALLEST_BYTES", 0)
    monkeypatch.setattr(litellm_engine, "SMALLEST_TO_COMPILE_BYTES", 0)
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")


def record(number: int, **fields: Any) -> str:
    whole = {
        "request_id": f"r-{number}",
        "call_type": "acompletion",
        **TIMES,
        "model": "m",
        "prompt_tokens": 10,
        "completion_tokens": 5,
        **fields,
    }
    return json.dumps(whole)


def shown(ingested: Any) -> tuple[list[Any], list[Any]]:
    """Rows and rejects, by line."""
    rows = ingested.frames["requests"].sort("source_line").drop("source_file").rows()
    rejects = ingested.rejects.sort("source_line").select("source_line", "reason", "raw").rows()
    return rows, rejects


def test_duckdb_reads_no_line_when_all_are_plain(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(litellm_jsonl, "_scan")
    path = tmp_path / "spend.jsonl"
    path.write_text("\n".join(record(number) for number in range(100)))

    rows = ingest_file(path, litellm.CONNECTOR).frames["requests"]

    assert rows["request_id"].to_list() == [f"r-{number}" for number in range(100)]
    assert rows["input_total_tokens"].sum() == 1_000


# What the kernel leaves, and what the rules refuse.
ODD = (
    record(1, model="a\nb"),
    record(2, model="\u00e9"),
    record(3, prompt_tokens=12.7),
    record(4, prompt_tokens=-1),
    record(5, prompt_tokens="10"),
    record(6, startTime="2026-09-01T12:00:00+02:00"),
    record(7, startTime="yesterday"),
    record(8, metadata='{"usage_object": {"prompt_tokens_details": {"cached_tokens": 4}}}'),
    record(9, metadata={"usage_object": '{"cached_tokens": 4}'}),
    record(10, metadata={"usage_object": {"cached_tokens": 4, "prompt_tokens": 10}}),
    record(11, metadata={"spend_logs_metadata": {"prefix_block_hashes": [1, -2], "queue_seconds": "x"}}),
    record(12, request_tags='["a"]'),
    record(13, request_tags=["a", {"b": 1.5}]),
    record(14, spend=5.4e-05, request_duration_ms=12.5),
    record(15, spend="much"),
    record(16, end_user="", team_id="", user=7),
    record(17, cache_hit=True, stream=True, status="SUCCESS"),
    record(18, messages=[{"role": "user", "content": 'a "quoted"\n \u20ac \ud83d\ude00 {[,'}]),
    record(19)[:-1],
    record(20) + "}",
    record(21)[:-1] + ', "model": "twice"}',
    record(22, model=["list"]),
    record(23, api_base="http://u:p@host:8000/v1?key=sk-12345678901234567890"),
    record(24, user="ada@example.org", metadata={"error_information": {"error_class": "A", "error_message": "b"}}),
    record(25, endTime=None, completionStartTime=""),
    "[]", "nonsense", "", "  ", "null", '{"a": NaN}',
)  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("share", [1, 40])
def test_rows_and_rejects_are_those_of_duckdb_when_lines_are_odd(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: int, packed: bool
) -> None:
    chance = random.Random(share)
    lines = [record(100 + number) for number in range(len(ODD) * (share - 1))] + list(ODD)
    chance.shuffle(lines)
    text = ("\n".join(lines) + "\n").encode()
    path = tmp_path / ("spend.jsonl.gz" if packed else "spend.jsonl")
    path.write_bytes(gzip.compress(text, mtime=0) if packed else text)
    monkeypatch.setattr(litellm_columns, "LEFT_SHARE", 1.0)

    by_kernel = shown(ingest_file(path, litellm.CONNECTOR))
    monkeypatch.setattr(litellm_engine, "SMALLEST_BYTES", 1 << 62)
    by_duckdb = shown(ingest_file(path, litellm.CONNECTOR))

    assert by_kernel == by_duckdb
    assert len(by_kernel[0]) + len(by_kernel[1]) == len(lines) - 2


@pytest.mark.parametrize("packed", [False, True])
def test_no_record_is_lost_when_a_log_changes_its_form_on_the_way(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(slices, "HEAD_BYTES", 1_000)
    monkeypatch.setattr(slices, "WINDOW_BYTES", 10_000)
    monkeypatch.setattr(texts, "PIECE_BYTES", 2_000)
    monkeypatch.setattr(line_runs, "HELD_BYTES", 10_000)
    plain = [record(number) for number in range(100)]
    more = [record(100 + number, metadata={"trace_id": f"t-{number}"}) for number in range(200)]
    inside = [
        record(300 + number, metadata=json.dumps({"trace_id": f"t-{number}"}))
        for number in range(300)
    ]
    text = "\n".join([*plain, *more, *inside, "{", *plain[:50]]).encode()
    path = tmp_path / ("spend.jsonl.gz" if packed else "spend.jsonl")
    path.write_bytes(gzip.compress(text, mtime=0) if packed else text)

    found = ingest_file(path, litellm.CONNECTOR)

    rows = found.frames["requests"].sort("source_line")
    assert rows["source_line"].to_list() == [*range(1, 601), *range(602, 652)]
    traces = [None] * 100 + [f"t-{n}" for n in range(200)] + [f"t-{n}" for n in range(300)]
    assert rows["trace_id"].to_list() == traces + [None] * 50
    assert found.rejects["source_line"].to_list() == [601]


def test_a_damaged_log_is_refused_when_a_part_of_it_was_read(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "HEAD_BYTES", 1_000)
    monkeypatch.setattr(texts, "PIECE_BYTES", 2_000)
    chance = random.Random(3)
    lines = [record(number, session_id=chance.randbytes(200).hex()) for number in range(5_000)]
    packed = gzip.compress("\n".join(lines).encode(), mtime=0)
    path = tmp_path / "spend.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])

    with pytest.raises(LandingFileError, match=r"damaged or ends early .* Ship the file again"):
        ingest_file(path, litellm.CONNECTOR)


@pytest.mark.parametrize(
    ("name", "size", "is_kept", "pays"),
    [
        ("spend.jsonl", 1 << 26, True, True),
        ("spend.jsonl", (1 << 26) - 1, True, False),
        ("spend.jsonl", 1 << 32, False, True),
        ("spend.jsonl", (1 << 32) - 1, False, False),
        ("spend.jsonl.gz", 1 << 24, True, True),
        ("spend.jsonl.gz", (1 << 24) - 1, True, False),
    ],
)
def test_the_kernel_is_loaded_when_a_log_is_large(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    size: int,
    is_kept: bool,
    pays: bool,
) -> None:
    monkeypatch.setattr(litellm_engine, "SMALLEST_BYTES", 1 << 26)
    monkeypatch.setattr(litellm_engine, "SMALLEST_TO_COMPILE_BYTES", 1 << 32)
    monkeypatch.setattr(KeptKernel, "is_kept", is_kept)
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(gzip.compress(b"") if name.endswith(".gz") else b"{}")
        file.truncate(size)

    assert litellm_engine.pays(path) is pays


@pytest.mark.parametrize("place", [0, 100])
def test_a_log_is_refused_when_a_line_is_longer_than_memory_should_hold(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    monkeypatch.setattr(texts, "PIECE_BYTES", 1_000)
    monkeypatch.setattr(texts, "LONGEST_LINE_BYTES", 10_000)
    monkeypatch.setattr(slices, "HEAD_BYTES", 2_000)
    lines = [record(number) for number in range(100)]
    lines.insert(place, record(-1, messages="x" * (5 << 23)))
    path = tmp_path / "spend.jsonl"
    path.write_text("\n".join(lines))

    with pytest.raises(LandingFileError, match="Lines may be up to 16 MiB long"):
        ingest_file(path, litellm.CONNECTOR)


def test_what_follows_is_one_span_a_run_when_it_was_inflated_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "PIECE_BYTES", 100)
    monkeypatch.setattr(line_runs, "HELD_BYTES", 1_000)
    text = b"".join(b"%05d\n" % number for number in range(400))
    path = tmp_path / "spend.jsonl.gz"
    path.write_bytes(gzip.compress(text, mtime=0))

    with line_runs.runs_of(path) as runs:
        spans = list(line_runs.spans_of(runs))

    # 2,400 bytes, ten texts of up to 100 a run.
    assert len(spans) == 3
    assert b"".join(bytes(span.source)[span.start : span.end] for span in spans) == text
