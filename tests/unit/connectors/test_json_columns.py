"""Columns of JSON lines by kernels: what is taken, what is left, and Python's own parser beside them."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworks_sources.connectors.json_columns import batches, texts
from tokenworks_sources.connectors.json_columns.batches import LINE, Columns, Lines
from tokenworks_sources.connectors.json_columns.shape import Kind
from tokenworks_sources.connectors.json_columns.texts import FileTexts, TextPool, texts_of

WANTED = {
    "text": Kind.TEXT,
    "filled": Kind.FILLED,
    "number": Kind.NUMBER,
    "count": Kind.COUNT,
    "instant": Kind.INSTANT,
    "json": Kind.JSON,
    "empty": Kind.EMPTY,
    "absent": Kind.ABSENT,
    "inner.text": Kind.TEXT,
    "inner.deep.count": Kind.COUNT,
    "a_name_of_more_than_sixteen_bytes": Kind.TEXT,
    "a_name_of_other_than_sixteen_bytes": Kind.TEXT,
}
COLUMNS = Columns(WANTED)
Row = dict[str, Any]


def texts_in(text: bytes, start: int = 0) -> FileTexts:
    return FileTexts(lambda: io.BytesIO(text), start, len(text))


def taken(text: bytes, *, start: int = 0, before: int = 0) -> dict[int, Row]:
    """The values of each line that was decided, without those that are null, by line."""
    lines = Lines(COLUMNS, texts_in(text, start), before)
    table = pa.table(lines)
    table.validate(full=True)
    assert sum(tally.size for tally in lines.tallies) == len(text) - start
    return {
        row.pop(LINE): {path: value for path, value in row.items() if value is not None}
        for row in table.to_pylist()
    }


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("{}", {}),
        (' { "text" : "a" } \r', {"text": "a"}),
        ('{"text": "", "filled": "", "number": "", "json": "", "empty": ""}', {"text": ""}),
        ('{"text": "twelve bytes", "filled": "thirteen byte"}', {"text": "twelve bytes", "filled": "thirteen byte"}),
        ('{"text": 0, "filled": 120}', {"text": "0", "filled": "120"}),
        ('{"text": true, "filled": false}', {"text": "true", "filled": "false"}),
        ('{"text": "é€😀"}', {"text": "é€😀"}),
        ('{"number": 5.4e-05}', {"number": "5.4e-05"}),
        ('{"number": -0.50}', {"number": "-0.50"}),
        ('{"count": 999999999999999}', {"count": 999_999_999_999_999}),
        ('{"count": "012"}', {"count": 12}),
        ('{"instant": "2024-02-29T23:59:59.000001Z"}', {"instant": datetime(2024, 2, 29, 23, 59, 59, 1)}),
        ('{"instant": "1970-01-01 00:00:00"}', {"instant": datetime(1970, 1, 1)}),
        ('{"json": [1, {"a": "b c", "d": -2}, [], {}, null, true]}', {"json": '[1,{"a":"b c","d":-2},[],{},null,true]'}),
        ('{"inner": {"text": "a", "deep": {"count": 3, "more": {}}, "x": [{"text": 1}]}}', {"inner.text": "a", "inner.deep.count": 3}),
        ('{"inner": null, "absent": null, "empty": null}', {}),
        ('{"text": "a", "other": {"text": "b", "text": "c"}}', {"text": "a"}),
        (r'{"other": "a\"b\\\u00e9\n", "text": "a"}', {"text": "a"}),
        ('{"a_name_of_more_than_sixteen_bytes": "a", "a_name_of_xxxx_than_sixteen_bytes": "b"}', {"a_name_of_more_than_sixteen_bytes": "a"}),
    ],
)  # fmt: skip
def test_values_are_taken_when_all_parsers_read_them_alike(line: str, values: Row) -> None:
    assert taken(line.encode()) == {1: values}


@pytest.mark.parametrize(
    "line",
    [
        "null", "[]", "{", "}", '{"text"', '{"text":}', '{"text": "a",}', '{"text": "a"}}', '{"text": "a"} {}',
        '{"text" "a"}', "{'text': 1}", '{"text": "a" "count": 1}', '{"x": 01}', '{"x": .5}', '{"x": 1.}', '{"x": +1}',
        '{"x": NaN}', '{"x": Infinity}', '{"x": 1e999}', '{"x": tru}', '{"x": [1,]}', '{"x": {"a": 1,}}', '{"x": [1}}',
        '{"x": "\t"}', '{"x": "\\q"}', '{"x": "\\ud800"}', '{"x": "\\u12g4"}', '{"text": "a", "text": "b"}',
        '{"te\\u0078t": "a"}', '{"text": "a\\nb"}', '{"text": 1.50}', '{"text": -1}', '{"text": 01}', '{"text": []}',
        '{"text": {}}', '{"number": true}', '{"number": 1e100}', '{"number": 0.1000000000000000055511151231257827}',
        '{"count": -1}', '{"count": 1.0}', '{"count": 1000000000000000}', '{"count": "1 "}', '{"count": true}',
        '{"instant": 1}', '{"instant": "2023-02-29T00:00:00Z"}', '{"instant": "2024-01-01T24:00:00Z"}',
        '{"instant": "2024-01-01T00:00:00+02:00"}', '{"instant": "2024-01-01T00:00:00.1234567Z"}',
        '{"instant": "2024-01-01"}', '{"instant": "2024-13-01T00:00:00Z"}', '{"instant": "2024-01-01T00:00:00.Z"}',
        '{"json": "[1]"}', '{"json": [1.5]}', '{"json": [1e5]}', '{"json": [-0]}', '{"json": ["\\u0041"]}',
        '{"empty": 0}', '{"absent": ""}', '{"absent": {}}', '{"inner": "{}"}', '{"inner": []}', '{"inner": {"text": []}}',
        "[" * 100, '{"x": ' + "[" * 61 + "]" * 61 + "}", "\x00", "\x0b{}", "\ufeff{}",
    ],
)  # fmt: skip
def test_a_line_is_left_when_it_is_none_or_parsers_differ(line: str) -> None:
    text = f'{{"text": "before"}}\n{line}\n{{"text": "behind"}}'

    assert taken(text.encode()) == {1: {"text": "before"}, 3: {"text": "behind"}}


@pytest.mark.parametrize(
    "bad",
    [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82", b"\xe0\x9f\xbf"],
)
def test_a_line_is_left_when_it_is_not_utf8(bad: bytes) -> None:
    assert taken(b'{"text": "' + bad + b'"}\n{"other": ["' + bad + b'"]}\n') == {}


def test_lines_are_counted_when_some_are_blank() -> None:
    text = b'\n \t\x0b\x0c\r\n{"count": 1}\n\n{"count": 2}'
    lines = Lines(COLUMNS, texts_in(text))

    assert pa.table(lines).column(LINE).to_pylist() == [3, 5]
    assert [(tally.lines, tally.blank) for tally in lines.tallies] == [(5, (1, 2, 4))]
    assert taken(text, start=1, before=1_000) == {1_002: {"count": 1}, 1_004: {"count": 2}}


def test_all_lines_are_there_when_they_come_in_many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "PIECE_BYTES", 500)
    monkeypatch.setattr(batches, "BATCH_LINES", 7)
    monkeypatch.setattr(f"{__name__}.COLUMNS", Columns(WANTED))
    rows = [f'{{"count": {number}, "text": "{"x" * (number % 300)}"}}\n' for number in range(2_000)]

    found = taken("".join(rows).encode())

    assert found == {n + 1: {"count": n, "text": "x" * (n % 300)} for n in range(2_000)}


def test_a_stream_begins_anew_when_it_is_asked_for_again() -> None:
    lines = Lines(COLUMNS, texts_in(b'{"count": 1}\n'))

    assert [pa.table(lines).num_rows for _ in range(2)] == [1, 1]
    assert len(lines.tallies) == 1


@pytest.mark.parametrize("ending", ["", "\n"])
def test_a_stream_is_whole_lines_when_it_is_held(
    monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(texts, "PIECE_BYTES", 500)
    columns = Columns(WANTED)
    numbers = range(1_000)
    # Some lines are longer than a piece.
    rows = [
        f'{{"count": {n}, "other": "{"x" * (2_000 if n % 300 == 7 else 30)}"}}' for n in numbers
    ]
    stream = io.BytesIO(("\ufeff" + "\n".join(rows) + ending).encode())
    held = list(texts_of(TextPool(), stream, "\ufeff".encode()))

    looks = [pa.table(Lines(columns, held)).column("count").to_pylist() for _ in range(2)]

    assert looks == [list(numbers)] * 2
    assert len(held) > 50


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**16), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20), st.sampled_from(["", "12", "2026-09-01T00:00:00Z", "2026-09-01T00:00:00.5"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "deep", "count", "é"]), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = st.sampled_from([*{path.partition(".")[0] for path in WANTED}, "other", "texts"])
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, max_size=6), min_size=1, max_size=4)


def written(record: Row, *, spaced: bool, escaped: bool) -> bytes:
    return json.dumps(record, ensure_ascii=escaped, indent=None, separators=(" ,  ", "\t: ") if spaced else (",", ":")).encode("utf-8", "surrogatepass")  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(RECORDS, st.booleans(), st.booleans())
def test_values_are_those_of_python_when_a_line_is_decided(
    records: list[Row], spaced: bool, escaped: bool
) -> None:
    text = b"\n".join(written(record, spaced=spaced, escaped=escaped) for record in records)

    for number, values in taken(text).items():
        assert values == expected(records[number - 1])


@settings(max_examples=400, deadline=None)
@given(RECORDS, st.integers(0, 10_000), st.binary(max_size=3), st.integers(0, 3))
def test_no_broken_line_is_decided_when_bytes_are_changed(
    records: list[Row], place: int, change: bytes, gone: int
) -> None:
    text = b"\n".join(written(record, spaced=False, escaped=True) for record in records)
    place %= len(text)
    text = text[:place] + change + text[place + gone :]

    for number, values in taken(text).items():
        assert values == expected(strictly(text.split(b"\n")[number - 1]))


def strictly(line: bytes) -> Row:
    """An object as Python reads it, of which no name is there twice."""

    def members(pairs: list[tuple[str, Any]]) -> Row:
        first: Row = {}
        for name, value in pairs:
            first.setdefault(name, value)
        return first

    def refuse(word: str) -> None:
        raise AssertionError(word)

    found = json.loads(line.decode(), object_pairs_hook=members, parse_constant=refuse)
    assert isinstance(found, dict)
    return found


def expected(record: Row) -> Row:
    """What is to be taken of a record, by Python."""
    found = {}
    for path, kind in WANTED.items():
        value: Any = record
        for name in path.split("."):
            value = value.get(name) if value is not None else None
        if kind in (Kind.EMPTY, Kind.ABSENT):
            assert value is None or (kind == Kind.EMPTY and value == "")
        elif value is not None and (value != "" or kind == Kind.TEXT):
            found[path] = of_kind(value, kind)
    return found


def of_kind(value: Any, kind: Kind) -> Any:
    if kind == Kind.COUNT:
        assert 0 <= int(value) < 10**15
        return int(value)
    if kind == Kind.INSTANT:
        return datetime.fromisoformat(value.removesuffix("Z"))
    if kind == Kind.JSON:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return value if isinstance(value, str) else json.dumps(value)


@settings(max_examples=300, deadline=None)
@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)), st.integers(0, 6))
def test_instants_are_those_of_python_when_they_have_any_precision(
    moment: datetime, digits: int
) -> None:
    shown = moment.isoformat(timespec="microseconds")[: 20 + digits].removesuffix(".")
    cut = moment.microsecond % 10 ** (6 - digits) if digits else moment.microsecond

    (values,) = taken(f'{{"instant": "{shown}Z"}}'.encode()).values()

    assert values == {"instant": moment - timedelta(microseconds=cut)}
