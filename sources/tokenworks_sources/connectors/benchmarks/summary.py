"""From the keys of a printed summary to the columns of `benchmark_runs`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from tokenworks_sources.connectors.benchmarks import figures, moments
from tokenworks_sources.contracts.benchmark_runs import METRICS, STATISTICS

# What tools call a median.
_WORDS = {"p50": ("median", "p50")}


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
