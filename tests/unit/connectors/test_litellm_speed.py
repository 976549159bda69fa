"""LiteLLM spend logs: the hints that make them fast are found, and wrong ones change nothing."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors import csv_windows
from tokenworks_sources.connectors.requests import csv_spans, litellm, litellm_sql


@pytest.mark.parametrize(
    ("record", "day"),
    [
        (b'{"startTime": "2026-09-01T23:59:59.9Z"}', date(2026, 9, 1)),
        (b'{"startTime":"2026-09-01 10:00:00"}', date(2026, 9, 1)),
        (b'{"startTime": "2026-02-30T10:00:00Z"}', None),
        (b'{"startTime": null}', None),
        (b"", None),
    ],
)
def test_the_day_is_that_of_the_start_when_a_record_says_it(
    record: bytes, day: date | None
) -> None:
    assert litellm_sql.day_of(record) == day


HEADER = "request_id,call_type,startTime,endTime,model,prompt_tokens,metadata,messages\n"


def _record(name: str, *, tokens: str = "5", message: str = "") -> str:
    times = "2026-09-01T10:00:00Z,2026-09-01T10:00:01Z"
    return f'{name},acompletion,{times},m,{tokens},"{{""trace_id"": ""t""}}",{message}\n'


@pytest.mark.parametrize("window", [300, 2000, 1 << 20])
@pytest.mark.parametrize("packed", [False, True])
def test_every_record_keeps_its_line_when_windows_of_csv_are_plain_and_not_in_turn(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int, packed: bool
) -> None:
    monkeypatch.setattr(csv_windows, "WINDOW_BYTES", window)
    monkeypatch.setattr(csv_spans, "WINDOW_BYTES", window)
    monkeypatch.setattr(csv_spans, "HELD_WINDOW_BYTES", window)
    path = tmp_path / ("spend.csv.gz" if packed else "spend.csv")
    text = (
        HEADER  # line 1
        + _record("a")
        + _record("b", tokens="12.7")  # line 3
        + "\n"
        + "".join(_record(f"c{number}") for number in range(20))  # lines 5 to 24
        + _record("d", message='"two\nlines"')  # lines 25 and 26
        + _record("e").replace(",m,", ",")  # line 27, one cell less
        + "".join(_record(f"f{number}") for number in range(20))  # lines 28 to 47
        + _record("g", tokens="many")  # line 48
    ).encode()
    path.write_bytes(gzip.compress(text) if packed else text)

    found = ingest_file(path, litellm.CONNECTOR)

    rows = found.frames["requests"]
    lines = dict(zip(rows["request_id"], rows["source_line"], strict=True))
    assert len(lines) == 42
    assert [lines[name] for name in ("a", "c0", "c19", "d", "f0", "f19")] == [2, 5, 24, 25, 28, 47]
    rejects = zip(found.rejects["source_line"], found.rejects["reason"], strict=True)
    assert sorted((line, reason.split(":")[0]) for line, reason in rejects) == [
        (3, "prompt_tokens"),
        (27, "another number of fields than the header"),
        (48, "prompt_tokens"),
    ]


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_that_is_longer_than_a_window_is_read_when_others_follow(
    ingest_file: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(csv_spans, "WINDOW_BYTES", 300)
    monkeypatch.setattr(csv_spans, "HELD_WINDOW_BYTES", 300)
    path = tmp_path / ("spend.csv.gz" if packed else "spend.csv")
    text = HEADER + _record("a") + _record("b", message="x" * 2_000) + _record("c")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())

    rows = ingest_file(path, litellm.CONNECTOR).frames["requests"]

    assert rows.sort("source_line")["request_id"].to_list() == ["a", "b", "c"]
