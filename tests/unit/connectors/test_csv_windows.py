"""CSV in windows: only what DuckDB and `csv` read alike is left to DuckDB."""

from __future__ import annotations

import csv
import io
import random

import pytest

from tokenworks_sources.connectors import csv_windows
from tokenworks_sources.connectors.csv_windows import Cursor, plain_lines

# Blocks so small that all that matters falls on their edges.
BLOCKS = [1, 2, 3, 5, 1 << 18]


def _is_plain(text: bytes) -> bool:
    return plain_lines(io.BytesIO(text), len(text)) is not None


@pytest.fixture(params=BLOCKS)
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_windows, "_BLOCK_BYTES", request.param)


@pytest.mark.parametrize(
    "text",
    [
        b"1,2\n3,4\n",
        b"1,2\r\n3,4\r\n",
        b"1,2\n3,4",
        b'"a, ""b"" c","",x\n"",1,""\n',
        b'"caf\xc3\xa9",1\n',
    ],
)
@pytest.mark.usefixtures("block")
def test_a_window_is_plain_when_records_are_lines_and_quotes_hold_cells(text: bytes) -> None:
    assert _is_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        b'1,"a\nb"\n',  # a record of two lines
        b'1, "a,b"\n',  # white space before a quote
        b'1,"a" ,b\n',  # and behind one
        b'1,a"b\n',
        b'1,"ab\n',
        b"1,2\r\n3,4\n",  # mixed ends
        b"1\r,2\n",
        b"1,\xff\n",
        b"1,\xc3\n",
        b"1,2\n3,\xc3",  # half a character
    ],
)
@pytest.mark.usefixtures("block")
def test_a_window_is_not_plain_when_readers_differ(text: bytes) -> None:
    assert not _is_plain(text)


@pytest.mark.usefixtures("block")
def test_blank_lines_are_counted_when_they_hold_white_space() -> None:
    text = b'\n"a",1\n \t\nb,2\n\n b,3\n  \n   '
    found = plain_lines(io.BytesIO(text + b"\nnot of it"), len(text))
    assert found is not None
    assert (found.number, found.blank) == (8, (1, 3, 5, 7, 8))


@pytest.mark.usefixtures("block")
def test_ends_of_lines_are_told_when_they_are_all_alike() -> None:
    found = [plain_lines(io.BytesIO(text), len(text)) for text in (b"a\r\nb\r\n", b"a\nb", b"a")]
    assert [lines.line_ends for lines in found if lines] == [{True}, {False}, set()]


def test_records_are_lines_when_a_window_is_plain() -> None:
    chance = random.Random(5)
    pieces = ["a", "b,", ",", '"', '""', '",', ',"', "\n", "\r\n", " ", "\xe9"]
    weights = [8, 8, 8, 3, 3, 4, 4, 4, 0.5, 1, 0.5]
    plain = 0
    for _ in range(4_000):
        text = "".join(chance.choices(pieces, weights, k=chance.randint(1, 16)))
        if _is_plain(text.encode()):
            plain += 1
            whole = list(csv.reader(io.StringIO(text, newline=""), strict=True))
            assert whole == [next(csv.reader([line])) for line in text.splitlines()]
    assert plain > 500


def test_lines_and_windows_are_taken_in_turn_when_a_header_comes_first() -> None:
    cursor = Cursor(io.BytesIO(b"a,b\n1,2\n3,4"))

    assert cursor.readline(100) == b"a,b\n"
    assert cursor.look()
    assert cursor.text[cursor.start : cursor.end] == b"1,2\n3,4"
    assert cursor.readline(2) == b"1,"
    assert cursor.readline() == b"2\n"
    assert (cursor.lines, cursor.look()) == (2, True)
    assert cursor.readline() == b"3,4"
    assert not cursor.look()
