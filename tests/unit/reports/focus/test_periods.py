"""Exports of other periods than a month with data: fiscal ones, and one that holds corrections alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tests.unit.reports.focus import every_kind
from tokenworks.reports.focus.build import build_focus
from tokenworks.reports.period import NoDataError, PeriodError
from tokenworks_sources.settings import Settings

D = Decimal
LATE = {**every_kind.corrections()[0], "bill_id": "EL-4", "cost": D(2)}


@pytest.fixture
def fiscal_home(out: Path) -> Settings:
    """Books in four and five weeks: FY2026-P12 is 30 August to 26 September, with a correction of P11."""
    home = Settings.at(out)
    posted = {"posted_period": "FY2026-P12", "posted_from": date(2026, 8, 30)}
    late = {**LATE, **posted, "corrected_period": "FY2026-P11", "event_date": date(2026, 8, 20)}
    every_kind.publish(
        home.published_parquet, fct_cost_corrections=[*every_kind.corrections(), late]
    )
    folder = home.published_parquet / "dim_fiscal_periods"
    folder.mkdir()
    pl.DataFrame(
        {
            "calendar": ["4-4-5"] * 2,
            "period": ["FY2026-P12", "FY2027-P01"],
            "fiscal_year": [2026, 2027],
            "quarter": [4, 1],
            "period_number": [12, 1],
            "first_date": [date(2026, 8, 30), date(2026, 9, 27)],
            "last_date": [date(2026, 9, 26), date(2026, 10, 24)],
            "is_books_calendar": [True, True],
        }
    ).write_parquet(folder / "part-0.parquet")
    return home


def test_fiscal_period_has_its_costs_its_invoices_and_its_corrections(
    fiscal_home: Settings,
) -> None:
    """September's 855.7259258, without the 2.25 that a month corrected, with the 2.00 of the period."""
    files = build_focus(fiscal_home, "FY2026-P12", "1.2", ["parquet"])
    assert [file.path.relative_to(fiscal_home.reports).as_posix() for file in files] == [
        "FY2026-P12/focus/focus_cost_and_usage-FY2026-P12-1.2-supply.parquet",
        "FY2026-P12/focus/focus_cost_and_usage-FY2026-P12-1.2-showback.parquet",
    ]
    assert {file.effective["USD"] for file in files} == {D("855.4759258")}
    supply = pl.read_parquet(files[0].path)
    bounds = supply.select("BillingPeriodStart", "BillingPeriodEnd").unique().rows()
    assert bounds == [(datetime(2026, 8, 30, tzinfo=UTC), datetime(2026, 9, 27, tzinfo=UTC))]
    # 310 kWh of 20 August to 20 September: 21 of its 31 days; its cost is the ledger's.
    (bill,) = supply.filter(pl.col("x_ChargeId") == "energy_bills EL-8 late").iter_rows(named=True)
    found = [bill[name] for name in ("BilledCost", "EffectiveCost", "ConsumedQuantity")]
    assert found == [D(31), D(19), D(210)]
    assert bill["ChargePeriodStart"] == datetime(2026, 8, 30, tzinfo=UTC)
    (late,) = supply.filter(pl.col("x_ChargeId").str.contains("EL-4")).iter_rows(named=True)
    found = [late[name] for name in ("ChargeClass", "BilledCost", "EffectiveCost")]
    assert found == ["Correction", D(2), D(2)]


def test_period_without_anything_names_what_there_is(fiscal_home: Settings) -> None:
    with pytest.raises(
        NoDataError,
        match=r"Nothing is published for FY2027-P01\. There is data for .*FY2026-P12\. Choose",
    ):
        build_focus(fiscal_home, "FY2027-P01")


def test_error_names_the_calendar_when_it_has_no_such_period(fiscal_home: Settings) -> None:
    with pytest.raises(PeriodError, match="'2026-09' is no period of a calendar 'house'"):
        build_focus(fiscal_home, "2026-09", calendar="house")


@pytest.mark.parametrize("version", ["1.2", "1.3", "1.4"])
def test_month_of_corrections_alone_is_exported(out: Path, version: str) -> None:
    home = Settings.at(out)
    every_kind.publish(home.published_parquet, fct_cost_ledger=[], rpt_token_usage=[])
    files = build_focus(home, "2026-10", version, ["parquet"])  # type: ignore[arg-type]
    assert [(file.rows, file.effective) for file in files] == [(1, {"USD": D(7)})] * 2
    (row,) = pl.read_parquet(files[0].path).iter_rows(named=True)
    assert (row["ChargeClass"], row["BilledCost"]) == ("Correction", D(7))
