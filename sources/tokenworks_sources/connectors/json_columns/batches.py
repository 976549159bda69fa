"""A run of lines as Arrow batches: pieces of it are taken apart by all cores, ahead of who reads them.

Texts are views into the piece itself, which lives as long as its batches.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tokenworks_sources.arrow import column_of, numbers_of
from tokenworks_sources.connectors.json_columns import texts
from tokenworks_sources.connectors.json_columns.found import BLANK, LINES, ROWS, Found
from tokenworks_sources.connectors.json_columns.pools import Lent, Pool
from tokenworks_sources.connectors.json_columns.shape import (
    PADDING,
    WATCHED,
    WHOLE,
    Bytes,
    Kind,
    shape_of,
)
from tokenworks_sources.connectors.json_columns.texts import LinesError, Text
from tokenworks_sources.machine_code import KeptKernel

# The column with the number of each line, counted from 1.
LINE = "_line"
BATCH_LINES = 1 << 15
MOST_THREADS = 16
COLUMNS_OF_LINES = KeptKernel(f"{__package__}.lines", "columns_of_lines")
_NEWLINE = 0x0A
_DEEPEST = 64
_TYPES = {Kind.COUNT: pa.int64(), Kind.INSTANT: pa.timestamp("us")}


class Tally(NamedTuple):
    """What lines were taken apart.

    Attributes:
        size: bytes.
        lines: lines, blank ones included.
        blank: numbers of the blank lines among them, counted from 1.
    """

    size: int
    lines: int
    blank: tuple[int, ...]


class Piece(NamedTuple):
    """Lines that were taken apart.

    Attributes:
        tally: what they are.
        batch: the values of those that were decided; LINE counts from 1.
    """

    tally: Tally
    batch: pa.RecordBatch


class Columns:
    """Takes lines apart into the columns of some values.

    Args:
        wanted: kinds of values by their paths.

    Attributes:
        schema: the columns of a batch: those that are not only watched, and LINE.
    """

    def __init__(self, wanted: Mapping[str, Kind]) -> None:
        self._taken = {path: kind for path, kind in wanted.items() if kind not in WATCHED}
        self._shape = shape_of(wanted)
        self._rooms = Pool(self._room)
        types = {path: _TYPES.get(kind, pa.string_view()) for path, kind in self._taken.items()}
        self.schema = pa.schema({**types, LINE: pa.int64()})

    def pieces(self, text: Lent[Bytes], size: int) -> list[Piece]:
        """The pieces of so many bytes of whole lines; the last one may lack its newline."""
        lines = text.held
        lines[size : size + PADDING] = 0
        lines[size] = _NEWLINE
        end = size + (size > 0 and lines[size - 1] != _NEWLINE)
        place, pieces = 0, []
        while place < end:
            room = self._rooms.lend()
            found = room.held
            for part in (found.given, found.seen, found.counts):
                part.fill(0)
            behind = self._fill(found, lines, place, end)
            blank = tuple(found.blank[: found.counts[BLANK]].tolist())
            tally = Tally(min(behind, size) - place, int(found.counts[LINES]), blank)
            pieces.append(Piece(tally, self._batch(text, room)))
            place = behind
        return pieces

    def _fill(self, found: Found, text: Bytes, place: int, end: int) -> int:
        """Runs the kernel; behind what it took apart."""
        return COLUMNS_OF_LINES(text, place, end, self._shape, found)

    def _batch(self, text: Lent[Bytes], room: Lent[Found]) -> pa.RecordBatch:
        found = room.held
        rows = int(found.counts[ROWS])
        wholes, texts = iter(found.wholes), iter(found.views)
        behind = [text.buffer(text.held), room.buffer(found.written)]
        arrays = []
        for given, kind in zip(found.given[:, :rows], self._taken.values(), strict=True):
            values = next(wholes if kind in WHOLE else texts)[:rows]
            valid = None
            if not given.all():
                # What is null is not looked at, but copied.
                values[given == 0] = 0
                valid = pa.py_buffer(np.packbits(given, bitorder="little"))
            buffers = [valid, room.buffer(values), *(() if kind in WHOLE else behind)]
            arrays.append(pa.Array.from_buffers(_TYPES.get(kind, pa.string_view()), rows, buffers))
        numbers = room.buffer(found.lines[:rows])
        arrays.append(pa.Array.from_buffers(pa.int64(), rows, [None, numbers]))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _room(self) -> Found:
        wholes = sum(kind in WHOLE for kind in self._taken.values())
        return Found(
            views=np.empty((len(self._taken) - wholes, BATCH_LINES, 2), np.uint64),
            wholes=np.empty((wholes, BATCH_LINES), np.int64),
            given=np.empty((len(self._taken), BATCH_LINES), np.uint8),
            lines=np.empty(BATCH_LINES, np.int64),
            blank=np.empty(BATCH_LINES, np.int64),
            written=np.empty(2 * texts.PIECE_BYTES, np.uint8),
            seen=np.empty(len(self._shape.kinds), np.int64),
            parents=np.empty(_DEEPEST, np.int64),
            counts=np.empty(4, np.int64),
        )


class Lines:
    """Lines for a reader of Arrow's C streams such as DuckDB.

    Args:
        columns: how lines are taken apart.
        lines: as whole lines come; looked at anew by each stream.
        before: lines of their source before them, which LINE counts as well.

    Attributes:
        tallies: what was read, piece by piece, as far as the last stream was.
        error: why the last stream ended before its end, if it did.
    """

    def __init__(
        self,
        columns: Columns,
        lines: Iterable[Text],
        before: int = 0,
    ) -> None:
        self.tallies: list[Tally] = []
        self.error: LinesError | None = None
        self._columns = columns
        self._lines = lines
        self._before = before

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """A new stream of batches; see the Arrow PyCapsule interface."""
        batches = pa.RecordBatchReader.from_batches(
            self._columns.schema, self._noted(self._batches())
        )
        return batches.__arrow_c_stream__(requested_schema)

    def _noted(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same; who reads them by way of Arrow gets to know the words of an error alone."""
        self.error = None
        try:
            yield from batches
        except LinesError as error:
            self.error = error
            raise

    def _batches(self) -> Iterator[pa.RecordBatch]:
        self.tallies, lines = [], self._before
        for piece in self._pieces():
            self.tallies.append(piece.tally)
            yield _moved(piece.batch, lines)
            lines += piece.tally.lines

    def _pieces(self) -> Iterator[Piece]:
        threads = min(os.cpu_count() or 1, MOST_THREADS)
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[list[Piece]]] = deque()
            for text, size in self._lines:
                waiting.append(pool.submit(self._columns.pieces, text, size))
                if len(waiting) > threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()


def _moved(batch: pa.RecordBatch, lines: int) -> pa.RecordBatch:
    """A batch whose LINE counts on from so many lines."""
    if lines == 0:
        return batch
    moved = column_of(numbers_of(batch.column(LINE)) + lines)
    return pa.RecordBatch.from_arrays([*batch.columns[:-1], moved], schema=batch.schema)
