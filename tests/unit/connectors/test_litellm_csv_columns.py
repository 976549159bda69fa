"""LiteLLM spend logs as CSV by the kernel: the same rows and rejects as by the other readers."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.requests import (
    csv_spans,
    line_runs,
    litellm,
    litellm_columns,
    litellm_csv,
    litellm_csv_columns,
    litellm_engine,
    slices,
)
from tokenworks_sources.errors import LandingFileError

HEADER = [
    "request_id", "call_type", "startTime", "endTime", "completionStartTime", "model", "prompt_tokens",
    "completion_tokens", "spend", "user", "metadata", "request_tags", "stream", "messages",
]  # fmt: skip
USAGE = {"usage_object": {"prompt_tokens": 10, "cached_tokens": 4}, "trace_id": "t"}


@pytest.fixture(autouse=True)
def kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """All logs are large, and pseudonyms the same in each."""
    monkeypatch.setattr(litellm_engine, "SMALLEST_BYTES", 0)
    monkeypatch.setattr(litellm_engine, "SMALLEST_TO_COMPILE_BYTES", 0)
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")


def record(number: int, **fields: str) -> list[str]:
    whole = {
        "request_id": f"r-{number}",
        "call_type": "acompletion",
        "startTime": "2026-09-01T10:00:00Z",
        "endTime": "2026-09-01 10:00:01.5",
        "model": "m",
        "prompt_tokens": "10",
        "completion_tokens": "5",
        "metadata": json.dumps(USAGE),
        "request_tags": '["prod", "b"]',
        "messages": 'say "hello", please',
        **fields,
    }
    return [whole.get(name, "") for name in HEADER]


def written(rows: list[list[str]], *, quoting: Any = csv.QUOTE_MINIMAL) -> list[str]:
    """The lines of records, each with its end."""
    lines = []
    for row in rows:
        line = io.StringIO(newline="")
        csv.writer(line, quoting=quoting, lineterminator="\n").writerow(row)
        lines.append(line.getvalue())
    return lines


def shown(ingested: Any) -> tuple[list[Any], list[Any]]:
    """Rows and rejects, by line."""
    rows = ingested.frames["requests"].sort("source_line").drop("source_file").rows()
    rejects = ingested.rejects.sort("source_line").select("source_line", "reason", "raw").rows()
    return rows, rejects


def test_no_other_reader_is_needed_when_all_lines_are_plain(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tabular, "csv_records")
    monkeypatch.delattr(litellm_csv, "_read_windows")
    path = tmp_path / "spend.csv"
    path.write_text("".join(written([HEADER, *(record(number) for number in range(100))])))

    rows = ingest_file(path, litellm.CONNECTOR).frames["requests"].sort("source_line")

    assert rows["request_id"].to_list() == [f"r-{number}" for number in range(100)]
    assert rows["source_line"].to_list() == list(range(2, 102))
    assert set(rows["tags"]) == {'["prod", "b"]'}
    assert set(rows["input_cache_read_tokens"]) == {4}
    assert set(rows["trace_id"]) == {"t"}
    assert {str(end) for end in rows["ended_at"]} == {"2026-09-01 10:00:01.500000"}


# What the kernel leaves, and what the rules refuse.
ODD = [
    record(1, model='a "b"\u20ac'),
    record(2, model=" \t"),
    record(3, prompt_tokens="12.7"),
    record(4, prompt_tokens="-1"),
    record(5, prompt_tokens="1e2"),
    record(6, startTime="2026-09-01 12:00:00.123+02:00"),
    record(7, startTime="2026-09-01 10:00:00.123+00:00", endTime="2026-09-01T10:00:01.1234567Z"),
    record(8, startTime="yesterday"),
    record(9, metadata=json.dumps(json.dumps(USAGE))),
    record(10, metadata=json.dumps({"usage_object": json.dumps({"cached_tokens": 4})})),
    record(11, metadata=json.dumps({"spend_logs_metadata": {"prefix_block_hashes": [1, -2], "queue_seconds": "x"}})),
    record(12, metadata="null", request_tags="null"),
    record(13, metadata="{}", request_tags="{}"),
    record(14, metadata="nonsense"),
    record(15, metadata=" ", request_tags='"[1]"'),
    record(16, metadata='{"trace_id": "a\\"b", "error_information": {"error_class": "A"}}'),
    record(17, request_tags='["a", {"b": 1.5}, "\u00e9"] '),
    record(18, request_tags="nonsense"),
    record(19, spend="5.4e-05", stream="True"),
    record(20, spend="much", user="ada@example.org"),
    record(21)[:-1],
    [*record(22), ""],
    record(23, model="x\x00y"),
    [""] * len(HEADER),
]  # fmt: skip
BROKEN = [
    "r-90,acompletion\n", "\n", " \n", '"\n'.replace('"', '""'), 'r-91,a"b' + "," * 12 + "\n", 'r-92,"a"b' + "," * 12 + "\n", ' "r-93"' + "," * 13 + "\n",
    "\ufeffr-94" + "," * 13 + "\n", "r-95,a\rb" + "," * 12 + "\n", "r-96" + "," * 13 + "\r\n", "\r\r\n", "\udcff" + "," * 13 + "\n",
]  # fmt: skip


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize(("share", "broken"), [(1, True), (40, False), (40, True)])
def test_rows_and_rejects_are_those_of_other_readers_when_lines_are_odd(
    ingest_file: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: int,
    broken: bool,
    quoting: Any,
    packed: bool,
) -> None:
    chance = random.Random(share)
    plain = [record(100 + number) for number in range(len(ODD) * (share - 1))]
    lines = written([*plain, *ODD], quoting=quoting) + (BROKEN if broken else ["\n"])
    chance.shuffle(lines)
    text = "".join(written([HEADER]) + lines).encode("utf-8", "surrogateescape")
    path = tmp_path / ("spend.csv.gz" if packed else "spend.csv")
    path.write_bytes(gzip.compress(text, mtime=0) if packed else text)
    monkeypatch.setattr(litellm_columns, "LEFT_SHARE", 1.0)

    with monkeypatch.context() as patched:
        patched.delattr(litellm_csv, "_read_windows")
        by_kernel = shown(ingest_file(path, litellm.CONNECTOR))
    monkeypatch.setattr(litellm_engine, "SMALLEST_BYTES", 1 << 62)
    by_others = shown(ingest_file(path, litellm.CONNECTOR))

    assert by_kernel == by_others
    assert len(by_kernel[0]) + len(by_kernel[1]) == len(lines) - (2 if broken else 1)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("window", [300, 5_000, 1 << 20])
def test_every_record_is_there_when_some_take_several_lines(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int, packed: bool
) -> None:
    for name in ("WINDOW_BYTES", "HELD_WINDOW_BYTES"):
        monkeypatch.setattr(csv_spans, name, window)
    monkeypatch.setattr(slices, "HEAD_BYTES", 400)
    monkeypatch.setattr(line_runs, "SPANS_AT_ONCE", 2)
    rows = [record(number) for number in range(300)]
    rows[200] = record(200, messages="two\nlines")
    rows[100] = record(100, prompt_tokens="many")
    text = "".join(written([HEADER, *rows])).encode()
    path = tmp_path / ("spend.csv.gz" if packed else "spend.csv")
    path.write_bytes(gzip.compress(text) if packed else text)

    found = ingest_file(path, litellm.CONNECTOR)

    kept = found.frames["requests"].sort("source_line")
    # The header is the first line; behind the record of two all others are one further.
    lines = [*range(2, 102), *range(103, 203), *range(204, 303)]
    assert kept["source_line"].to_list() == lines
    assert found.rejects["source_line"].to_list() == [102]


def test_a_log_is_read_to_its_end_when_the_kernel_is_of_no_more_use(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_spans, "WINDOW_BYTES", 5_000)
    monkeypatch.setattr(line_runs, "SPANS_AT_ONCE", 1)
    monkeypatch.setattr(slices, "HEAD_BYTES", 2_000)
    in_text = json.dumps(json.dumps(USAGE))
    rows = [record(n, metadata=in_text if n >= 50 else json.dumps(USAGE)) for n in range(300)]
    path = tmp_path / "spend.csv"
    path.write_text("".join(written([HEADER, *rows])))

    kept = ingest_file(path, litellm.CONNECTOR).frames["requests"].sort("source_line")

    assert kept["source_line"].to_list() == list(range(2, 302))
    assert set(kept["trace_id"]) == {"t"}


@pytest.mark.parametrize("place", [0, 100])
def test_a_log_is_refused_when_a_record_is_longer_than_memory_should_hold(
    ingest_file: Any, tmp_path: Path, place: int
) -> None:
    rows = [record(number) for number in range(200)]
    rows[place] = record(-1, messages="x" * (1 << 24))
    path = tmp_path / "spend.csv"
    path.write_text("".join(written([HEADER, *rows])))

    with pytest.raises(LandingFileError, match=f"line {place + 2}: the record .* is over 16 MiB"):
        ingest_file(path, litellm.CONNECTOR)


def test_an_error_of_the_engine_is_told_when_it_has_another_cause(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litellm_csv_columns.Met, "rows", lambda *_: "select no_such_column")
    path = tmp_path / "spend.csv"
    path.write_text("".join(written([HEADER, record(1)])))

    with pytest.raises(Exception, match="no_such_column"):
        ingest_file(path, litellm.CONNECTOR)
