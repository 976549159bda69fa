"""Elements of JSON lists: found wherever chunks end, and never made up where the document is broken."""

from __future__ import annotations

import io
import json

import pytest

from tokenworks_sources.connectors.json import lists
from tokenworks_sources.connectors.json.lists import (
    END,
    Begin,
    DocumentError,
    Element,
    Member,
)

DOCUMENT = {
    "trace": {"id": "t", "tags": ["a,b", "}"], "observations": [{"id": 1, "x": ']}"\\'}]},
    "ignored": {"observations": [{"id": 9}]},
    "observations": [{"id": 2}, {"deep": [{"observations": [8]}]}, 5],
}
LISTS = {("observations",), ("trace", "observations")}
MEMBERS = {("trace", "id"), ("trace", "tags")}


@pytest.mark.parametrize("chunk", [1, 2, 7, 1 << 20])
@pytest.mark.parametrize("indent", [None, 2])
def test_every_element_is_found_when_chunks_end_anywhere(
    chunk: int, indent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "CHUNK_BYTES", chunk)
    text = json.dumps(DOCUMENT, indent=indent).encode()
    found = list(lists.elements(io.BytesIO(text), LISTS, MEMBERS))
    values = [json.loads(piece.text) for piece in found if isinstance(piece, Element)]
    assert values == [
        {"id": 1, "x": ']}"\\'},
        {"id": 2},
        {"deep": [{"observations": [8]}]},
        5,
    ]
    members = {
        piece.path: json.loads(piece.text)
        for piece in found
        if isinstance(piece, Member) and piece is not END
    }
    assert members == {("trace", "id"): "t", ("trace", "tags"): ["a,b", "}"]}
    assert found[-1] is END


def test_documents_follow_each_other_when_nothing_separates_them() -> None:
    found = list(lists.elements(io.BytesIO(b'[{"a":1}] []\n[2,3]'), {()}))
    assert found == [
        Begin(()),
        Element((), b'{"a":1}'),
        END,
        Begin(()),
        END,
        Begin(()),
        Element((), b"2"),
        Element((), b"3"),
        END,
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"[",
        b'[{"a":1}',
        b'[{"a":"1',
        b'[{"a":1},',
        b"[1}",
        b"[1]]",
        b'{"observations":[1]',
        b"[1\\",
    ],
)
def test_a_document_is_refused_when_it_is_cut_or_its_brackets_do_not_match(text: bytes) -> None:
    with pytest.raises(DocumentError):
        list(lists.elements(io.BytesIO(text), {(), ("observations",)}))


def test_a_document_is_refused_when_one_value_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "CHUNK_BYTES", 16)
    monkeypatch.setattr(lists, "LARGEST_ELEMENT_BYTES", 256)
    text = b'[{"a":"' + b"x" * 2_000 + b'"}]'
    with pytest.raises(DocumentError, match="one value is over"):
        list(lists.elements(io.BytesIO(text), {()}))


def test_a_value_beside_the_lists_is_not_held_when_nobody_wants_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "CHUNK_BYTES", 64)
    monkeypatch.setattr(lists, "LARGEST_ELEMENT_BYTES", 1_024)
    text = b'{"metadata":[' + b'{"a":[1,2]},' * 1_000 + b'{}],"data":[{"id":1}]}'
    found = list(lists.elements(io.BytesIO(text), {("data",)}))
    assert [piece.text for piece in found if isinstance(piece, Element)] == [b'{"id":1}']
