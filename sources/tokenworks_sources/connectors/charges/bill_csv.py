"""CSV bills for DuckDB: header, structure of the records, exact line numbers.

Belongs here: what is CSV. DuckDB reads every column as text by position, so that names that differ
by case, repeat or are missing cannot shift a value. Damaged records (too few or too many columns,
stray quotes, bytes that are not UTF-8) are counted before anything lands.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import pyarrow as pa

from tokenworks_sources.connectors.charges.bill_query import Relation
from tokenworks_sources.connectors.charges.values import Field
from tokenworks_sources.errors import LandingFileError

DELIMITERS = (",", ";", "\t", "|")
# Literal NULL is what SQL clients write; FOCUS wants null and never an empty string.
NULL_TEXTS = ("", "NULL", "null")
HEADER_BYTES = 1 << 16
TOLERANT = ", store_rejects = true, rejects_limit = 0"


@dataclass(frozen=True)
class Damage:
    """A record that is not one: its line, and what is wrong with it."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Header:
    """Names of the columns in order, and what stands between them."""

    names: list[str]
    delimiter: str


NameOf = Callable[[str], str | None]


def header_of(head: bytes, name_of: NameOf) -> Header:
    """The header in the first bytes, by the delimiter that yields the most known names."""
    text = codecs.getincrementaldecoder("utf-8-sig")("replace").decode(head)
    first_line = text.splitlines()[0] if text else ""
    candidates = [Header(_fields(first_line, mark), mark) for mark in DELIMITERS]
    best = max(candidates, key=lambda header: len({name_of(name) for name in header.names}))
    return Header(best.names[: _width(text, best)], best.delimiter)


def _width(text: str, header: Header) -> int:
    """Number of columns that have values.

    A report whose columns grew keeps older records without the new ones at their end. That is taken
    so only where all records at the head of the file agree; a record that was cut off is damaged.
    """
    lines = text.splitlines()[1:]
    try:
        records = list(csv.reader(lines[:-1] or lines, delimiter=header.delimiter, strict=True))
    except csv.Error:
        return len(header.names)
    widths = {len(record) for record in records if record}
    known = len(header.names)
    return widths.pop() if len(widths) == 1 and min(widths) < known and len(records) > 1 else known


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        return []


class BillCsv:
    """One plain CSV file.

    Attributes:
        damages: damaged records, known after `count`.
    """

    def __init__(
        self, path: Path, shown: Path, connection: duckdb.DuckDBPyConnection, name_of: NameOf
    ) -> None:
        self._path, self._shown, self._connection = path, shown, connection
        self._name_of = name_of
        with path.open("rb") as stream:
            self._header = header_of(stream.read(HEADER_BYTES), name_of)
        self.damages: list[Damage] = []

    @property
    def names(self) -> list[str]:
        """Names of the header."""
        return self._header.names

    def count(self) -> int:
        """Records, damaged ones apart.

        Raises:
            LandingFileError: mixed line ends, or a quote that never closes.
        """
        try:
            # All rows are fetched: reject_errors exists only once the query has ended.
            counted = self._connection.execute(f"select count(*) from {self._whole()}").fetchall()
        except duckdb.InvalidInputException as error:
            raise LandingFileError(
                self._shown,
                f"the CSV cannot be read: {str(error).splitlines()[0]}",
                "Most often the line ends are mixed; save the file with one kind.",
            ) from error
        self.damages = self._damages()
        return int(counted[0][0])

    def relation(self) -> Relation:
        """The file for `bill_query`, where a damaged record is an error."""
        return Relation(self._scan(), "null as number", "row_number() over () + 1", self._fields())

    def tolerant_relation(self) -> Relation:
        """The records that are not damaged; call `count` first, it finds the others."""
        if self.damages:
            return Relation(f"({self._numbered()})", "_line", "_line", self._fields())
        return Relation(self._whole(), "null as number", "row_number() over () + 1", self._fields())

    def _fields(self) -> dict[str, Field]:
        return {
            own: Field(f"c{index}")
            for index, name in enumerate(self.names)
            if (own := self._name_of(name)) is not None
        }

    def _scan(self, more: str = "") -> str:
        types = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(self.names)))
        nulls = ", ".join(f"'{text}'" for text in NULL_TEXTS)
        return (
            f"read_csv('{self._path}', columns = {{{types}}}, auto_detect = false, header = true, "
            f"delim = '{self._header.delimiter}', quote = '\"', escape = '\"', "
            f"nullstr = [{nulls}]{more})"
        )

    def _whole(self) -> str:
        """The records that are not damaged.

        DuckDB checks only what a query reads, so each pass must read the same columns: all.
        """
        fields = ", ".join(field.sql for field in self._fields().values())
        return f"(select * from {self._scan(TOLERANT)} where hash({fields}) is not null)"

    def _numbered(self) -> str:
        """The records with `_line`, the header being 1: good ones before it, and damaged ones."""
        # The k-th good record has before it all damages that stand behind fewer than k good ones.
        shifts = {1: 1}
        for index, damage in enumerate(self.damages):
            shifts[damage.line - 1 - index] = index + 2
        first, add = (pa.array(numbers, pa.int64()) for numbers in (shifts, shifts.values()))
        self._connection.register("_shifts", pa.table({"first": first, "add": add}))
        # The join by a loop takes records times damages.
        self._connection.execute("set asof_loop_join_threshold = 0")
        return (
            'select r.*, r._record + s."add" as _line '
            f"from (select *, row_number() over () as _record from {self._whole()}) as r "
            "asof join _shifts as s on r._record >= s.first"
        )

    def _damages(self) -> list[Damage]:
        rows = self._connection.execute(
            "select line, lower(arg_min(error_type, column_idx)), any_value(csv_line) "
            "from reject_errors group by line order by line"
        ).fetchall()
        damages = [Damage(line, f"CSV record: {kind}", raw or "") for line, kind, raw in rows]
        for damage in damages:
            if "unquoted" in damage.reason and damage.raw.count("\n") > 1:
                raise LandingFileError(
                    self._shown,
                    "a quote that opens here never closes, so the rest of the file is one value.",
                    "Ship the file again, whole and with quotes doubled inside quotes.",
                    damage.line,
                )
        return damages

    @cached_property
    def is_utf8(self) -> bool:
        """Whether all bytes of the file are UTF-8."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            with self._path.open("rb") as stream:
                while block := stream.read(1 << 20):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
        return True
