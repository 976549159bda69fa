"""The workbook as a reader opens it: cached values, and formulas that find them again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tokenworks.reports.tables import ReportTables
from tokenworks.reports.workbook import write_workbook

_RANGE = r"(?:(\w+)!)?\$?([A-Z]+)\$?(\d+):\$?[A-Z]+\$?(\d+)"


@pytest.fixture
def path(tables: ReportTables, tmp_path: Path) -> Path:
    """The workbook of the small September."""
    target = tmp_path / "month.xlsx"
    write_workbook(tables, target)
    return target


@pytest.fixture
def values(path: Path) -> Workbook:
    """What a viewer shows that does not calculate."""
    return load_workbook(path, data_only=True)


@pytest.fixture
def formulas(path: Path) -> Workbook:
    """What a spreadsheet calculates."""
    return load_workbook(path)


def _column(book: Workbook, sheet: str, reference: str) -> list[object]:
    match = re.fullmatch(_RANGE, reference)
    assert match is not None, reference
    page = book[match[1] or sheet]
    return [page[f"{match[2]}{row}"].value for row in range(int(match[3]), int(match[4]) + 1)]


def _recalculated(book: Workbook, sheet: str, formula: str) -> float | str:
    """What the few kinds of formula of the workbook come to, from cached values alone."""

    def number(reference: str) -> float:
        return float(book[sheet][reference.replace("$", "")].value or 0)

    if match := re.fullmatch(r"=SUM\(([^)]+)\)", formula):
        reference = match[1]
        row = re.fullmatch(r"([A-Z])(\d+):([A-Z])\2", reference)
        if row:
            cells = book[sheet][reference][0]
            return float(sum(cell.value for cell in cells))
        return float(sum(value or 0 for value in _column(book, sheet, reference)))
    if match := re.fullmatch(r"=SUMIFS\((.+)\)", formula):
        amounts, *criteria = match[1].split(",")
        keep = [True] * len(_column(book, sheet, amounts))
        for reference, wanted in zip(criteria[::2], criteria[1::2], strict=True):
            value = wanted.strip('"') if wanted.startswith('"') else book[sheet][wanted].value
            found = _column(book, sheet, reference)
            keep = [kept and cell == value for kept, cell in zip(keep, found, strict=True)]
        pairs = zip(_column(book, sheet, amounts), keep, strict=True)
        return float(sum(amount for amount, kept in pairs if kept))
    if match := re.fullmatch(r'=IF\(([$A-Z0-9]+)(?:>|<>)0,(\S+)/(\S+?)(\*1000000)?,""\)', formula):
        whole = number(match[3])
        return number(match[2]) / whole * (1e6 if match[4] else 1) if whole else ""
    if match := re.fullmatch(r"=ROUND\((\w+)-(\w+),(\d+)\)", formula):
        return round(number(match[1]) - number(match[2]), int(match[3]))
    if match := re.fullmatch(r"=(\w+)-(\w+)", formula):
        return number(match[1]) - number(match[2])
    raise AssertionError(f"no rule for {formula}")


def _formula_cells(book: Workbook) -> Iterator[tuple[Worksheet, str, str]]:
    for page in book.worksheets:
        for row in page.iter_rows():
            for cell in row:
                if isinstance(cell.value, str) and cell.value.startswith("="):
                    yield page, cell.coordinate, cell.value


def test_sheets_stand_in_order_when_opened(values: Workbook) -> None:
    assert values.sheetnames == [
        "Summary",
        "Unit cost",
        "Chargeback",
        "Variance",
        "Idle",
        "Reconciliation",
        "Corrections",
        "Data quality",
        "Charges",
        "Assumptions",
    ]


def test_every_formula_finds_its_cached_value_when_recalculated(
    values: Workbook, formulas: Workbook
) -> None:
    count = 0
    for page, coordinate, formula in _formula_cells(formulas):
        cached = values[page.title][coordinate].value
        found = _recalculated(values, page.title, formula)
        where = f"{page.title}!{coordinate} {formula}"
        if found == "":
            assert cached in ("", None), where
        else:
            assert cached == pytest.approx(found, abs=1e-9), where
        count += 1
    assert count > 50


def test_totals_are_the_ledgers_when_opened_without_calculation(values: Workbook) -> None:
    rows = {
        (row[0], row[1]): row[2:8]
        for row in values["Chargeback"].iter_rows(min_row=6, values_only=True)
    }
    assert rows["acme", "USD"] == (60, 0, 64, 3.6, 0, 127.6)
    assert rows["acme", "EUR"] == (3.34, 0, -2.34, 0, 0, 1)
    assert rows["Total USD", "USD"] == (100, 5, 100, 6, 2.5, 213.5)
    assert rows["Total EUR", "EUR"] == (10, 0, -7, 0, 0, 3)


def test_summary_ties_to_the_ledger_when_opened(values: Workbook) -> None:
    rows = {
        (row[0], row[1]): row[2] for row in values["Summary"].iter_rows(min_row=6, values_only=True)
    }
    assert rows["Total USD", "USD"] == 213.5
    assert rows["Charged back", "USD"] == 213.5
    assert rows["Difference", "USD"] == 0
    assert rows["Charged back", "EUR"] == 3


def test_first_line_is_about_unknown_shares_when_any_sheet_is_read(values: Workbook) -> None:
    for page in values.worksheets:
        assert str(page["A1"].value).startswith("3.00 EUR have no exchange rate; 1.1% of cost")


def test_amounts_have_the_format_of_their_currency_when_shown(formulas: Workbook) -> None:
    page = formulas["Chargeback"]
    assert page["C6"].number_format == '#,##0.00 "EUR";[Red]-#,##0.00 "EUR"'
    assert page["C9"].number_format == '#,##0.00 "USD";[Red]-#,##0.00 "USD"'


def test_headers_stay_and_filter_when_scrolled(formulas: Workbook) -> None:
    for page in formulas.worksheets:
        assert page.freeze_panes == "B6", page.title
        assert page.auto_filter.ref, page.title
        assert page.page_setup.orientation == "landscape"
        assert page.print_title_rows == "$5:$5"
    assert formulas["Chargeback"].auto_filter.ref == "A5:N12"


def test_name_is_text_when_it_looks_like_a_formula(tables: ReportTables, tmp_path: Path) -> None:
    first, *others = tables.chargebacks[1].lines
    lines = (replace(first, name='=HYPERLINK("x")'), *others)
    charged = replace(tables.chargebacks[1], lines=lines)
    target = tmp_path / "named.xlsx"
    write_workbook(replace(tables, chargebacks=(tables.chargebacks[0], charged)), target)
    cell = load_workbook(target)["Chargeback"]["A9"]
    assert (cell.value, cell.data_type) == ('=HYPERLINK("x")', "s")


def test_bridge_adds_up_when_opened_without_calculation(values: Workbook) -> None:
    rows = [
        row[:6] for row in values["Variance"].iter_rows(min_row=6, max_row=14, values_only=True)
    ]
    assert rows == [
        ("Cost of 2026-08", 300, 0, 300, 0, 0),
        ("Volume", 60, 300, 0, 60, 0),
        ("Mix", 90, 360, 0, 90, 0),
        ("Efficiency", -27, 423, 0, 0, 27),
        ("Price", -42.3, 380.7, 0, 0, 42.3),
        ("Exchange rates", 0, 380.7, 0, 0, 0),
        ("New", 0.01, 380.7, 0, 0.01, 0),
        ("Discontinued", 0, 380.71, 0, 0, 0),
        ("Cost of the period", 380.71, 0, 380.71, 0, 0),
    ]


def test_tenant_keeps_tokens_and_list_price_when_charged_back(values: Workbook) -> None:
    rows = {
        (row[0], row[1]): row[8:13]
        for row in values["Chargeback"].iter_rows(min_row=6, values_only=True)
    }
    assert rows["acme", "USD"] == (127.6, "CC-7", 2_000_000, 300_000, 9.5)
    assert rows["acme", "EUR"] == (None, None, None, None, None)


def test_charts_stand_where_people_would_rather_look(path: Path) -> None:
    titles = {
        page.title: ["".join(run.t for run in chart.title.tx.rich.p[0].r) for chart in page._charts]
        for page in load_workbook(path).worksheets
    }
    assert {name: found for name, found in titles.items() if found} == {
        "Summary": ["Where the money went, EUR", "Where the money went, USD"],
        "Chargeback": ["Chargeback by tenant, EUR", "Chargeback by tenant, USD"],
        "Variance": ["Cost of 2026-08 to this period, USD"],
    }


def test_every_figure_of_the_summary_says_how_sure_it_is(values: Workbook) -> None:
    rows = {
        (row[0], row[1]): row[2:6]
        for row in values["Data quality"].iter_rows(min_row=6, values_only=True)
    }
    assert rows["Served", "USD"] == (1, 0, 0, 0)
    assert rows["Unattributed", "USD"] == (0, 0, 1, 0)


def test_late_bill_of_a_closed_month_is_shown_where_it_is_posted(values: Workbook) -> None:
    rows = list(values["Corrections"].iter_rows(min_row=6, max_row=9, values_only=True))
    assert [(row[0], row[6], row[8]) for row in rows] == [
        ("2026-08", "acme", -3.33),
        ("2026-08", "birch", -3.33),
        ("2026-08", "cobalt", -3.34),
        ("Total USD", None, -10),
    ]


def test_parts_of_an_effect_sum_to_it_when_some_segment_cannot_tell(values: Workbook) -> None:
    rows = list(values["Variance"].iter_rows(min_row=18, max_row=24, max_col=2, values_only=True))
    assert rows == [
        ("Efficiency: computed per served token (cache)", -9.01),
        ("Efficiency: busy GPU-hours per computed token (batch)", 9),
        ("Efficiency: held GPU-hours per busy one (idle)", -8.99),
        ("Efficiency: not split, a part of it is unknown", -18),
        ("Price: power per GPU-hour", -4.2),
        ("Price: all else per GPU-hour", -30),
        ("Price: not split, a part of it is unknown", -8.1),
    ]


def test_variance_says_that_all_is_new_when_the_books_hold_no_cost_before(
    tables: ReportTables, tmp_path: Path
) -> None:
    assert tables.bridge is not None
    alone = replace(tables, bridge=replace(tables.bridge, base=Decimal(0)))
    for found, said in ((tables, False), (alone, True)):
        write_workbook(found, tmp_path / "month.xlsx")
        note = str(load_workbook(tmp_path / "month.xlsx")["Variance"]["A3"].value)
        assert ("The books hold no cost of 2026-08, so that all of it is new." in note) is said
