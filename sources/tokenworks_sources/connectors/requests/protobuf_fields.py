"""The protobuf wire format: the fields of a message, and no more.

Pure. Tags are field number × 8 + wire type, so a field of the wrong type is an unknown one.
"""

from __future__ import annotations

from collections.abc import Iterator

VARINT, LENGTH = 0, 2
# Wire type to bytes.
_FIXED = {1: 8, 5: 4}
_LONGEST_VARINT = 10

# Tag, place where the value begins, place where it ends; for numbers the value and 0.
Entry = tuple[int, int, int]


class WireError(ValueError):
    """Bytes that are no protobuf message."""


def varint(text: bytes, place: int) -> tuple[int, int]:
    """A number of up to ten bytes, and where it ends."""
    value = shift = 0
    for _ in range(_LONGEST_VARINT):
        byte = text[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise WireError


def entries(text: bytes, place: int, end: int) -> Iterator[Entry]:
    """The fields of a message.

    Raises:
        WireError, IndexError: it is none.
    """
    while place < end:
        tag, begin, stop, place = entry(text, place, end)
        yield tag, begin, stop


def entry(text: bytes, place: int, end: int) -> tuple[int, int, int, int]:
    """The field that begins at a place, and where the next one does."""
    tag = text[place]
    place += 1
    if tag >= 0x80:
        tag, place = varint(text, place - 1)
    wire = tag & 7
    if wire == LENGTH:
        size = text[place]
        place += 1
        if size >= 0x80:
            size, place = varint(text, place - 1)
        begin, stop = place, place + size
        place = stop
    elif wire == VARINT:
        (begin, place), stop = varint(text, place), 0
    elif wire in _FIXED:
        size = _FIXED[wire]
        begin, stop = int.from_bytes(text[place : place + size], "little"), 0
        place += size
    else:
        raise WireError
    if place > end:
        raise WireError
    return tag, begin, stop, place
