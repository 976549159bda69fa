"""Columns of CSV by kernels: what is taken, what is left, and Python's own readers beside them."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworks_sources.connectors.csv_columns.batches import Cells
from tokenworks_sources.connectors.json_columns import batches, texts
from tokenworks_sources.connectors.json_columns.batches import LINE, Lines
from tokenworks_sources.connectors.json_columns.shape import Kind
from tokenworks_sources.connectors.json_columns.texts import FileTexts, LinesError

HEADER = ["text", "other", "count", "instant", "object", "json", "empty"]
WANTED = {
    "text": Kind.FILLED,
    "count": Kind.COUNT,
    "instant": Kind.INSTANT,
    "object.text": Kind.TEXT,
    "object.deep.count": Kind.COUNT,
    "object.absent": Kind.ABSENT,
    "json": Kind.JSON,
    "empty": Kind.EMPTY,
    "not in the header": Kind.TEXT,
}
LONGEST = 400
CELLS = Cells(WANTED, HEADER, LONGEST)
Row = dict[str, Any]


def lines_of(text: bytes) -> Lines:
    return Lines(CELLS, FileTexts(lambda: io.BytesIO(text), 0, len(text)))


def taken(text: bytes) -> dict[int, Row]:
    """The values of each line that was decided, without those that are null, by line."""
    lines = lines_of(text)
    table = pa.table(lines)
    table.validate(full=True)
    assert sum(tally.size for tally in lines.tallies) == len(text)
    return {
        row.pop(LINE): {path: value for path, value in row.items() if value is not None}
        for row in table.to_pylist()
    }


@pytest.mark.parametrize(
    ("line", "values"),
    [
        (",,,,,,", {}),
        ('"",""," ",\t,"","",', {}),
        ("a,b,12,,,,\r", {"text": "a", "count": 12}),
        ('"a","b","12","","","",""', {"text": "a", "count": 12}),
        ('"twelve bytes",,,,,,', {"text": "twelve bytes"}),
        ('"a ""b"", c",",""\té",,,,,', {"text": 'a "b", c'}),
        ('"""a""",,,,,,', {"text": '"a"'}),
        (" a\t,,,,,,", {"text": " a\t"}),
        ("é€😀,😀,,,,,", {"text": "é€😀"}),
        (",,,2026-09-01 10:00:00.123,,,", {"instant": datetime(2026, 9, 1, 10, 0, 0, 123000)}),
        (",,,2026-09-01T10:00:00+00:00,,,", {"instant": datetime(2026, 9, 1, 10)}),
        (",,,2026-09-01 10:00:00.5+00,,,", {"instant": datetime(2026, 9, 1, 10, 0, 0, 500000)}),
        (",,,,{},[],", {"json": "[]"}),
        (',,,,"{ }","[1, ""é""]",', {"json": '[1, "é"]'}),
        (',,,,"{""text"": ""a"", ""deep"": {""count"": 3}, ""x"": ""\\"""", ""absent"": null}",,', {"object.text": "a", "object.deep.count": 3}),
    ],
)  # fmt: skip
def test_values_are_taken_when_all_readers_read_them_alike(line: str, values: Row) -> None:
    assert taken(line.encode()) == {1: values}
    assert taken(f"a,,,,,,\n{line}\n,,1,,,,".encode()) == {1: {"text": "a"}, 2: values, 3: {"count": 1}}  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "a", ",,,,,", ",,,,,,,", " ", '""', 'a"b,,,,,,', ' "a",,,,,,', '"a" ,,,,,,', '"a"b,,,,,,', "a\r,,,,,,", '"a\rb",,,,,,',
        "\x00,,,,,,", "\x0b,,,,,,", ",,,,,,x", ',,,,,,"x"', ",,-1,,,,", ",,1.0,,,,", ",, 1,,,,", ",,1000000000000000,,,,", ",,x,,,,",
        ",,,yesterday,,,", ",,,2026-09-01T10:00:00+02:00,,,", ",,,2026-09-01T10:00:00Z+00,,,", ",,,2026-09-01T10:00:00+00:0,,,", ",,,2026-02-30T10:00:00Z,,,",
        ",,,,null,,", ",,,,[],,", ",,,,x,,", ',,,," {}",,', ',,,,"""{}""",,', ',,,,"{""text"": 1.5}",,',
        ',,,,"{""text"": ""a"", ""text"": ""b""}",,', ',,,,"{""text"": ""a\\n""}",,', ',,,,"{""absent"": 1}",,', ',,,,"{""text"": ""a}",,',
        ",,,,,x,", ",,,,,[1],", ',,,,,"""[1]""",', ',,,,," [1]",', ',,,,,"[1,]",', ',,,,,"[1] ",',
    ],
)  # fmt: skip
def test_a_line_is_left_when_it_is_no_record_or_readers_differ(line: str) -> None:
    assert taken(f"a,,,,,,\n{line}\nb,,,,,,".encode()) == {1: {"text": "a"}, 3: {"text": "b"}}


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82"])
def test_a_line_is_left_when_it_is_not_utf8(bad: bytes, place: int) -> None:
    for cell in (bad, b'"' + bad + b'"', b'"a"""' + bad + b'"'):
        cells = [b""] * 7
        cells[place] = cell
        assert taken(b",".join(cells)) == {}


