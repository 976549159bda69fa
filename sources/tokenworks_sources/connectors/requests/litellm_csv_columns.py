"""Large spend logs as CSV: most lines by a kernel, and those that it leaves one by one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import duckdb
import numpy as np

from tokenworks_sources.connectors.requests import (
    csv_spans,
    line_runs,
    litellm_columns,
    litellm_left,
    slices,
)
from tokenworks_sources.connectors.requests.csv_spans import Place
from tokenworks_sources.connectors.requests.line_runs import Run
from tokenworks_sources.connectors.requests.litellm_columns import Met
from tokenworks_sources.connectors.requests.litellm_csv_records import Records
from tokenworks_sources.connectors.requests.litellm_left import Origin
from tokenworks_sources.landing import is_compressed


def read(records: Records, begin: Place) -> Place | None:
    """Reads a log from some line on, as far as its records are lines and the kernel is of use.

    Args:
        records: the log, and how lines are read that the kernel leaves.
        begin: behind the header.

    Returns:
        where the rest begins, None where there is none.
    """
    with csv_spans.spans_ahead(records.file.path, begin.start) as spans:
        return _read_runs(records, begin, map(line_runs.run_of, spans))


def _read_runs(records: Records, begin: Place, runs: Iterator[Run]) -> Place | None:
    first = next(runs, None)
    if first is None:
        return None
    # A line that is longer than what is held is no run.
    met = _met(records, first) if first.spans[0].end else None
    reached = begin
    coming: Iterator[Run] = chain([first], runs)
    # Nothing is held of lines that come by time, and lie in a plain file.
    if met and met.in_order and not is_compressed(records.file.path):
        coming = line_runs.joined(coming)
    for run in coming:
        (span,) = run.spans
        done = _read_run(records, met, run, reached.lines) if met and span.end else None
        if done is None:
            return reached
        met, lines = done
        reached = Place(reached.start + span.end - span.start, lines)
    return None


def _met(records: Records, run: Run) -> Met | None:
    return litellm_columns.met(
        records.connection,
        slices.head_in(run.ends()),
        records.sink.pseudonym_key,
        tuple(records.names),
    )


def _read_run(records: Records, met: Met, run: Run, before: int) -> tuple[Met | None, int] | None:
    """Writes and rejects the records of a run behind so many lines of the log.

    Returns:
        how the next one is read, and the lines before it; None where records are no lines, and nothing
        of the run was kept.
    """
    lines = met.show(records.connection, run.texts, before)
    place = f"_line as source_line, 0 as _file, '{records.file.digest}' as _digest"
    try:
        written = records.copy(met.rows(place), run.ends())
    except duckdb.Error:
        if lines.error is None:
            raise
        return None
    window = run.counted(before, lines.tallies)
    number = slices.records_of(window)
    records.sink.expect(number)
    saved = 0
    if written < number:
        origin = Origin(np.array([1], np.int64), [0], [records.file.digest])
        left = litellm_left.left_of(window, origin.lines_of(records.sink.copied()))
        saved = sum(records.read_lines(*some) for some in litellm_left.texts_of(window, left))
    return met.behind(saved, number), window[-1].lines_before + window[-1].lines
