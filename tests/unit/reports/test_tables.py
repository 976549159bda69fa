"""Figures of the small September, by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tokenworks.reports.chargeback import Chargeback
from tokenworks.reports.ledger import CATEGORIES, LedgerError, ledgers
from tokenworks.reports.period import Period
from tokenworks.reports.quality import FieldCount, Quality
from tokenworks.reports.read import MartError, read_month
from tokenworks.reports.tables import ReportTables, build_tables, check_summaries
from tokenworks_sources.settings import Settings

WriteMart = Callable[[str, Sequence[Mapping[str, Any]]], None]


def _lines(charged: Chargeback) -> dict[str, list[str]]:
    return {
        line.name: [str(amount) for amount in (*line.amounts, line.total)] for line in charged.lines
    }


def test_currencies_stand_apart_when_two_are_billed(tables: ReportTables) -> None:
    assert [(ledger.currency, str(ledger.total)) for ledger in tables.ledgers] == [
        ("EUR", "3.00"),
        ("USD", "213.50"),
    ]


def test_every_dollar_is_in_one_category_when_the_month_is_summed(tables: ReportTables) -> None:
    euros, dollars = tables.ledgers
    assert {name: str(amount) for name, amount in dollars.categories.items()} == {
        "served": "100.00",
        "waste": "5.00",
        "idle": "100.00",
        "overhead": "6.00",
        "unattributed": "2.50",
    }
    assert [(line.category, line.cause, str(line.amount)) for line in euros.causes] == [
        ("served", "", "10.00"),
        ("idle", "not_ready", "-7.00"),
    ]


def test_days_take_the_odd_cent_by_key_when_idle_is_posted(tables: ReportTables) -> None:
    dollars = tables.ledgers[1]
    assert [(row.day, row.deployment, row.cause, str(row.amount)) for row in dollars.idle] == [
        (date(2026, 9, 1), "small-us", "ready_empty", "20.01"),
        (date(2026, 9, 2), "small-us", "ready_empty", "39.99"),
        (date(2026, 9, 3), "", "unallocated", "40.00"),
    ]


def test_idle_follows_served_cost_when_charged_back(tables: ReportTables) -> None:
    # small-us idles 60: acme served 60 there and birch 30. The free GPU's 40 and the overhead's 6
    # (10 less a credit of 4) go by 60 : 30 : 10.
    assert _lines(tables.chargebacks[1]) == {
        "acme": ["60.00", "0.00", "64.00", "3.60", "0.00", "127.60"],
        "birch": ["30.00", "5.00", "32.00", "1.80", "0.00", "68.80"],
        "cobalt": ["10.00", "0.00", "4.00", "0.60", "0.00", "14.60"],
        "(unattributed)": ["0.00", "0.00", "0.00", "0.00", "2.50", "2.50"],
    }
    assert str(tables.chargebacks[1].total) == "213.50"


def test_credit_is_split_by_its_sign_when_idle_is_negative(tables: ReportTables) -> None:
    assert _lines(tables.chargebacks[0]) == {
        "acme": ["3.34", "0.00", "-2.34", "0.00", "0.00", "1.00"],
        "birch": ["3.33", "0.00", "-2.33", "0.00", "0.00", "1.00"],
        "cobalt": ["3.33", "0.00", "-2.33", "0.00", "0.00", "1.00"],
    }


def _charged(currency: str, total: str, **categories: str) -> dict[str, Any]:
    """A line's exact cost and rounded amount by category, and what it is charged."""
    told = {name: categories.get(name, "0 0").split() for name in CATEGORIES}
    return {
        "currency": currency,
        **{f"{name}_cost": Decimal(cost) for name, (cost, _) in told.items()},
        **{f"{name}_amount": Decimal(amount) for name, (_, amount) in told.items()},
        "total_amount": Decimal(total),
    }


def test_hours_nobody_observed_are_charged_to_nobody_when_billed(
    home: Settings, write_mart: WriteMart
) -> None:
    base = {
        "event_date": date(2026, 9, 1),
        "currency": "JPY",
        "allocation_method": "even-hours",
        "component": "accelerator",
    }
    write_mart(
        "fct_cost_ledger",
        [
            {**base, "category": "served", "tenant_id": "acme", "cost": Decimal(70)},
            {**base, "category": "idle", "cause": "unobserved", "cost": Decimal(30)},
        ],
    )
    charged = {"month": "2026-09", "idle_policy": "platform", "overhead_policy": "platform"}
    nobody, acme = {"line_kind": "not_observed"}, {"line_kind": "tenant", "tenant_id": "acme"}
    write_mart(
        "rpt_chargeback",
        [
            {**charged, **nobody, **_charged("JPY", idle="30 30", total="30")},
            {**charged, **acme, **_charged("JPY", served="70 70", total="70")},
        ],
    )
    marts = read_month(home.published_parquet, Period(2026, 9))
    found = build_tables(marts, Period(2026, 9))
    assert _lines(found.chargebacks[0]) == {
        "acme": ["70", "0", "0", "0", "0", "70"],
        "(not observed)": ["0", "0", "30", "0", "0", "30"],
    }
    assert found.quality.first_line() == (
        "WARNING: unknown share above the limit of 5%: 30.0% of cost has no known cause or method, "
        "3.8% of requests lack a token count, 100.00 JPY have no exchange rate."
    )


