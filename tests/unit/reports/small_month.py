"""Rows of a small month, typed out by hand.

September 2026. Dollars: three tenants on two deployments, a GPU that nobody holds, an overhead
credit. Euros: one deployment, thirds of ten, and an idle credit of minus seven.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tokenworks.reports.period import Period

SEPTEMBER = Period(2026, 9)
DAY_1, DAY_2, DAY_3 = date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 3)
SMALL = {"model": "llama-3.1-8b", "tier": "small", "region": "us-east"}
BIG = {"model": "qwen-72b", "tier": "large", "region": "us-east"}
EU = {"model": "llama-3.1-8b", "tier": "small", "region": "eu-west"}

Rows = list[dict[str, Any]]


def ledger() -> Rows:
    def line(category: str, cost: str, **more: Any) -> dict[str, Any]:
        values = {
            "event_date": DAY_1,
            "bill_id": "lease-09",
            "charge_line_id": "1",
            "cost_source": "charges",
            "component": "accelerator",
            "currency": "USD",
            "category": category,
            "allocation_method": "even-hours|gpu-time|phase-weights",
            "cost": Decimal(cost),
            "cost_usd": Decimal(cost),
        }
        return {**values, **more}

    small = {"deployment_id": "small-us", **SMALL}
    big = {"deployment_id": "large-us", **BIG}
    eu = {"deployment_id": "small-eu", "currency": "EUR", "bill_id": "colo-eu", **EU}
    even = {"allocation_method": "even-hours"}
    third, rest = "3.333333333333", "3.333333333334"
    return [
        line("served", "60.00", tenant_id="acme", **small),
        line("served", "30.00", tenant_id="birch", **small),
        line("served", "10.00", tenant_id="cobalt", event_date=DAY_2, **big),
        line("waste", "5.00", tenant_id="birch", cause="cancelled", **small),
        line("idle", "20.005", cause="ready_empty", **small),
        line("idle", "39.995", cause="ready_empty", event_date=DAY_2, **small),
        line("idle", "40.00", cause="unallocated", event_date=DAY_3, region="us-east", **even),
        line("overhead", "10.00", component="network", **even),
        line("overhead", "-4.00", component="network", bill_id="credit-09", **even),
        line("unattributed", "2.50", cause="no_tokens", **small),
        line("served", rest, tenant_id="acme", **{**eu, "cost_usd": None}),
        line("served", third, tenant_id="birch", **{**eu, "cost_usd": None}),
        line("served", third, tenant_id="cobalt", **{**eu, "cost_usd": None}),
        line("idle", "-7.00", cause="not_ready", **{**eu, "cost_usd": None}),
        line("served", "999.00", tenant_id="acme", **{**small, "event_date": date(2026, 8, 31)}),
    ]


def charges() -> Rows:
    """What the bills say of two of the lines."""
    lease = {"cost_source": "charges", "bill_id": "lease-09", "charge_line_id": "1"}
    month = {"period_start": datetime(2026, 9, 1), "period_end": datetime(2026, 10, 1)}
    said = {"charge_description": "GPU server lease", "invoice_issuer_name": "Lessor"}
    return [{**lease, **month, **said}, {**lease, "bill_id": "colo-eu", "charge_line_id": "1"}]


def unit_cost() -> Rows:
    known = {"event_date": DAY_1, **SMALL, "request_count": 12, "input_total_tokens": 5_000_000}
    return [
        {
            **known,
            "input_uncached_tokens": 1_000_000,
            "input_cache_read_tokens": 4_000_000,
            "output_total_tokens": 500_000,
            "cost_marginal_usd": Decimal("1.20"),
            "cost_active_usd": Decimal("6.00"),
            "cost_idle_usd": Decimal("3.00"),
            "cost_overhead_usd": Decimal("1.00"),
            "cost_fully_loaded_usd": Decimal("10.00"),
            "cost_list_usd": Decimal("11.70"),
            **_rates("input_uncached", marginal=0.5, active=2.0, fully_loaded=3.33, list=3.0),
            **_rates("input_cache_read", marginal=0.05, active=0.25, fully_loaded=0.42, list=0.3),
            **_rates("output", marginal=1.0, active=6.0, fully_loaded=10.0, list=15.0),
        },
        {
            **known,
            "event_date": DAY_2,
            "request_count": 11,
            "input_total_tokens": 3_000_000,
            "input_uncached_tokens": 3_000_000,
            "input_cache_read_tokens": 0,
            "output_total_tokens": 1_500_000,
            "cost_marginal_usd": Decimal("3.00"),
            "cost_active_usd": Decimal("9.00"),
            "cost_idle_usd": Decimal("1.00"),
            "cost_overhead_usd": Decimal("0.00"),
            "cost_fully_loaded_usd": Decimal("10.00"),
            **_rates("input_uncached", marginal=0.5, active=1.0, fully_loaded=1.11),
            **_rates("output", marginal=1.0, active=4.0, fully_loaded=4.44),
        },
        {
            **known,
            "event_date": DAY_3,
            "request_count": 0,
            "input_total_tokens": 0,
            "input_uncached_tokens": 0,
            "input_cache_read_tokens": 0,
            "output_total_tokens": 0,
            "cost_marginal_usd": Decimal("0.00"),
            "cost_active_usd": Decimal("0.00"),
            "cost_idle_usd": Decimal("5.00"),
            "cost_overhead_usd": Decimal("0.00"),
            "cost_fully_loaded_usd": Decimal("5.00"),
        },
        {"event_date": DAY_1, **EU, "request_count": 3, "output_total_tokens": 300},
        {
            "event_date": DAY_3,
            "model": "(unknown)",
            "tier": "(unknown)",
            "region": "(unknown)",
            "request_count": 0,
            "cost_active_usd": Decimal("0.00"),
            "cost_idle_usd": Decimal("40.00"),
            "cost_overhead_usd": Decimal("0.00"),
            "cost_fully_loaded_usd": Decimal("40.00"),
        },
    ]


def chargeback() -> Rows:
    """Idle and overhead of `_ledger` by served cost, as the warehouse shares and posts them."""

    def line(currency: str, tenant: str | None, amounts: str, **more: Any) -> dict[str, Any]:
        parts = [Decimal(amount) for amount in amounts.split()]
        columns = ("served", "waste", "idle", "overhead", "unattributed")
        return {
            "month": "2026-09",
            "currency": currency,
            "line_kind": "tenant",
            "tenant_id": tenant,
            "idle_policy": "tenant-share",
            "overhead_policy": "tenant-share",
            **{f"{name}_cost": part for name, part in zip(columns, parts, strict=True)},
            **{f"{name}_amount": part for name, part in zip(columns, parts, strict=True)},
            "total_amount": sum(parts),
            **more,
        }

    tokens = {"input_total_tokens": 2_000_000, "output_total_tokens": 300_000}
    acme = {**tokens, "cost_centre": "CC-7", "cost_list_usd": Decimal("9.50")}
    return [
        line("USD", "birch", "30 5 32 1.8 0", total_cost_usd=Decimal("68.8")),
        line("USD", "acme", "60 0 64 3.6 0", total_cost_usd=Decimal("127.6"), **acme),
        line("USD", "cobalt", "10 0 4 0.6 0", total_cost_usd=Decimal("14.6")),
        line("USD", None, "0 0 0 0 2.5", line_kind="unattributed", total_cost_usd=Decimal("2.5")),
        line("EUR", "acme", "3.34 0 -2.34 0 0"),
        line("EUR", "birch", "3.33 0 -2.33 0 0"),
        line("EUR", "cobalt", "3.33 0 -2.33 0 0"),
        {"month": "2026-09", "line_kind": "tenant", "tenant_id": "dune"},
        {**line("USD", "acme", "999 0 0 0 0"), "month": "2026-08"},
    ]


def corrections() -> Rows:
    """A late credit for a closed August, in thirds, and one that a later month posts."""
    line = {
        "posted_from": DAY_1,
        "corrected_period": "2026-08",
        "bill_id": "power-08",
        "component": "electricity",
        "category": "served",
        "currency": "USD",
    }
    third = Decimal("-3.333333333333")
    return [
        *({**line, "tenant_id": tenant, "cost": third} for tenant in ("acme", "birch")),
        {**line, "tenant_id": "cobalt", "cost": Decimal("-3.333333333334")},
        {**line, "posted_from": date(2026, 10, 1), "cost": Decimal("7.00")},
    ]


def variance() -> Rows:
    """Metrics SYN-10 and a new segment, with thirds of cents that must not be lost."""

    def segment(model: str, base: str, cost: str, effects: str, **more: Any) -> dict[str, Any]:
        names = ("volume", "mix", "efficiency", "price", "fx", "new", "discontinued")
        parts = [Decimal(effect) for effect in effects.split()]
        return {
            "month": "2026-09",
            "base_period": "2026-08",
            "model": model,
            "tier": "small",
            "region": "us-east",
            "cost_base_usd": Decimal(base),
            "cost_usd": Decimal(cost),
            **{f"{name}_effect_usd": part for name, part in zip(names, parts, strict=True)},
            "change_usd": Decimal(cost) - Decimal(base),
            **more,
        }

    return [
        segment(
            *("a", "100", "72.90", "20 -30 -9 -8.1 0 0 0"),
            tokens_base=100_000_000,
            tokens=90_000_000,
            efficiency_cache_usd=Decimal("-9.005"),
            efficiency_batch_usd=Decimal(9),
            efficiency_idle_usd=Decimal("-8.995"),
            usd_per_m_tokens_base=1.0,
            usd_per_m_tokens=0.81,
        ),
        segment(
            *("b", "200", "307.80", "40 120 -18 -34.2 0 0 0"),
            price_power_usd=Decimal("-4.2"),
            price_capacity_usd=Decimal(-30),
        ),
        segment("c", "0.003333333333", "0.008333333333", "0.002 0.003 0 0 0 0 0"),
        segment("d", "0", "0.005", "0 0 0 0 0 0.005 0"),
        {**segment("e", "0", "0", "0 0 0 0 0 0 0"), "change_usd": None},
        {**segment("f", "0", "0", "0 0 0 0 0 0 0"), "region": "(unknown)", "change_usd": None},
    ]


def _rates(token_class: str, **by_basis: float) -> dict[str, float]:
    return {f"usd_per_m_{token_class}_{basis}": rate for basis, rate in by_basis.items()}


def requests() -> Rows:
    base = {
        **SMALL,
        "tenant_id": "acme",
        "deployment_id": "small-us",
        "status": "success",
        "input_total_tokens": 100,
        "output_total_tokens": 10,
        "cost_active_usd": Decimal("0.01"),
    }
    rows: Rows = [
        {
            **base,
            "event_date": DAY_1 if tenth <= 10 else DAY_2,
            "ttft_seconds": tenth / 10,
            "e2e_seconds": tenth / 1.0,
        }
        for tenth in range(1, 22)
    ]
    rows.append(
        {
            **base,
            "event_date": DAY_1,
            "status": "cancelled",
            "ttft_seconds": 99.0,
            "e2e_seconds": 600.0,
        }
    )
    rows.append({**base, "event_date": DAY_2, "status": "failure", "e2e_seconds": 500.0})
    rows += [{**base, **EU, "event_date": DAY_1, "ttft_seconds": 0.2} for _ in range(3)]
    rows[-1]["output_total_tokens"] = None
    return rows


def deployment_hours() -> Rows:
    hour = {**SMALL, "event_date": DAY_1, "gpu_hours_assigned": 8.0}
    return [
        {**hour, "telemetry_coverage_ratio": 1.0},
        {**hour, "telemetry_coverage_ratio": 0.5},
    ]


def utilization() -> Rows:
    hour = {**SMALL, "event_date": DAY_1, "allocation_util_ratio": 1.0, "allocation_util_den": 8.0}
    return [
        {
            **hour,
            "ready_util_ratio": 0.75,
            "ready_util_den": 8.0,
            "busy_util_ratio": 0.5,
            "busy_util_den": 6.0,
            "batch_fill_ratio": 0.5,
            "batch_fill_den": 30.0,
            "mean_gpu_util_ratio": 0.4,
            "mean_gpu_util_den": 8.0,
        },
        {
            **hour,
            "ready_util_ratio": 0.25,
            "ready_util_den": 8.0,
            "busy_util_ratio": 0.5,
            "busy_util_den": 2.0,
            "batch_fill_ratio": 0.1,
            "batch_fill_den": 10.0,
            "mean_gpu_util_den": 0.0,
        },
        {
            "event_date": DAY_1,
            "region": "us-east",
            "allocation_util_ratio": 0.0,
            "allocation_util_den": 4.0,
        },
    ]


def energy() -> Rows:
    return [
        {
            "event_date": DAY_1,
            **SMALL,
            "accelerator_kwh": 1.0,
            "accelerator_busy_kwh": 0.75,
            "facility_kwh": 1.2,
            "carbon_location_grams": 480.0,
            "output_total_tokens": 500_000,
            "served_count": 10,
        },
        {
            "event_date": DAY_2,
            **SMALL,
            "accelerator_kwh": 1.0,
            "output_total_tokens": 1_500_000,
            "served_count": 11,
        },
    ]


def reconciliation() -> Rows:
    def check(subject: str, start: datetime, expected: str, actual: str) -> dict[str, Any]:
        difference = Decimal(actual) - Decimal(expected)
        return {
            "check_name": "bill_allocated",
            "subject": subject,
            "period_start": start,
            "currency": "USD",
            "unit": "USD",
            "expected": Decimal(expected),
            "actual": Decimal(actual),
            "difference": difference,
            "is_balanced": difference == 0,
        }

    return [
        check("lease-09", datetime(2026, 9, 1), "217.50", "217.50"),
        check("credit-09", datetime(2026, 8, 17), "-4.00", "-4.00"),
        check("old-bill", datetime(2026, 8, 1), "1.00", "0.50"),
        check("lost-cent", datetime(2026, 9, 2), "8.01", "8.00"),
    ]
