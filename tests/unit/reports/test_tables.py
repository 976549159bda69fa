"""Figures of the small September, by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tokenworks.reports.ledger import LedgerError, ledgers
from tokenworks.reports.period import Period
from tokenworks.reports.quality import FieldCount, Quality
from tokenworks.reports.read import MartError, read_month
from tokenworks.reports.tables import ReportTables, build_tables, check_summaries
from tokenworks_sources.settings import Settings

WriteMart = Callable[[str, Sequence[Mapping[str, Any]]], None]


def test_bridge_adds_up_in_cents_when_segments_have_thirds(tables: ReportTables) -> None:
    found = tables.bridge
    assert found is not None
    assert (str(found.base), str(found.cost)) == ("300.00", "380.71")
    assert [str(amount) for amount in found.effects.values()] == [
        *("60.00", "90.00", "-27.00", "-42.30", "0.00", "0.01", "0.00")
    ]
    assert [(row.model, str(row.base), str(row.cost)) for row in found.segments] == [
        ("a", "100.00", "72.90"),
        ("b", "200.00", "307.80"),
        ("c", "0.00", "0.00"),
        ("d", "0.00", "0.01"),
    ]
    for effect, amount in found.effects.items():
        assert sum(row.effects[effect] for row in found.segments) == amount
    assert found.unknown == ("e · small · us-east", "f · small")


def test_category_is_refused_when_no_report_knows_it(home: Settings, write_mart: WriteMart) -> None:
    row = {"event_date": date(2026, 9, 1), "currency": "USD", "category": "lost"}
    write_mart("fct_cost_ledger", [{**row, "cost": Decimal("8.00")}])
    with pytest.raises(LedgerError, match="holds the category 'lost'"):
        ledgers(read_month(home.published_parquet, Period(2026, 9)).ledger)


def test_unit_cost_is_a_ratio_of_sums_when_days_differ(tables: ReportTables) -> None:
    small = next(found for found in tables.unit_cost if found.key[2] == "us-east")
    rates = {
        found.token_class: {
            basis: found.usd_per_million(basis) for basis in ("marginal", "active", "list")
        }
        for found in small.classes
    }
    # Uncached input: 2.00 for 1 M and 3.00 for 3 M tokens; the mean of the daily rates is 1.50.
    assert rates == {
        "input_uncached": {
            "marginal": Decimal("0.5"),
            "active": Decimal("1.25"),
            "list": Decimal(3),
        },
        "input_cache_read": {
            "marginal": Decimal("0.05"),
            "active": Decimal("0.25"),
            "list": Decimal("0.3"),
        },
        "output": {"marginal": Decimal(1), "active": Decimal("4.5"), "list": Decimal(15)},
    }


def test_idle_day_is_in_the_unit_cost_when_it_had_no_token(tables: ReportTables) -> None:
    small = next(found for found in tables.unit_cost if found.key[2] == "us-east")
    # 25.00 fully loaded over 15.00 active; day 3 has 5.00 of idle and not one token.
    assert small.of_class("output").usd_per_million("fully_loaded") == Decimal("7.5")
    assert small.of_class("input_uncached").costs["fully_loaded"] == Decimal("8.333333333333")
    # 9.00 of idle beside 15.00 active.
    assert small.idle_share == Decimal("0.375")


def test_headline_has_exact_p95_over_days_when_days_differ(tables: ReportTables) -> None:
    # 0.1 to 2.1 seconds over two days, and 99 of a stream that was cancelled after its first token: rank 0.95 × 21
    # lies 0.95 of the way from the 20th of 22 values to the next, 2.0 and 2.1.
    europe, america = tables.headline
    assert (america.tier, america.region, america.ttft_count) == ("small", "us-east", 22)
    assert america.p95_ttft_seconds == pytest.approx(2.095, rel=1e-12)
    assert america.usd_per_m_output == Decimal("7.5")
    assert america.usd_per_m_output_active == Decimal("4.5")
    assert america.request_count == 23
    assert (europe.region, europe.usd_per_m_output, europe.idle_share) == ("eu-west", None, None)


def test_p99_is_unknown_when_there_are_fewer_than_a_hundred_events(tables: ReportTables) -> None:
    found = {(row.region, row.measure): row for row in tables.latency}
    assert found["us-east", "ttft"].seconds[99] is None
    assert found["us-east", "tpot"].count == 0
    assert found["us-east", "tpot"].seconds == {50: None, 95: None, 99: None}
    # The failure of 500 seconds and the cancellation at 600 are no end-to-end times.
    assert found["us-east", "e2e"].count == 21


def test_rungs_are_ratios_of_sums_when_hours_differ(tables: ReportTables) -> None:
    small, unheld = tables.utilisation
    assert (small.paid, small.assigned, small.ready, small.busy) == (16.0, 16.0, 8.0, 4.0)
    assert dict(small.rungs) == {
        "Assigned, of paid": 1.0,
        "Ready, of assigned": 0.5,
        "Busy, of ready": 0.5,
        "Batch slots filled, while busy": 0.4,
    }
    assert small.gauges["gpu_util"] == 0.4
    assert small.gauges["sm_active"] is None
    assert (unheld.tier, unheld.paid, unheld.assigned, unheld.busy) == ("", 4.0, 0.0, None)


def test_energy_ratio_stands_on_known_days_when_a_meter_is_silent(tables: ReportTables) -> None:
    (small,) = tables.energy
    assert (small.accelerator_kwh, small.facility_kwh, small.accelerator_busy_kwh) == (
        2.0,
        1.2,
        0.75,
    )
    # 2 kWh over 2 M tokens; 1.2 kWh over the 10 requests of the metered day.
    assert small.joules_per_output_token == pytest.approx(3.6, rel=1e-12)
    assert small.watt_hours_per_request == pytest.approx(120.0, rel=1e-12)
    assert small.carbon_kilograms == pytest.approx(0.48, rel=1e-12)


def test_bill_of_another_month_is_checked_when_its_cost_falls_in_this(
    tables: ReportTables,
) -> None:
    assert [(row.subject, row.verdict) for row in tables.reconciliation] == [
        ("credit-09", "balanced"),
        ("lease-09", "balanced"),
        ("lost-cent", "NOT BALANCED"),
    ]
    (summary,) = check_summaries(tables.reconciliation)
    assert (summary.count, summary.balanced, summary.verdict) == (3, 2, "1 open")
    assert (summary.expected, summary.actual) == (Decimal("221.51"), Decimal("221.50"))


def test_unknown_values_are_counted_when_requests_lack_them(tables: ReportTables) -> None:
    fields = {count.field: (count.known, count.requests) for count in tables.quality.fields}
    assert fields["output_total_tokens"] == (25, 26)
    assert fields["ttft_seconds"] == (25, 26)
    assert fields["cost_list_usd"] == (0, 26)
    assert tables.quality.untranslated == {"EUR": Decimal("3.000000000000")}
    assert tables.quality.telemetry_coverage == 0.75


def test_first_line_says_so_when_the_unknown_share_is_within_the_limit(
    tables: ReportTables,
) -> None:
    # Dollars: 2.50 unattributed of 221.50 (credits count by their size); euros: none.
    found = replace(tables.quality, untranslated={})
    assert (found.verdict(), found.first_line()) == (
        "within",
        (
            "Unknown share within the limit of 5%: 1.1% of cost has no known cause or method, "
            "3.8% of requests lack a token count."
        ),
    )


def test_the_share_is_open_when_no_rate_translates_a_currency(tables: ReportTables) -> None:
    assert (tables.quality.verdict(), tables.quality.first_line()) == (
        "open",
        (
            "3.00 EUR have no exchange rate; 1.1% of cost has no known cause or method; "
            "3.8% of requests lack a token count."
        ),
    )


@pytest.mark.parametrize(
    ("mart", "verdict", "said"),
    [
        (
            "fct_cost_ledger",
            "open",
            "No cost is known in this period; 3.8% of requests lack a token count.",
        ),
        (
            "fct_requests",
            "open",
            (
                "No request is known in this period, 3.00 EUR have no exchange rate; "
                "1.1% of cost has no known cause or method."
            ),
        ),
    ],
)
def test_nothing_is_within_the_limit_when_a_share_cannot_be_known(
    home: Settings, write_mart: WriteMart, mart: str, verdict: str, said: str
) -> None:
    write_mart(mart, [])
    september = Period(2026, 9)
    found = build_tables(read_month(home.published_parquet, september), september).quality
    assert (found.verdict(), found.first_line()) == (verdict, said)


def test_warning_stays_when_one_share_is_above_the_limit_and_the_other_unknown() -> None:
    found = Quality((), (FieldCount("input_total_tokens", "Input", 1, 2),), {}, None)
    assert (found.verdict(), found.first_line()) == (
        "above",
        (
            "WARNING: unknown share above the limit of 5%: 50.0% of requests lack a token count, "
            "no cost is known in this period."
        ),
    )


def test_error_names_the_column_when_a_mart_lacks_it(home: Settings) -> None:
    path = home.published_parquet / "fct_cost_ledger" / "data.parquet"
    pl.read_parquet(path).drop("bill_id").write_parquet(path)
    with pytest.raises(MartError, match="the mart fct_cost_ledger has no column bill_id"):
        read_month(home.published_parquet, Period(2026, 9))


def test_window_says_how_many_days_have_data_when_the_month_is_partial(
    tables: ReportTables,
) -> None:
    assert tables.window.text == (
        "2026-09-01 00:00 to 2026-10-01 00:00 UTC; data on 3 of 30 days, 2026-09-01 to 2026-09-03"
    )
