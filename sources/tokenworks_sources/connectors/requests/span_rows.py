"""Spans of one file on their way to the lake: judged, counted, linked, handed over.

Belongs here: what happens to every span whatever format it came in. Rows wait until the file is read,
in memory while they are few and then on disk, because only then it is known which inference span
encloses them. A reject keeps times, counts and codes of the span; text is not even decoded.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import polars as pl

from tokenworks_sources.connectors.base import Sink
from tokenworks_sources.connectors.requests.genai_attributes import TOKENS
from tokenworks_sources.connectors.requests.genai_dialects import settle
from tokenworks_sources.connectors.requests.genai_kinds import skip_reason
from tokenworks_sources.connectors.requests.genai_spans import (
    COLUMNS,
    RowMaker,
    Scope,
    Span,
    SpanError,
)
from tokenworks_sources.connectors.requests.span_links import SpanLinks
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.contracts.requests import CONTRACT

TABLE = "requests"
BLOCK_ROWS = 20_000
# Blocks of rows that stay in memory.
BLOCKS_IN_MEMORY = 4

_TYPES = polars_schema(CONTRACT)
_TIMES = frozenset({"started_at", "first_token_at", "ended_at"})


class SpanRows:
    """Takes the spans of a file one by one; `span_rows` opens and ends it.

    Attributes:
        records: spans and broken records so far.
    """

    def __init__(self, digest: str, sink: Sink, folder: Path) -> None:
        self.records = 0
        self._sink = sink
        self._folder = folder
        self._maker = RowMaker(digest, sink.pseudonym_key)
        self._links = SpanLinks()
        self._skipped: Counter[str] = Counter()
        self._rows: list[tuple[object, ...]] = []
        self._blocks: list[pl.DataFrame] = []
        self._spilled: list[Path] = []

    def take(self, span: Span, scope: Scope) -> None:
        """A span: a row, or the reason why it is none."""
        self.records += 1
        is_row = False
        settle(span.name, span.fields)
        reason = skip_reason(span.name, span.fields)
        if reason is None:
            try:
                self._rows.append(self._maker.row_of(self.records, span, scope))
                is_row = True
            except (SpanError, UsageError) as error:
                self._sink.reject(self.records, str(error), _shape(span))
        else:
            self._skipped[reason] += 1
        self._links.add(span.trace_id, span.span_id, span.parent_id, is_row)
        if len(self._rows) >= BLOCK_ROWS:
            self._close_block()

    def pass_over(self, reason: str) -> None:
        """A record that is understood and holds no spans."""
        self.records += 1
        self._skipped[reason] += 1

    def refuse(self, reason: str) -> None:
        """A record that is no span. Its text stays out: it may be a prompt cut in two."""
        self.records += 1
        self._sink.reject(self.records, reason, "")

    def finish(self) -> None:
        """Hands everything over."""
        self._close_block()
        for reason, spans in self._skipped.items():
            self._sink.skip(reason, spans)
        overrides = self._links.overrides()
        before = 0
        for block in self._all_blocks():
            parents = block["parent_span_id"].to_list()
            for row in overrides.keys() & range(before, before + block.height):
                parents[row - before] = overrides[row]
            before += block.height
            linked = pl.Series("parent_span_id", parents, pl.String)
            self._sink.write(TABLE, block.with_columns(linked, pl.lit("utc").alias("clock")))

    def _close_block(self) -> None:
        if not self._rows:
            return
        self._blocks.append(_frame(self._rows))
        self._rows = []
        if len(self._blocks) > BLOCKS_IN_MEMORY:
            path = self._folder / f"{len(self._spilled):06d}.arrow"
            pl.concat(self._blocks).write_ipc(path)
            self._spilled.append(path)
            self._blocks = []

    def _all_blocks(self) -> Iterator[pl.DataFrame]:
        for path in self._spilled:
            yield pl.read_ipc(path)
            path.unlink()
        yield from self._blocks


@contextmanager
def span_rows(digest: str, sink: Sink) -> Iterator[SpanRows]:
    """The way of one file's spans to the sink; without an error all are handed over at the end."""
    with tempfile.TemporaryDirectory(prefix="tokenworks-spans-") as folder:
        rows = SpanRows(digest, sink, Path(folder))
        yield rows
        rows.finish()


def _frame(rows: list[tuple[object, ...]]) -> pl.DataFrame:
    series = []
    for name, values in zip(COLUMNS, zip(*rows, strict=True), strict=True):
        if name in _TIMES:
            series.append(pl.Series(name, values, pl.Int64).cast(pl.Datetime("us")))
        else:
            series.append(pl.Series(name, values, _TYPES[name]))
    return pl.DataFrame(series)


def _shape(span: Span) -> bytes:
    """Numbers and codes of a span, for a reject."""
    numbers = {
        name: value
        for name, value in span.fields.items()
        if name in TOKENS and isinstance(value, int | float)
    }
    return msgspec.json.encode(
        {
            "startTimeUnixNano": span.start_ns,
            "endTimeUnixNano": span.end_ns,
            "kind": span.kind,
            "status": span.status,
            **numbers,
        }
    )
