"""Writes the month's workbook for finance.

Here belongs how a sheet looks: number formats by currency, frozen headers, filters, widths and
print set-up. Which figure stands where belongs to `sheets`. The same tables give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xlsxwriter

from tokenworks.reports import (
    sheets,
    sheets_detail,
    sheets_finance,
    sheets_variance,
    sheets_zoned,
)
from tokenworks.reports.money import minor_digits
from tokenworks.reports.quality import Verdict
from tokenworks.reports.sheet import HEADER_ROW, Block, Cell, Chart, Sheet
from tokenworks.reports.tables import ReportTables

_INK, _RULE, _SHADE, _ALARM = "#1b2733", "#c8d0d8", "#eef2f5", "#a3261c"
_VERDICTS = {"within": "#1d6b45", "above": _ALARM, "open": "#7a5200"}
_NO_FILL: dict[str, Any] = {"none": True}
_FORMATS = {
    "text": "@",
    "wrap": "@",
    "integer": "#,##0",
    "percent": "0.0%",
    # A cached token costs so little that four digits would show nothing.
    "rate": "[<0.01]0.0000000;#,##0.0000",
    "usd": "#,##0.00",
    "seconds": "0.000",
    "number": "#,##0.00########",
    "date": "yyyy-mm-dd",
    "time": "yyyy-mm-dd hh:mm",
}


def month_sheets(tables: ReportTables) -> tuple[Sheet, ...]:
    """The sheets in the order of the workbook."""
    charged = sheets_finance.chargeback_sheet(tables)
    billed = sheets_finance.charges_sheet(tables)
    corrected = sheets_detail.corrections_sheet(tables)
    return (
        sheets.summary_sheet(tables, charged.blocks[0], billed.blocks[0], corrected.blocks[0]),
        sheets.unit_cost_sheet(tables),
        charged,
        sheets_variance.variance_sheet(tables),
        *((sheets_zoned.days_sheet(tables, tables.local_days),) if tables.local_days else ()),
        sheets_detail.idle_sheet(tables),
        sheets_detail.reconciliation_sheet(tables),
        corrected,
        sheets_detail.quality_sheet(tables),
        billed,
        sheets_detail.assumptions_sheet(),
    )


def write_workbook(tables: ReportTables, path: Path) -> None:
    """Write the workbook of a month; the folder must be there."""
    period = tables.window.period
    book = xlsxwriter.Workbook(str(path))
    try:
        book.set_properties(
            {
                "title": f"Tokenworks {period}",
                "subject": "Unit cost, chargeback, idle and reconciliation",
                # The file must not depend on when it was written.
                "created": period.end_instant,
            }
        )
        writer = _Writer(book, tables.quality.first_line(), tables.quality.verdict())
        for sheet in month_sheets(tables):
            writer.write(sheet, f"Tokenworks, {period.title}")
    finally:
        book.close()


class _Writer:
    """Writes sheets with formats that are made once each."""

    def __init__(self, book: Any, first_line: str, verdict: Verdict) -> None:
        self._book = book
        self._first_line = first_line
        self._colour = _VERDICTS[verdict]
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def write(self, sheet: Sheet, heading: str) -> None:
        """Write one sheet."""
        page = self._book.add_worksheet(sheet.name)
        for column, width in enumerate(sheet.widths):
            page.set_column(column, column, width)
        page.write_string(0, 0, self._first_line, self._format(bold=True, font_color=self._colour))
        page.write_string(1, 0, f"{heading}: {sheet.title}", self._format(bold=True, font_size=14))
        page.write_string(2, 0, sheet.note, self._format(font_color="#52606d"))
        for block in sheet.blocks:
            self._block(page, block)
        for chart in sheet.charts:
            self._chart(page, sheet.name, chart)
        self._set_up(page, sheet, heading)

    def _block(self, page: Any, block: Block) -> None:
        header = self._format(
            bold=True,
            bg_color=_INK,
            font_color="#ffffff",
            text_wrap=True,
            valign="vcenter",
            border=1,
        )
        page.set_row(block.row - 1, 32)
        for offset, text in enumerate(block.headers):
            page.write_string(block.row - 1, block.column + offset, text, header)
        for index, row in enumerate([*block.rows, *block.totals]):
            self._row(page, block.row + index, block.column, row)

    def _row(self, page: Any, row: int, first: int, cells: Sequence[Cell]) -> None:
        for column, cell in enumerate(cells, start=first):
            look = self._look(cell)
            if cell.formula is not None:
                page.write_formula(row, column, cell.formula, look, _cached(cell))
            elif cell.value is None:
                page.write_blank(row, column, None, look)
            elif isinstance(cell.value, str):
                page.write_string(row, column, cell.value, look)
            elif cell.style in ("date", "time"):
                page.write_datetime(row, column, cell.value, look)
            else:
                page.write_number(row, column, cell.value, look)

    def _chart(self, page: Any, name: str, chart: Chart) -> None:
        drawn = self._book.add_chart({"type": chart.kind, "subtype": "stacked"})
        first, last = chart.first - 1, chart.last - 1
        for series in chart.series:
            drawn.add_series(
                {
                    "name": series.name,
                    "categories": [name, first, chart.labels, last, chart.labels],
                    "values": [name, first, series.column, last, series.column],
                    "fill": {"color": series.colour} if series.colour else _NO_FILL,
                    "border": {"none": True},
                    "gap": 40,
                }
            )
        drawn.set_title({"name": chart.title, "name_font": {"size": 11, "color": _INK}})
        if chart.kind == "bar":
            drawn.set_y_axis({"reverse": True})
        if chart.has_legend:
            hidden = [index for index, series in enumerate(chart.series) if not series.colour]
            drawn.set_legend({"position": "bottom", "delete_series": hidden})
        else:
            drawn.set_legend({"none": True})
        drawn.set_size({"width": 620, "height": 300})
        page.insert_chart(*chart.at, drawn, {"description": chart.title, "object_position": 2})

    def _look(self, cell: Cell) -> Any:
        looks: dict[str, Any] = {
            "num_format": _FORMATS.get(cell.style) or _currency_format(cell.style),
            "bottom": 1,
            "bottom_color": _RULE,
        }
        if cell.bold:
            looks |= {"bold": True, "bg_color": _SHADE, "top": 1, "top_color": _INK}
        if cell.style == "wrap":
            looks |= {"text_wrap": True, "valign": "top"}
        if cell.value == "NOT BALANCED":
            looks |= {"bold": True, "font_color": _ALARM}
        return self._format(**looks)

    def _format(self, **looks: Any) -> Any:
        key = tuple(sorted(looks.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format({"font_name": "Calibri", **looks})
        return self._formats[key]

    def _set_up(self, page: Any, sheet: Sheet, heading: str) -> None:
        main = sheet.blocks[0]
        page.freeze_panes(HEADER_ROW, 1)
        if main.rows:
            width = main.column + len(main.headers) - 1
            page.autofilter(main.row - 1, main.column, main.last - 1, width)
        page.hide_gridlines(2)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.repeat_rows(HEADER_ROW - 1)
        page.set_margins(left=0.5, right=0.5, top=0.7, bottom=0.7)
        page.set_header(f"&L{heading}&R{sheet.name}")
        page.set_footer("&LTokenworks&RPage &P of &N")


def _cached(cell: Cell) -> Any:
    """The value beside a formula; an empty text where there is none."""
    return "" if cell.value is None else cell.value


def _currency_format(currency: str) -> str:
    digits = minor_digits(currency)
    number = "#,##0" + ("." + "0" * digits if digits else "")
    return f'{number} "{currency}";[Red]-{number} "{currency}"'
