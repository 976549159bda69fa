"""A bill that is late: the estimate is closed, the difference is posted later, and both can be read.

October is closed on an estimate of 100.00 for storage, and on 31.00 that is accrued for a leased server,
whose September was 30.00. The bills say 103.20 and 32.50, then 104.05.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.e2e.test_late_data import FLEET, _gateway
from tokenworks.books.closed import closed_periods
from tokenworks.books.closing import close
from tokenworks.books.known import parse_moment
from tokenworks.publish import publish
from tokenworks.published import query
from tokenworks.reports.build import build_report
from tokenworks.reports.edition import ClosedReportError
from tokenworks.warehouse import build_warehouse
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings

HEADER = (
    "InvoiceId,BilledCost,BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,EffectiveCost,ServiceCategory,ResourceId"
)
LEASED = FLEET.replace("ownership: owned", "ownership: leased")
LEASED = "".join(line for line in LEASED.splitlines(True) if "purchase:" not in line)
# Three periods, of which October is the one that is corrected.
OCTOBER = "{0},{1},a,{2},2026-10-01,2026-11-01,2026-10-07T10:00:00Z,2026-10-07T12:00:00Z,Usage,{1},Storage,"
SEPTEMBER = "L9,30,a,USD,2026-09-01,2026-10-01,2026-09-01,2026-10-01,Usage,30,Compute,srv"
LEASE = "L10,32.50,a,USD,2026-10-01,2026-11-01,2026-10-01,2026-11-01,Usage,32.50,Compute,srv"
NOVEMBER = (
    "N,5,a,USD,2026-11-01,2026-12-01,2026-11-02T10:00:00Z,2026-11-02T11:00:00Z,Usage,5,Storage,"
)
CORRECTIONS = (
    "select posted_period, corrected_period, bill_id, currency, "
    "cast(sum(cost) as varchar), cast(sum(cost_usd) as varchar), is_closed "
    "from fct_cost_corrections group by all order by all"
)
OCTOBER_TOTALS = (
    "select bill_id, currency, cast(sum(cost) as varchar) from fct_cost_ledger "
    "where event_date between '2026-10-01' and '2026-10-31' "
    "group by all order by all"
)


def _time(day: date, hour: int = 6) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def _build(settings: Settings, now: datetime, *bills: str) -> None:
    """Deliver October's bills again, and build as if at a given time."""
    path = settings.landing / "charges" / "focus" / "bills.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([HEADER, SEPTEMBER, NOVEMBER, *bills]) + "\n")
    assert not ingest_landing(settings).with_status("failed")
    build_warehouse(settings)
    publish(settings, now)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """October was closed on the estimate; the bill came on the 10th of November."""
    settings = Settings.at(tmp_path_factory.mktemp("books") / "home")
    fleet = settings.landing / "fleet" / "fleet_yaml" / "fleet.yaml"
    fleet.parent.mkdir(parents=True)
    fleet.write_text(LEASED)
    requests = settings.landing / "requests" / "litellm" / "spend.jsonl"
    requests.parent.mkdir(parents=True)
    days = date(2026, 9, 1), date(2026, 10, 7), date(2026, 10, 31)
    late = {"startTime": "2026-10-31T23:50:00+00:00", "endTime": "2026-10-31T23:50:10+00:00"}
    rows = [_gateway(day, 1, **(late if day == days[-1] else {})) for day in days]
    requests.write_text("".join(json.dumps(row) + "\n" for row in rows))
    estimates = OCTOBER.format("A", "100.00", "USD"), OCTOBER.format("B", "10.00", "EUR")
    _build(settings, _time(date(2026, 11, 3)), *estimates)
    close(settings, "2026-09", now=_time(date(2026, 11, 4)))
    close(settings, "2026-10", now=_time(date(2026, 11, 5)))
    build_report(settings, "2026-10")
    bills = LEASE, OCTOBER.format("A", "103.20", "USD"), estimates[1]
    _build(settings, _time(date(2026, 11, 10)), *bills)
    return settings


