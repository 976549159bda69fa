"""Runs of lines as the kernel goes through them, one query each.

Of a plain file nothing is held. A compressed one is inflated a run ahead, and what was inflated is held until
its query is done, since lines that are left are looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

from tokenworks_sources.connectors.json_columns import texts
from tokenworks_sources.connectors.json_columns.texts import (
    FileTexts,
    Text,
    TextPool,
    texts_of,
)
from tokenworks_sources.connectors.requests import slices
from tokenworks_sources.connectors.requests.slices import Slice, Span, Window
from tokenworks_sources.connectors.tabular import BYTE_ORDER_MARK
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import is_compressed, open_decompressed

# Spans of a plain file that go by as one.
SPANS_AT_ONCE = 8
# There are two runs of decompressed bytes in memory.
HELD_BYTES = 1 << 28


@dataclass(frozen=True)
class Run:
    """Some of a log's lines.

    Attributes:
        texts: the lines as the kernel takes them.
        spans: the same lines, as they are looked at again.
    """

    texts: Iterable[Text]
    spans: list[Span]

    def ends(self) -> Window:
        """A window whose first and last lines are those of the run."""
        return [part for span in self.spans for part in span.window()]

    def counted(self, before: int, pieces: Iterable[tuple[int, int, tuple[int, ...]]]) -> Window:
        """The run as a window.

        Args:
            before: lines of the log before it.
            pieces: bytes, lines and numbers of blank lines of each piece that was taken apart.
        """
        window, spans = Window(), iter(self.spans)
        source, start, end = next(spans)
        for size, lines, blank in pieces:
            if start == end:
                source, start, end = next(spans)
            window.append(Slice(source, start, start + size, before, lines, blank))
            start, before = start + size, before + lines
        return window


@contextmanager
def runs_of(path: Path) -> Iterator[Iterator[Run]]:
    """The lines of a file, each run made while the caller does something else, the first from the beginning.

    Raises:
        LandingFileError: its compression is damaged, or a line is too long.
    """
    runs = _held_runs(path) if is_compressed(path) else _file_runs(path)
    with slices.ahead(runs) as coming:
        yield coming


def spans_of(runs: Iterator[Run]) -> Iterator[Span]:
    """The lines of runs, one span each: a query reads one of them."""
    for run in runs:
        if len(run.spans) == 1:
            yield from run.spans
        else:
            text = b"".join(cast("memoryview", span.source) for span in run.spans)
            yield Span(text, 0, len(text))


def joined(runs: Iterator[Run]) -> Iterator[Run]:
    """Runs of a plain file, as few as may be: nothing of them is held."""
    for run in runs:
        others = list(islice(runs, SPANS_AT_ONCE - 1)) if isinstance(run.texts, FileTexts) else []
        last = [run, *others][-1].spans[-1]
        yield run_of(run.spans[0]._replace(end=last.end)) if others else run


def _file_runs(path: Path) -> Iterator[Run]:
    return map(run_of, slices.spans_in(path))


def run_of(span: Span) -> Run:
    """A span of a file, or of bytes, as a run."""
    (part,) = span.window()
    return Run(FileTexts(part.open, span.start, span.end), [span])


def _held_runs(path: Path) -> Iterator[Run]:
    with open_decompressed(path) as stream:
        coming = texts_of(TextPool(), stream, BYTE_ORDER_MARK)
        try:
            while held := list(islice(coming, HELD_BYTES // texts.PIECE_BYTES)):
                yield Run(held, [Span(text.bytes, 0, text.size) for text in held])
        except ValueError as error:
            raise LandingFileError(path, f"{error}.", "Ship one record a line.") from error
