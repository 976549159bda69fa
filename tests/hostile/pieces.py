"""A few kilobytes of a real file that are still a file of its format. Pure.

Breaking a megabyte a thousand times tells no more than breaking eight kilobytes of it, and takes a
hundred times as long.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_BYTES = 8_000
# A shorter file of lines is repeated, so that what breaks one line leaves others whole.
FEW_BYTES = 4_000
_MEMBERS = (64, 16, 8, 4, 2, 1)


def pieces_of(path: Path) -> Iterator[bytes]:
    """What a file holds, from the smallest cut that may still be of its format to all of it."""
    data = path.read_bytes()
    plain = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    if path.suffix == ".jsonl" and len(plain) < FEW_BYTES:
        plain *= FEW_BYTES // len(plain) + 1
    if len(plain) > MOST_BYTES:
        yield from _members(plain)
        yield from _lines(plain)
    yield plain


def _members(plain: bytes) -> Iterator[bytes]:
    """A JSON document with the first members of its lists, and of objects that are lists of records."""
    try:
        document = json.loads(plain)
    except ValueError:
        return
    for most in _MEMBERS:
        shorter = json.dumps(_shorter(document, most), indent=1).encode()
        if len(shorter) <= MOST_BYTES:
            yield shorter
            return


def _shorter(value: Any, most: int) -> Any:
    if isinstance(value, list):
        return [_shorter(member, most) for member in value[:most]]
    if not isinstance(value, dict):
        return value
    members = list(value.items())
    if len(members) > most and all(isinstance(member, dict) for member in value.values()):
        members = members[:most]
    return {key: _shorter(member, most) for key, member in members}


def _lines(plain: bytes) -> Iterator[bytes]:
    """The first lines; then the first ones with some of all the others."""
    lines = plain.splitlines(keepends=True)
    yield b"".join(_as_many(lines, MOST_BYTES))
    head = _as_many(lines, MOST_BYTES // 4)
    rest = lines[len(head) :]
    step = len(plain) // MOST_BYTES + 1
    yield b"".join((*head, *_as_many(rest[::step], MOST_BYTES - len(b"".join(head)))))


def _as_many(lines: list[bytes], size: int) -> list[bytes]:
    taken: list[bytes] = []
    for line in lines:
        size -= len(line)
        if size < 0:
            break
        taken.append(line)
    return taken
