"""What only the whole of a Langfuse export tells: the unit of its durations, and who encloses whom.

Rows and the tree of observations wait in temporary Parquet files while the export is read once; then
they are joined by DuckDB, which spills where they do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.contracts.requests import CONTRACT
from tokenworks_sources.engine import connected

BLOCK_ROWS = 20_000
MEMORY_LIMIT = "512MB"
# Odd rows (an end that was corrected by hand) may not turn the unit of a file, nor a mix be guessed.
CLEAR_MAJORITY = 0.9
_SLACK_SECONDS, _SLACK_SHARE = 0.002, 0.01

_TEXT = pl.String()
_ROWS: dict[str, pl.DataType] = {
    **{
        name: kind
        for name, kind in polars_schema(CONTRACT).items()
        if not name.startswith("source_")
    },
    "source_line": pl.Int64(),
    "latency": pl.Float64(),
    "ttft": pl.Float64(),
    "_raw": _TEXT,
}
_TABLES: dict[str, dict[str, pl.DataType]] = {
    "rows": _ROWS,
    "nodes": {"id": _TEXT, "parent": _TEXT, "is_attempt": pl.Boolean()},
    "traces": {"id": _TEXT, "session_id": _TEXT, "user_pseudonym": _TEXT, "tags": _TEXT},
}


@dataclass
class Unit:
    """Whether durations are seconds or milliseconds, by comparing them with the times beside them.

    A duration votes where it equals its span, within 2 ms and 1 %, in exactly one of the units.
    """

    seconds: int = 0
    milliseconds: int = 0
    durations: int = 0

    def see(self, duration: float | None, start: datetime, end: datetime | None) -> None:
        """Counts one duration and the span that it should be."""
        if duration is None:
            return
        self.durations += 1
        if end is None:
            return
        span = (end - start).total_seconds()
        slack = _SLACK_SECONDS + _SLACK_SHARE * abs(span)
        is_seconds = abs(duration - span) <= slack
        is_milliseconds = abs(duration / 1000 - span) <= slack
        self.seconds += is_seconds and not is_milliseconds
        self.milliseconds += is_milliseconds and not is_seconds

    @property
    def per_second(self) -> int | None:
        """1 or 1000; None where nothing votes or the votes are no clear majority."""
        votes = self.seconds + self.milliseconds
        if votes and self.seconds >= CLEAR_MAJORITY * votes:
            return 1
        return 1000 if votes and self.milliseconds >= CLEAR_MAJORITY * votes else None


@dataclass
class Spool:
    """Tables of one export in a folder of its own."""

    folder: Path
    unit: Unit = field(default_factory=Unit)
    _waiting: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {name: [] for name in _TABLES}
    )
    _parts: int = 0

    def add(self, table: str, row: dict[str, Any]) -> None:
        """Keeps one row of `rows`, `nodes` or `traces`."""
        waiting = self._waiting[table]
        waiting.append(row)
        if len(waiting) >= BLOCK_ROWS:
            self._write(table)

    def _write(self, table: str) -> None:
        frame = pl.DataFrame(self._waiting[table], schema=_TABLES[table], orient="row")
        frame.write_parquet(self.folder / f"{table}-{self._parts:06d}.parquet", compression="lz4")
        self._parts += 1
        self._waiting[table] = []

    def joined(self) -> Iterator[pl.DataFrame]:
        """All rows with what their trace and the tree say of them, in blocks for the lake."""
        for table in _TABLES:
            self._write(table)
        with connected(
            self.folder / "spill",
            memory=MEMORY_LIMIT,
            keeps_order=True,
            database=self.folder / "spool.duckdb",
        ) as connection:
            connection.execute(_NEAREST.format(nodes=self._scan("nodes")))
            query = _JOINED.format(
                per_second=self.unit.per_second or "null",
                rows=self._scan("rows"),
                traces=self._scan("traces"),
            )
            for batch in connection.sql(query).to_arrow_reader(BLOCK_ROWS):
                yield pl.DataFrame(pl.from_arrow(batch))

    def _scan(self, table: str) -> str:
        return f"read_parquet('{self.folder}/{table}-*.parquet')"


# `union`, not `union all`: a cycle of damaged parents ends.
_NEAREST = """
create temp table nearest as
with recursive
nodes as (select id, any_value(parent) as parent, bool_or(is_attempt) as is_attempt
          from {nodes} group by id),
climb as (
    select id, parent as at from nodes where is_attempt and parent is not null
    union
    select climb.id, nodes.parent from climb join nodes on nodes.id = climb.at
    where not nodes.is_attempt and nodes.parent is not null
)
select climb.id, any_value(climb.at) as parent from climb join nodes on nodes.id = climb.at
where nodes.is_attempt group by climb.id
"""
_JOINED = """
select r.* exclude (latency, ttft) replace (
    coalesce(n.parent, r.parent_span_id) as parent_span_id,
    r.ttft / {per_second} as ttft_seconds,
    r.latency / {per_second} as e2e_seconds,
    coalesce(t.session_id, r.session_id) as session_id,
    coalesce(t.user_pseudonym, r.user_pseudonym) as user_pseudonym,
    coalesce(t.tags, r.tags) as tags
)
from {rows} as r
left join nearest as n on n.id = r.span_id
left join (select id, any_value(session_id) as session_id, any_value(tags) as tags,
           any_value(user_pseudonym) as user_pseudonym from {traces} group by id) as t
    on t.id = r.trace_id
order by r.source_line
"""
