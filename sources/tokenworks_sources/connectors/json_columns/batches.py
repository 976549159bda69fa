"""A run of lines as Arrow batches: pieces of it are taken apart by all cores, ahead of who reads them.

Texts are views into the piece itself, which lives as long as its batch.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import BinaryIO, NamedTuple

import numpy as np
import pyarrow as pa

from tokenworks_sources.connectors.json_columns.lines import (
    BLANK,
    LINES,
    ROWS,
    Found,
    columns_of_lines,
    lines_in,
)
from tokenworks_sources.connectors.json_columns.shape import (
    WATCHED,
    WHOLE,
    Integers,
    Kind,
    Shape,
    shape_of,
)
from tokenworks_sources.connectors.json_columns.words import PADDING, Bytes
from tokenworks_sources.landing import line_end

# The column with the number of each line, counted from 1.
LINE = "_line"
PIECE_BYTES = 1 << 22
MOST_THREADS = 16
_NEWLINE = 0x0A
_DEEPEST = 64
_TYPES = {Kind.COUNT: pa.int64(), Kind.INSTANT: pa.timestamp("us")}


class Tally(NamedTuple):
    """What one piece of a run held.

    Attributes:
        size: bytes.
        lines: lines, blank ones included.
        blank: numbers of the blank lines within the piece, counted from 1.
    """

    size: int
    lines: int
    blank: tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """Whole lines that were taken apart.

    Attributes:
        tally: what it held.
        numbers: the number of each line that was decided, counted from 1.
        values: the values of these lines.
    """

    tally: Tally
    numbers: Integers
    values: list[pa.Array]
    schema: pa.Schema

    def batch(self, before: int = 0) -> pa.RecordBatch:
        """The values, with LINE counted on from the lines before the piece."""
        held = [None, pa.py_buffer(self.numbers + before)]
        lines = pa.Array.from_buffers(pa.int64(), len(self.numbers), held)
        return pa.RecordBatch.from_arrays([*self.values, lines], schema=self.schema)


@dataclass(frozen=True)
class Columns:
    """Takes lines apart into the columns of some values.

    Attributes:
        wanted: kinds of values by their paths.
    """

    wanted: Mapping[str, Kind]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns of a batch: those that are not only watched, and LINE."""
        kinds = {path: _TYPES.get(kind, pa.string_view()) for path, kind in self._taken.items()}
        return pa.schema({**kinds, LINE: pa.int64()})

    def of(self, lines: Bytes) -> Piece:
        """The piece of whole lines; the last one may lack its newline.

        Args:
            lines: the bytes, with room for PADDING behind them, which this writes to.
        """
        end = len(lines) - PADDING
        lines[end:] = 0
        lines[end] = _NEWLINE
        stop = end if end == 0 or lines[end - 1] == _NEWLINE else end + 1
        found = _room(self._taken, self._shape, lines_in(lines, stop), end)
        columns_of_lines(lines, stop, self._shape, found)
        rows, blank = int(found.counts[ROWS]), int(found.counts[BLANK])
        return Piece(
            Tally(end, int(found.counts[LINES]), tuple(found.blank[:blank].tolist())),
            found.lines[:rows],
            list(self._values(lines, found, rows)),
            self.schema,
        )

    @cached_property
    def _taken(self) -> dict[str, Kind]:
        return {path: kind for path, kind in self.wanted.items() if kind not in WATCHED}

    @cached_property
    def _shape(self) -> Shape:
        return shape_of(self.wanted)

    def _values(self, lines: Bytes, found: Found, rows: int) -> Iterator[pa.Array]:
        wholes, texts = iter(found.wholes), iter(found.views)
        behind = [pa.py_buffer(lines), pa.py_buffer(found.written)]
        for given, kind in zip(found.given, self._taken.values(), strict=True):
            is_full = given[:rows].all()
            buffers = [
                None if is_full else pa.py_buffer(np.packbits(given[:rows], bitorder="little"))
            ]
            if kind in WHOLE:
                buffers.append(pa.py_buffer(next(wholes)))
            else:
                buffers += [pa.py_buffer(next(texts)), *behind]
            yield pa.Array.from_buffers(_TYPES.get(kind, pa.string_view()), rows, buffers)


def padded(lines: bytes) -> Bytes:
    """Lines as `Columns.of` takes them."""
    return np.frombuffer(bytearray(lines) + bytearray(PADDING), np.uint8)


def _room(taken: Mapping[str, Kind], shape: Shape, lines: int, size: int) -> Found:
    wholes = sum(kind in WHOLE for kind in taken.values())
    texts = len(taken) - wholes
    return Found(
        # What is null is never looked at, but is copied.
        views=np.zeros((texts, lines, 2), np.uint64),
        wholes=np.zeros((wholes, lines), np.int64),
        given=np.zeros((len(taken), lines), np.uint8),
        lines=np.empty(lines, np.int64),
        blank=np.empty(lines, np.int64),
        written=np.empty(size + PADDING, np.uint8),
        seen=np.zeros(len(shape.kinds), np.int64),
        parents=np.zeros(_DEEPEST, np.int64),
        counts=np.zeros(4, np.int64),
    )


class Lines:
    """The lines between two bytes of a source, for a reader of Arrow's C streams such as DuckDB.

    Each stream begins anew.

    Args:
        columns: how lines are taken apart.
        opened: opens the source.
        start: first byte of a line.
        end: byte behind the last line.
        before: lines of the source before them, which LINE counts as well.

    Attributes:
        tallies: what each piece held, in order, as far as the last stream was read.
    """

    def __init__(
        self,
        columns: Columns,
        opened: Callable[[], BinaryIO],
        start: int,
        end: int,
        before: int = 0,
    ) -> None:
        self.tallies: list[Tally] = []
        self._columns = columns
        self._opened = opened
        self._start, self._end = start, end
        self._before = before

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A new stream of batches; see the Arrow PyCapsule interface."""
        batches = pa.RecordBatchReader.from_batches(self._columns.schema, self._batches())
        return batches.__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self.tallies, lines = [], self._before
        with self._opened() as stream:
            for piece in _in_order(self._columns, _texts(stream, self._start, self._end)):
                self.tallies.append(piece.tally)
                yield piece.batch(lines)
                lines += piece.tally.lines


def _in_order(columns: Columns, texts: Iterator[Bytes]) -> Iterator[Piece]:
    threads = min(os.cpu_count() or 1, MOST_THREADS)
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Piece]] = deque()
        for text in texts:
            waiting.append(pool.submit(columns.of, text))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _texts(stream: BinaryIO, start: int, end: int) -> Iterator[Bytes]:
    """Whole lines with PADDING behind them, a piece at a time."""
    while start < end:
        stop = line_end(stream, start + PIECE_BYTES, end)
        text = np.empty(stop - start + PADDING, np.uint8)
        stream.seek(start)
        got = stream.readinto(text[:-PADDING].data)  # type: ignore[attr-defined]
        # Cut while it is read; its size tells at the end.
        yield text[: got + PADDING]
        start = stop
