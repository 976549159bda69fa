"""Elements of the lists of a JSON document, one at a time, so that its size is not bounded by memory.

Belongs here: where a value of a list begins and ends, by its path. A document may follow another
without a separator; one that is damaged ends in an error. What an element means, and whether it is
well-formed inside, belongs to the caller; records that stand for themselves belong to `records`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from tokenworks_sources.connectors.json.brackets import end_of_container

CHUNK_BYTES = 1 << 20
LARGEST_ELEMENT_BYTES = 1 << 26

Path = tuple[str, ...]

# A string as a whole, the beginning of one that is not yet read to its end, or a mark.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\],:]', re.DOTALL)
_OPEN, _CLOSE = b"{[", b"}]"


class DocumentError(ValueError):
    """The document ends early or its brackets do not match; its text quotes nothing."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a list that was asked for."""

    path: Path
    text: bytes


@dataclass(frozen=True, slots=True)
class Member:
    """One value beside the lists that was asked for; a path of the empty name ends the document."""

    path: Path
    text: bytes


@dataclass(frozen=True, slots=True)
class Begin:
    """A list that was asked for begins; it may be empty."""

    path: Path


END = Member(("",), b"")
Piece = Begin | Element | Member


@dataclass(slots=True)
class _Level:
    """An open container outside the elements."""

    path: Path
    is_list: bool
    key: str = ""
    begin: int | None = None  # of the value that is read and kept


@dataclass(slots=True)
class _Scan:
    lists: Collection[Path]
    members: Collection[Path]
    levels: list[_Level] = field(default_factory=list)
    inside: int = 0  # containers open that are passed over whole
    last: bytes = b""

    def keeps_from(self) -> int | None:
        begins = [level.begin for level in self.levels if level.begin is not None]
        return min(begins, default=None)

    def shift(self, dropped: int) -> None:
        for level in self.levels:
            if level.begin is not None:
                level.begin -= dropped


def elements(
    stream: BinaryIO, lists: Collection[Path], members: Collection[Path] = ()
) -> Iterator[Piece]:
    """Elements of lists, and values beside them, in the order of the document.

    Args:
        stream: the decompressed document or documents.
        lists: paths of the lists: `()` is a document that is a list, `("a", "b")` lies in objects.
        members: paths of values that are wanted as they stand.

    Raises:
        DocumentError: the document ends early, is damaged, or one value is larger than 64 MiB.
    """
    scan = _Scan(lists, members)
    buffer, position, ended = b"", 0, False
    while not ended:
        kept = scan.keeps_from()
        dropped = position if kept is None else kept
        buffer, position = buffer[dropped:], position - dropped
        scan.shift(dropped)
        if len(buffer) > LARGEST_ELEMENT_BYTES:
            raise DocumentError(f"one value is over {LARGEST_ELEMENT_BYTES >> 20} MiB")
        # As much again as is kept: a long string is then scanned a few times, not once a chunk.
        chunk = stream.read(max(CHUNK_BYTES, len(buffer)))
        ended = not chunk
        buffer += chunk
        while True:
            if scan.inside:
                end, position, scan.inside = end_of_container(buffer, position, scan.inside)
                if end is None:
                    break
            match = _TOKEN.search(buffer, position)
            if match is None or match.group() == b'"':
                break
            yield from _step(scan, match.group(), match.start(), buffer)
            position = match.end()
    if scan.levels or buffer[position:].strip():
        raise DocumentError("it ends within a record")


def _step(scan: _Scan, token: bytes, at: int, buffer: bytes) -> Iterator[Piece]:
    level = scan.levels[-1] if scan.levels else None
    if token in _OPEN:
        yield from _open(scan, level, token, at)
    elif token in _CLOSE:
        yield from _close(scan, level, token, at, buffer)
    elif level is None:
        return
    elif token == b":":
        level.key = scan.last[1:-1].decode("utf-8", "replace")
        level.begin = at + 1 if (*level.path, level.key) in scan.members else None
    elif token == b",":
        is_wanted = level.is_list and level.begin is not None
        yield from _finish(level, at, buffer)
        level.begin = at + 1 if is_wanted else None
    else:
        scan.last = token


def _open(scan: _Scan, level: _Level | None, token: bytes, at: int) -> Iterator[Begin]:
    if level is not None and not _enters(scan, level):
        scan.inside = 1
        return
    path = () if level is None else (*level.path, level.key)
    if level is not None:
        level.begin = None
    is_list = token == b"["
    is_wanted = is_list and path in scan.lists
    scan.levels.append(_Level(path, is_list, begin=at + 1 if is_wanted else None))
    if is_wanted:
        yield Begin(path)


def _close(
    scan: _Scan, level: _Level | None, token: bytes, at: int, buffer: bytes
) -> Iterator[Element | Member]:
    if level is None:
        raise DocumentError("a bracket closes that was never opened")
    yield from _finish(level, at, buffer)
    if level.is_list != (token == b"]"):
        raise DocumentError("brackets do not match")
    scan.levels.pop()
    if not scan.levels:
        yield END


def _enters(scan: _Scan, level: _Level) -> bool:
    """Whether a container holds lists or members that are wanted, rather than being one."""
    if level.is_list:
        return False
    path = (*level.path, level.key)
    wanted = (*scan.lists, *scan.members)
    return path in scan.lists or any(
        len(other) > len(path) and other[: len(path)] == path for other in wanted
    )


def _finish(level: _Level, at: int, buffer: bytes) -> Iterator[Element | Member]:
    """The value that ends before a comma or bracket."""
    if level.begin is None:
        return
    text = buffer[level.begin : at].strip()
    level.begin = None
    if not text:
        return
    if level.is_list:
        yield Element(level.path, text)
    else:
        yield Member((*level.path, level.key), text)
