"""A month in a time zone: days of 23 and 25 hours, whose costs are the bill."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from openpyxl import load_workbook

from tokenworks.reports.build import build_report
from tokenworks.reports.ledger import ledgers
from tokenworks.reports.period import Period
from tokenworks.reports.zoned import LocalDay, in_zone, local_days, span_text
from tokenworks_sources.settings import Settings

WriteMart = Callable[[str, Sequence[Mapping[str, Any]]], None]

MONEY = pl.Decimal(38, 12)
NEW_YORK = "America/New_York"
D = Decimal


def _ledger(period: Period) -> pl.LazyFrame:
    """0.34 dollars each hour of the period, 0.014 of it idle, and a yen in thirds at its first hour."""
    first = datetime.combine(period.start, datetime.min.time())
    hours = [first + timedelta(hours=hour) for hour in range(period.days * 24)]
    rows = [
        *((hour, "USD", "served", "0.326") for hour in hours),
        *((hour, "USD", "idle", "0.014") for hour in hours),
        *((hours[0], "JPY", "idle", "0.333333333333") for _ in range(3)),
    ]
    return pl.LazyFrame(
        {
            "event_date": [hour.date() for hour, *_ in rows],
            "hour_start": [hour for hour, *_ in rows],
            "currency": [currency for _, currency, *_ in rows],
            "category": [category for *_, category, _ in rows],
            "cause": pl.Series(["ready_empty"] * len(rows)),
            "deployment_id": pl.Series([None] * len(rows), dtype=pl.String),
            "tenant_id": pl.Series([None] * len(rows), dtype=pl.String),
            "cost": pl.Series([D(cost) for *_, cost in rows], dtype=MONEY),
        }
    )


def _requests(*times: str) -> pl.LazyFrame:
    return pl.LazyFrame(
        {
            "started_at": pl.Series(
                [datetime.fromisoformat(time) for time in times], dtype=pl.Datetime("us")
            ),
            "input_total_tokens": pl.Series([100] * len(times), dtype=pl.Int64),
            "output_total_tokens": pl.Series([None] * len(times), dtype=pl.Int64),
        }
    )


def _days(period: Period, zone: str, *times: str) -> dict[str, LocalDay]:
    ledger = _ledger(period)
    found = local_days(ledger, _requests(*times), ledgers(ledger), period, zone)
    return {str(day.day): day for day in found.days}


def test_day_of_25_hours_costs_25_hours_and_the_month_is_the_bill() -> None:
    """New York, November 2026: 720 hours at .34 are 244.80; 25 of them 8.50, 4 of 31 October 1.36."""
    days = _days(
        Period(2026, 11), NEW_YORK, "2026-11-01T05:30", "2026-11-01T06:30", "2026-11-02T05:00"
    )
    assert list(days)[:2] == ["2026-10-31", "2026-11-01"]
    assert list(days)[-1] == "2026-11-30"
    hours = {name: (day.hours, day.hours_here) for name, day in days.items()}
    assert hours["2026-10-31"] == (24, 4)
    assert hours["2026-11-01"] == (25, 25)
    assert hours["2026-11-30"] == (24, 19)
    assert sum(day.hours_here for day in days.values()) == 720
    assert days["2026-10-31"].begins == datetime(2026, 10, 31, 4)
    assert days["2026-10-31"].amounts == {"JPY": D(1), "USD": D("1.36")}
    assert days["2026-11-01"].amounts == {"JPY": D(0), "USD": D("8.50")}
    assert days["2026-11-30"].amounts["USD"] == D("6.46")
    assert sum(day.amounts["USD"] for day in days.values()) == D("244.80")
    # 01:30 is shown twice by the clock, and both requests are of the first.
    assert days["2026-11-01"].requests == 2
    assert (days["2026-11-01"].input_tokens, days["2026-11-01"].output_tokens) == (200, None)
    assert days["2026-11-02"].requests == 1
    assert days["2026-11-03"].requests == 0


def test_day_of_23_hours_costs_23_hours_and_the_month_is_the_bill() -> None:
    """New York, March 2026: 744 hours at .34 are 252.96; 23 of them 7.82, 5 of 28 February 1.70."""
    days = _days(Period(2026, 3), NEW_YORK)
    assert (days["2026-03-08"].hours, days["2026-03-08"].hours_here) == (23, 23)
    assert days["2026-03-08"].amounts["USD"] == D("7.82")
    assert (days["2026-02-28"].hours_here, days["2026-02-28"].amounts["USD"]) == (5, D("1.70"))
    # Clocks are four hours behind by then: 20 of 31 March.
    assert (days["2026-03-31"].hours_here, days["2026-03-31"].amounts["USD"]) == (20, D("6.80"))
    assert sum(day.hours_here for day in days.values()) == 744
    assert sum(day.amounts["USD"] for day in days.values()) == D("252.96")


@pytest.mark.parametrize("zone", ["Europe/Dublin", "Asia/Kolkata", "Pacific/Kiritimati", "UTC"])
def test_days_of_any_zone_are_the_bill(zone: str) -> None:
    days = _days(Period(2026, 10), zone)
    assert sum(day.hours_here for day in days.values()) == 744
    assert sum(day.amounts["USD"] for day in days.values()) == D("252.96")
    assert all(day.hours_here <= day.hours for day in days.values())


def test_hour_that_a_clock_shows_twice_is_two_times() -> None:
    assert in_zone(datetime(2026, 11, 1, 5), NEW_YORK) == datetime(2026, 11, 1, 1)
    assert in_zone(datetime(2026, 11, 1, 6), NEW_YORK) == datetime(2026, 11, 1, 1)
    assert in_zone(datetime(2026, 11, 1, 7), NEW_YORK) == datetime(2026, 11, 1, 2)
    assert (in_zone(None, NEW_YORK), in_zone(datetime(2026, 1, 1), None)) == (
        None,
        datetime(2026, 1, 1),
    )


def test_window_tells_its_offsets() -> None:
    assert span_text(Period(2026, 11), NEW_YORK) == (
        "2026-10-31 20:00-04:00 to 2026-11-30 19:00-05:00"
    )


def test_workbook_and_page_show_the_days_of_the_zone(home: Settings, write_mart: WriteMart) -> None:
    """The ledger of the fixtures, all of it in the UTC hour from 02:00: the day before in New York."""
    path = home.published_parquet / "fct_cost_ledger" / "data.parquet"
    rows = pl.read_parquet(path).with_columns(
        pl.col("event_date").cast(pl.Datetime("us")).dt.offset_by("2h").alias("hour_start")
    )
    write_mart("fct_cost_ledger", rows.to_dicts())
    result = build_report(home, "2026-09", time_zone=NEW_YORK)
    folder = home.reports / "2026-09"
    assert result.workbook_path == folder / "tokenworks-2026-09-America-New_York.xlsx"
    assert result.page_path == folder / "index-America-New_York.html"
    assert result.local_days_path == folder / "days-America-New_York.csv"
    book = load_workbook(result.workbook_path, data_only=True)
    found = {row[0]: row[1:] for row in book["Days"].iter_rows(min_row=6, values_only=True)}
    assert found[datetime(2026, 8, 31)][2] == 4
    assert found["Total of the period"][2] == 720
    assert found["Total of the period"][6:8] == (3, 213.5)
    days = {day.date().isoformat(): row for day, row in found.items() if isinstance(day, datetime)}
    assert sum(row[7] or 0 for row in days.values()) == 213.5
    # Nothing is published of the rest of the month: unknown, and not 0.
    assert days["2026-09-10"][2:8] == (24, None, None, None, None, None)
    page = Path(result.page_path).read_text(encoding="utf-8")
    assert "Days in America/New_York" in page
    assert "2026-08-31 20:00-04:00 to 2026-09-30 20:00-04:00, America/New_York" in page
    assert "Days" not in load_workbook(build_report(home, "2026-09").workbook_path).sheetnames
