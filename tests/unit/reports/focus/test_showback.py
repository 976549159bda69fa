"""Showback rows: SKUs of tokens, the rest in the unit of what paid for it, and how charges are split."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tokenworks.reports.focus.build import focus_datasets
from tokenworks.reports.focus.columns import View
from tokenworks.reports.focus.inputs import Inputs
from tokenworks.reports.period import Period

Rows = dict[str, dict[str, Any]]
LATE, PLACE = "correction 2026-08 energy_bills", "east us-east USD"


@pytest.fixture(scope="session")
def rows(datasets: dict[View, pl.DataFrame]) -> Rows:
    """Rows by SKU; electricity is idle in three units."""
    found = datasets["showback"].iter_rows(named=True)
    return {f"{row['SkuId']} {row['ConsumedUnit']}": row for row in found}


def test_there_is_one_row_per_model_and_token_class_when_tokens_are_known(rows: Rows) -> None:
    row = rows["qwen-output Tokens"]
    assert {name: row[name] for name in (
        "ConsumedQuantity", "PricingQuantity", "PricingUnit", "SkuMeter", "BilledCost",
        "EffectiveCost", "SubAccountId", "SubAccountName", "ServiceCategory", "ServiceSubcategory",
        "ProviderName", "InvoiceId", "SkuPriceDetails", "ChargeClass",
    )} == {
        "ConsumedQuantity": Decimal(600_001),
        "PricingQuantity": Decimal("0.600001"),
        "PricingUnit": "1000000 Tokens",
        "SkuMeter": "Output Tokens",
        "BilledCost": Decimal(0),
        "EffectiveCost": Decimal(15),
        "SubAccountId": "acme",
        "SubAccountName": "Acme GmbH",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "ProviderName": "Halyard AI",
        "InvoiceId": None,
        "SkuPriceDetails": '{"x_Model":"qwen","x_TokenClass":"output"}',
        "ChargeClass": None,
    }  # fmt: skip


def test_contracted_cost_is_the_price_agreed_with_the_tenant_or_else_that_of_the_list(
    rows: Rows,
) -> None:
    """A million computed tokens at .50 by list, .40 agreed; nothing is agreed of cached ones."""
    names = ("ListUnitPrice", "ContractedUnitPrice", "ListCost", "ContractedCost")
    found = {
        token_class: [str(rows[f"qwen-{token_class} Tokens"][name].normalize()) for name in names]
        for token_class in ("input_uncached", "input_cache_read")
    }
    assert found == {
        "input_uncached": ["0.5", "0.4", "0.5", "0.4"],
        "input_cache_read": ["0.125", "0.125", "0.03125", "0.03125"],
    }


@pytest.mark.parametrize(
    ("sku", "price", "cost", "source"),
    [
        ("qwen-input_uncached", "0.5", "0.5", "price list"),
        ("qwen-input_cache_read", "0.125", "0.03125", "price list"),
        # No list price is known: what is not sold by list has none, and its source says so.
        ("qwen-output", "0", "0", None),
    ],
)
def test_list_cost_is_the_price_of_the_list_times_millions(
    rows: Rows, sku: str, price: str, cost: str, source: str | None
) -> None:
    row = rows[f"{sku} Tokens"]
    assert (row["ListUnitPrice"], row["ListCost"]) == (Decimal(price), Decimal(cost))
    assert row["x_ListPriceSource"] == source


@pytest.mark.parametrize(
    ("row", "quantity", "effective", "listed"),
    [
        # A third of the lease's 24 GPU-hours less what rounding gives others, and 4 reserved ones.
        ("idle-ready-empty-accelerator GPU-Hours", "10.666667", "16", "21.333334"),
        ("waste-cancelled-accelerator GPU-Hours", "2.666666", "4", "5.333332"),
        ("served-accelerator GPU-Hours", "2.666667", "4", "5.333334"),
        ("unattributed-no-tokens-accelerator GPU-Hours", "1.333333", "2", "2.666666"),
        ("idle-unallocated-accelerator GPU-Hours", "720", "720", "1440"),
        ("idle-unobserved-accelerator GPU-Hours", "48", "5.925925", "5.925936"),
        ("idle-ready-empty-electricity kWh", "290", "31.34", "31.34"),
        ("overhead-other-other Requests", "2", "0.0000008", "0.0000008"),
    ],
)
def test_quantity_of_a_charge_goes_where_its_cost_goes(
    rows: Rows, row: str, quantity: str, effective: str, listed: str
) -> None:
    found = rows[row]
    assert found["ConsumedQuantity"] == Decimal(quantity)
    assert found["EffectiveCost"] == Decimal(effective)
    assert found["ListCost"] == Decimal(listed)


def test_tenant_stands_on_what_it_caused_and_nobody_on_idle(rows: Rows) -> None:
    tenants = {name: row["SubAccountId"] for name, row in rows.items()}
    assert tenants["waste-cancelled-accelerator GPU-Hours"] == "birch"
    assert tenants["served-accelerator GPU-Hours"] == "birch"
    assert {tenants[name] for name in tenants if name.startswith(("idle", "overhead"))} == {None}


def test_allocated_resource_is_null_when_nobody_caused_the_cost(rows: Rows) -> None:
    targets = {name: row["AllocatedResourceId"] for name, row in rows.items()}
    assert targets["qwen-output Tokens"] == "qwen/small/acme"
    assert targets["waste-cancelled-accelerator GPU-Hours"] == "qwen/small/birch"
    assert {targets[name] for name in targets if name.startswith(("idle", "una", "over"))} == {None}


def test_parts_of_each_origin_charge_add_up_to_one(
    datasets: dict[View, pl.DataFrame],
) -> None:
    parts: dict[str, list[Decimal]] = defaultdict(list)
    for text in datasets["showback"]["AllocatedMethodDetails"]:
        for element in json.loads(text, parse_float=Decimal)["Elements"]:
            parts[element["x_OriginChargeId"]].append(element["AllocatedRatio"])
    assert {name: sum(ratios) for name, ratios in parts.items()} == {
        "charges INV-1 lease": 1,
        "charges INV-1 reserved": 1,
        "charges INV-1 used": 1,
        "charges INV-1 unused": 1,
        "charges INV-1 tax": 1,
        "charges INV-1 credit": 1,
        "charges INV-1 rounding": 1,
        "energy_bills EL-9 energy": 1,
        "energy_bills EL-9 demand": 1,
        "energy_bills EL-9 fixed": 1,
        "energy_bills EL-9 tax": 1,
        "energy_bills EL-9 credit": 1,
        "energy_bills EL-8 late": 1,
        "amortisation amortisation 2026-09 srv-2:2026-09-01": 1,
        "charges unbilled 123456789012 2026-09 queue": 1,
        f"{LATE} EL-7 - 2026-08-15 idle ready_empty d1 - electricity qwen small {PLACE}": 1,
        f"{LATE} EL-6 - 2026-08-15 idle unallocated - - electricity - - {PLACE}": 1,
    }
    # Of the lease's 36: 12 and 4 for acme's tokens (input 5 and output 15 of 20), 4 for birch's, 4
    # wasted, 10 idle, 2 unattributed; the last digits to the two largest remainders.
    assert sorted(parts["charges INV-1 lease"]) == [
        Decimal(0),
        Decimal("0.055555555556"),
        Decimal("0.111111111111"),
        Decimal("0.111111111111"),
        Decimal("0.111111111111"),
        Decimal("0.277777777778"),
        Decimal("0.333333333333"),
    ]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # Cached input costs nothing; what the output costs stands with the input that has tokens.
        ((1_000_000, 250_000, 0), {"input_uncached": "20", "input_cache_read": "0"}),
        ((0, 250_000, 0), {"input_cache_read": "20"}),
        ((0, 0, 3), {"output": "20"}),
        ((0, 0, 0), {}),
    ],
)
def test_cost_is_shown_whole_when_a_currency_pays_for_no_token_of_a_class(
    inputs: Inputs, counts: tuple[int, int, int], expected: dict[str, str]
) -> None:
    """Few tokens that several currencies pay for leave none to the smallest, and its cost remains."""
    told = {"input_uncached": counts[0], "input_cache_read": counts[1], "output": counts[2]}
    count = pl.col("token_class").replace_strict(told, default=None, return_dtype=pl.Int64)
    few = replace(inputs, usage=inputs.usage.with_columns(count.alias("token_count")))
    rows = focus_datasets(few, Period(2026, 9), "1.3")["showback"]
    tokens = rows.filter(pl.col("ConsumedUnit") == "Tokens")
    found = dict(tokens.select("SkuId", "EffectiveCost").iter_rows())
    assert found == {f"qwen-{name}": Decimal(cost) for name, cost in expected.items()}


def test_method_is_that_of_the_ledger(rows: Rows) -> None:
    method = rows["qwen-output Tokens"]["AllocatedMethodId"]
    assert method == "even-hours|gpu-time|phase-weights"
    assert (
        rows["idle-unallocated-accelerator GPU-Hours"]["AllocatedMethodId"] == "even-hours|gpu-time"
    )
