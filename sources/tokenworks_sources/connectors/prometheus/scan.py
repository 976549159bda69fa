"""Scrapes of a file as numbers: which series, which scrape, which value, which line.

The loop over lines is the only code that runs once per sample; whatever a line needs beyond one
dictionary lookup and one float happens in `_line`, once per distinct series, comment or timestamp.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.prometheus.catalogue import Catalogue
from tokenworks_sources.connectors.prometheus.clock import parse_time, time_in_name
from tokenworks_sources.connectors.prometheus.exposition import (
    is_separator,
    is_title,
    parse_series,
    split_sample,
)
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

BLOCK_BYTES = 4 << 20
LINE_BYTES = 16 << 20
# A batch of 400,000 samples peaks near 100 MB while its rows are built.
BATCH_SAMPLES = 400_000
PENDING_SAMPLES = 8_000_000
SERIES_LIMIT = 1_000_000
# Scrapers of several targets write one round's timestamps out of order by less than this.
LATE_MICROS = 120 * 1_000_000
TIME_HINT = (
    "Put a line '# scraped_at 2026-10-01T00:05:00Z' before each scrape, or the time into the file "
    "name (20261001T000500Z), or have the samples carry timestamps."
)


@dataclass(frozen=True)
class Scrape:
    """One scrape.

    Attributes:
        time: microseconds since the epoch.
        instance: the `# instance` header in force, None where there was none.
    """

    time: int
    instance: str | None


@dataclass(frozen=True)
class Batch:
    """Whole scrapes.

    Attributes:
        samples: columns scrape and series (numbers), value, line.
        scrapes: all scrapes of the file so far, by number.
    """

    samples: pl.DataFrame
    scrapes: list[Scrape]


def scan(file: LandingFile, catalogue: Catalogue, sink: Sink) -> Iterator[Batch]:
    """Batches of whole scrapes; lines that are no sample go to the sink.

    Raises:
        LandingFileError: the file is binary, empty, damaged or does not say when it was scraped.
    """
    scanner = _Scanner(file, catalogue, sink)
    with open_decompressed(file.path) as stream:
        for lines in _blocks(file, stream):
            scanner.feed(lines)
            if scanner.pending >= BATCH_SAMPLES:
                yield from scanner.flush(whole=False)
    yield from scanner.flush(whole=True)
    sink.expect(scanner.records)


def _blocks(file: LandingFile, stream: BinaryIO) -> Iterator[list[bytes]]:
    rest, is_first = b"", True
    while block := stream.read(BLOCK_BYTES):
        if b"\0" in block:
            raise LandingFileError(file.path, "the file is binary.", "Ship the text of a scrape.")
        if is_first:
            block, is_first = block.removeprefix(b"\xef\xbb\xbf"), False
        complete, newline, tail = (rest + block).rpartition(b"\n")
        if newline:
            yield complete.split(b"\n")
        rest = tail
        if len(rest) > LINE_BYTES:
            raise LandingFileError(
                file.path,
                f"a line is longer than {LINE_BYTES >> 20} MiB.",
                "Ship the text of a scrape, one sample a line.",
            )
    if is_first:
        raise LandingFileError(file.path, "the file is empty.", "Remove it, or ship it again.")
    if rest:
        yield [rest]


class _Scanner:
    def __init__(self, file: LandingFile, catalogue: Catalogue, sink: Sink) -> None:
        self.records = 0
        self._file, self._catalogue, self._sink = file, catalogue, sink
        self._number = 0
        self._known: dict[bytes, int] = {}
        self._series: list[int] = []
        self._values: list[float] = []
        self._scrape_of: list[int] = []
        self._lines: list[int] = []
        self._kept = pl.DataFrame(schema=_SAMPLES)
        self._scrapes: list[Scrape] = []
        self._by_stamp: dict[tuple[bytes, str | None], int] = {}
        self._header_time: int | None = None
        self._file_time = time_in_name(file.name)
        self._instance: str | None = None
        self._scrape = -1
        self._latest, self._flushed = 0, 0
        self._in_order = True
        self._has_begun = False

    @property
    def pending(self) -> int:
        """Samples that are not yet in a batch."""
        return len(self._values) + self._kept.height

    def feed(self, lines: list[bytes]) -> None:
        """Takes the next lines of the file."""
        known, number = self._known, self._number
        series, values, scrapes, numbers = self._series, self._values, self._scrape_of, self._lines
        scrape = self._scrape
        for line in lines:
            number += 1
            key, _, text = line.rpartition(b" ")
            code = known.get(key)
            if code is None or scrape < 0:
                found = self._line(line, number)
                scrape = self._scrape
                if found is None:
                    continue
                code, text, at = found
            else:
                at = scrape
            try:
                value = float(text)
                if b"_" in text:
                    raise ValueError
            except ValueError:
                self._reject(number, "the value is not a number", line)
                continue
            series.append(code)
            values.append(value)
            scrapes.append(at)
            numbers.append(number)
        self._number = number

    def _line(self, raw: bytes, number: int) -> tuple[int, bytes, int] | None:
        """Series, value and scrape of a line that the loop does not know by heart."""
        if self._by_stamp:
            rest, _, stamp = raw.rstrip().rpartition(b" ")
            key, _, value = rest.rpartition(b" ")
            code, at = self._known.get(key), self._by_stamp.get((stamp, self._instance))
            if code is not None and at is not None and self._header_time is None:
                return code, value, at
        return self._new_line(raw, number)

    def _new_line(self, raw: bytes, number: int) -> tuple[int, bytes, int] | None:
        try:
            line = raw.decode().strip()
        except UnicodeDecodeError:
            self._reject(number, "not UTF-8 text", raw)
            return None
        if not line:
            return None
        if line[0] == "#":
            self._has_begun = True
            self._comment(line, number)
            return None
        sample = split_sample(line)
        if sample is None or self._is_heading(line, sample.value):
            self._other(line, number)
            return None
        self._has_begun = True
        code = self._code(sample.key)
        if code is None:
            self._reject(number, "the labels are malformed", raw)
            return None
        at = self._scrape_at(sample.stamp, number)
        if at is None:
            self._reject(number, "the timestamp is no time between 2000 and 2100", raw)
            return None
        if at < 0:
            raise LandingFileError(self._file.path, "the scrape has no time.", TIME_HINT, number)
        return code, sample.value.encode(), at

    def _is_heading(self, line: str, value: str) -> bool:
        """Words that happen to look like a name and a value, before anything else."""
        return not self._has_begun and is_title(line) and not _is_number(value)

    def _code(self, key: str) -> int | None:
        encoded = key.encode()
        code = self._known.get(encoded)
        if code is None:
            series = parse_series(key)
            if series is None:
                return None
            if len(self._known) >= SERIES_LIMIT:
                raise LandingFileError(
                    self._file.path,
                    f"more than {SERIES_LIMIT:,} distinct series.",
                    "Is a label unique per request? Drop it at the exporter.",
                )
            code = self._known[encoded] = self._catalogue.add(key, series)
        return code

    def _other(self, line: str, number: int) -> None:
        self.records += 1
        if is_separator(line):
            self._sink.skip("separator line", 1)
        elif not self._has_begun and is_title(line):
            self._has_begun = True
            self._sink.skip("title line", 1)
        else:
            self._sink.reject(number, "not a sample line", line)

    def _reject(self, number: int, reason: str, raw: bytes) -> None:
        self.records += 1
        self._sink.reject(number, reason, raw)

    def _comment(self, line: str, number: int) -> None:
        """`# scraped_at` and `# instance` hold for what follows, each until it is given again."""
        words = line[1:].split()
        if len(words) < 2 or words[0] not in ("scraped_at", "instance"):
            return
        if words[0] == "instance":
            self._instance = words[1]
        else:
            time = parse_time(words[1])
            if time is None:
                hint = "Write an ISO time with its zone, for example 2026-10-01T00:05:00Z."
                what = f"{words[1]!r} is no time of a scrape."
                raise LandingFileError(self._file.path, what, hint, number)
            self._header_time = time
        self._scrape = -1

    def _scrape_at(self, stamp: str | None, number: int) -> int | None:
        """Number of the scrape: by header, else timestamp, else file name; -1 where none is given."""
        if self._header_time is None and stamp is not None:
            return self._stamped(stamp, number)
        if stamp is not None and parse_time(stamp) is None:
            return None
        if self._scrape < 0:
            time = self._file_time if self._header_time is None else self._header_time
            if time is not None:
                self._scrape = self._new_scrape(time)
        return self._scrape

    def _stamped(self, stamp: str, number: int) -> int | None:
        stamped = (stamp.encode(), self._instance)
        at = self._by_stamp.get(stamped)
        if at is None:
            time = parse_time(stamp)
            if time is None:
                return None
            if time <= self._flushed:
                raise LandingFileError(
                    self._file.path,
                    "samples go back in time by more than two minutes.",
                    "Sort the file by timestamp, or ship one file per target.",
                    number,
                )
            self._in_order = self._in_order and time > self._latest - LATE_MICROS
            self._latest = max(self._latest, time)
            at = self._by_stamp[stamped] = self._new_scrape(time)
        return at

    def _new_scrape(self, time: int) -> int:
        self._scrapes.append(Scrape(time, self._instance))
        return len(self._scrapes) - 1

    def flush(self, *, whole: bool) -> Iterator[Batch]:
        """The scrapes that can get no further sample, or all of them."""
        columns = (self._scrape_of, self._series, self._values, self._lines)
        self.records += len(self._values)
        fresh = pl.DataFrame(dict(zip(_SAMPLES, columns, strict=True)), schema=_SAMPLES)
        for column in columns:
            column.clear()
        samples = pl.concat([self._kept, fresh])
        if whole:
            self._kept = samples.clear()
        else:
            samples = self._complete(samples)
        if samples.height:
            yield Batch(samples, self._scrapes)

    def _complete(self, samples: pl.DataFrame) -> pl.DataFrame:
        open_scrapes = self._open_scrapes()
        is_open = pl.col("scrape").is_in(open_scrapes)
        self._kept = samples.filter(is_open)
        if self._kept.height > PENDING_SAMPLES:
            raise LandingFileError(
                self._file.path,
                f"more than {PENDING_SAMPLES:,} samples before any scrape is complete.",
                "Sort the file by timestamp, or ship it in smaller files.",
            )
        return samples.filter(~is_open)

    def _open_scrapes(self) -> list[int]:
        still = [] if self._scrape < 0 else [self._scrape]
        if not self._by_stamp:
            return still
        limit = self._latest - LATE_MICROS if self._in_order else 0
        self._flushed = max(self._flushed, limit)
        self._by_stamp = {
            stamp: at for stamp, at in self._by_stamp.items() if self._scrapes[at].time > limit
        }
        return still + list(self._by_stamp.values())


_SAMPLES = {"scrape": pl.Int32, "series": pl.Int32, "value": pl.Float64, "line": pl.Int64}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
