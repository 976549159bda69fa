"""CSV in windows of slices, each looked at while the one before it is read.

Belongs here: where windows and slices begin, and whether DuckDB and `csv` read them alike, which
`csv_windows.py` tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tokenworks_sources.connectors.csv_windows import plain_lines
from tokenworks_sources.connectors.requests import slices
from tokenworks_sources.connectors.requests.slices import Slice, Source, Span, Window
from tokenworks_sources.landing import is_compressed, open_decompressed

WINDOW_BYTES = 1 << 28
# Of decompressed bytes there are two windows in memory.
HELD_WINDOW_BYTES = 1 << 26
_SKIP_BYTES = 1 << 20


class Place(NamedTuple):
    """Where a line begins.

    Attributes:
        start: its first byte in the decompressed file.
        lines: lines of the file before it.
    """

    start: int
    lines: int


class Looked(NamedTuple):
    """What a look at a run of lines found.

    Attributes:
        start: its first byte in the decompressed file.
        lines: lines of the file before it.
        window: its slices; None where DuckDB may read them differently.
    """

    start: int
    lines: int
    window: Window | None


@contextmanager
def looked_ahead(path: Path, begin: Place) -> Iterator[Iterator[Looked]]:
    """Runs of a file, from some line on, up to the first that is not plain.

    The next one is looked at while the caller does something else, the first from the beginning.
    """
    with slices.ahead(_looked(_spans(path, begin.start), *begin)) as runs:
        yield runs


@contextmanager
def spans_ahead(path: Path, start: int) -> Iterator[Iterator[Span]]:
    """The same runs, made ahead in the same way, at which nobody looks."""
    with slices.ahead(_spans(path, start)) as spans:
        yield spans


def _spans(path: Path, start: int) -> Iterator[Span]:
    if is_compressed(path):
        return _held_spans(path, start)
    return slices.plain_spans(path, start, WINDOW_BYTES)


def _looked(spans: Iterator[Span], place: int, lines: int) -> Iterator[Looked]:
    for source, start, end in spans:
        # A line that is longer than what is held is not plain.
        window = plain_window(source, start, end, lines) if end else None
        yield Looked(place, lines, window)
        if window is None:
            return
        place += end - start
        lines = window[-1].lines_before + window[-1].lines


def plain_window(source: Source, start: int, end: int, lines_before: int) -> Window | None:
    """A run of whole lines as slices; None where DuckDB and `csv` may read them differently."""
    window, line_ends = Window(), set[bool]()
    for low, high in pairwise(slices.cuts_of(source, start, end)):
        with Slice(source, low, high, 0, 0, ()).open() as stream:
            found = plain_lines(stream, high - low)
        if found is None:
            return None
        line_ends |= found.line_ends
        window.append(Slice(source, low, high, lines_before, found.number, found.blank))
        lines_before += found.number
    return window if len(line_ends) <= 1 else None


def _held_spans(path: Path, start: int) -> Iterator[Span]:
    left = b""
    with open_decompressed(path) as stream:
        skip(stream, start)
        while True:
            block = stream.read(HELD_WINDOW_BYTES)
            text = left + block
            end = text.rfind(b"\n") + 1 if block else len(text)
            left = text[end:]
            if text:
                yield Span(text, 0, end)
            if not end:
                return


def skip(stream: BinaryIO, size: int) -> None:
    """Takes so many bytes of a stream that may not be able to seek."""
    while size and (block := stream.read(min(size, _SKIP_BYTES))):
        size -= len(block)