def test_tenant_is_charged_its_own_sum_when_categories_are_rounded(
    home: Settings, write_mart: WriteMart
) -> None:
    """.333, .334 and .333 for each of three tenants: by category alone the first is charged 1.02, the others .99."""
    parts = {"served": "0.333", "idle": "0.334", "waste": "0.333"}
    write_mart(
        "fct_cost_ledger",
        [
            {"event_date": date(2026, 9, 1), "currency": "EUR", "category": category,
             "tenant_id": tenant, "cost": Decimal(cost)}
            for tenant in "abc"
            for category, cost in parts.items()
        ],
    )  # fmt: skip
    charged = {"month": "2026-09", "line_kind": "tenant", "idle_policy": "platform"}
    charged |= {"overhead_policy": "platform"}
    by_category = {"a": "0.34", "b": "0.33", "c": "0.33"}
    write_mart(
        "rpt_chargeback",
        [
            {**charged, "tenant_id": tenant, **_charged("EUR", total="1.00", **{
                category: f"{cost} {shown}" for category, cost in parts.items()
            })}
            for tenant, shown in by_category.items()
        ],
    )  # fmt: skip
    marts = read_month(home.published_parquet, Period(2026, 9))
    (found,) = build_tables(marts, Period(2026, 9)).chargebacks
    assert [str(line.total) for line in found.lines] == ["1.00", "1.00", "1.00"]
    sums = [sum(column) for column in zip(*(line.amounts for line in found.lines), strict=True)]
    assert [str(total) for total in sums] == ["1.00", "1.00", "1.00", "0.00", "0.00"]
    assert {amount for line in found.lines for amount in line.amounts[:3]} == {
        Decimal("0.33"),
        Decimal("0.34"),
    }


def test_currency_in_which_nobody_was_served_is_named_beside_the_policy(
    home: Settings, write_mart: WriteMart
) -> None:
    """Overhead of 12.00 pounds, and 30.00 dollars served: pounds have no shares."""
    write_mart(
        "fct_cost_ledger",
        [
            {"event_date": date(2026, 9, 1), "currency": "USD", "category": "served",
             "tenant_id": "acme", "cost": Decimal(30)},
            {"event_date": date(2026, 9, 1), "currency": "GBP", "category": "overhead",
             "cause": "network", "cost": Decimal(12)},
        ],
    )  # fmt: skip
    shared = {"month": "2026-09", "idle_policy": "platform", "overhead_policy": "tenant-share"}
    acme, platform = {"line_kind": "tenant", "tenant_id": "acme"}, {"line_kind": "platform"}
    lines = [
        {**shared, **acme, **_charged("USD", served="30 30", total="30")},
        {**shared, **platform, **_charged("GBP", overhead="12 12", total="12")},
    ]
    write_mart("rpt_chargeback", lines)
    said = "Nobody has served cost above 0 in GBP: its idle and overhead stay with the platform."
    marts = read_month(home.published_parquet, Period(2026, 9))
    assert build_tables(marts, Period(2026, 9)).policy_text.endswith(said)
    # Where the platform bears overhead by policy there is nothing to say.
    write_mart("rpt_chargeback", [{**line, "overhead_policy": "platform"} for line in lines])
    marts = read_month(home.published_parquet, Period(2026, 9))
    assert said not in build_tables(marts, Period(2026, 9)).policy_text


def test_chargeback_is_refused_when_it_is_not_the_ledgers(
    home: Settings, write_mart: WriteMart
) -> None:
    row = {"event_date": date(2026, 9, 1), "currency": "USD", "category": "idle"}
    write_mart("fct_cost_ledger", [{**row, "cause": "ready_empty", "cost": Decimal("8.00")}])
    marts = read_month(home.published_parquet, Period(2026, 9))
    with pytest.raises(LedgerError, match=r"disagree in USD: charged 213\.50, posted 8\.00\. Run"):
        build_tables(marts, Period(2026, 9))


def test_policy_is_said_in_words_when_charged_back(tables: ReportTables) -> None:
    assert tables.policy.name == "idle tenant-share, overhead tenant-share"
    assert tables.policy.text.startswith("The idle of a deployment is shared among the tenants")


def test_tenant_without_known_cost_is_named_when_it_used_tokens(tables: ReportTables) -> None:
    assert tables.uncharged == ("dune",)


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
