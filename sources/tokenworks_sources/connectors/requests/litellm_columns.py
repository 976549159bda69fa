"""Large spend logs: the fields of most lines by a kernel, which leaves the others to DuckDB's reader.

What makes a record good or bad is the same SQL for both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import duckdb
import pyarrow as pa

from tokenworks_sources.arrow import numbers_of
from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.csv_columns.batches import Cells
from tokenworks_sources.connectors.json_columns.batches import LINE, Columns, Lines
from tokenworks_sources.connectors.json_columns.shape import Kind
from tokenworks_sources.connectors.json_columns.texts import FileTexts, Text
from tokenworks_sources.connectors.requests import (
    litellm_engine,
    litellm_metadata,
    litellm_sql,
    slices,
)
from tokenworks_sources.connectors.requests.litellm_fields import COUNTS, FIELDS, TEXTS

# A share of lines that the kernel leaves, above which it is of no use.
LEFT_SHARE = 0.05
# The lines of a window, as the kernel takes them apart.
LINES = "tokenworks_lines"
_METADATA = "metadata"


def _kinds() -> dict[str, Kind]:
    fields = dict.fromkeys((name for name in FIELDS if name != _METADATA), Kind.FILLED)
    fields |= dict.fromkeys(("spend", "request_duration_ms"), Kind.NUMBER)
    fields |= dict.fromkeys(("startTime", "endTime", "completionStartTime"), Kind.INSTANT)
    fields |= dict.fromkeys(("prompt_tokens", "completion_tokens"), Kind.COUNT)
    inner = {path: Kind.TEXT for paths in TEXTS.values() for path in paths}
    for name in ("queue", "prefill", "decode", "propensity", "score"):
        inner |= dict.fromkeys(TEXTS[name], Kind.NUMBER)
    inner |= dict.fromkeys(TEXTS["block_hashes"], Kind.JSON)
    inner |= {path: Kind.COUNT for paths in COUNTS.values() for path in paths}
    return fields | {"request_tags": Kind.JSON} | {_inside(path): inner[path] for path in inner}


def _inside(path: str) -> str:
    return f"{_METADATA}.{path}"


# The fields and the places of metadata, and what is taken of each.
KINDS = _kinds()


@dataclass(frozen=True)
class Met:
    """What the first records of a log show.

    Attributes:
        found: the fields and places of metadata that they fill; others are watched.
        in_order: whether they begin one after the other.
        header: the names of the cells, where lines are CSV.
    """

    found: frozenset[str]
    in_order: bool
    header: tuple[str, ...] = ()

    @property
    def places(self) -> frozenset[str]:
        """The places of metadata among `found`, and the objects around them."""
        inside = {path.partition(".")[2] for path in self.found if path not in FIELDS}
        around = {".".join(path.split(".")[:depth]) for path in inside for depth in range(1, 9)}
        return frozenset(around)

    @cached_property
    def columns(self) -> Columns:
        """How lines are taken apart."""
        fields = {
            name: KINDS[name] if name in self.found else Kind.EMPTY
            for name in FIELDS
            if name != _METADATA
        }
        inner = {
            _inside(path): KINDS[_inside(path)] if _inside(path) in self.found else Kind.ABSENT
            for path in litellm_metadata.read_paths(self.places)
        }
        if self.header:
            return Cells(fields | inner, self.header, tabular.RECORD_BYTES)
        return Columns(fields | inner)

    def show(
        self, connection: duckdb.DuckDBPyConnection, texts: Iterable[Text], before: int
    ) -> Lines:
        """Lines behind so many of their file, shown to a connection as LINES."""
        lines = Lines(self.columns, texts, before)
        connection.register(LINES, lines)
        return lines

    def behind(self, saved: int, records: int) -> Met | None:
        """How the lines behind a span are read, of whose records some were left and yet good.

        None where the kernel is of no more use.
        """
        if saved <= litellm_metadata.DOUBTFUL_SHARE * records:
            return self
        if self.found == WHOLE and saved > LEFT_SHARE * records:
            return None
        return replace(self, found=WHOLE)

    def rows(self, place: str) -> str:
        """All records of LINES with the contract's columns, their place and `_reason`."""
        fields = [
            f'"{name}"' if name in self.found else f'null::{_type_of(name)} as "{name}"'
            for name in FIELDS
            if name != _METADATA
        ]
        metadata = _object(litellm_metadata.only(litellm_metadata.PLACES, self.places))
        taken = f"select {', '.join(fields)}, {metadata} as {_METADATA}, {LINE} from {LINES}"
        source = f"select {litellm_sql.fields('columns')}, {LINE}, {place} from ({taken})"
        return litellm_sql.request_rows(source, "columns", self.places)


# All of them, whatever the first records show.
WHOLE = frozenset(KINDS)


def met(
    connection: duckdb.DuckDBPyConnection,
    head: slices.Window,
    key: bytes,
    header: tuple[str, ...] = (),
) -> Met | None:
    """Looks at the first records: names, fields and order; None where the kernel is of no use."""
    columns = Met(WHOLE, in_order=True, header=header).columns
    lines = Lines(columns, FileTexts(head[0].open, head[0].start, head[0].end))
    try:
        # By way of `pa.table` it would be asked whether this is a frame of pandas, which imports that.
        first = pa.RecordBatchReader.from_stream(lines).read_all().combine_chunks()
    except pa.ArrowException:
        if lines.error is None:
            raise
        return None
    records = sum(tally.lines - len(tally.blank) for tally in lines.tallies)
    if records - first.num_rows > LEFT_SHARE * records:
        return None
    connection.register(LINES, first)
    litellm_engine.remember_names(connection, key, LINES)
    times = numbers_of(first.column("startTime").drop_null().combine_chunks())
    turns = int((times[1:] < times[:-1]).sum())
    return Met(
        frozenset(path for path in KINDS if first.column(path).null_count < first.num_rows),
        turns <= litellm_engine.OUT_OF_ORDER_SHARE * len(times),
        header,
    )


def _type_of(name: str) -> str:
    return {Kind.COUNT: "bigint", Kind.INSTANT: "timestamp"}.get(KINDS[name], "varchar")


def _object(paths: Iterable[str], above: str = "") -> str:
    """SQL of the object that has columns at these paths."""
    members: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        members.setdefault(name, []).append(rest)
    inner = (
        f"'{name}': "
        + (_object(rests, f"{above}{name}.") if any(rests) else f'"{_inside(above + name)}"')
        for name, rests in members.items()
    )
    return f"{{{', '.join(inner)}}}" if members else "null::varchar"
