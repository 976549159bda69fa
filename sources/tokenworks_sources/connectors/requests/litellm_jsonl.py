"""Spend logs as JSONL: one parallel pass for each window of lines, and a second look at what is bad.

A large log goes through the kernel of `litellm_columns.py`, any other through DuckDB's reader. There
metadata is read as an object, which is the fastest; a log that keeps JSON inside strings shows it in
its first records, and is then read as JSON from the start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import polars as pl

from tokenworks_sources.connectors.base import BatchSink, LandingFile, Sink
from tokenworks_sources.connectors.requests import (
    litellm_engine,
    litellm_left,
    litellm_metadata,
    litellm_sql,
    slices,
)
from tokenworks_sources.connectors.requests.litellm_left import Origin
from tokenworks_sources.connectors.requests.slice_files import SliceFileSystem, numbered
from tokenworks_sources.contracts.requests import CONTRACT
from tokenworks_sources.errors import LandingFileError

if TYPE_CHECKING:
    from tokenworks_sources.connectors.requests.line_runs import Run
    from tokenworks_sources.connectors.requests.litellm_columns import Met

LARGEST_LINE_BYTES = 1 << 24


def read(file: LandingFile, sink: Sink, lines: Path) -> None:
    """Hands every record of a file to the sink; they stand line by line in `lines`."""
    with litellm_engine.engine(sink) as (connection, files):
        try:
            _Log(file, sink, connection, files, lines).read()
        except duckdb.Error as error:
            raise _unreadable(file, error) from error


@dataclass(frozen=True)
class _Log:
    """A log that is read by itself.

    Attributes:
        file, sink: where records come from and go to.
        connection, files: the engine.
        lines: the records, line by line.
    """

    file: LandingFile
    sink: Sink
    connection: duckdb.DuckDBPyConnection
    files: SliceFileSystem
    lines: Path

    def read(self) -> None:
        """Reads it by the kernel where it is large and plain, else by DuckDB."""
        head = slices.head_of(self.lines)
        if litellm_engine.pays(self.lines):
            from tokenworks_sources.connectors.requests import line_runs, litellm_columns

            with line_runs.runs_of(self.lines) as runs:
                met = litellm_columns.met(self.connection, head, self.sink.pseudonym_key)
                if met is not None:
                    self._take_columns(met, runs, head)
                    return
        with slices.windows_of(self.lines) as windows:
            self._read_windows(windows, head)

    def _read_windows(self, windows: Iterator[slices.Window], head: slices.Window) -> None:
        reader = _met(self.connection, self.files, head, self.sink.pseudonym_key)
        for window in windows:
            records = slices.records_of(window)
            self.sink.expect(records)
            saved = _read_window(reader, window, self._place, "", _OneFile(self.sink), self._origin)
            if saved > litellm_metadata.DOUBTFUL_SHARE * records:
                reader = replace(reader, found=litellm_metadata.EVERYWHERE)

    def _take_columns(self, met: Met, runs: Iterator[Run], head: slices.Window) -> None:
        """Reads runs by the kernel, and by DuckDB what it leaves: all that follows, where that is much."""
        from tokenworks_sources.connectors.requests import line_runs

        before = 0
        reader = _Reader(self.connection, self.files, "json", met.in_order, ())
        # What is sorted is held; all else goes by, and the fewer the queries the better.
        for run in line_runs.joined(runs) if met.in_order else runs:
            window, saved = self._take_run(met, reader, run, before)
            before = window[-1].lines_before + window[-1].lines
            coming = met.behind(saved, slices.records_of(window))
            if coming is None:
                self._read_windows(slices.counted(line_runs.spans_of(runs), before), head)
                return
            met = coming

    def _take_run(
        self, met: Met, reader: _Reader, run: Run, before: int
    ) -> tuple[slices.Window, int]:
        """Writes and rejects the records of a run; its lines, and how many the kernel left that are good."""
        sink, lines = _OneFile(self.sink), met.show(self.connection, run.texts, before)
        written = reader.copy(sink, met.rows(self._place), run.ends())
        window = run.counted(before, lines.tallies)
        records = slices.records_of(window)
        self.sink.expect(records)
        saved = _read_left(reader, window, sink, self._origin) if written < records else 0
        return window, saved

    @property
    def _place(self) -> str:
        return f"_line as source_line, 0 as _file, '{self.file.digest}' as _digest"

    @property
    def _origin(self) -> Origin:
        return Origin(np.array([1], np.int64), [0], [self.file.digest])


def read_batch(sink: BatchSink, places: list[int], lines: list[int], text: bytes) -> None:
    """Hands every record of many small files to the sink, read as one text.

    Args:
        sink: where records go.
        places: the files' places in the batch.
        lines: how many each of them has.
        text: the files behind each other, each with a newline at its end.
    """
    window = slices.window_of(text)
    ends = np.cumsum(lines)
    starts = (ends - lines + 1).tolist()
    blank = np.concatenate([np.array(part.blank, int) + part.lines_before for part in window])
    skipped = np.bincount(np.searchsorted(ends, blank), minlength=len(lines))
    for place, records in zip(places, (lines - skipped).tolist(), strict=True):
        sink.expect(place, records)
    digests = [sink.files[place].digest for place in places]
    with litellm_engine.engine(sink) as (connection, files):
        connection.execute(
            "create temp table _places as select _first, _file, _digest, "
            "unnest(range(_first, _behind)) as _at from (select unnest($1::bigint[]) as _first, "
            "unnest($2::bigint[]) as _behind, unnest($3::bigint[]) as _file, "
            "unnest($4::varchar[]) as _digest)",
            [starts, (ends + 1).tolist(), places, digests],
        )
        reader = _met(connection, files, slices.head_in(window), sink.pseudonym_key)
        where_from = "_line - _first + 1 as source_line, _file, _digest"
        # An ASOF join would sort all that the records hold.
        join = "join _places on _line = _at"
        origin = Origin(np.array(starts, np.int64), places, digests)
        _read_window(reader, window, where_from, join, sink, origin)


@dataclass(frozen=True)
class _OneFile:
    """The sink of one file as that of a batch."""

    sink: Sink

    def copy(
        self,
        table: str,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        *,
        day: date | None = None,
        in_order: bool = True,
    ) -> int:
        return self.sink.copy(table, connection, query, day=day, in_order=in_order)

    def copied(self) -> pl.DataFrame:
        return self.sink.copied()

    def reject(self, file: int, line: int, reason: str, raw: str | bytes) -> None:
        self.sink.reject(line, reason, raw)


@dataclass(frozen=True)
class _Reader:
    """How the records of a log are read, told from its first ones."""

    connection: duckdb.DuckDBPyConnection
    files: SliceFileSystem
    form: litellm_sql.Form
    in_order: bool
    found: Collection[str]

    def rows(self, window: slices.Window, form: litellm_sql.Form, place: str, join: str) -> str:
        """All records of a window with the contract's columns, their place and `_reason`."""
        numbered = self._numbered(window, litellm_sql.json_columns(form, self.found))
        source = f"select {litellm_sql.fields(form)}, _line, {place} from ({numbered}) {join}"
        return litellm_sql.request_rows(source, form, self.found)

    def copy(self, sink: BatchSink | _OneFile, rows: str, window: slices.Window) -> int:
        """Writes the good ones of these rows of a window; how many."""
        return sink.copy(
            CONTRACT.table,
            self.connection,
            litellm_sql.good(rows),
            day=_day_of(window) if self.in_order else None,
            in_order=self.in_order,
        )

    def _numbered(self, window: slices.Window, columns: dict[str, str]) -> str:
        return numbered(
            self.connection, self.files, window, lambda name: _scan(name, columns), "_line"
        )


