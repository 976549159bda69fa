"""The keys at the begin of a JSON file, for recognition: the rest may be missing, or not be JSON."""

from __future__ import annotations

import re

from tokenworks_sources.connectors.base import Preview

_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_OPENING, _CLOSING = "{[", "}]"


def keys_of(text: str | None, opening: str = "{") -> frozenset[str]:
    """Keys of the first object that the text opens with, as far as the text goes.

    Args:
        text: begin of a file.
        opening: brackets around that object: `{` for an object, `[{` for the first object of an
            array, `{{` for the first object that is a value of an object.
    """
    if text is None or not text.lstrip("\ufeff \t\r\n").startswith(opening[0]):
        return frozenset()
    open_brackets = ""
    keys: set[str] = set()
    before = ""
    for match in _PIECE.finditer(text):
        piece = match.group()
        if piece in _OPENING:
            open_brackets += piece
            if len(open_brackets) <= len(opening) and not opening.startswith(open_brackets):
                break
        elif piece in _CLOSING:
            if open_brackets == opening:
                break
            open_brackets = open_brackets[:-1]
        elif piece == ":" and open_brackets == opening and before.startswith('"'):
            keys.add(before[1:-1])
        before = piece
    return frozenset(keys)


def keys_of_run(preview: Preview, mark: bytes, wanted: frozenset[str]) -> frozenset[str]:
    """The keys of a result that has the wanted ones, or none where it is something else.

    Args:
        preview: the head of the file.
        mark: what such a file holds somewhere, so that others need not be looked at.
        wanted: keys that every result has.
    """
    keys = keys_of(preview.text) if mark in preview.head else frozenset()
    return keys if keys >= wanted else frozenset()
