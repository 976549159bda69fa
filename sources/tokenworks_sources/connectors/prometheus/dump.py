"""Samples of a dump on disk, and how they come back in the order of time.

A dump holds one series after another, the lake wants one row per instant: the samples wait in Parquet
and DuckDB sorts them, in memory that does not grow with the dump.

Belongs here: the order, and what a container hands over. Does not belong here: the containers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa

from tokenworks_sources.connectors.prometheus.clock import EARLIEST, LATEST
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.connectors.prometheus.scan import BATCH_SAMPLES, Batch
from tokenworks_sources.connectors.prometheus.scrapes import Scrape
from tokenworks_sources.engine import connected

# A sort beyond this spills to the temporary folder.
# The series of the dump and the rows being built live beside it in this process.
MEMORY_LIMIT = "512MB"
NO_TIME = "timestamp: no time between 2000 and 2100"
NO_NUMBER = "value: not a number"
IN_TIME = f"micros >= {EARLIEST} and micros < {LATEST}"


@dataclass(frozen=True)
class Dump:
    """A dump that was read.

    Attributes:
        series: its series that may be of use, by number.
        connection: holds the view `samples` (series, micros, value, line).
    """

    series: list[Series]
    connection: duckdb.DuckDBPyConnection


@contextmanager
def room(scratch: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, Path]]:
    """A DuckDB and a folder for one dump; both go with it."""
    scratch.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="prometheus-", dir=scratch) as folder,
        connected(Path(folder) / "spill", memory=MEMORY_LIMIT) as connection,
    ):
        yield connection, Path(folder)


def batches(dump: Dump) -> Iterator[Batch]:
    """Whole instants, in the order of time."""
    reader: pa.RecordBatchReader = dump.connection.sql(
        "select series, micros, value, line from samples order by micros, series, line"
    ).to_arrow_reader(BATCH_SAMPLES)
    kept: pl.DataFrame | None = None
    for part in reader:
        frame = pl.DataFrame(pl.from_arrow(part))
        kept = frame if kept is None else pl.concat([kept, frame])
        is_last = kept["micros"] == kept["micros"].max()
        if not is_last.all():
            yield _batch(kept.filter(~is_last))
            kept = kept.filter(is_last)
    if kept is not None and kept.height:
        yield _batch(kept)


def _batch(samples: pl.DataFrame) -> Batch:
    times = samples["micros"].unique().sort()
    return Batch(
        samples.select(
            pl.col("micros").rle_id().cast(pl.Int32).alias("scrape"),
            pl.col("series").cast(pl.Int32),
            pl.col("value").cast(pl.Float64),
            pl.col("line").cast(pl.Int64),
        ),
        [Scrape(time, None) for time in times.to_list()],
    )


def without_target_labels(series: list[Series], known: frozenset[str]) -> list[Series]:
    """Series without the labels that Prometheus attached to all series of their target.

    Such a label (`app`, `team`) has one value on every series of the target, whatever the metric.

    Args:
        series: of one dump.
        known: labels that mean something to a connector and stay.
    """
    constant: dict[tuple[str | None, str | None], dict[str, str]] = {}
    names: dict[tuple[str | None, str | None], set[str]] = {}
    for one in series:
        target = (one.labels.get("job"), one.labels.get("instance"))
        labels = constant.setdefault(target, dict(one.labels))
        for label in [label for label, value in labels.items() if one.labels.get(label) != value]:
            del labels[label]
        names.setdefault(target, set()).add(_metric(one.name))
    stripped = []
    for one in series:
        target = (one.labels.get("job"), one.labels.get("instance"))
        drop = constant[target].keys() - known if len(names[target]) > 1 else frozenset()
        labels = {label: value for label, value in one.labels.items() if label not in drop}
        stripped.append(Series(one.name, labels))
    return stripped


def _metric(name: str) -> str:
    for suffix in ("_bucket", "_sum", "_count", "_created", "_total"):
        name = name.removesuffix(suffix)
    return name
