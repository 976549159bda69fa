"""CSV in windows: only what DuckDB and `csv` read alike is left to DuckDB."""

from __future__ import annotations

import io

import pytest

from tokenworks_sources.connectors.csv_windows import Cursor, is_plain


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
def test_a_window_is_plain_when_records_are_lines_and_quotes_hold_cells(text: bytes) -> None:
    assert is_plain(text, 0, len(text))


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
    ],
)
def test_a_window_is_not_plain_when_readers_differ(text: bytes) -> None:
    assert not is_plain(text, 0, len(text))


def test_a_window_is_not_plain_when_it_ends_within_a_line() -> None:
    assert not is_plain(b"1,2\n3,4\n", 0, 6)


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
