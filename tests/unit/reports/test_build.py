"""The whole report of a month: where it lies, and that it depends on nothing but its input."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import pytest
from openpyxl import load_workbook

from tests.unit.reports.conftest import WriteMart
from tokenworks.reports.build import UnsureReportError, build_report
from tokenworks.reports.period import NoDataError, Period, PeriodError
from tokenworks.reports.read import MartError
from tokenworks_sources.settings import Settings


def test_report_lies_in_the_folder_of_its_month_when_built(home: Settings) -> None:
    steps: list[str] = []
    result = build_report(home, "2026-09", steps.append)
    assert result.workbook_path == home.reports / "2026-09" / "tokenworks-2026-09.xlsx"
    assert result.page_path == home.reports / "2026-09" / "index.html"
    assert steps == ["Reading the marts of 2026-09", "Writing the workbook", "Drawing the page"]
    assert sorted(path.name for path in (home.reports / "2026-09").iterdir()) == [
        "index.html",
        "tokenworks-2026-09.xlsx",
    ]


def test_files_have_the_same_bytes_when_built_twice(home: Settings) -> None:
    first = build_report(home, "2026-09")
    before = (first.workbook_path.read_bytes(), first.page_path.read_bytes())
    second = build_report(home, "2026-09")
    assert (second.workbook_path.read_bytes(), second.page_path.read_bytes()) == before


def test_page_asks_nothing_of_a_network_when_opened(home: Settings) -> None:
    page = build_report(home, "2026-09").page_path.read_text(encoding="utf-8")
    assert not re.search(r"https?://", page)
    assert not re.search(r"<script|<link|<img|<iframe|@import|url\((?!#)", page)


def test_error_names_the_months_that_there_are_when_a_month_has_no_data(home: Settings) -> None:
    with pytest.raises(NoDataError) as caught:
        build_report(home, "2026-11")
    assert str(caught.value) == (
        "Nothing is published for 2026-11. There is data for 2026-08, 2026-09. Choose one of them."
    )
    assert not home.reports.exists()


@pytest.mark.parametrize("text", ["2026-13", "2026-00", "2026-9", "09-2026", "september", ""])
def test_error_says_how_to_write_a_month_when_it_is_not_one(text: str) -> None:
    with pytest.raises(PeriodError, match="Write it as YYYY-MM, such as 2026-09"):
        Period.parse(text)


def test_month_ends_in_the_next_year_when_it_is_december() -> None:
    december = Period.parse("2026-12")
    assert (str(december.start), str(december.end), december.days) == (
        "2026-12-01",
        "2027-01-01",
        31,
    )


def test_error_says_what_to_run_when_nothing_is_published(settings: Settings) -> None:
    with pytest.raises(MartError, match="is not published"):
        build_report(settings, "2026-09")


def test_correction_is_not_shown_twice_when_the_books_are_kept_by_other_periods(
    home: Settings, write_mart: WriteMart
) -> None:
    """Closed by FY2026-P11, the late bill is in September's own cost, which is as known now."""
    late = {
        "posted_from": date(2026, 9, 1),
        "posted_period": "FY2026-P12",
        "corrected_period": "FY2026-P11",
        "bill_id": "EL-10",
        "category": "idle",
        "currency": "EUR",
        "cost": Decimal("3.20"),
    }
    write_mart("fct_cost_corrections", [late])
    sheet = load_workbook(build_report(home, "2026-09").workbook_path)["Corrections"]
    assert sheet["A3"].value == "Nothing was posted in this period for a closed one."


def test_period_of_corrections_alone_is_printed(home: Settings, write_mart: WriteMart) -> None:
    """A closed month's late bill of 3.20 is posted in a month of which nothing else is there yet."""
    late = {
        "posted_from": date(2026, 11, 1),
        "corrected_period": "2026-10",
        "bill_id": "EL-10",
        "charge_line_id": "1",
        "component": "electricity",
        "category": "idle",
        "cause": "ready_empty",
        "currency": "EUR",
        "cost": Decimal("3.20"),
    }
    write_mart("fct_cost_corrections", [late])
    result = build_report(home, "2026-11")
    assert result.headline == ()
    assert result.first_line == (
        "No cost is known in this period, no request is known in this period."
    )
    cells = load_workbook(result.workbook_path)["Corrections"].iter_rows(values_only=True)
    assert (
        "2026-10",
        "EL-10",
        "1",
        "electricity",
        "Idle",
        "ready empty",
        None,
        "EUR",
        3.2,
    ) in cells
    assert "not in these sums: €3.20." in result.page_path.read_text(encoding="utf-8")
    with pytest.raises(UnsureReportError):
        build_report(home, "2026-11", strict=True)
