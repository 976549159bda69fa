"""The shape of a contract: tables, columns, and what a value may be.

Belongs here: the classes. The tables themselves live one module each beside this file; what is
rendered from them lives in `render.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal[
    "string",
    "bigint",
    "double",
    "boolean",
    "timestamp",
    "date",
    "decimal(38,12)",
    "list<bigint>",
    "list<double>",
]

PARTITION_COLUMN = "event_date"


@dataclass(frozen=True)
class Column:
    """One column of a lake table.

    Attributes:
        name: snake_case; the unit stands in the name where there is one.
        type: a type that DuckDB, Spark, Polars and Arrow all have.
        description: what the value means and how it is measured.
        unit: the unit, as UCUM or an ISO code where one exists.
        required: the value is never null.
        minimum, maximum: inclusive bounds of a number.
        allowed: the only values of a string.
    """

    name: str
    type: ColumnType
    description: str
    unit: str | None = None
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A rule over several columns of one row.

    Attributes:
        broken: SQL condition that is true where the rule is broken; null counts as kept.
        description: what is wrong then, as it stands in the reject.
    """

    broken: str
    description: str


@dataclass(frozen=True)
class Contract:
    """One table of the lake: the only description of its columns.

    Attributes:
        table: the name of the table, which is also its lake folder and dbt source.
        grain: what one row is.
        description: what the table is for.
        event_time: the timestamp or date column that gives the row its `event_date` partition.
        key: columns that identify a row; rows that repeat a key are duplicates.
        columns: all columns but provenance, in order.
        rules: what must hold between the columns of a row.
    """

    table: str
    grain: str
    description: str
    event_time: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        names = [column.name for column in self.all_columns]
        repeated = {name for name in names if names.count(name) > 1}
        unknown = {name for name in (*self.key, self.event_time) if name not in names}
        if repeated or unknown:
            raise ValueError(f"contract {self.table}: repeated {repeated}, unknown {unknown}")

    @property
    def all_columns(self) -> tuple[Column, ...]:
        """Columns as they stand in the lake: the table's own, then provenance."""
        return (*self.columns, *PROVENANCE)

    def column(self, name: str) -> Column:
        """The column of that name, or a KeyError that names the table."""
        for column in self.all_columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.table} has no column {name!r}")


PROVENANCE = (
    Column(
        "source_file",
        "string",
        "Landing file of the record, relative to the landing folder.",
        required=True,
    ),
    Column(
        "source_line",
        "bigint",
        "Line, record or entry of the landing file, counted from 1.",
        required=True,
        minimum=1,
    ),
    Column(
        "source_digest",
        "string",
        "Identity of the landing file: xxh3-128 of its bytes, and of its path where rows depend on it.",
        required=True,
    ),
)
