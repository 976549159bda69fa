"""CSV, JSONL and Parquet as blocks of rows with exact line numbers, for connectors that need no more.

Belongs here: cutting a file into records, and rejecting those that are broken as records. What a
column means belongs to the connector. Every block has `source_line` and `_raw` (the record's text)
beside the file's own columns; CSV and JSONL columns are text, and what is empty or absent is null.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.connectors.base import Sink
from tokenworks_sources.connectors.csv_windows import Cursor
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

BLOCK_ROWS = 20_000
RAW_CHARACTERS = 8_192
RECORD_BYTES = 1 << 24
# As a mapping writes them.
DELIMITERS = {",": '","', ";": '";"', "\t": '"\\t"', "|": '"|"'}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Rejects(Protocol):
    """Where broken records go; a `Sink` is one."""

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        """See `Sink.reject`."""


@dataclass(frozen=True)
class CsvShape:
    """How a CSV file is written.

    Attributes:
        delimiter: character between fields.
        skip_lines: lines before the header that belong to no table.
    """

    delimiter: str = ","
    skip_lines: int = 0


def header_of(line: str, shape: CsvShape = CsvShape()) -> list[str]:
    """Column names of a header line, without white space around them."""
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=shape.delimiter), [])]
    except csv.Error:
        return []


def read_csv(
    path: Path,
    sink: Sink,
    required: Sequence[str],
    what: str,
    shape: CsvShape = CsvShape(),
    wanted: Collection[str] | None = None,
    *,
    with_text: bool = False,
) -> Iterator[pl.DataFrame]:
    """Blocks of a CSV file; records with another number of fields than the header become rejects.

    Args:
        path: the file, plain or compressed.
        sink: where broken records go.
        required: columns that the header must have.
        what: the format, for the error.
        shape: delimiter and preamble.
        wanted: columns that are kept where the file has them, without the record's text; where cells
            hold megabytes of text, a block of all of them would not fit. All, and the text, where None.
        with_text: keep the record's text, cut to a bound, all the same.

    Raises:
        LandingFileError: the header lacks a column or repeats one, or a record does not end.
    """
    with open_decompressed(path) as stream:
        lines = _Lines(path, stream, shape.skip_lines)
        reader = csv.reader(lines, delimiter=shape.delimiter, strict=True)
        header = _header(path, reader, required, what, lines, shape)
        yield from _blocks(reader, lines, header, sink, wanted, with_text or wanted is None)


def csv_header(path: Path, cursor: Cursor, required: Sequence[str], what: str) -> list[str]:
    """Column names of a CSV file, taken from its beginning."""
    lines = _Lines(path, cursor)
    return _header(path, csv.reader(lines, strict=True), required, what, lines, CsvShape())


def csv_records(
    path: Path, cursor: Cursor, header: list[str], sink: Rejects, last: int
) -> Iterator[pl.DataFrame]:
    """Blocks, as of `read_csv`, of the records that begin up to some line, each taken whole."""
    lines = _Lines(path, cursor, number=cursor.lines)
    yield from _blocks(csv.reader(lines, strict=True), lines, header, sink, None, True, last)


def _blocks(
    reader: Iterator[list[str]],
    lines: _Lines,
    header: list[str],
    sink: Rejects,
    wanted: Collection[str] | None,
    with_text: bool,
    last: int = sys.maxsize,
) -> Iterator[pl.DataFrame]:
    kept = [i for i, name in enumerate(header) if wanted is None or name in wanted]
    names = [header[i] for i in kept]
    rows: list[list[str]] = []
    numbers: list[int] = []
    raws: list[str | None] = []
    for number, row in _records(reader, lines, len(header), sink, last):
        rows.append(row if wanted is None else [row[i] for i in kept])
        numbers.append(number)
        raws.append(lines.raw() if with_text else None)
        if len(rows) >= BLOCK_ROWS:
            yield _text_block(names, zip(*rows, strict=True), numbers, raws)
            rows, numbers, raws = [], [], []
    if rows:
        yield _text_block(names, zip(*rows, strict=True), numbers, raws)


def _header(
    path: Path,
    reader: Iterator[list[str]],
    required: Sequence[str],
    what: str,
    lines: _Lines,
    shape: CsvShape,
) -> list[str]:
    csv.field_size_limit(sys.maxsize)
    try:
        header = [name.strip() for name in next(row for row in reader if row)]
    except (StopIteration, csv.Error):
        header = []
    missing = [name for name in required if name not in header]
    if missing:
        # The line may be a record of a file without a header, so it is not quoted.
        columns = "1 column" if len(header) == 1 else f"{len(header)} columns"
        raise LandingFileError(
            path,
            f"the header of {what} lacks {', '.join(missing)}; it has {columns}.",
            _delimiter_hint(lines.raw(), shape),
            line=lines.number or None,
        )
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise LandingFileError(
            path,
            f"the header repeats {', '.join(repeated)}.",
            "Give each column a name of its own.",
            line=lines.number,
        )
    return header


def _delimiter_hint(line: str, shape: CsvShape) -> str:
    """Another delimiter that cuts the line into more fields."""
    counts = {other: line.count(other) for other in DELIMITERS if other != shape.delimiter}
    likely = max(counts, key=lambda other: counts[other])
    if counts[likely] <= line.count(shape.delimiter):
        return "Compare its column names with the first line of the file."
    name = DELIMITERS[likely]
    return f"The first line looks separated by {name}; a mapping says so with csv: {{delimiter: {name}}}."


def _records(
    reader: Iterator[list[str]], lines: _Lines, width: int, sink: Rejects, last: int
) -> Iterator[tuple[int, list[str]]]:
    """Whole records that begin up to some line, with the number of their first line."""
    while lines.number < last:
        lines.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = f"not a CSV record: {error}"
            sink.reject(lines.first, reason, lines.raw(), max(1, lines.not_blank))
            continue
        if not row:
            continue
        if lines.damaged:
            sink.reject(lines.first, "not UTF-8", lines.raw())
        elif len(row) != width:
            reason = f"another number of fields than the header: {len(row)}, not {width}"
            sink.reject(lines.first, reason, lines.raw())
        else:
            yield lines.first, row


@dataclass
class _Lines:
    """Lines of a file as text, with what a record took of them."""

    path: Path
    stream: BinaryIO | Cursor
    skip: int = 0
    number: int = 0
    first: int = 1
    not_blank: int = 0
    damaged: bool = False
    _taken: list[str] = field(default_factory=list)
    _length: int = 0
    _bytes: int = 0

    def __post_init__(self) -> None:
        for _ in range(self.skip):
            self.stream.readline()
            self.number += 1

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.stream.readline(RECORD_BYTES + 1)
        if not line:
            raise StopIteration
        self.number += 1
        self._bytes += len(line)
        if self._bytes > RECORD_BYTES:
            raise LandingFileError(
                self.path,
                f"the record that begins here is over {RECORD_BYTES >> 20} MiB.",
                "Look for a quote that is never closed.",
                line=self.first,
            )
        if self.number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("utf-8", "replace")
            self.damaged = True
        self.not_blank += bool(text.strip())
        if self._length < RAW_CHARACTERS:
            self._taken.append(text)
            self._length += len(text)
        return text

    def begin(self) -> None:
        """The next line begins a record."""
        self.first = self.number + 1
        self.not_blank = 0
        self.damaged = False
        self._taken.clear()
        self._length = 0
        self._bytes = 0

    def raw(self) -> str:
        """Text of the record so far, cut to a bound."""
        return "".join(self._taken).rstrip("\r\n")[:RAW_CHARACTERS]


def read_jsonl(
    path: Path, sink: Sink, columns: Sequence[str], required: Sequence[str] = ()
) -> Iterator[pl.DataFrame]:
    """Blocks of a JSONL file, with the named columns; `a.b` is a key or reaches into objects.

    Text stays text, everything else becomes its JSON text. Lines that are not an object become
    rejects.

    Args:
        path: the file, plain or compressed.
        sink: where broken records go.
        columns: what is read of each record.
        required: those of them that at least one record must have.

    Raises:
        LandingFileError: no record has a required column.
    """
    unseen = set(required)
    has_records = False
    with open_decompressed(path) as stream:
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        raws: list[str] = []
        for number, line in enumerate(stream, start=1):
            text = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
            if not text.strip():
                continue
            try:
                record = msgspec.json.decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                sink.reject(number, "not JSON", text.strip())
                del error
                continue
            if not isinstance(record, dict):
                sink.reject(number, "not a JSON object", text.strip())
                continue
            has_records = True
            if unseen:
                unseen = {name for name in unseen if _value_at(record, name) is _ABSENT}
            rows.append([_text_at(record, name) for name in columns])
            numbers.append(number)
            raws.append(text.decode()[:RAW_CHARACTERS].rstrip())
            if len(rows) >= BLOCK_ROWS:
                yield _text_block(columns, zip(*rows, strict=True), numbers, raws)
                rows, numbers, raws = [], [], []
        if rows:
            yield _text_block(columns, zip(*rows, strict=True), numbers, raws)
    if unseen and has_records:
        raise LandingFileError(
            path,
            f"no record has {', '.join(sorted(unseen))}.",
            "Compare with the file's keys; a column that may be absent needs `optional: true`.",
        )


_ABSENT = object()


def _value_at(record: dict[str, object], name: str) -> object:
    """The value of a key, or of a path into objects; the longest key wins at each level."""
    if name in record:
        return record[name]
    head, point, tail = name.rpartition(".")
    while point:
        inner = record.get(head)
        if isinstance(inner, dict) and (found := _value_at(inner, tail)) is not _ABSENT:
            return found
        head, point, last = head.rpartition(".")
        tail = f"{last}.{tail}"
    return _ABSENT


def _text_at(record: dict[str, object], name: str) -> str | None:
    value = _value_at(record, name)
    if value is None or value is _ABSENT:
        return None
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def read_parquet(
    path: Path, required: Sequence[str], wanted: Sequence[str] | None = None
) -> Iterator[pl.DataFrame]:
    """Blocks of a Parquet file under its own types; the row number is the line.

    Args:
        path: the file.
        required: columns that it must have.
        wanted: columns that are read where it has them; all where None.

    Raises:
        LandingFileError: it is not Parquet, or lacks a column.
    """
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            missing = set(required) - set(names)
            if missing:
                raise LandingFileError(
                    path,
                    f"it has no column {', '.join(sorted(missing))}.",
                    f"It has: {', '.join(names)[:500]}.",
                )
            first = 1
            read = names if wanted is None else [name for name in wanted if name in names]
            for batch in file.iter_batches(BLOCK_ROWS, columns=read):
                batch.validate(full=True)
                frame = pl.DataFrame(pl.from_arrow(batch))
                lines = pl.int_range(first, first + frame.height, eager=True, dtype=pl.Int64)
                raw = pl.lit(None, pl.String)
                yield frame.with_columns(lines.alias("source_line"), raw.alias("_raw"))
                first += frame.height
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if getattr(error, "errno", None):
            raise  # the disk or the process, not the file
        what = "it is not Parquet, or is damaged."
        raise LandingFileError(path, what, "Ship it again.") from error


def _text_block(
    header: Sequence[str],
    columns: Iterable[tuple[str | None, ...]],
    numbers: list[int],
    raws: Sequence[str | None],
) -> pl.DataFrame:
    series = [
        pl.Series(name, values, dtype=pl.String)
        for name, values in zip(header, columns, strict=True)
    ]
    frame = pl.DataFrame(series).with_columns(
        pl.when(pl.col(pl.String).str.strip_chars() != "").then(pl.col(pl.String)).name.keep()
    )
    return frame.with_columns(
        pl.Series("source_line", numbers, dtype=pl.Int64),
        pl.Series("_raw", raws, dtype=pl.String),
    )
