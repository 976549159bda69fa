"""Newline-delimited files in windows of slices, so that DuckDB numbers lines and still uses every core.

Belongs here: where lines begin, and which are blank. How DuckDB sees them belongs to `slice_files.py`, what
they mean to the connector.

`row_number()` makes a scan single-threaded, and DuckDB's JSON reader does not count blank lines. Lines
cut into as many slices as there are cores, each with its own `row_number()` and the number of the
lines before it, keep both the exact number and the cores. A window is what is read by one query: a
bound on memory, and for compressed files the piece that is held decompressed.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from tokenworks_sources.connectors.tabular import BYTE_ORDER_MARK
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import is_compressed, line_end, open_decompressed

BLOCK_BYTES = 1 << 18
WINDOW_BYTES = 1 << 28
# Of decompressed bytes there are two windows in memory: one is read while the next one is made.
HELD_WINDOW_BYTES = 1 << 27
SMALLEST_SLICE_BYTES = 1 << 24
MOST_SLICES = 16
HEAD_BYTES = 1 << 23
_NEWLINE, _SPACE = 0x0A, 0x20
_Codes = npt.NDArray[np.uint8]
_Places = npt.NDArray[np.intp]

Source = Path | bytes | memoryview


class Span(NamedTuple):
    """One run of whole lines that nobody has counted.

    Attributes:
        source: the file, or bytes in memory.
        start: first byte.
        end: byte behind the last one.
    """

    source: Source
    start: int
    end: int

    def window(self) -> Window:
        """The run as a window of one slice without its numbers."""
        return [Slice(*self, 0, 0, ())]


@dataclass(frozen=True)
class Slice:
    """One run of whole lines.

    Attributes:
        source: the file, or bytes in memory.
        start: first byte.
        end: byte behind the last one.
        lines_before: lines of the file, blank ones included, before the slice.
        lines: lines of the slice, blank ones included.
        blank: numbers of the blank lines within the slice, counted from 1.
    """

    source: Source
    start: int
    end: int
    lines_before: int
    lines: int
    blank: tuple[int, ...]

    @property
    def records(self) -> int:
        """Lines that are not blank."""
        return self.lines - len(self.blank)

    def shifts(self) -> list[tuple[int, int]]:
        """Where numbers of records and lines part: (first record, lines to add from it on)."""
        shifts = [(1, self.lines_before)]
        for skipped, line in enumerate(self.blank, start=1):
            record = line - skipped + 1
            if shifts[-1][0] == record:
                shifts.pop()
            shifts.append((record, self.lines_before + skipped))
        return shifts

    def open(self) -> BinaryIO:
        """The source, at the first byte of the slice."""
        stream: BinaryIO
        if isinstance(self.source, Path):
            stream = self.source.open("rb")
        else:
            stream = io.BytesIO(self.source)
        stream.seek(self.start)
        return stream


Window = list[Slice]
Made = TypeVar("Made")


@contextmanager
def windows_of(path: Path) -> Iterator[Iterator[Window]]:
    """The lines of a file, plain or compressed, in windows of slices.

    The next window is made while the caller does something else, the first one from the beginning.
    """
    with ahead(counted(_spans(path))) as windows:
        yield windows


@contextmanager
def ahead(made: Iterator[Made]) -> Iterator[Iterator[Made]]:
    """The same, each made while the caller does something else, the first from the beginning."""
    with ThreadPoolExecutor(1) as thread:
        yield _in_turn(thread, made, thread.submit(next, made, None))


def _in_turn(
    thread: ThreadPoolExecutor, made: Iterator[Made], coming: Future[Made | None]
) -> Iterator[Made]:
    while (one := coming.result()) is not None:
        coming = thread.submit(next, made, None)
        yield one


def counted(spans: Iterator[Span], lines: int = 0) -> Iterator[Window]:
    """Windows of spans that follow so many lines."""
    for span in spans:
        window = slices_of(span.source, span.start, span.end, lines)
        lines = window[-1].lines_before + window[-1].lines
        yield window


def records_of(window: Window) -> int:
    """Lines that are not blank."""
    return sum(part.records for part in window)


def window_of(text: bytes) -> Window:
    """One window of lines in memory."""
    return slices_of(text, 0, len(text), 0)


def head_of(path: Path) -> Window:
    """The first lines of a file, as many as are enough to meet it; they are not counted."""
    if not is_compressed(path):
        return head_in([Slice(path, _begin(path), path.stat().st_size, 0, 0, ())])
    with open_decompressed(path) as stream:
        text = stream.read(HEAD_BYTES).removeprefix(BYTE_ORDER_MARK)
    return [Slice(text, 0, text.rfind(b"\n") + 1 or len(text), 0, 0, ())]


def head_in(window: Window) -> Window:
    """The first lines of a window, in the same way."""
    first = window[0]
    with first.open() as stream:
        end = line_end(stream, first.start + HEAD_BYTES, first.end)
    return [replace(first, end=end)]


def _begin(path: Path) -> int:
    with path.open("rb") as stream:
        return len(BYTE_ORDER_MARK) if stream.read(3) == BYTE_ORDER_MARK else 0


def _spans(path: Path) -> Iterator[Span]:
    return _held_spans(path) if is_compressed(path) else spans_in(path)


def spans_in(path: Path) -> Iterator[Span]:
    """The lines of a plain file, a window at a time."""
    return plain_spans(path, _begin(path), WINDOW_BYTES)


def plain_spans(path: Path, start: int, window: int) -> Iterator[Span]:
    """The lines of a plain file from a byte on, about so many bytes at a time."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        while start < size:
            end = line_end(stream, start + window, size)
            yield Span(path, start, end)
            start = end


