"""From the keys of a printed summary to the columns of `benchmark_runs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from tokenworks_sources.connectors.benchmarks import figures, moments
from tokenworks_sources.connectors.json.in_place import values_of
from tokenworks_sources.contracts.benchmark_runs import METRICS, STATISTICS

FIGURE_BYTES = 500

# What tools call a median.
_WORDS = {"p50": ("median", "p50")}


def objects_of(path: Path, scratch: Path) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Number and figures of each run of a file of summaries; None where a line is broken.

    What is too long for a figure or a name, such as arrays of details, is left out.

    Raises:
        LandingFileError: the file is no JSON object.
    """
    for number, run in values_of(path, dict[str, msgspec.Raw], scratch):
        yield number, None if run is None else _figures(run)


def _figures(run: dict[str, msgspec.Raw]) -> dict[str, Any] | None:
    short = {key: raw for key, raw in run.items() if len(memoryview(raw)) < FIGURE_BYTES}
    try:
        return {key: msgspec.json.decode(raw) for key, raw in short.items()}
    except (msgspec.DecodeError, UnicodeDecodeError):  # 1e999 is JSON and no number
        return None


def latencies(
    record: Mapping[str, object], names: Mapping[str, Iterable[str]], form: str, per_second: float
) -> dict[str, object]:
    """Latency columns that the record has.

    Args:
        record: the summary.
        names: what the tool calls each metric.
        form: how it makes a key of `{statistic}` and `{metric}`.
        per_second: how many of its units a second has.

    Raises:
        UsageError: a figure is no number.
    """
    found: dict[str, object] = {}
    for metric in METRICS:
        for statistic in STATISTICS:
            keys = [
                form.format(statistic=word, metric=name)
                for name in names.get(metric, ())
                for word in _WORDS.get(statistic, (statistic,))
            ]
            values = (figures.positive(record.get(key), key) for key in keys)
            value = next((value for value in values if value is not None), None)
            if value is not None:
                found[f"{metric}_{statistic}_seconds"] = value / per_second
    return found


def counts(record: Mapping[str, object], columns: Mapping[str, str]) -> dict[str, object]:
    """Count columns, by the key that the tool gives each."""
    return {column: figures.whole(record.get(key), key) for column, key in columns.items()}


def rates(record: Mapping[str, object], columns: Mapping[str, str]) -> dict[str, object]:
    """Columns of plain numbers, by the key that the tool gives each."""
    return {column: figures.number(record.get(key), key) for column, key in columns.items()}


def names(record: Mapping[str, object], columns: Mapping[str, str]) -> dict[str, object]:
    """Text columns, by the key that the tool gives each."""
    return {column: figures.name(record, key) for column, key in columns.items()}


def span(start: datetime, duration: float | None) -> dict[str, object]:
    """Begin, end and length of a run that is known by its begin."""
    return {
        "started_at": start,
        "ended_at": moments.later(start, duration),
        "duration_seconds": duration,
    }
