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
from tokenworks_sources.connectors.prometheus.exposition import (
    SampleText,
    is_separator,
    is_title,
    parse_series,
    split_sample,
)
from tokenworks_sources.connectors.prometheus.scrapes import Scrape, Scrapes
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

BLOCK_BYTES = 4 << 20
LINE_BYTES = 16 << 20
# A batch of 400,000 samples peaks near 100 MB while its rows are built.
BATCH_SAMPLES = 400_000
PENDING_SAMPLES = 8_000_000
SERIES_LIMIT = 1_000_000


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
        self._scrapes = Scrapes(file)
        self._has_begun = False

    @property
    def pending(self) -> int:
        """Samples that are not yet in a batch."""
        return len(self._values) + self._kept.height

    def feed(self, lines: list[bytes]) -> None:
        """Takes the next lines of the file."""
        known, number = self._known, self._number
        series, values, scrapes, numbers = self._series, self._values, self._scrape_of, self._lines
        current = self._scrapes.current
        for line in lines:
            number += 1
            key, _, text = line.rpartition(b" ")
            code, at = known.get(key), current
            if code is None or at < 0:
                found = self._line(line, number)
                current = self._scrapes.current
                if found is None:
                    continue
                code, text, at = found
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
        rest, _, stamp = raw.rstrip().rpartition(b" ")
        at = self._scrapes.known(stamp)
        if at is not None:
            key, _, value = rest.rpartition(b" ")
            code = self._known.get(key)
            if code is not None:
                return code, value, at
        return self._new_line(raw, number)

    def _new_line(self, raw: bytes, number: int) -> tuple[int, bytes, int] | None:
        try:
            line = raw.decode().strip()
        except UnicodeDecodeError:
            self._reject(number, "not UTF-8 text", raw)
            return None
        if line.startswith("#"):
            self._has_begun = True
            self._scrapes.comment(line, number)
        elif line:
            sample = split_sample(line)
            if sample is not None and not self._is_heading(line, sample.value):
                return self._sample(sample, raw, number)
            self._other(line, number)
        return None

    def _sample(self, sample: SampleText, raw: bytes, number: int) -> tuple[int, bytes, int] | None:
        self._has_begun = True
        if not _is_number(sample.value):
            self._reject(number, "the value is not a number", raw)
            return None
        code = self._code(sample.key)
        if code is None:
            self._reject(number, "the labels are malformed", raw)
            return None
        at = self._scrapes.at(sample.stamp, number)
        if at is None:
            self._reject(number, "the timestamp is no time between 2000 and 2100", raw)
            return None
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
            yield Batch(samples, self._scrapes.all)

    def _complete(self, samples: pl.DataFrame) -> pl.DataFrame:
        is_open = pl.col("scrape").is_in(self._scrapes.still_open())
        self._kept = samples.filter(is_open)
        if self._kept.height > PENDING_SAMPLES:
            raise LandingFileError(
                self._file.path,
                f"more than {PENDING_SAMPLES:,} samples before any scrape is complete.",
                "Sort the file by timestamp, or ship it in smaller files.",
            )
        return samples.filter(~is_open)


_SAMPLES = {"scrape": pl.Int32, "series": pl.Int32, "value": pl.Float64, "line": pl.Int64}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