def _met(
    connection: duckdb.DuckDBPyConnection,
    files: SliceFileSystem,
    head: slices.Window,
    key: bytes,
) -> _Reader:
    """Looks at the first records: their names, the form of their metadata, and their order."""
    scan = _scan(files.show(head)[0], litellm_sql.json_columns("object"))
    (doubtful, starts, found) = litellm_engine.remember_names(
        connection,
        key,
        f"(select *, metadata as _m from {scan})",
        (
            f"avg(({litellm_metadata.doubtful()})::int)",
            'list("startTime")',
            litellm_metadata.sightings(),
        ),
    )
    times = [time for time in starts or () if time is not None]
    turns = sum(later < earlier for earlier, later in pairwise(times))
    return _Reader(
        connection,
        files,
        "json" if (doubtful or 0) > litellm_metadata.DOUBTFUL_SHARE else "object",
        turns <= litellm_engine.OUT_OF_ORDER_SHARE * len(times),
        litellm_metadata.found_by(found),
    )


def _read_window(
    reader: _Reader,
    window: slices.Window,
    place: str,
    join: str,
    sink: BatchSink | _OneFile,
    origin: Origin,
) -> int:
    """Writes and rejects the records of a window; how many had to be read in all places for that."""
    rows = reader.rows(window, reader.form, place, join)
    if reader.copy(sink, rows, window) == slices.records_of(window):
        return 0
    return _read_left(reader, window, sink, origin)


def _read_left(
    reader: _Reader, window: slices.Window, sink: BatchSink | _OneFile, origin: Origin
) -> int:
    """Reads in all places what was not written, and rejects what is no good; how many were."""
    return litellm_left.read_again(
        reader.connection,
        window,
        origin,
        litellm_left.left_of(window, origin.lines_of(sink.copied())),
        lambda again: reader.rows(again, "json", litellm_left.PLACE, litellm_left.AGAIN),
        lambda rows: reader.copy(sink, rows, window),
        sink.reject,
    )


def _day_of(window: slices.Window) -> date | None:
    """The day on which the first and the last record of a window begin, if it is one."""
    days = {litellm_sql.day_of(line) for line in slices.ends_of(window)}
    return days.pop() if len(days) == 1 else None


def _scan(name: str, columns: dict[str, str]) -> str:
    return (
        f"read_json('{name}', format = 'newline_delimited', ignore_errors = true, "
        f"compression = 'none', maximum_object_size = {LARGEST_LINE_BYTES}, columns = {columns!r})"
    )


def _unreadable(file: LandingFile, error: duckdb.Error) -> LandingFileError:
    return LandingFileError(
        file.path,
        f"it cannot be read as JSONL ({str(error).splitlines()[0]}).",
        f"Lines may be up to {LARGEST_LINE_BYTES >> 20} MiB long.",
    )
