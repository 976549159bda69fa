"""Records of an observability export: CSV, JSONL, JSON and Parquet, with chosen fields alone.

Belongs here: which of the four a file is, and cutting it into records. Prompts and answers make up
most of such a file; only the fields that are asked for are decoded, so that text is neither kept nor
paid for. `line` is the line of CSV and JSONL, and the number of the record in JSON and Parquet.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import Preview, Sink
from tokenworks_sources.connectors.json import lists as json_lists
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

PARQUET_MAGIC = b"PAR1"
HEAD_BYTES = 1 << 20
LINES_TO_KNOW_JSONL = 20
LARGEST_LINE_BYTES = 1 << 26
SHIP_AGAIN = "Ship it again, whole."

Fields = dict[str, object]

_RAW = msgspec.json.Decoder(dict[str, msgspec.Raw])
# Money and counts keep every digit.
_VALUE = msgspec.json.Decoder(float_hook=Decimal)
_DAMAGE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True)
class Shape:
    """What an export holds.

    Attributes:
        what: the format, for errors.
        names: from a field's name in the file to the name that it gets; others are not read.
        known_by: sets of fields, one of which every record has.
        lists: paths of the lists of records within a JSON document.
        members: paths of values beside them that are wanted.
    """

    what: str
    names: Mapping[str, str]
    known_by: tuple[frozenset[str], ...]
    lists: Collection[json_lists.Path] = ((),)
    members: Collection[json_lists.Path] = field(default=())

    def knows(self, names: Collection[str]) -> frozenset[str] | None:
        """The fields by which these names are a record of the format, or None."""
        return next((known for known in self.known_by if known <= set(names)), None)


@dataclass(frozen=True, slots=True)
class Record:
    """Fields under the names of the shape, as the file has them; absent ones are absent.

    `path` is that of the list in a JSON document.
    """

    line: int
    fields: Fields
    path: json_lists.Path = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """A value beside the lists of a JSON document; None ends the document."""

    path: json_lists.Path | None
    value: object


def knows(shape: Shape, preview: Preview) -> frozenset[str] | None:
    """The fields by which the head of a file is of the format, or None."""
    if preview.head.startswith(PARQUET_MAGIC):
        return shape.knows(_columns(preview.path))
    text = (preview.text or "").lstrip()
    if not text.startswith(("{", "[")):
        return shape.knows(tabular.header_of(preview.first_line))
    record = decoded(text.partition("\n")[0].encode())
    if record is not None and (known := shape.knows(record)):
        return known
    is_list = text.startswith("[") or any(
        re.match(rf'\{{\s*"{path[0]}"\s*:\s*\[', text) for path in shape.lists if len(path) == 1
    )
    is_cut = record is None and "\n" not in text
    return shape.knows(keys_of(text)) if is_list or is_cut else None


def _columns(path: Path) -> list[str]:
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        return []


_KEY = re.compile(r'(?<!\\)"([^"\\]{1,60})"\s*:')


def keys_of(text: str) -> set[str]:
    """Keys that a piece of JSON seems to have, at any depth; none that stand inside a text."""
    return set(_KEY.findall(text))


def decoded(text: bytes) -> dict[str, msgspec.Raw] | None:
    """Keys and undecoded values of an object, or None where it is none."""
    try:
        return _RAW.decode(text)
    except _DAMAGE:
        return None


def value_of(text: bytes | str | msgspec.Raw) -> object:
    """The value of a JSON text; `...` where it is none."""
    try:
        return _VALUE.decode(text)
    except _DAMAGE:
        return ...


def records(path: Path, shape: Shape, sink: Sink) -> Iterator[Record | Beside]:
    """All records in the order of the file; what is no record goes to the sink as a reject.

    Raises:
        LandingFileError: the file as a whole is not of the format, or ends early.
    """
    with open_decompressed(path) as stream:
        head = bytes(stream.read(HEAD_BYTES)).removeprefix(tabular.BYTE_ORDER_MARK).lstrip()
    if head.startswith(PARQUET_MAGIC):
        if (columns := _columns(path)) and shape.knows(columns) is None:
            raise _unknown(path, shape)
        yield from _of_parquet(path, shape)
    elif head.startswith(b"[") or (head.startswith(b"{") and not _is_jsonl(head, shape)):
        yield from _of_document(path, shape, sink)
    elif head.startswith(b"{"):
        yield from _of_jsonl(path, shape, sink)
    else:
        first = head.partition(b"\n")[0].decode("utf-8", "replace")
        if shape.knows(tabular.header_of(first)) is None:
            raise _unknown(path, shape)
        yield from _of_csv(path, shape, sink)


def _is_jsonl(head: bytes, shape: Shape) -> bool:
    """Whether one of the first lines is a record, as a whole or, in the lack of such, broken."""
    lines = [line for line in head.splitlines() if line.lstrip().startswith(b"{")]
    lines = lines[:LINES_TO_KNOW_JSONL]
    for line in lines:
        record = decoded(line)
        if record is not None:
            return shape.knows(record) is not None
    outer = {path[0] for path in shape.lists if path}
    keys = [keys_of(line.decode("utf-8", "replace")) for line in lines]
    return any(shape.knows(found) is not None and not outer & found for found in keys)


def _of_parquet(path: Path, shape: Shape) -> Iterator[Record]:
    wanted = tuple(shape.names)
    for block in tabular.read_parquet(path, required=(), wanted=wanted):
        if any(kind.is_nested() and "Date" in str(kind) for kind in block.dtypes):
            raise _unknown(path, shape)
        yield from _of_block(block.drop("_raw").with_columns(_times_as_text(block)), shape)


_MICROSECONDS = {"ms": 1_000, "us": 1, "ns": 1 / 1_000}
# Of the years 1 and 9999: beyond them, a time cannot be brought into Python.
_FIRST_SECOND, _LAST_SECOND = -62_135_596_800, 253_402_300_799


def _times_as_text(block: pl.DataFrame) -> list[pl.Expr]:
    """Times of a damaged file may lie where no calendar reaches; those become a text that is none."""
    columns = []
    for name, kind in block.schema.items():
        if not isinstance(kind, pl.Datetime):
            continue
        column = pl.col(name)
        per_second = 1_000_000 / _MICROSECONDS[kind.time_unit]
        second = column.to_physical() / per_second
        near = pl.when(second.is_between(_FIRST_SECOND, _LAST_SECOND)).then(column)
        text = near.dt.convert_time_zone("UTC") if kind.time_zone else near
        out = pl.when(column.is_not_null() & near.is_null()).then(pl.lit("out of range"))
        columns.append(out.otherwise(text.dt.strftime("%Y-%m-%d %H:%M:%S%.6f")).alias(name))
    return columns


def _of_csv(path: Path, shape: Shape, sink: Sink) -> Iterator[Record]:
    for block in tabular.read_csv(path, sink, (), shape.what, wanted=shape.names):
        yield from _of_block(block.drop("_raw"), shape)


def _of_block(block: pl.DataFrame, shape: Shape) -> Iterator[Record]:
    for row in block.iter_rows(named=True):
        line = row.pop("source_line")
        # A name and its older spelling may both be there, one of them empty.
        fields = {shape.names[name]: value for name, value in row.items() if value is not None}
        yield Record(line, fields)


def _unknown(path: Path, shape: Shape) -> LandingFileError:
    known = " or ".join(", ".join(sorted(names)) for names in shape.known_by)
    return LandingFileError(path, f"it is not {shape.what}.", f"Its columns must include {known}.")


def _of_jsonl(path: Path, shape: Shape, sink: Sink) -> Iterator[Record]:
    with open_decompressed(path) as stream:
        for number, line in enumerate(_lines(path, stream), start=1):
            text = line.removeprefix(tabular.BYTE_ORDER_MARK) if number == 1 else line
            if text.strip():
                yield from _of_text(text, number, shape, sink)


def _lines(path: Path, stream: BinaryIO) -> Iterator[bytes]:
    number = 0
    while line := stream.readline(LARGEST_LINE_BYTES + 1):
        number += 1
        if len(line) > LARGEST_LINE_BYTES:
            what = f"the line is over {LARGEST_LINE_BYTES >> 20} MiB."
            raise LandingFileError(path, what, SHIP_AGAIN, line=number)
        yield line


def _of_document(path: Path, shape: Shape, sink: Sink) -> Iterator[Record | Beside]:
    number, has_list = 0, False
    with open_decompressed(path) as stream:
        found = json_lists.elements(stream, shape.lists, shape.members)
        while True:
            try:
                piece = next(found)
            except StopIteration:
                break
            except json_lists.DocumentError as error:
                what = f"the JSON after record {number} cannot be read: {error}."
                raise LandingFileError(path, what, SHIP_AGAIN) from error
            if isinstance(piece, json_lists.Element):
                number += 1
                for record in _of_text(piece.text, number, shape, sink):
                    yield Record(record.line, record.fields, piece.path)
            elif isinstance(piece, json_lists.Begin):
                has_list = True
            elif piece is json_lists.END:
                yield Beside(None, None)
            else:
                value = value_of(piece.text)
                yield Beside(piece.path, None if value is ... else value)
    if not has_list:
        raise LandingFileError(path, f"it has no list of records of {shape.what}.", SHIP_AGAIN)


def _of_text(text: bytes, line: int, shape: Shape, sink: Sink) -> Iterator[Record]:
    try:
        found = _RAW.decode(text)
    except msgspec.ValidationError:
        sink.reject(line, "not a JSON object", "")
        return
    except _DAMAGE:
        sink.reject(line, "not JSON", "")
        return
    fields: Fields = {}
    for name, raw in found.items():
        if name not in shape.names:
            continue
        value = value_of(raw)
        if value is ...:
            sink.reject(line, f"{shape.names[name]}: not JSON", "")
            return
        if value is not None and value != "":
            fields[shape.names[name]] = value
    if shape.knows(found) is None:
        sink.reject(line, f"not a record of {shape.what}", "")
        return
    yield Record(line, fields)
