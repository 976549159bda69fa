"""JSON as records: one a line, the elements of an array, or values one after another.

Belongs here: where a record begins and ends in a stream of any size, and what the first one holds.
Numbers with a fraction become `Decimal`, so that money never passes through a float. A record that
does not parse is given as the reason why, and the next one is still read. Lists inside a document
belong to `lists`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import msgspec

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.json.brackets import end_of_container, is_balanced
from tokenworks_sources.connectors.tabular import BYTE_ORDER_MARK
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

RECORD_BYTES = 1 << 24
BLOCK_BYTES = 1 << 20
NOT_JSON = "not JSON"
NOT_AN_OBJECT = "not a JSON object"
UNFINISHED = "not JSON: the file ends inside the record"

Record = dict[str, object]

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
# A whole string, a bracket or comma, or the quote of a string that the buffer does not hold whole.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],]|"', re.DOTALL)
_OPENING, _CLOSING, _ENDING = b"{[", b"}]", b"}],"
_SPACE = b" \t\r\n"
_SPACES = re.compile(rb"[ \t\r\n]*+")
_BETWEEN = re.compile(rb"[ \t\r\n,]*+")


def records_of(path: Path, largest: int = RECORD_BYTES) -> Iterator[tuple[int, Record | str]]:
    """Records of a file, each with its number and itself, or the reason why it is none.

    Where records stand one a line the number is that of the line, else that of the record.

    Args:
        path: the file, plain or compressed.
        largest: bytes that one record may have.

    Raises:
        LandingFileError: a record is larger than that, or the compression is damaged.
    """
    with open_decompressed(path) as stream:
        if _is_by_line(path):
            texts = _lines(path, stream, largest)
        else:
            texts = enumerate(_Values(path, stream, largest), start=1)
        for number, text in texts:
            yield number, decoded(text)


def decoded(text: bytes) -> Record | str:
    """The object that a text is, or why it is none."""
    try:
        value = _DECODER.decode(text)
    except (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError):
        return NOT_JSON if is_balanced(text) else UNFINISHED
    return value if isinstance(value, dict) else NOT_AN_OBJECT


def first_record(preview: Preview) -> Record | None:
    """The first object of the file; of one that passes the head, what the head holds of it."""
    return _first_record(preview.head)


@lru_cache(maxsize=2)  # asked by the connector of each format
def _first_record(head: bytes) -> Record | None:
    text = head.removeprefix(BYTE_ORDER_MARK).lstrip(_SPACE)
    if text.startswith(b"["):
        text = text[1:].lstrip(_SPACE)
    if not text.startswith(b"{"):
        return None
    record = decoded(_closed(text))
    return record if isinstance(record, dict) else None


def at(record: Record | None, *path: str) -> object:
    """The value of a path into objects, None where it ends early."""
    value: object = record
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def inner(record: Record | None, *path: str) -> Record:
    """The object at a path; an empty one where there is none."""
    value = at(record, *path)
    return value if isinstance(value, dict) else {}


def text_at(record: Record | None, *path: str) -> str | None:
    """The text at a path that is not blank."""
    value = at(record, *path)
    return value.strip() or None if isinstance(value, str) else None


def _is_by_line(path: Path) -> bool:
    """Whether the first line is a whole object, or the second one begins another."""
    begins: list[bytes] = []
    with open_decompressed(path) as stream:
        read = 0
        while len(begins) < 2 and read < RECORD_BYTES and (line := stream.readline(RECORD_BYTES)):
            read += len(line)
            text = line.removeprefix(BYTE_ORDER_MARK).strip()
            if text.startswith(b"{") and not begins and is_balanced(text):
                return True
            if text:
                begins.append(text[:1])
    return begins == [b"{", b"{"]


def _lines(path: Path, stream: BinaryIO, largest: int) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(largest + 1):
        number += 1
        if len(line) > largest:
            raise _too_large(path, number, largest)
        text = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
        if text.strip():
            yield number, text


def _too_large(path: Path, number: int, largest: int) -> LandingFileError:
    return LandingFileError(
        path,
        f"record {number} is over {largest >> 20} MiB.",
        "Look for a quote or bracket that is never closed.",
    )


def _closed(text: bytes) -> bytes:
    """The first value of a text, closed behind its last whole member where the text is cut."""
    closing: list[bytes] = []
    cut = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token == b'"':
            break
        if token in _OPENING:
            closing.append(b"}" if token == b"{" else b"]")
        elif token in _CLOSING:
            closing.pop()
            if not closing:
                return text[: match.end()]
        elif token != b",":
            continue
        cut = match.start() if token == b"," else match.end()
    return text[:cut] + b"".join(reversed(closing))


class _Values:
    """Texts of the values of a stream: the elements of one array, or values one after another."""

    def __init__(self, path: Path, stream: BinaryIO, largest: int) -> None:
        self._path, self._stream, self._largest = path, stream, largest
        self._buffer = stream.read(BLOCK_BYTES).removeprefix(BYTE_ORDER_MARK)
        self._start = 0
        self._number = 0

    def __iter__(self) -> Iterator[bytes]:
        is_array = self._skip(_SPACES) == b"["
        self._start += is_array
        while first := self._skip(_BETWEEN if is_array else _SPACES):
            if is_array and first == b"]":
                self._start += 1
                is_array = False
                continue
            self._number += 1
            yield self._value()

    def _skip(self, what: re.Pattern[bytes]) -> bytes:
        """Passes what lies between values and returns the byte behind it; none at the end."""
        while True:
            match = what.match(self._buffer, self._start)
            self._start = match.end() if match else self._start
            if self._start < len(self._buffer):
                return self._buffer[self._start : self._start + 1]
            self._buffer, self._start = self._stream.read(BLOCK_BYTES), 0
            if not self._buffer:
                return b""

    def _value(self) -> bytes:
        """The value that begins here."""
        depth, position = 0, self._start
        while True:
            end, position, depth = self._scan(position, depth)
            if end is not None:
                return self._take(end)
            held = self._buffer[self._start :]
            # As much again as is held, so that a long value is not scanned once a block.
            if not (more := self._stream.read(max(BLOCK_BYTES, len(held)))):
                return self._take(len(self._buffer))
            if len(held) > self._largest:
                raise _too_large(self._path, self._number, self._largest)
            position -= self._start
            self._buffer, self._start = held + more, 0

    def _scan(self, position: int, depth: int) -> tuple[int | None, int, int]:
        """Where the value ends, or how far it was followed and how deep it is there."""
        while depth == 0:
            match = _TOKEN.search(self._buffer, position)
            if match is None or match.group() == b'"':
                return None, position, 0
            if match.group() in _OPENING:
                position = match.start()
                break
            if match.group() in _ENDING:
                # A bare value, or a comma or bracket that nothing stands before.
                return max(match.start(), self._start + 1), position, 0
            position = match.end()
        return end_of_container(self._buffer, position, depth)

    def _take(self, end: int) -> bytes:
        value = self._buffer[self._start : end]
        self._start = end
        return value
