"""A sheet as data: columns, rows, totals, and formulas with their values.

Here belongs the form that `sheets` fills and `workbook` writes. Nothing here knows xlsxwriter or a
figure's meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, TypeAlias

Value: TypeAlias = str | int | float | Decimal | date | datetime | None

# Rows 1 to 3 say how sure the figures are, what they are, and their window and policy.
HEADER_ROW = 5
COLOURS = {
    "served": "#1f6f8b",
    "waste": "#c8553d",
    "idle": "#e0a458",
    "overhead": "#8d99ae",
    "unattributed": "#4a4e57",
}


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        value: what it shows; for a formula, its result, so that viewers that do not calculate
            show it too. None is unknown and shows as empty.
        style: text, wrap, integer, percent, rate, seconds, number, date, time, or a currency code.
        formula: Excel formula in English, without cached value.
        bold: whether it belongs to a total.
    """

    value: Value
    style: str = "text"
    formula: str | None = None
    bold: bool = False


@dataclass(frozen=True)
class Block:
    """A table within a sheet, placed at its first row (counted from 1, as Excel does)."""

    headers: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Sequence[Cell]] = ()
    row: int = HEADER_ROW
    column: int = 0

    @property
    def first(self) -> int:
        """Row of the first data row."""
        return self.row + 1

    @property
    def last(self) -> int:
        """Row of the last data row; the header's where there is none."""
        return self.row + len(self.rows)

    @property
    def bottom(self) -> int:
        """Row of the last row of all."""
        return self.last + len(self.totals)


@dataclass(frozen=True)
class Series:
    """One series of a chart: a column of a block.

    Attributes:
        name: as the legend shows it.
        column: column of the sheet, counted from 0.
        colour: fill; none is invisible, which carries the bars of a bridge.
    """

    name: str
    column: int
    colour: str | None


@dataclass(frozen=True)
class Chart:
    """Stacked bars over rows of a sheet.

    Attributes:
        title: what it shows, with its unit.
        kind: bar lies, column stands.
        labels: column of the names.
        series: columns of the values.
        first: first row of both, counted from 1.
        last: last row of both.
        at: row and column, counted from 0, of its upper left corner.
        has_legend: whether colours need names.
    """

    title: str
    kind: Literal["bar", "column"]
    labels: int
    series: Sequence[Series]
    first: int
    last: int
    at: tuple[int, int]
    has_legend: bool = True


@dataclass(frozen=True)
class Sheet:
    """One worksheet."""

    name: str
    title: str
    note: str
    widths: Sequence[int]
    blocks: Sequence[Block]
    charts: Sequence[Chart] = ()


def letter(column: int) -> str:
    """Excel's name of a column counted from 0.

    >>> letter(0), letter(27)
    ('A', 'AB')
    """
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(65 + rest) + text
    return text


def span(column: int, first: int, last: int) -> str:
    """A column's range, both ends absolute."""
    return f"${letter(column)}${first}:${letter(column)}${last}"


def sum_of_currency(column: int, code_column: int, first: int, last: int, currency: str) -> str:
    """Formula that sums a column over the rows of one currency."""
    return f'=SUMIFS({span(column, first, last)},{span(code_column, first, last)},"{currency}")'