@pytest.mark.parametrize(
    "line",
    [
        'a,"two\nlines",,,,,',
        'a"b,"two\nlines",,,,,',
        '\xff,"two,,,,,',
        '"a,,,,,,',
        "x" * LONGEST + ",,,,,,",
        '"a"x' + "y" * LONGEST,
    ],
)
def test_nothing_is_decided_when_a_record_is_no_line_or_too_long(line: str) -> None:
    lines = lines_of(f"a,,,,,,\n{line}\nb,,,,,,\n".encode("latin-1"))

    with pytest.raises(pa.ArrowInvalid, match="a line is too long, or a record takes several"):
        pa.table(lines)
    assert isinstance(lines.error, LinesError)


def test_lines_are_counted_when_some_are_empty() -> None:
    text = b"\n\r\na,,,,,,\r\n\r\r\n \nb,,,,,,\n\n"
    lines = lines_of(text)

    assert pa.table(lines).column(LINE).to_pylist() == [3, 6]
    assert [(tally.lines, tally.blank) for tally in lines.tallies] == [(7, (1, 2, 4, 7))]
    assert lines.error is None


def test_all_lines_are_there_when_they_come_in_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "PIECE_BYTES", 500)
    monkeypatch.setattr(batches, "BATCH_LINES", 7)
    monkeypatch.setattr(f"{__name__}.CELLS", Cells(WANTED, HEADER, LONGEST))
    rows = [f'"{"x" * (n % 300)}""",,{n},,"{{""text"": ""t-{n}""}}",,\n' for n in range(2_000)]

    found = taken("".join(rows).encode())

    assert found == {
        n + 1: {"text": "x" * (n % 300) + '"', "count": n, "object.text": f"t-{n}"}
        for n in range(2_000)
    }


TEXTS = st.one_of(
    st.text(st.sampled_from('ab ,"\t{}:[]1é'), max_size=24), st.integers(0, 10**16).map(str),
    st.sampled_from(["", " ", "2026-09-01 10:00:00.1", "[1, 2]", "{}", "null"]),
)  # fmt: skip
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**16), TEXTS,
    st.dictionaries(st.sampled_from(["count", "x"]), st.integers(-5, 10**16), max_size=2),
)  # fmt: skip
OBJECTS = st.dictionaries(st.sampled_from(["text", "deep", "x", "absent"]), VALUES, max_size=3)
ROWS = st.lists(
    st.tuples(TEXTS, TEXTS, TEXTS, TEXTS, OBJECTS.map(json.dumps) | TEXTS, TEXTS, st.just("") | TEXTS),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(ROWS, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"]))
def test_values_are_those_of_python_when_a_line_is_decided(
    rows: list[tuple[str, ...]], quoting: Any, end: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting, lineterminator=end).writerows(rows)

    for number, values in taken(text.getvalue().encode()).items():
        assert values == expected(rows[number - 1])


@settings(max_examples=400, deadline=None)
@given(ROWS, st.integers(0, 10_000), st.sampled_from([b"", b'"', b'""', b",", b"\r", b"\n", b"\xff", b"{"]), st.integers(0, 2))  # fmt: skip
def test_values_are_those_of_python_when_bytes_are_changed(
    rows: list[tuple[str, ...]], place: int, change: bytes, gone: int
) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(rows)
    text = written.getvalue().encode()
    place %= len(text)
    text = text[:place] + change + text[place + gone :]
    lines = lines_of(text)
    try:
        found = pa.table(lines).to_pylist()
    except pa.ArrowInvalid:
        assert lines.error
        return

    # Where nothing is refused each line is a record, also for a reader of the whole.
    kept = [row.pop(LINE) for row in found]
    by_line = dict(enumerate(text.split(b"\n"), start=1))
    for number, row in zip(kept, found, strict=True):
        values = {path: value for path, value in row.items() if value is not None}
        (cells,) = csv.reader(io.StringIO(by_line[number].decode(), newline=""), strict=True)
        assert values == expected(tuple(cells))


def expected(cells: tuple[str, ...]) -> Row:
    """What is to be taken of a record, by Python."""
    assert len(cells) == len(HEADER)
    row = {name: cell for name, cell in zip(HEADER, cells, strict=True) if cell.strip()}
    assert "empty" not in row
    found: Row = {name: row[name] for name in ("text", "json") if name in row}
    if "json" in found:
        assert not isinstance(json.loads(found["json"]), str)
    if "count" in row:
        found["count"] = int(row["count"])
        assert 0 <= found["count"] < 10**15
    if "instant" in row:
        found["instant"] = datetime.fromisoformat(row["instant"].replace("00.1", "00.100"))
    inner = json.loads(row.get("object", "{}"))
    assert inner.get("absent") is None
    if inner.get("text") is not None:
        value = inner["text"]
        found["object.text"] = value if isinstance(value, str) else json.dumps(value)
    count = (inner.get("deep") or {}).get("count")
    if count is not None:
        found["object.deep.count"] = int(count)
    return found
