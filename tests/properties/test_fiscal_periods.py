"""Chargeback, rate card and variance of a 4-4-5 calendar beside those of calendar months, from the same days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.small_lake import FLEET_FROM, money
from tests.properties.compiled import Models, Row
from tokenworks_sources.fiscal import Books, calendars

Ask = Callable[[str], list[tuple[Any, ...]]]
D = Decimal
DATED: Row = {"valid_from": FLEET_FROM, "valid_to": None}
# Day, tenant and lease of the hour from 10:00, in which the tenant keeps the GPU busy.
HOURS = (
    (date(2026, 9, 20), "acme", "3.00"),
    (date(2026, 9, 30), "beta", "6.00"),
    (date(2026, 10, 1), "acme", "8.00"),
)


def _hour(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour)


def _charge(day: date, amount: str, resource: str, category: str) -> Row:
    return {
        "billing_account_id": "account", "billing_currency": "USD", "invoice_id": f"INV-{day}",
        "charge_category": "Usage", "service_category": category, "resource_id": resource,
        "billing_period_start": _hour(day.replace(day=1), 0), "billing_period_end": _hour(day, 23),
        "charge_period_start": _hour(day, 10), "charge_period_end": _hour(day, 11),
        "billed_cost": money(amount), "effective_cost": money(amount),
    }  # fmt: skip


def _tables() -> dict[str, list[Row]]:
    """One GPU, two tenants; the years of the books end on the last Saturday of September."""
    books = Books.model_validate(
        {"calendar": "4-4-5", "year_ends": {"month": 9, "weekday": "saturday", "rule": "last"}}
    )
    return {
        "fleet_sites": [
            {"site_id": "site", "region": "us", "time_zone": "UTC", "pue_ratio": 1.0,
             "currency": "USD", **DATED}
        ],
        "fleet_servers": [
            {"server_id": "srv", "site_id": "site", "hostname": "srv", "gpu_model": "GPU",
             "gpu_count": 1, "ownership": "leased", **DATED}
        ],
        "fleet_gpus": [{"gpu_uuid": "G", "server_id": "srv", "gpu_index": 0, **DATED}],
        "fleet_replicas": [
            {"replica_id": "r", "deployment_id": "d", "gpu_uuid": "G", "endpoint": "e", **DATED}
        ],
        "fleet_deployments": [
            {"deployment_id": "d", "model": "m", "tier": "t", "site_id": "site",
             "prefill_weight": 1.0, "decode_weight": 1.0, "cache_read_weight": 0.0, **DATED}
        ],
        "fleet_tiers": [{"tier": "t", "rank": 1, **DATED}],
        "fleet_books": [{"calendar": "4-4-5", "time_zone": "UTC", "valid_from": FLEET_FROM}],
        "fleet_fiscal_periods": [
            {"calendar": calendar, "period": row.period, "fiscal_year": row.fiscal_year,
             "quarter": row.quarter, "period_number": row.period_number,
             "first_date": row.first_date, "last_date": row.last_date, "valid_from": FLEET_FROM}
            for calendar, rows in calendars(books, FLEET_FROM.date()).items()
            for row in rows
        ],
        "charges": [
            *(_charge(day, amount, "srv", "Compute") for day, _, amount in HOURS),
            _charge(date(2026, 10, 1), "1.40", "site", "Networking"),
        ],
        "requests": [
            {"emitter": "gateway", "request_id": str(day), "endpoint": "e", "clock": "utc",
             "status": "success", "tenant_id": tenant, "started_at": _hour(day, 10),
             "ended_at": _hour(day, 11), "input_total_tokens": 900_000,
             "input_cache_read_tokens": 0, "output_total_tokens": 100_000}
            for day, tenant, _ in HOURS
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def ask(models: Models) -> Ask:
    """The marts of finance."""
    return models.ask(
        _tables(), "rpt_chargeback", "rpt_variance", "rpt_rate_card", "fct_cost_ledger",
        "rpt_gpu_hour_cost", "rpt_breakeven", "rpt_scaling",
    )  # fmt: skip


def test_chargeback_of_a_fiscal_period_shares_what_the_period_cost(ask: Ask) -> None:
    """The worked example of `dbt/DECISIONS.md`, fiscal periods come from a table."""
    found = ask(
        "select calendar, period, cast(period_start as varchar), month, tenant_id, served_amount, "
        "overhead_amount, total_amount from rpt_chargeback where total_amount <> 0 order by all"
    )
    assert found == [
        ("4-4-5", "FY2026-P12", "2026-08-23", None, "acme", D(3), D(0), D(3)),
        ("4-4-5", "FY2027-P01", "2026-09-27", None, "acme", D(8), D("0.80"), D("8.80")),
        ("4-4-5", "FY2027-P01", "2026-09-27", None, "beta", D(6), D("0.60"), D("6.60")),
        ("gregorian", "2026-09", "2026-09-01", "2026-09", "acme", D(3), D(0), D(3)),
        ("gregorian", "2026-09", "2026-09-01", "2026-09", "beta", D(6), D(0), D(6)),
        ("gregorian", "2026-10", "2026-10-01", "2026-10", "acme", D(8), D("1.40"), D("9.40")),
    ]


def test_each_calendar_sums_to_the_ledger(ask: Ask) -> None:
    ledger = ask("select sum(cost), sum(cost_usd) from fct_cost_ledger")
    assert ledger == [(D("18.4"), D("18.4"))]
    for calendar in ("4-4-5", "gregorian"):
        charged = ask(
            "select sum(total_amount), sum(total_cost_usd) from rpt_chargeback "
            f"where calendar = '{calendar}'"
        )
        bridged = ask(f"select sum(cost_usd) from rpt_variance where calendar = '{calendar}'")
        assert (charged, bridged) == (ledger, [(D("18.4"),)])


def test_bridge_of_a_fiscal_period_begins_at_the_period_before_it(ask: Ask) -> None:
    """3.00 for a million tokens became 14.00 for two: 3.00 is volume, and the rest is what one costs."""
    found = ask(
        "select base_period, model, cost_base_usd, cost_usd, volume_effect_usd, "
        "efficiency_effect_usd + price_effect_usd, new_effect_usd from rpt_variance "
        "where period = 'FY2027-P01' order by model"
    )
    assert found == [
        ("FY2026-P12", "(shared)", D(0), D("1.4"), D(0), D(0), D("1.4")),
        ("FY2026-P12", "m", D(3), D(14), D(3), D(8), D(0)),
    ]


def test_rate_card_of_a_fiscal_period_is_what_the_period_charges(ask: Ask) -> None:
    """The network's 1.40 is all acme's in October, and 6 : 8 beta's and acme's in FY2027-P01."""
    found = ask(
        "select calendar, period, month, tenant_id, token_count, usd_per_m_charged "
        "from rpt_rate_card where token_class = 'output' order by all"
    )
    assert [row[:5] for row in found] == [
        ("4-4-5", "FY2026-P12", None, "acme", 100_000),
        ("4-4-5", "FY2027-P01", None, "acme", 100_000),
        ("4-4-5", "FY2027-P01", None, "beta", 100_000),
        ("gregorian", "2026-09", "2026-09", "acme", 100_000),
        ("gregorian", "2026-09", "2026-09", "beta", 100_000),
        ("gregorian", "2026-10", "2026-10", "acme", 100_000),
    ]
    assert [row[5] for row in found] == pytest.approx([3.0, 8.8, 6.6, 3.0, 6.0, 9.4])


def test_make_or_buy_and_the_gpu_hour_of_a_fiscal_period_are_of_its_days(ask: Ask) -> None:
    """3.00 of the lease are in FY2026-P12, 14.00 in FY2027-P01, whose network of 1.40 is no server's."""
    found = ask(
        "select made.calendar, made.period, cast(made.period_start as varchar), made.month, "
        "make_cost_usd, accounting_usd from rpt_breakeven as made inner join rpt_gpu_hour_cost as hours "
        "on made.calendar = hours.calendar and made.period = hours.period order by all"
    )
    assert found == [
        ("4-4-5", "FY2026-P12", "2026-08-23", None, D(3), D(3)),
        ("4-4-5", "FY2027-P01", "2026-09-27", None, D("15.40"), D(14)),
        ("gregorian", "2026-09", "2026-09-01", "2026-09", D(9), D(9)),
        ("gregorian", "2026-10", "2026-10-01", "2026-10", D("9.40"), D(8)),
    ]


def test_period_before_is_of_the_same_calendar_when_volume_grows(ask: Ask) -> None:
    """A million tokens for 3.00, then two for 15.40: ln(7.70 / 3.00) / ln(2); so October after September."""
    found = ask(
        "select distinct period, round(unit_cost_elasticity_to_month_before, 6) from rpt_scaling order by 1"
    )
    assert found == [
        ("2026-09", None),
        # One million for 9.40 after two for 9.00: ln(9.40 / 4.50) / ln(1 / 2).
        ("2026-10", -1.062736),
        ("FY2026-P12", None),
        ("FY2027-P01", 1.359896),
    ]
