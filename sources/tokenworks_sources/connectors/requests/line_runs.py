"""Runs of lines as the kernel goes through them, one query each: of a plain file, or of a stream that goes by once.

A compressed log is inflated while the query takes lines of it. What it took is held until the query is
done, since lines that are left are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, cast

from tokenworks_sources.connectors.json_columns.texts import (
    PIECE_BYTES,
    FileTexts,
    HeldTexts,
    Lend,
    Text,
    texts_of,
)
from tokenworks_sources.connectors.requests import slices
from tokenworks_sources.connectors.requests.slices import Slice, Span, Window
from tokenworks_sources.connectors.tabular import BYTE_ORDER_MARK
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import is_compressed, open_decompressed

# Spans that go by as one where nothing of them is held.
SPANS_AT_ONCE = 8
HELD_BYTES = 1 << 29


@dataclass(frozen=True)
class Run:
    """Some of a log's lines.

    Attributes:
        texts: the lines in memory.
        span: what they are, where that is known before they are read.
    """

    texts: FileTexts | HeldTexts
    span: Span | None

    def counted(self, before: int, pieces: Iterable[tuple[int, int, tuple[int, ...]]]) -> Window:
        """The run as a window.

        Args:
            before: lines of the log before it.
            pieces: bytes, lines and numbers of blank lines of each piece that was taken apart.
        """
        window, spans = Window(), self._spans()
        source, start, end = next(spans)
        for size, lines, blank in pieces:
            if start == end:
                source, start, end = next(spans)
            window.append(Slice(source, start, start + size, before, lines, blank))
            start, before = start + size, before + lines
        return window

    def raise_error(self) -> None:
        """Raises what kept the lines from being read whole, if anything did."""
        if isinstance(self.texts, HeldTexts) and self.texts.error is not None:
            raise self.texts.error

    def _spans(self) -> Iterator[Span]:
        if isinstance(self.texts, FileTexts):
            return iter([cast("Span", self.span)])
        return (Span(text.lent.held[: text.size].data, 0, text.size) for text in self.texts.held)


class Runs:
    """A log run by run.

    Args:
        runs: one after the other.
        rest: what follows behind those that were taken, as spans.
    """

    def __init__(self, runs: Iterator[Run], rest: Iterator[Span]) -> None:
        self._runs = runs
        self.rest = rest

    def __iter__(self) -> Iterator[Run]:
        return self._runs


@contextmanager
def runs_of(path: Path, lend: Lend, *, in_order: bool) -> Iterator[Runs]:
    """The lines of a file; those that have to be sorted are held span by span.

    Raises:
        LandingFileError: its compression is damaged, or a line is too long.
    """
    if in_order and is_compressed(path):
        with open_decompressed(path) as stream, slices.ahead(_texts(path, stream, lend)) as coming:
            yield Runs(_held_runs(coming), _spans_of(coming))
        return
    with slices.spans_of(path) as spans:
        joined = slices.joined(spans, SPANS_AT_ONCE if in_order else 1)
        yield Runs((_run_of(span, lend) for span in joined), spans)


def _run_of(span: Span, lend: Lend) -> Run:
    (part,) = span.window()
    return Run(FileTexts(lend, part.open, span.start, span.end), span)


def _held_runs(coming: Iterator[Text]) -> Iterator[Run]:
    while (first := next(coming, None)) is not None:
        yield Run(HeldTexts(chain([first], coming), HELD_BYTES), None)


def _texts(path: Path, stream: BinaryIO, lend: Lend) -> Iterator[Text]:
    try:
        yield from texts_of(lend, stream, BYTE_ORDER_MARK)
    except ValueError as error:
        raise LandingFileError(path, f"{error}.", "Ship one record a line.") from error


def _spans_of(coming: Iterator[Text]) -> Iterator[Span]:
    while some := list(islice(coming, slices.HELD_WINDOW_BYTES // PIECE_BYTES)):
        text = b"".join(text.lent.held[: text.size].tobytes() for text in some)
        yield Span(text, 0, len(text))
