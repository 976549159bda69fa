"""Series of a dump that come one after another, on disk as `dump.py` wants them.

Belongs here: what is common to containers in JSON. Does not belong here: how each of them writes a series.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.prometheus.clock import EARLIEST, LATEST
from tokenworks_sources.connectors.prometheus.dump import NO_NUMBER, NO_TIME, Dump, room
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.connectors.prometheus.scan import SERIES_LIMIT
from tokenworks_sources.errors import LandingFileError

# 500,000 samples are about 100 MB of Python objects.
SPOOLED_SAMPLES = 500_000
# What PromQL's functions and sums give: a rate is no counter, whatever it is a rate of.
NAMELESS = "metric: no name; query the metric itself, not a function of it"
_RUN = {"series": pl.Int32, "line": pl.Int64, "samples": pl.Int64}


class Spool:
    """Takes the series of one file; see `spooled`.

    Attributes:
        series: those that may be of use, by number.
        records: samples seen, rejected and skipped ones included.
    """

    def __init__(
        self,
        file: LandingFile,
        folder: Path,
        is_wanted: Callable[[Series], bool],
        unwanted: str,
        sink: Sink,
    ) -> None:
        self.series: list[Series] = []
        self.records = self._parts = 0
        self._file, self._folder = file, folder
        self._is_wanted, self._unwanted, self._sink = is_wanted, unwanted, sink
        self._times: list[float] = []
        self._texts: list[str] = []
        self._runs: list[tuple[int, int, int]] = []

    def keep(
        self, number: int, metric: Mapping[str, str], times: Sequence[float], texts: Sequence[str]
    ) -> None:
        """Samples of one series.

        Args:
            number: of the series in the file.
            metric: its labels, the name among them.
            times: seconds since the epoch; only whole milliseconds count.
            texts: the values, `NaN` and `+Inf` among them.
        """
        if not times:
            return
        self.records += len(times)
        labels = {label: text for label, text in metric.items() if text}
        series = Series(labels.pop("__name__", ""), labels)
        if not series.name:
            self._sink.reject(number, NAMELESS, "", len(times))
            return
        if not self._is_wanted(series):
            self._sink.skip(self._unwanted, len(times))
            return
        if len(self.series) >= SERIES_LIMIT:
            raise LandingFileError(
                self._file.path,
                f"more than {SERIES_LIMIT:,} distinct series.",
                "Is a label unique per request? Ask for fewer series at a time.",
            )
        self._times.extend(times)
        self._texts.extend(texts)
        self._runs.append((len(self.series), number, len(times)))
        self.series.append(series)
        if len(self._times) >= SPOOLED_SAMPLES:
            self.flush()

    def reject(self, number: int, reason: str, raw: str | bytes, records: int) -> None:
        """Samples of a series that cannot be used."""
        self.records += records
        self._sink.reject(number, reason, raw, records)

    def flush(self) -> None:
        """Writes the samples that wait; the first file may hold none."""
        if not self._runs and self._parts:
            return
        runs = pl.DataFrame(self._runs, schema=_RUN, orient="row")
        samples = runs.select(pl.col("series", "line").repeat_by("samples").explode())
        samples = samples.with_columns(
            micros=(pl.Series(self._times, dtype=pl.Float64) * 1000)
            .round()
            .cast(pl.Int64, strict=False)
            * 1000,
            text=pl.Series(self._texts, dtype=pl.String),
        ).with_columns(value=pl.col("text").cast(pl.Float64, strict=False))
        is_time = pl.col("micros").is_between(EARLIEST, LATEST, closed="left").fill_null(False)
        reason = (
            pl.when(~is_time)
            .then(pl.lit(NO_TIME))
            .when(pl.col("value").is_null())
            .then(pl.lit(NO_NUMBER))
        )
        judged = samples.with_columns(reason=reason)
        for line, why, text in (
            judged.filter(pl.col("reason").is_not_null())
            .select("line", "reason", "text")
            .iter_rows()
        ):
            self._sink.reject(line, why, text[:80])
        good = judged.filter(pl.col("reason").is_null()).select("series", "micros", "value", "line")
        good.write_parquet(
            self._folder / f"samples-{self._parts:05d}.parquet",
            compression="lz4",
            statistics=False,
        )
        self._parts += 1
        self._times.clear()
        self._texts.clear()
        self._runs.clear()


@contextmanager
def spooled(
    file: LandingFile,
    is_wanted: Callable[[Series], bool],
    unwanted: str,
    sink: Sink,
    fill: Callable[[Spool, LandingFile], None],
) -> Iterator[Dump]:
    """The series of a file that are wanted; the samples of the others are skipped.

    Args:
        file: plain or compressed.
        is_wanted: whether a series may be of use.
        unwanted: reason of the skipped ones.
        sink: is told of what is not in the dump.
        fill: hands every series of the file to the spool.
    """
    with room(sink.scratch) as (connection, folder):
        spool = Spool(file, folder, is_wanted, unwanted, sink)
        fill(spool, file)
        spool.flush()
        sink.expect(spool.records)
        connection.read_parquet(str(folder / "samples-*.parquet")).create_view("samples")
        yield Dump(spool.series, connection)
