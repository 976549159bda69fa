"""CSV in windows of slices, each looked at while the one before it is read.

Belongs here: where windows and slices begin, and whether DuckDB and `csv` read them alike, which
`csv_windows.py` tells.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tokenworks_sources.connectors.csv_windows import plain_lines
from tokenworks_sources.connectors.requests import slices
from tokenworks_sources.connectors.requests.slices import Slice, Source, Window
from tokenworks_sources.landing import is_compressed, line_end, open_decompressed

WINDOW_BYTES = 1 << 28
# Of decompressed bytes there are two windows in memory.
HELD_WINDOW_BYTES = 1 << 26
_SKIP_BYTES = 1 << 20


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
def looked_ahead(path: Path, start: int, lines: int) -> Iterator[Iterator[Looked]]:
    """Runs of a file, from a byte behind so many lines on, up to the first that is not plain.

    The next one is looked at while the caller does something else, the first from the beginning.
    """
    spans = _held_spans(path, start) if is_compressed(path) else _spans(path, start)
    with slices.ahead(_looked(spans, start, lines)) as runs:
        yield runs


def _looked(spans: Iterator[tuple[Source, int, int]], place: int, lines: int) -> Iterator[Looked]:
    for source, start, end in spans:
        window = plain_window(source, start, end, lines)
        yield Looked(place, lines, window)
        if window is None:
            return
        place += end - start
        lines = window[-1].lines_before + window[-1].lines


def plain_window(source: Source, start: int, end: int, lines_before: int) -> Window | None:
    """A run of whole lines as slices; None where DuckDB and `csv` may read them differently."""
    window, line_ends = Window(), set[bool]()
    for low, high in pairwise(_cuts(source, start, end)):
        with Slice(source, low, high, 0, 0, ()).open() as stream:
            found = plain_lines(stream, high - low)
        if found is None:
            return None
        line_ends |= found.line_ends
        window.append(Slice(source, low, high, lines_before, found.number, found.blank))
        lines_before += found.number
    return window if len(line_ends) <= 1 else None


def _cuts(source: Source, start: int, end: int) -> list[int]:
    """Where slices of about equal size begin, and the end."""
    most = min(os.cpu_count() or 1, slices.MOST_SLICES)
    count = max(1, min(most, (end - start) // slices.SMALLEST_SLICE_BYTES))
    cuts = [start]
    with Slice(source, start, end, 0, 0, ()).open() as stream:
        for number in range(1, count):
            cut = line_end(stream, start + (end - start) * number // count, end)
            if cuts[-1] < cut < end:
                cuts.append(cut)
    return [*cuts, end]


def _spans(path: Path, start: int) -> Iterator[tuple[Source, int, int]]:
    size = path.stat().st_size
    with path.open("rb") as stream:
        while start < size:
            end = line_end(stream, start + WINDOW_BYTES, size)
            yield path, start, end
            start = end


def _held_spans(path: Path, start: int) -> Iterator[tuple[Source, int, int]]:
    left = b""
    with open_decompressed(path) as stream:
        skip(stream, start)
        while True:
            block = stream.read(HELD_WINDOW_BYTES)
            text = left + block
            end = text.rfind(b"\n") + 1 if block else len(text)
            left = text[end:]
            if end:
                yield text, 0, end
            if not block:
                return


def skip(stream: BinaryIO, size: int) -> None:
    """Takes so many bytes of a stream that may not be able to seek."""
    while size and (block := stream.read(min(size, _SKIP_BYTES))):
        size -= len(block)
