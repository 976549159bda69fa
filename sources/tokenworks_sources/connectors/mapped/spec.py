"""The language of mappings: what a mapping file may say, checked before any data is read.

Belongs here: the classes and the checks against the contract. How a column is computed belongs to
`expressions.py`, which mapping a file gets to `resolve.py`.
"""

from __future__ import annotations

import re
import string
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from tokenworks_sources.connectors.mapped import spreading
from tokenworks_sources.connectors.mapped.units import factor_of, units_of
from tokenworks_sources.contracts.model import Column, Contract
from tokenworks_sources.contracts.registry import CONTRACTS

PLACEHOLDERS = ("parent", "grandparent", "stem", "name", "digest", "line", "record")
EPOCHS = ("s", "ms", "us", "ns")

# Read as a count of nanoseconds, whatever the number of digits.
_BARE_FRACTION = re.compile(r"(?<!%)(?:%%)*%f")

EpochUnit = Literal["s", "ms", "us", "ns"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Source(_Strict):
    """Where one contract column comes from: exactly one of the first six.

    Attributes:
        source: column of the file (`from` in YAML); `a.b` reaches into JSON objects.
        sum, difference: columns that are added, or taken from the first.
        constant: the same value on every row.
        template: text with {parent}, {grandparent}, {stem}, {name}, {digest}, {line}, {record}.
        start: contract column to which the duration `plus` is added.
        plus: column with the duration.
        unit: unit of the source, converted to the column's own.
        time: `iso`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, or a strptime format; `.%f` and
            `%.f` are a fraction of a second behind a point.
        zone: IANA zone of times that name none; UTC where absent.
        relative: unit of a clock that starts anywhere; placed on the mapping's `anchor`.
        origin: which value of the clock falls on the anchor: zero, first row or minimum of the file.
        values: from the file's words to the contract's.
        otherwise: what every other word means (with `values`).
        unknown: what the file writes where it knows nothing; numbers and words compare as such.
        optional: the file may lack the column.
    """

    source: str | None = Field(default=None, alias="from")
    sum: tuple[str, ...] = ()
    difference: tuple[str, ...] = ()
    constant: str | int | float | bool | None = None
    template: str | None = None
    start: str | None = None
    plus: str | None = None
    unit: str | None = None
    time: str | None = None
    zone: str | None = None
    relative: EpochUnit | None = None
    origin: Literal["zero", "first", "minimum"] = "zero"
    values: dict[str, str] | None = None
    otherwise: str | None = None
    unknown: tuple[str | int | float, ...] = ()
    optional: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        kinds = {
            "from": self.source is not None,
            "sum": bool(self.sum),
            "difference": bool(self.difference),
            "constant": self.constant is not None,
            "template": self.template is not None,
            "start": self.start is not None,
        }
        chosen = [name for name, given in kinds.items() if given]
        if len(chosen) != 1:
            raise ValueError(f"needs exactly one of {', '.join(kinds)}; it has {chosen or 'none'}")
        if (self.start is None) != (self.plus is None):
            raise ValueError("`start` and `plus` go together: start + duration")
        if self.otherwise is not None and self.values is None:
            raise ValueError("`otherwise` goes with `values`")
        if self.zone is not None and self.zone not in available_timezones():
            raise ValueError(
                f"zone {self.zone!r} is no IANA zone, for example {ZoneInfo('UTC').key}"
            )
        if unknown := self.placeholders() - set(PLACEHOLDERS):
            raise ValueError(f"template names {sorted(unknown)}; use {', '.join(PLACEHOLDERS)}")
        if self.time is not None and _BARE_FRACTION.search(strptime_form(self.time)):
            raise ValueError(
                f"time {self.time!r}: %f alone is ambiguous; write %.f for a fraction behind a point, "
                "or %3f, %6f, %9f for so many digits"
            )
        return self

    def placeholders(self) -> set[str]:
        """What its template puts in."""
        parts = string.Formatter().parse(self.template or "")
        return {name for _, name, _, _ in parts if name}

    def columns(self) -> tuple[str, ...]:
        """Columns of the file that it reads."""
        single = tuple(name for name in (self.source, self.plus) if name is not None)
        return (*single, *self.sum, *self.difference)


def strptime_form(form: str) -> str:
    """A strptime format as polars reads it: Python's `.%f` is its `%.f`."""
    return form.replace(".%f", "%.f")


def _shorthand(value: Any) -> Any:
    """`column: name` is short for `column: {from: name}`."""
    return {"from": value} if isinstance(value, str) else value


class Filter(_Strict):
    """Records that are understood and left out, with the reason.

    Attributes:
        column: column of the file.
        equals, not_equals: text to compare with.
        is_empty: compares with nothing being there.
        reason: why they are left out; it is counted in the manifest.
        optional: the file may lack the column, which is then empty on every row.
    """

    column: str
    equals: str | None = None
    not_equals: str | None = None
    is_empty: bool | None = None
    reason: str
    optional: bool = False

    @model_validator(mode="after")
    def _one_test(self) -> Filter:
        tests = [self.equals, self.not_equals, self.is_empty]
        if sum(test is not None for test in tests) != 1:
            raise ValueError("needs exactly one of equals, not_equals, is_empty")
        return self


class CsvOptions(_Strict):
    """How a CSV file is written."""

    delimiter: str = Field(default=",", min_length=1, max_length=1)
    skip_lines: int = Field(default=0, ge=0)


class Mapping(_Strict):
    """One mapping: from the columns of a file to the columns of a contract.

    Attributes:
        name: name in the library, or of the landing folder's own mapping.
        summary: what the files are, and what they get wrong.
        table: contract that it fills.
        format: csv, jsonl or parquet.
        files: pattern of file names that it is for.
        recognise: columns that a file of this kind has.
        without: columns that a file of this kind lacks, to tell it from one that has more.
        anchor: where a relative clock starts, with zone.
        needs_anchor: this mapping has none, because each run has its own; one that extends it has.
        same_names: every column of the file has the contract's name and unit.
        ignore: columns of the file that are known and not wanted (with `same_names`).
        columns: contract column to source.
        filters: records to leave out.
        csv: delimiter and preamble.
        spread: rows are totals of a length of time; each becomes one row an hour (`requests` only).
    """

    name: str = "mapping.yaml"
    summary: str = ""
    table: str
    format: Literal["csv", "jsonl", "parquet"]
    files: str = "*"
    recognise: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    anchor: AwareDatetime | None = None
    needs_anchor: bool = False
    same_names: bool = False
    ignore: tuple[str, ...] = ()
    columns: dict[str, Annotated[Source, BeforeValidator(_shorthand)]] = {}
    filters: tuple[Filter, ...] = ()
    csv: CsvOptions = CsvOptions()
    spread: Literal["hour"] | None = None

    @model_validator(mode="after")
    def _fits_contract(self) -> Mapping:
        if self.table not in CONTRACTS:
            raise ValueError(f"table {self.table!r} is none of {', '.join(sorted(CONTRACTS))}")
        contract = CONTRACTS[self.table]
        known = {column.name: column for column in contract.columns}
        for name, source in self.columns.items():
            if name not in known:
                raise ValueError(f"columns.{name}: {self.table} has only {', '.join(known)}")
            _check_column(known[name], source, self)
        if not self.same_names:
            _check_complete(contract, self)
        _check_spread(self)
        return self

    @property
    def contract(self) -> Contract:
        """The contract that it fills."""
        return CONTRACTS[self.table]

    def source_columns(self) -> list[str]:
        """Columns of the file that it reads, each once, optional ones included."""
        named = [name for source in self.columns.values() for name in source.columns()]
        named += [condition.column for condition in self.filters]
        return list(dict.fromkeys(named))

    def named_columns(self) -> list[str]:
        """Columns that sources and filters name and that are not optional."""
        named = [source.columns() for source in self.columns.values() if not source.optional]
        named += [(condition.column,) for condition in self.filters if not condition.optional]
        return list(dict.fromkeys(name for columns in named for name in columns))

    def placeholders(self) -> set[str]:
        """What its templates put in."""
        return {name for source in self.columns.values() for name in source.placeholders()}

    def required_columns(self) -> list[str]:
        """Columns that a file must have."""
        optional = {
            name for source in self.columns.values() if source.optional for name in source.columns()
        } | {condition.column for condition in self.filters if condition.optional}
        own = [name for name in self.source_columns() if name not in optional]
        if self.same_names:
            own += [column.name for column in self.contract.columns if column.required]
        return list(dict.fromkeys(own))


def _check_complete(contract: Contract, mapping: Mapping) -> None:
    missing = [c.name for c in contract.columns if c.required and c.name not in mapping.columns]
    if missing:
        raise ValueError(f"columns: {contract.table} also needs {', '.join(missing)}")


def _check_spread(mapping: Mapping) -> None:
    if mapping.spread is None:
        return
    if mapping.table != "requests" or mapping.same_names:
        raise ValueError("spread: only for table: requests, with each column named")
    if not {"ended_at", "e2e_seconds"} & set(mapping.columns):
        raise ValueError("spread: needs columns.ended_at or columns.e2e_seconds, when a total ends")
    if single := sorted(set(mapping.columns) - spreading.COLUMNS):
        raise ValueError(f"spread: a total has no {', '.join(single)}; leave them out")


def _check_column(column: Column, source: Source, mapping: Mapping) -> None:
    where = f"columns.{column.name}"
    is_time = column.type in ("timestamp", "date")
    timed = source.time is not None or source.relative is not None or source.start is not None
    if timed and not is_time:
        raise ValueError(f"{where}: time, relative and start are for timestamps, not {column.type}")
    if column.type == "timestamp" and source.source is not None and not timed:
        raise ValueError(
            f"{where}: say how the time is written: time (iso, epoch_ms, ...) or relative"
        )
    if source.time is not None and source.relative is not None:
        raise ValueError(f"{where}: time and relative exclude each other")
    if source.relative is not None and mapping.anchor is None and not mapping.needs_anchor:
        raise ValueError(f"{where}: a relative clock needs `anchor`, a timestamp with zone")
    if source.start is not None and source.start not in mapping.columns:
        raise ValueError(f"{where}: start must name a mapped column: {', '.join(mapping.columns)}")
    if source.start is not None and mapping.columns[source.start].start is not None:
        raise ValueError(f"{where}: start must not itself be made of start and plus")
    _check_values(where, column, source)
    if source.unit is None:
        return
    unit = "s" if source.start is not None else column.unit
    if column.type.startswith("decimal") or factor_of(unit, source.unit) is None:
        allowed = ", ".join(units_of(unit)) or "none"
        raise ValueError(f"{where}: unit {source.unit!r} cannot become {unit}; use: {allowed}")


def _check_values(where: str, column: Column, source: Source) -> None:
    if source.values is not None and column.type not in ("string", "boolean"):
        raise ValueError(f"{where}: values give text or true and false, not {column.type}")
    words = {*(source.values or {}).values(), *filter(None, [source.otherwise])}
    wrong = words - set(column.allowed) if column.allowed else set()
    if wrong:
        raise ValueError(
            f"{where}: {sorted(wrong)} is not allowed; use {', '.join(column.allowed)}"
        )
