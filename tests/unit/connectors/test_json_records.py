"""JSON records: lines, arrays and values in a row, cut, broken, deep and huge."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.json import records as json_records
from tokenworks_sources.connectors.json.records import Record, first_record, records_of
from tokenworks_sources.errors import LandingFileError

UNFINISHED = "not JSON: the file ends inside the record"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            '{"a":1}\n\n{"b":2.50}\n{bad}\n{"c":1}',
            [(1, {"a": 1}), (3, {"b": Decimal("2.50")}), (4, "not JSON"), (5, {"c": 1})],
            id="lines",
        ),
        pytest.param(
            '\ufeff[{"a":1},\n {"b":"}]\\"["},3, {"x":[1,2]}]\n',
            [(1, {"a": 1}), (2, {"b": '}]"['}), (3, "not a JSON object"), (4, {"x": [1, 2]})],
            id="array",
        ),
        pytest.param('{\n "a": 1\n}\n{"b":2}', [(1, {"a": 1}), (2, {"b": 2})], id="in a row"),
        pytest.param('{"a":1}', [(1, {"a": 1})], id="one without an end of line"),
        pytest.param('[{"a":1},{"b":', [(1, {"a": 1}), (2, UNFINISHED)], id="cut array"),
        pytest.param("[]", [], id="empty array"),
        pytest.param("[1,2]", [(1, "not a JSON object"), (2, "not a JSON object")], id="bare"),
        pytest.param(',{"a":1}', [(1, "not JSON"), (2, {"a": 1})], id="comma before anything"),
        pytest.param('"abc', [(1, UNFINISHED)], id="cut text"),
        pytest.param("]]", [(1, "not JSON"), (2, "not JSON")], id="brackets that close nothing"),
        pytest.param('{"a":' + "[" * 100_000, [(1, UNFINISHED)], id="deep and cut"),
        pytest.param(
            '{"a":' + "[" * 100_000 + "]" * 100_000 + "}", [(1, "not JSON")], id="too deep"
        ),
        pytest.param('{"a":1e999999999999999999999}', [(1, "not JSON")], id="a number of any size"),
    ],
)
def test_records_are_told_apart_when_files_are_written_in_any_way(
    text: str, expected: list[tuple[int, Record | str]] | None, tmp_path: Path
) -> None:
    path = tmp_path / "records.json"
    path.write_text(text)
    found = list(records_of(path))
    if expected is None:
        assert all(isinstance(record, str) for _, record in found)
    else:
        assert found == expected


@pytest.mark.parametrize("separator", [",", "\n"])
def test_records_are_whole_when_they_cross_blocks(
    separator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"id": n, "text": 'a "quoted" \\ {[' * (n % 7), "list": [n, [n]]} for n in range(200)]
    texts = [json.dumps(row, indent=1) for row in rows]
    whole = separator.join(texts)
    path = tmp_path / "records.json"
    path.write_text(f"[{whole}]" if separator == "," else whole)
    for size in (3, 64, 1_000):
        monkeypatch.setattr(json_records, "BLOCK_BYTES", size)
        assert [record for _, record in records_of(path)] == rows


@pytest.mark.parametrize("form", ["[%s]", "%s", '{"b":1}\n%s'])
def test_record_is_refused_when_it_is_larger_than_allowed(form: str, tmp_path: Path) -> None:
    path = tmp_path / "records.json"
    path.write_text(form % json.dumps({"a": "x" * 3_000_000}))
    with pytest.raises(LandingFileError, match=r"record \d is over 1 MiB"):
        list(records_of(path, largest=1 << 20))


@pytest.mark.parametrize(
    ("head", "record"),
    [
        ('{"a":1,"b":{"c":2}} {"z":1}', {"a": 1, "b": {"c": 2}}),
        (' [ {"a":1,"b":{"c":2},"d":"cut he', {"a": 1, "b": {"c": 2}}),
        ('{"a":1,"b":{"c":2,"d":[1,{"e":5', {"a": 1, "b": {"c": 2, "d": [1, {}]}}),
        ('{"a"', {}),
        ("", None),
        ("a,b\n1,2", None),
        ("[]", None),
        ("{]", None),
    ],
)
def test_first_record_is_what_the_head_holds_when_it_may_be_cut(
    head: str, record: Record | None, tmp_path: Path
) -> None:
    assert first_record(Preview(tmp_path / "x", head.encode())) == record
