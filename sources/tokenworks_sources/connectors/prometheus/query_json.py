"""Answers of Prometheus' HTTP API (`query_range`, `query`) as a dump.

Format: https://prometheus.io/docs/prometheus/latest/querying/api/ (matrix: `values`, vector:
`value`, both [seconds, "text"]; NaN and +Inf are texts; times have whole milliseconds). A file holds one
answer or several, one after the other or in a list. `source_line` is the number of the series in the
file; one record is one sample. Native histograms (`histogram`, `histograms`) have no fixed bounds to
store: rejected, each sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.prometheus.clock import EARLIEST, LATEST
from tokenworks_sources.connectors.prometheus.dump import NO_NUMBER, NO_TIME, Dump, room
from tokenworks_sources.connectors.prometheus.exposition import Series
from tokenworks_sources.connectors.prometheus.query_elements import AnswerError, Answers
from tokenworks_sources.connectors.prometheus.scan import SERIES_LIMIT
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

NATIVE = "histogram: native histograms are not read, store classic buckets"
BAD_SERIES = "series: not as the HTTP API writes it"
# 500,000 samples are about 100 MB of Python objects.
SPOOLED_SAMPLES = 500_000
_HINT = "Save the answer of /api/v1/query_range again, whole."

# What the decoder raises; bytes that are no UTF-8 are no DecodeError.
REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Pair = tuple[float, str]


class _Answered(msgspec.Struct):
    """One series of an answer."""

    metric: dict[str, str]
    values: list[Pair] = []
    value: Pair | None = None
    histograms: list[msgspec.Raw] = []
    histogram: msgspec.Raw | None = None


class _LooselyAnswered(msgspec.Struct):
    """One series whose samples are not all as they should be."""

    metric: dict[str, str]
    values: list[msgspec.Raw] = []
    value: msgspec.Raw | None = None


_SERIES = msgspec.json.Decoder(_Answered)
_LOOSE = msgspec.json.Decoder(_LooselyAnswered)
_PAIR = msgspec.json.Decoder(Pair)


@contextmanager
def read_answers(
    file: LandingFile, is_wanted: Callable[[Series], bool], unwanted: str, sink: Sink
) -> Iterator[Dump]:
    """The series that are wanted; the samples of the others are skipped.

    Args:
        file: the answers, plain or compressed.
        is_wanted: whether a series may be of use.
        unwanted: reason of the skipped ones.
        sink: is told of what is not in the dump.

    Raises:
        LandingFileError: the answer tells an error, ends early or holds no series.
    """
    with room(sink.scratch) as (connection, folder):
        spool = _Spool(file, folder, is_wanted, unwanted, sink)
        _fill(spool, file)
        sink.expect(spool.records)
        connection.read_parquet(str(folder / "samples-*.parquet")).create_view("samples")
        yield Dump(spool.series, connection)


_RUN = {"series": pl.Int32, "line": pl.Int64, "samples": pl.Int64}


class _Spool:
    def __init__(
        self,
        file: LandingFile,
        folder: Path,
        is_wanted: Callable[[Series], bool],
        unwanted: str,
        sink: Sink,
    ) -> None:
        self.series: list[Series] = []
        self.records = self.parts = 0
        self._file, self._folder = file, folder
        self._is_wanted, self._unwanted, self._sink = is_wanted, unwanted, sink
        self._times: list[float] = []
        self._texts: list[str] = []
        self._runs: list[tuple[int, int, int]] = []

    def add(self, number: int, one: _Answered | bytes) -> None:
        """One series, or the bytes of one that is not as it should be."""
        if isinstance(one, bytes):
            self._loose(number, one)
            return
        pairs = one.values if one.value is None else [*one.values, one.value]
        native = len(one.histograms) + (one.histogram is not None)
        if native:
            self._reject(number, NATIVE, one.metric.get("__name__", ""), native)
        self._keep(number, one.metric, pairs)

    def _keep(self, number: int, metric: dict[str, str], pairs: list[Pair]) -> None:
        if not pairs:
            return
        self.records += len(pairs)
        labels = {label: text for label, text in metric.items() if text}
        series = Series(labels.pop("__name__", ""), labels)
        if not self._is_wanted(series):
            self._sink.skip(self._unwanted, len(pairs))
            return
        if len(self.series) >= SERIES_LIMIT:
            raise LandingFileError(
                self._file.path,
                f"more than {SERIES_LIMIT:,} distinct series.",
                "Is a label unique per request? Ask for fewer series at a time.",
            )
        times, texts = zip(*pairs, strict=True)
        self._times.extend(times)
        self._texts.extend(texts)
        self._runs.append((len(self.series), number, len(pairs)))
        self.series.append(series)
        if len(self._times) >= SPOOLED_SAMPLES:
            self.flush()

    def _loose(self, number: int, text: bytes) -> None:
        try:
            one = _LOOSE.decode(text)
        except REFUSED:
            self._reject(number, BAD_SERIES, "", 1)
            return
        pairs: list[Pair] = []
        for raw in one.values if one.value is None else [*one.values, one.value]:
            try:
                pairs.append(_PAIR.decode(raw))
            except REFUSED:
                self._reject(number, "sample: no pair of a time and a text", bytes(raw)[:80], 1)
        self._keep(number, one.metric, pairs)

    def _reject(self, number: int, reason: str, raw: str | bytes, records: int) -> None:
        self.records += records
        self._sink.reject(number, reason, raw, records)

    def flush(self) -> None:
        """Writes the samples that wait; the first file may hold none."""
        if not self._runs and self.parts:
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
            self._folder / f"samples-{self.parts:05d}.parquet", compression="lz4", statistics=False
        )
        self.parts += 1
        self._times.clear()
        self._texts.clear()
        self._runs.clear()


def _fill(spool: _Spool, file: LandingFile) -> None:
    with open_decompressed(file.path) as stream:
        answers = Answers(stream)
        try:
            for number, one in enumerate(answers.series(_SERIES.decode, REFUSED), 1):
                spool.add(number, one)
        except AnswerError as error:
            raise LandingFileError(file.path, f"{error}.", _HINT) from error
    if not answers.results:
        raise LandingFileError(file.path, "the answer tells of a failed query.", _HINT)
    spool.flush()
