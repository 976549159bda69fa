"""The sheet of the days that a clock in a time zone shows.

Here belongs which figure stands in which cell, and the formula that finds it again. The figures
come from `zoned`; how a cell looks belongs to `workbook`.
"""

from __future__ import annotations

from tokenworks.reports.sheet import HEADER_ROW, Block, Cell, Sheet, span
from tokenworks.reports.tables import ReportTables
from tokenworks.reports.zoned import LocalDay, LocalDays

_FIRST = HEADER_ROW + 1
_FIRST_AMOUNT = 7


def days_sheet(tables: ReportTables, found: LocalDays) -> Sheet:
    """A row for each local date; hours and cost sum to the period's."""
    currencies = [ledger.currency for ledger in tables.ledgers]
    rows = [_row(day, currencies) for day in found.days]
    last = HEADER_ROW + len(rows)
    hours = sum(day.hours_here for day in found.days)
    totals = [
        [
            Cell("Total of the period", bold=True),
            *(Cell(None), Cell(None)),
            Cell(hours, "integer", f"=SUM({span(3, _FIRST, last)})", bold=True),
            *(Cell(None), Cell(None), Cell(None)),
            *(
                Cell(
                    ledger.total,
                    ledger.currency,
                    f"=SUM({span(column, _FIRST, last)})",
                    bold=True,
                )
                for column, ledger in enumerate(tables.ledgers, start=_FIRST_AMOUNT)
            ),
        ]
    ]
    headers = [
        *("Local day", "Begins (UTC)", "Hours of the day", "Of these in the period"),
        *("Requests", "Input tokens", "Output tokens"),
        *(f"Cost, {currency}" for currency in currencies),
    ]
    return Sheet(
        name="Days",
        title=f"Days in {found.zone}",
        note=f"Window: {tables.window.text}. A day has 23 or 25 hours where clocks change; an hour "
        "belongs to the day on which it begins. Only hours of the period count, so that the days "
        "sum to its bills: the first and the last day may lie partly outside.",
        widths=(22, 18, 16, 20, 14, 16, 16, *(18 for _ in currencies)),
        blocks=(Block(headers, rows, totals),),
    )


def _row(day: LocalDay, currencies: list[str]) -> list[Cell]:
    return [
        Cell(day.day, "date"),
        Cell(day.begins, "time"),
        Cell(day.hours, "integer"),
        Cell(day.hours_here, "integer"),
        Cell(day.requests, "integer"),
        Cell(day.input_tokens, "integer"),
        Cell(day.output_tokens, "integer"),
        *(Cell(day.amounts[currency], currency) for currency in currencies),
    ]
