"""Local days of a period: 23 and 25 hours where clocks change, and every hour in exactly one day."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tokenworks.reports.local_days import TimeZoneError, known_zone, write_local_days, zone_of_books
from tokenworks.reports.period import Period

MONEY = pl.Decimal(38, 12)


@pytest.fixture
def marts(tmp_path: Path) -> Path:
    """One dollar in each UTC hour of October to December 2026, and a request in every sixth one."""
    hours = [datetime(2026, 10, 1) + timedelta(hours=hour) for hour in range(92 * 24)]
    ledger = pl.DataFrame(
        {
            "hour_start": hours,
            "currency": ["USD"] * len(hours),
            "category": ["served" if hour.hour < 12 else "idle" for hour in hours],
            "cost": pl.Series([Decimal(1)] * len(hours), dtype=MONEY),
        }
    )
    started = [hour + timedelta(minutes=59) for hour in hours[::6]]
    requests = pl.DataFrame(
        {
            "started_at": started,
            "input_total_tokens": [100] * len(started),
            "output_total_tokens": pl.Series([None] * len(started), dtype=pl.Int64),
        }
    )
    for name, frame in (("fct_cost_ledger", ledger), ("fct_requests", requests)):
        (tmp_path / name).mkdir()
        frame.write_parquet(tmp_path / name / "part-0.parquet")
    return tmp_path


def _days(marts: Path, period: Period, zone: str) -> dict[str, dict[str, str]]:
    path = marts / "days.csv"
    write_local_days(marts, period, zone, path)
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["local_date"]: row for row in csv.DictReader(stream)}


def test_day_of_25_hours_has_the_cost_of_25_hours(marts: Path) -> None:
    """SYN-14: clocks in New York are put back on 2026-11-01."""
    days = _days(marts, Period(2026, 11), "America/New_York")
    first, second = days["2026-11-01"], days["2026-11-02"]
    assert len(days) == 30
    assert (first["utc_start"], first["hours"]) == ("2026-11-01 04:00:00", "25")
    assert (first["cost_USD"], first["served_USD"], first["idle_USD"]) == (
        "25.000000000000",
        # 04:00 to 12:00 UTC of the first and 00:00 to 05:00 of the second.
        "13.000000000000",
        "12.000000000000",
    )
    assert (second["utc_start"], second["hours"], second["cost_USD"]) == (
        "2026-11-02 05:00:00",
        "24",
        "24.000000000000",
    )
    # 06, 12 and 18 of the first, 00 of the second.
    assert (first["requests"], first["input_total_tokens"]) == ("4", "400")
    assert first["output_total_tokens"] == ""
    assert first["overhead_USD"] == ""


def test_local_days_of_two_months_sum_to_their_hours(marts: Path) -> None:
    """30 and 31 days of New York from the first local midnight to the last: 61 * 24 + 1 hours."""
    total = Decimal(0)
    for month in (11, 12):
        days = _days(marts, Period(2026, month), "America/New_York")
        total += sum((Decimal(row["cost_USD"] or 0) for row in days.values()), Decimal(0))
    # Of the last local day the five hours from 2027-01-01 00:00 UTC on have no books.
    assert total == 61 * 24 + 1 - 5


def test_hour_belongs_to_the_day_on_which_it_begins_when_the_zone_is_off_by_half_an_hour(
    marts: Path,
) -> None:
    days = _days(marts, Period(2026, 11), "Asia/Kolkata")
    # The UTC hour 18:00 of the 31st begins at 23:30 of the 31st.
    assert days["2026-11-01"]["utc_start"] == "2026-10-31 19:00:00"
    assert {row["hours"] for row in days.values()} == {"24"}


def test_zone_is_refused_when_it_has_no_name() -> None:
    with pytest.raises(TimeZoneError, match="'EST5' is no IANA time zone"):
        known_zone("EST5")


def test_zone_of_the_books_is_read_where_the_fleet_names_one(tmp_path: Path) -> None:
    assert zone_of_books(tmp_path) is None
    (tmp_path / "dim_books").mkdir()
    path = tmp_path / "dim_books" / "part-0.parquet"
    pl.DataFrame({"calendar": ["gregorian"], "time_zone": ["UTC"]}).write_parquet(path)
    assert zone_of_books(tmp_path) is None
    pl.DataFrame({"calendar": ["gregorian"], "time_zone": ["Asia/Tokyo"]}).write_parquet(path)
    assert zone_of_books(tmp_path) == "Asia/Tokyo"
