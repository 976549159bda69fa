"""One month with every kind of FOCUS row, as published marts typed out by hand.

September 2026 in dollars. Two tenants on one deployment; a lease, a commitment with its used and
unused part, a server bought and one written off, electricity taken apart, a bill that straddles two
months, tax, credits, corrections, and a row as FOCUS 1.0 exports have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from tokenworks.reports.focus.inputs import COLUMNS

Row = dict[str, Any]
MONTH = "2026-09"
FIRST = date(2026, 9, 1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _line(line: str, amount: str, **more: Any) -> Row:
    values: Row = {
        "cost_source": "charges",
        "bill_id": "INV-1",
        "charge_line_id": line,
        "component": "accelerator",
        "currency": "USD",
        "period_start": at("2026-09-01"),
        "period_end": at("2026-09-02"),
        "amount": Decimal(amount),
        "billed_amount": Decimal(amount),
        "billing_account_id": "acct-1",
        "billing_account_name": "Fleet",
        "billing_period_start": at("2026-09-01"),
        "billing_period_end": at("2026-10-01"),
        "charge_category": "Usage",
        "invoice_id": "INV-1",
        "invoice_issuer_name": "Lumen Leasing",
        "provider_name": "Lumen Leasing",
        "service_category": "Compute",
        "service_subcategory": "Virtual Machines",
        "service_name": "GPU Servers",
        "site_id": "east",
        "site_region": "us-east",
    }
    return {**values, **more}


def _priced(
    unit: str, quantity: str, list_price: str, contracted: str | None = None, **more: Any
) -> Row:
    return {
        "pricing_unit": unit,
        "pricing_quantity": Decimal(quantity),
        "consumed_quantity": Decimal(quantity),
        "consumed_unit": unit,
        "list_unit_price": Decimal(list_price),
        "contracted_unit_price": None if contracted is None else Decimal(contracted),
        "sku_id": "sku-a100",
        "sku_price_id": "price-a100",
        **more,
    }


def _commitment(status: str | None, quantity: str) -> Row:
    return {
        "commitment_discount_id": "commit-1",
        "commitment_discount_name": "One month of A100",
        "commitment_discount_type": "Reserved",
        "commitment_discount_category": "Usage",
        "commitment_discount_status": status,
        "commitment_discount_quantity": Decimal(quantity),
        "commitment_discount_unit": "GPU-Hours",
        "period_end": at("2026-10-01"),
    }


def _bill(line: str, kind: str, amount: str, **more: Any) -> Row:
    return {
        "cost_source": "energy_bills",
        "bill_id": "EL-9",
        "charge_line_id": line,
        "bill_kind": kind,
        "component": "demand" if kind == "demand" else "electricity",
        "site_id": "east",
        "site_region": "us-east",
        "currency": "USD",
        "period_start": at("2026-09-01"),
        "period_end": at("2026-10-01"),
        "amount": Decimal(amount),
        "billed_amount": Decimal(amount),
        "invoice_issuer_name": "Grid Co",
        "charge_description": f"Line of {kind}",
        "meter_id": "meter-1",
        **more,
    }


def lines() -> list[Row]:
    """`fct_charges`."""
    lease = _priced("GPU-Hours", "24", "2", "1.5")
    server = {"resource_id": "srv-1", "resource_name": "srv-1", "resource_type": "GPU server"}
    return [
        _line("lease", "36", charge_frequency="Usage-Based", tags='{"team": "a"}', **lease, **server),
        _line(
            "reserved", "6", **_priced("GPU-Hours", "4", "2", "1.5"),
            capacity_reservation_id="reservation-1", capacity_reservation_status="Used",
        ),
        _line(
            "bought", "0", charge_category="Purchase", charge_frequency="Recurring",
            **{**_priced("GPU-Hours", "720", "1", "1"), **_commitment(None, "720")},
        ) | {"billed_amount": Decimal(720), "sku_price_id": "price-commit"},
        _line("used", "480", **{**_priced("GPU-Hours", "480", "2", "1.5"), **_commitment("Used", "480")})
        | {"billed_amount": Decimal(0), "invoice_id": None},
        _line("unused", "240", **{**_priced("GPU-Hours", "240", "2", "1.5"), **_commitment("Unused", "240")})
        | {"billed_amount": Decimal(0), "invoice_id": None},
        _line(
            "hardware", "0", charge_category="Purchase", charge_frequency="One-Time",
            **_priced("Servers", "1", "13000", "12000"), bill_id="INV-2",
        )
        | {"billed_amount": Decimal(12000), "invoice_id": "INV-2", "sku_price_id": "price-server"},
        _line("tax", "7.20", charge_category="Tax", list_cost=Decimal("9.60")),
        _line("credit", "-5", charge_category="Credit"),
        _line("rounding", "0.01", charge_category="Adjustment"),
        _line(
            "correction", "-3", charge_class="Correction",
            **_priced("GPU-Hours", "-2", "2", "1.5"),
        ) | {"period_start": at("2026-08-15"), "period_end": at("2026-08-16")},
        _bill("energy", "energy", "12.34", consumed_quantity=Decimal(100), consumed_unit="kWh"),
        _bill("demand", "demand", "50", consumed_quantity=Decimal(5), consumed_unit="kW"),
        _bill("fixed", "fixed", "3"),
        _bill("tax", "tax", "1"),
        _bill("energy", "energy", "103.50", bill_id="EL-7")
        | {"period_start": at("2026-08-01"), "period_end": at("2026-09-01")},
        _bill("credit", "credit", "-2"),
        _bill(
            "late", "energy", "31", bill_id="EL-8", consumed_quantity=Decimal(310),
            consumed_unit="kWh",
        ) | {"period_start": at("2026-08-20"), "period_end": at("2026-09-20")},
        {
            "cost_source": "amortisation", "bill_id": "amortisation 2026-09",
            "charge_line_id": "srv-2:2026-09-01", "component": "accelerator", "site_id": "east",
            "site_region": "us-east", "currency": "USD", "period_start": at("2026-09-01"),
            "period_end": at("2026-09-02"), "amount": Decimal("5.925925"),
            "billed_amount": Decimal(0), "amortised_server_id": "srv-2", "gpu_count": 2,
            "book_rate": Decimal("0.123456789012"),
        },
        _line(
            "queue", "0.0000008", **_priced("Requests", "2", "0.0000004"),
            bill_id="unbilled 123456789012 2026-09", component="other",
            billing_account_id="123456789012", billing_account_name=None, charge_frequency=None,
            invoice_issuer_name="Amazon Web Services, Inc.", provider_name="AWS",
            service_category="Integration", service_subcategory=None, service_name="Queué",
            sub_account_id="51738928782", resource_id="987", tags='{"a": {"b": 1}}',
            site_id=None, site_region=None, region_id="us-west-2",
        ) | {"invoice_id": None, "sku_id": "17", "sku_price_id": "17"},
    ]  # fmt: skip


def _entry(line: str, category: str, cost: str, **more: Any) -> Row:
    values: Row = {
        "cost_source": "charges",
        "bill_id": "INV-1",
        "charge_line_id": line,
        "event_date": FIRST,
        "category": category,
        "component": "accelerator",
        "currency": "USD",
        "site_id": "east",
        "region": "us-east",
        "allocation_method": "even-hours|gpu-time",
        "cost": Decimal(cost),
    }
    return {**values, **more}


D1: Row = {"deployment_id": "d1", "model": "qwen", "tier": "small"}
BILL: Row = {"cost_source": "energy_bills", "bill_id": "EL-9", "component": "electricity"}
PHASES = "even-hours|gpu-time|phase-weights"


def ledger() -> list[Row]:
    """`fct_cost_ledger`, two hours of some entries as two rows."""
    served = {**D1, "allocation_method": PHASES}
    empty = {"cause": "ready_empty", **D1}
    return [
        _entry("lease", "served", "12", tenant_id="acme", **served),
        _entry("lease", "served", "4", tenant_id="acme", **served),
        _entry("lease", "served", "4", tenant_id="birch", **served),
        _entry("lease", "waste", "4", tenant_id="birch", cause="cancelled", **served),
        _entry("lease", "idle", "10", **empty),
        _entry("lease", "unattributed", "2", cause="no_tokens", **D1),
        _entry("reserved", "idle", "6", **empty),
        _entry("used", "idle", "480", cause="unallocated"),
        _entry("unused", "idle", "240", cause="unallocated"),
        _entry("tax", "served", "4", tenant_id="acme", **served),
        _entry("tax", "idle", "3.20", **empty),
        _entry("credit", "idle", "-5", **empty),
        _entry("rounding", "idle", "0.01", **empty),
        _entry("energy", "idle", "12.34", **{**empty, **BILL}),
        _entry("demand", "idle", "50", **{**empty, **BILL, "component": "demand"}),
        _entry("fixed", "idle", "3", **{**empty, **BILL}),
        _entry("tax", "idle", "1", **{**empty, **BILL}),
        _entry("credit", "idle", "-2", **{**empty, **BILL}),
        _entry("late", "idle", "19", **{**empty, **BILL, "bill_id": "EL-8"}),
        _entry(
            "srv-2:2026-09-01", "idle", "5.925925", cause="unobserved",
            cost_source="amortisation", bill_id="amortisation 2026-09",
        ),
        _entry(
            "queue", "overhead", "0.0000008", cause="other", component="other", site_id=None,
            region="us-west-2", bill_id="unbilled 123456789012 2026-09",
        ),
    ]  # fmt: skip


def usage() -> list[Row]:
    """`rpt_token_usage`; birch's tokens are not known."""

    def row(
        tenant: str,
        token_class: str | None,
        tokens: int | None,
        cost: str,
        price: str | None,
        agreed: str | None = None,
    ) -> Row:
        return {
            "event_date": FIRST, "tenant_id": tenant, "token_class": token_class, "currency": "USD",
            "region": "us-east", "token_count": tokens, "cost": Decimal(cost),
            "list_price_per_million": None if price is None else Decimal(price),
            "contract_price_per_million": None if agreed is None else Decimal(agreed), **D1,
        }  # fmt: skip

    return [
        row("acme", "input_uncached", 1_000_000, "5", "0.5", "0.4"),
        row("acme", "input_cache_read", 250_000, "0", "0.125"),
        row("acme", "output", 600_001, "15", None),
        row("birch", None, None, "4", None),
    ]