def test_late_bill_is_a_correction_in_november_and_october_stays_as_it_was(home: Settings) -> None:
    posted = ("2026-11", "2026-10")
    assert query(home, CORRECTIONS)[1] == [
        (*posted, "A", "USD", "3.200000000000", "3.200000000000", False),
        (*posted, "L10", "USD", "32.500000000000", "32.500000000000", False),
        (*posted, "accrual home 2026-10", "USD", "-31.000000000000", "-31.000000000000", False),
    ]
    # Both figures can be read: as known when October was closed, and as known now.
    other = ("B", "EUR", "10.000000000000")
    accrued = ("accrual home 2026-10", "USD", "31.000000000000")
    before = [("A", "USD", "100.000000000000"), other, accrued]
    now = [("A", "USD", "103.200000000000"), other, ("L10", "USD", "32.500000000000")]
    sums = closed_periods(home)[-1].totals["USD"]
    assert (sums.cost, sums.accrued) == ("131.000000000000", "31.000000000000")
    assert query(home, OCTOBER_TOTALS, parse_moment("2026-11-09"))[1] == before
    assert query(home, OCTOBER_TOTALS, parse_moment("2026-11-10"))[1] == now
    assert query(home, OCTOBER_TOTALS)[1] == now
    closed = duckdb.read_parquet(str(home.closed / "2026-10" / "ledger.parquet"))
    assert closed.filter("bill_id = 'A'").aggregate("cast(sum(cost) as varchar)").fetchall() == [
        ("100.000000000000",)
    ]


def test_closed_report_keeps_its_bytes_and_the_restated_one_lies_beside(home: Settings) -> None:
    folder = home.reports / "2026-10"
    sealed = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert set(sealed) == {".closed.json", "index.html", "tokenworks-2026-10.xlsx"}
    page = build_report(home, "2026-10").page_path
    assert page == folder / "index.html"
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == sealed
    assert "closed on 2026-11-05 06:00:00 UTC, digest " in page.read_text(encoding="utf-8")

    restated = build_report(home, "2026-10", as_known_on=parse_moment("2026-11-12")).page_path
    assert restated == folder / "as-known-on-2026-11-12" / "index.html"
    text = restated.read_text(encoding="utf-8")
    assert "as known on 2026-11-12" in text
    assert "103.20" in text
    assert "103.20" not in page.read_text(encoding="utf-8")
    earlier = build_report(home, "2026-10", as_known_on=parse_moment("2026-11-09")).page_path
    assert "103.20" not in earlier.read_text(encoding="utf-8")

    page.write_text("other content")
    with pytest.raises(ClosedReportError, match=r"index\.html: was changed after the period"):
        build_report(home, "2026-10")
    page.write_bytes(sealed["index.html"])
    build_report(home, "2026-10")


def test_corrections_of_a_closed_month_stay_and_later_ones_go_into_the_next(home: Settings) -> None:
    """November is closed on 3.20; the bill becomes 104.00, and B is taken back."""
    close(home, "2026-11", now=_time(date(2026, 12, 2)))
    assert closed_periods(home)[-1].totals["USD"].corrections == "4.700000000000"
    lines = LEASE, OCTOBER.format("A", "104.00", "USD"), OCTOBER.format("A", "0.05", "USD")
    _build(home, _time(date(2026, 12, 10)), *lines)
    posted = ("2026-11", "2026-10")
    assert query(home, CORRECTIONS)[1] == [
        (*posted, "A", "USD", "3.200000000000", "3.200000000000", True),
        (*posted, "L10", "USD", "32.500000000000", "32.500000000000", True),
        (*posted, "accrual home 2026-10", "USD", "-31.000000000000", "-31.000000000000", True),
        ("2026-12", "2026-10", "A", "USD", "0.850000000000", "0.850000000000", False),
        ("2026-12", "2026-10", "B", "EUR", "-10.000000000000", None, False),
    ]
    # Restated less original is the sum of the corrections, per bill and currency.
    assert query(home, OCTOBER_TOTALS)[1] == [
        ("A", "USD", "104.050000000000"),
        ("L10", "USD", "32.500000000000"),
    ]
    assert Decimal("104.05") - Decimal("100.00") == Decimal("3.20") + Decimal("0.85")
    # November's report of now reads what was posted in it, for ever.
    november = build_report(home, "2026-11")
    assert "closed on 2026-12-02" in Path(november.page_path).read_text(encoding="utf-8")