def _held_spans(path: Path) -> Iterator[Span]:
    is_first, left = True, b""
    with open_decompressed(path) as stream:
        while True:
            block = stream.read(HELD_WINDOW_BYTES)
            text = left + block
            if is_first:
                text = text.removeprefix(BYTE_ORDER_MARK)
            end = text.rfind(b"\n") + 1 if block else len(text)
            if block and not end:
                raise LandingFileError(
                    path,
                    f"a line is over {HELD_WINDOW_BYTES >> 20} MiB.",
                    "Ship one record a line.",
                )
            left, is_first = text[end:], False
            if end:
                yield Span(text, 0, end)
            if not block:
                return


def slices_of(
    source: Source, start: int, end: int, lines_before: int, count: int | None = None
) -> Window:
    """Cuts a run of lines into about `count` slices of equal size.

    Args:
        source: a plain file, or bytes.
        start: first byte.
        end: byte behind the last one.
        lines_before: lines of the file before the first byte.
        count: number of slices; as many as cores, and none below 16 MiB, where None.
    """
    ranges = list(pairwise(cuts_of(source, start, end, count)))
    numbers = [_count_lines(source, *span) for span in ranges]
    before = accumulate((lines for lines, _ in numbers), initial=lines_before)
    return [
        Slice(source, low, high, lines_before, lines, blank)
        for (low, high), lines_before, (lines, blank) in zip(ranges, before, numbers, strict=False)
    ]


def cuts_of(source: Source, start: int, end: int, count: int | None = None) -> list[int]:
    """Where about `count` slices of equal size begin, and the end; see `slices_of`."""
    most = min(os.cpu_count() or 1, MOST_SLICES)
    wanted = count or max(1, min(most, (end - start) // SMALLEST_SLICE_BYTES))
    cuts = [start]
    with Slice(source, start, end, 0, 0, ()).open() as stream:
        for index in range(1, wanted):
            cut = line_end(stream, max(start, start + (end - start) * index // wanted), end)
            if cuts[-1] < cut < end:
                cuts.append(cut)
    return [*cuts, end]


def _count_lines(source: Source, start: int, end: int) -> tuple[int, tuple[int, ...]]:
    """Number of lines of a run, and the numbers of its blank ones."""
    ended, position, blank = 0, start, []
    begins = True
    with Slice(source, start, end, 0, 0, ()).open() as stream:
        while position < end:
            block = stream.read(min(BLOCK_BYTES, end - position))
            if not block:
                break  # cut while it is read; its size tells at the end
            codes = np.frombuffer(block, np.uint8)
            ends = np.flatnonzero(codes == _NEWLINE)
            for begin in _doubtful(codes, ends, begins):
                close = block.find(b"\n", begin)
                text = block[begin:close] if close >= 0 else None
                if _is_blank(source, position + begin, end, text):
                    blank.append(ended + int(np.searchsorted(ends, begin)) + 1)
            ended += len(ends)
            begins = block.endswith(b"\n")
            position += len(block)
    return ended + (not begins), tuple(blank)


def _doubtful(codes: _Codes, ends: _Places, begins: bool) -> list[int]:
    """Where lines begin with white space: only there the text is looked at."""
    starts = ends[:-1] if len(ends) and ends[-1] == len(codes) - 1 else ends
    found = (starts[codes[starts + 1] <= _SPACE] + 1).tolist()
    return [0, *found] if begins and codes[0] <= _SPACE else found


def _is_blank(source: Source, offset: int, end: int, text: bytes | None) -> bool:
    if text is not None:
        return not text.strip()
    with Slice(source, offset, end, 0, 0, ()).open() as stream:
        return not stream.readline()[: end - offset].strip()


def lines_at(window: Window, numbers: Iterable[int]) -> Iterator[bytes]:
    """The text of the lines of these ascending numbers, counted from 1 in the whole file."""
    wanted = iter(numbers)
    number = next(wanted, None)
    for part in window:
        last = part.lines_before + part.lines
        if number is None or number > last:
            continue
        with part.open() as stream:
            reached, position = part.lines_before, part.start
            while number is not None and number <= last:
                stream.seek(position)
                block = stream.read(min(BLOCK_BYTES, part.end - position))
                ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE).tolist()
                if not ends:
                    # A line that is longer, or the last one of the file.
                    block += stream.readline()
                    ends = [len(block) - block.endswith(b"\n")]
                while number is not None and number <= reached + len(ends):
                    place = number - reached - 1
                    begin = ends[place - 1] + 1 if place else 0
                    yield block[begin : ends[place]].rstrip(b"\r\n")
                    number = next(wanted, None)
                reached += len(ends)
                position += ends[-1] + 1


def ends_of(window: Window) -> tuple[bytes, bytes]:
    """The first line of a window, and its last one."""
    with window[0].open() as stream:
        first = stream.readline()
    tail = b""
    with window[-1].open() as stream:
        back = 1 << 16
        while back < 1 << 24:
            start = max(window[-1].start, window[-1].end - back)
            stream.seek(start)
            tail = stream.read(window[-1].end - start).rstrip()
            if b"\n" in tail or start == window[-1].start:
                break
            back <<= 2
    return first, tail[tail.rfind(b"\n") + 1 :]