def corrections() -> list[Row]:
    """`fct_cost_corrections`: a bill of August that came late, one that went, and an older one."""

    def row(bill: str, cost: str, posted: str, **more: Any) -> Row:
        values: Row = {
            "corrected_period": "2026-08",
            "posted_period": posted[:7],
            "posted_from": date.fromisoformat(posted),
            "event_date": date(2026, 8, 15),
            "cost_source": "energy_bills",
            "bill_id": bill,
            "component": "electricity",
            "category": "idle",
            "cause": "ready_empty",
            "currency": "USD",
            "site_id": "east",
            "region": "us-east",
            "cost": Decimal(cost),
        }
        return {**values, **more}

    return [
        row("EL-7", "3.50", "2026-09-01", **D1),
        row("EL-6", "-1.25", "2026-09-01", cause="unallocated"),
        row("EL-5", "7", "2026-10-01"),
    ]


TENANTS = [{"tenant_id": "acme", "tenant_name": "Acme GmbH"}, {"tenant_id": "birch"}]
SITES = [{"site_id": "east", "region": "us-east", "operator_name": "Halyard AI"}]


def publish(folder: Path, **instead: Sequence[Mapping[str, Any]]) -> Path:
    """Write the marts; `instead` gives other rows of one."""
    marts: dict[str, Sequence[Mapping[str, Any]]] = {
        "fct_charges": lines(),
        "fct_cost_ledger": ledger(),
        "fct_cost_corrections": corrections(),
        "rpt_token_usage": usage(),
        "dim_tenants": TENANTS,
        "dim_sites": SITES,
        **instead,
    }
    for name, rows in marts.items():
        schema = dict(COLUMNS[name])
        whole = [{column: row.get(column) for column in schema} for row in rows]
        (folder / name).mkdir(parents=True)
        pl.DataFrame(whole, schema=schema).write_parquet(folder / name / "part-0.parquet")
    return folder
