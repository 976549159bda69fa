"""Whole lines in memory that kernels take apart: of a file, or of a stream that goes by once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from tokenworks_sources.connectors.json_columns.pools import Lent, Pool
from tokenworks_sources.connectors.json_columns.shape import PADDING, Bytes
from tokenworks_sources.landing import line_end

PIECE_BYTES = 1 << 22
# Beyond a piece; who sends longer lines gets an error.
LONGEST_LINE_BYTES = 1 << 26
_NEWLINE = 0x0A
_FIRST_LOOK_BYTES = 1 << 16


class TextPool:
    """Room for lines, and for what kernels write behind them."""

    def __init__(self) -> None:
        self._pieces = Pool(lambda: np.empty(2 * PIECE_BYTES, np.uint8))

    def lend(self, size: int) -> Lent[Bytes]:
        """Room for so many bytes."""
        if size + PADDING <= 2 * PIECE_BYTES:
            return self._pieces.lend()
        return Lent(np.empty(size + PADDING, np.uint8), deque())


class LinesError(ValueError):
    """Lines that are not taken apart: one is too long, or records are no lines."""


class Text(NamedTuple):
    """Some whole lines; the last one of all may lack its newline.

    Attributes:
        lent: where they are.
        size: bytes of them.
    """

    lent: Lent[Bytes]
    size: int

    @property
    def bytes(self) -> memoryview:
        """The lines alone."""
        return self.lent.held[: self.size].data


class FileTexts:
    """The lines between two bytes of a source that can seek; each look begins anew.

    Args:
        opened: opens the source.
        start: first byte of a line.
        end: byte behind the last one.
    """

    def __init__(self, opened: Callable[[], BinaryIO], start: int, end: int) -> None:
        self._pool, self._opened = TextPool(), opened
        self._start, self._end = start, end

    def __iter__(self) -> Iterator[Text]:
        """Text by text.

        Raises:
            LinesError: a line is longer than memory should hold.
        """
        start = self._start
        with self._opened() as stream:
            while start < self._end:
                stop = line_end(stream, start + PIECE_BYTES, self._end)
                _refuse(stop - start)
                lent = self._pool.lend(stop - start)
                stream.seek(start)
                # Cut while it is read, there are fewer; its size tells at the end.
                yield Text(lent, _filled(stream, lent.held[: stop - start]))
                start = stop


def texts_of(pool: TextPool, stream: BinaryIO, mark: bytes) -> Iterator[Text]:
    """All lines of a stream that need not seek, without a mark that it may begin with.

    Raises:
        LinesError: a line is longer than memory should hold.
    """
    head = stream.read(len(mark))
    left, is_end = np.frombuffer(head.removeprefix(mark), np.uint8), False
    while not is_end:
        lent = pool.lend(len(left) + PIECE_BYTES)
        lent.held[: len(left)] = left
        room = lent.held[len(left) : len(left) + PIECE_BYTES]
        read = _filled(stream, room)
        size, is_end = len(left) + read, read < PIECE_BYTES
        behind = _behind_last_line(room)
        end = size if is_end else behind and len(left) + behind
        left = lent.held[end:size].copy()
        _refuse(len(left))
        if end:
            yield Text(lent, end)


def _filled(stream: BinaryIO, room: Bytes) -> int:
    """Reads as much as there is room for, or there is; how many bytes."""
    size = 0
    while size < len(room) and (read := stream.readinto(room[size:].data)):  # type: ignore[attr-defined]
        size += read
    return size


def _behind_last_line(text: Bytes) -> int:
    """The byte behind the last newline; 0 where there is none."""
    look = _FIRST_LOOK_BYTES
    while True:
        ends = np.flatnonzero(text[-look:] == _NEWLINE)
        if len(ends):
            return max(0, len(text) - look) + int(ends[-1]) + 1
        if look >= len(text):
            return 0
        look *= 8


def _refuse(size: int) -> None:
    if size > PIECE_BYTES + LONGEST_LINE_BYTES:
        raise LinesError(f"a line is over {LONGEST_LINE_BYTES >> 20} MiB")
