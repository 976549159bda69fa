"""Supply rows, kind by kind: what was billed, and how a landed line reads in FOCUS."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

Rows = dict[str, dict[str, Any]]
COSTS = ("ListCost", "ContractedCost", "BilledCost", "EffectiveCost")
KIND = ("ChargeCategory", "ChargeFrequency", "PricingCategory", "ServiceSubcategory")
PRICED = ("PricingQuantity", "PricingUnit", "ListUnitPrice", "ContractedUnitPrice")
NOTHING = (None, None, None, None)


@pytest.mark.parametrize(
    ("line", "kind", "costs"),
    [
        ("INV-1 lease", ("Usage", "Usage-Based", "Standard", "Virtual Machines"), "48 36 36 36"),
        ("INV-1 bought", ("Purchase", "Recurring", "Standard", "Virtual Machines"), "720 720 720 0"),
        ("INV-1 used", ("Usage", "Usage-Based", "Committed", "Virtual Machines"), "960 720 0 480"),
        ("INV-1 unused", ("Usage", "Usage-Based", "Committed", "Virtual Machines"), "480 360 0 240"),
        ("INV-2 hardware", ("Purchase", "One-Time", "Standard", "Virtual Machines"), "13000 12000 12000 0"),
        ("INV-1 tax", ("Tax", "One-Time", None, "Virtual Machines"), "9.60 7.20 7.20 7.20"),
        ("INV-1 credit", ("Credit", "One-Time", None, "Virtual Machines"), "-5 -5 -5 -5"),
        ("INV-1 rounding", ("Adjustment", "One-Time", None, "Virtual Machines"), "0.01 0.01 0.01 0.01"),
        ("EL-9 energy", ("Usage", "Usage-Based", "Dynamic", "Other (Other)"), "12.34 12.34 12.34 12.34"),
        ("EL-9 demand", ("Usage", "Recurring", "Standard", "Other (Other)"), "50 50 50 50"),
        ("EL-9 fixed", ("Usage", "Recurring", "Standard", "Other (Other)"), "3 3 3 3"),
        ("EL-9 tax", ("Tax", "One-Time", None, "Other (Other)"), "1 1 1 1"),
        ("EL-9 credit", ("Credit", "One-Time", None, "Other (Other)"), "-2 -2 -2 -2"),
        # 48 GPU-hours at 0.123457; what was written off is the ledger's.
        ("amortisation 2026-09 srv-2:2026-09-01", ("Usage", "Usage-Based", "Standard", "Other (Compute)"), "5.925936 5.925936 0 5.925925"),
    ],
)  # fmt: skip
def test_row_is_of_its_kind_when_a_line_landed(
    supply: Rows, line: str, kind: tuple[str | None, ...], costs: str
) -> None:
    row = supply[line]
    assert tuple(row[name] for name in KIND) == kind
    assert [row[name] for name in COSTS] == [Decimal(cost) for cost in costs.split()]


@pytest.mark.parametrize(
    ("line", "priced"),
    [
        ("INV-1 lease", (Decimal(24), "GPU-Hours", Decimal(2), Decimal("1.5"))),
        ("INV-2 hardware", (Decimal(1), "Servers", Decimal(13000), Decimal(12000))),
        ("EL-9 energy", (Decimal(1), "Charges", Decimal("12.34"), Decimal("12.34"))),
        ("amortisation 2026-09 srv-2:2026-09-01",
         (Decimal(48), "GPU-Hours", Decimal("0.123457"), Decimal("0.123457"))),
        # 2 requests at 0.0000004 do not fit six decimals; 0.2 tens at 0.000004 do.
        ("unbilled 123456789012 2026-09 queue",
         (Decimal("0.2"), "10 Requests", Decimal("0.000004"), Decimal("0.000004"))),
        ("INV-1 tax", NOTHING),
        ("INV-1 credit", NOTHING),
    ],
)  # fmt: skip
def test_price_and_quantity_are_as_landed_when_there_are_any(
    supply: Rows, line: str, priced: tuple[object, ...]
) -> None:
    assert tuple(supply[line][name] for name in PRICED) == priced


@pytest.mark.parametrize(
    ("line", "consumed"),
    [
        ("INV-1 lease", (Decimal(24), "GPU-Hours")),
        ("INV-1 unused", (None, None)),
        ("INV-1 bought", (None, None)),
        ("EL-9 energy", (Decimal(100), "kWh")),
        ("EL-9 demand", (Decimal(5), "kW")),
        ("INV-1 tax", (None, None)),
        ("unbilled 123456789012 2026-09 queue", (Decimal(2), "Requests")),
    ],
)
def test_consumption_stands_on_usage_only(
    supply: Rows, line: str, consumed: tuple[object, object]
) -> None:
    row = supply[line]
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == consumed


def test_bill_is_whole_in_its_month_and_its_cost_cut_when_it_straddles_two(supply: Rows) -> None:
    row = supply["EL-8 late"]
    # 20 August to 20 September: billed in the month of its middle, 19 of 31 days in September.
    assert [row[name] for name in COSTS] == [Decimal(19), Decimal(19), Decimal(31), Decimal(19)]
    assert row["ConsumedQuantity"] == Decimal(190)
    assert row["InvoiceId"] == "EL-8"
    assert row["ChargePeriodStart"] == datetime(2026, 9, 1, tzinfo=UTC)
    assert row["ChargePeriodEnd"] == datetime(2026, 9, 20, tzinfo=UTC)


def test_correction_bills_in_its_month_and_costs_in_that_of_its_hours(supply: Rows) -> None:
    row = supply["INV-1 correction"]
    assert row["ChargeClass"] == "Correction"
    assert (row["BilledCost"], row["EffectiveCost"]) == (Decimal(-3), Decimal(0))
    assert row["BillingPeriodStart"] == datetime(2026, 9, 1, tzinfo=UTC)
    assert row["ChargePeriodStart"] == datetime(2026, 8, 15, tzinfo=UTC)


def test_commitment_is_the_resource_when_it_is_bought_or_unused(supply: Rows) -> None:
    for line, status in (("bought", None), ("unused", "Unused")):
        row = supply[f"INV-1 {line}"]
        assert (row["ResourceId"], row["ResourceType"]) == ("commit-1", "Commitment")
        assert row["CommitmentDiscountStatus"] == status
        assert row["CommitmentDiscountUnit"] == "GPU-Hours"


def test_what_is_left_out_is_filled_when_a_row_is_of_focus_1_0(supply: Rows) -> None:
    row = supply["unbilled 123456789012 2026-09 queue"]
    assert {name: row[name] for name in (
        "BillingAccountId", "BillingAccountName", "BillingAccountType", "ServiceName",
        "ServiceCategory", "ServiceSubcategory", "SubAccountId", "SubAccountName", "SubAccountType",
        "ResourceId", "ResourceName", "ResourceType", "RegionId", "RegionName", "SkuId",
        "SkuPriceId", "ChargeFrequency", "ProviderName", "InvoiceIssuerName", "HostProviderName",
        "x_LandedProviderName", "InvoiceId", "Tags",
    )} == {
        "BillingAccountId": "account-123456789012",
        "BillingAccountName": "account 123456789012",
        "BillingAccountType": "Billing Account",
        "ServiceName": "Queue",
        "ServiceCategory": "Integration",
        "ServiceSubcategory": "Other (Integration)",
        "SubAccountId": "account-51738928782",
        "SubAccountName": "account 51738928782",
        "SubAccountType": "Account",
        "ResourceId": "resource-987",
        "ResourceName": "resource 987",
        "ResourceType": "Queue",
        "RegionId": "us-west-2",
        "RegionName": "us-west-2",
        "SkuId": "sku-17",
        "SkuPriceId": "price-17",
        "ChargeFrequency": "Usage-Based",
        "ProviderName": "Amazon Web Services, Inc.",
        "InvoiceIssuerName": "Amazon Web Services, Inc.",
        "HostProviderName": "AWS",
        "x_LandedProviderName": "AWS",
        "InvoiceId": None,
        "Tags": '{"a": "{\\"b\\": 1}"}',
    }  # fmt: skip


def test_operator_provides_when_a_server_is_written_off(supply: Rows) -> None:
    row = supply["amortisation 2026-09 srv-2:2026-09-01"]
    names = ("ProviderName", "PublisherName", "InvoiceIssuerName", "ServiceProviderName")
    assert {row[name] for name in names} == {"Halyard AI"}
    assert (row["InvoiceId"], row["ResourceId"]) == (None, "srv-2")


@pytest.mark.parametrize(
    ("bill", "issuer", "amount"),
    # The bill that went has left no trace of who had sent it.
    [("EL-7", "Grid Co", "3.50"), ("EL-6", "Unknown issuer", "-1.25")],
)
def test_correction_of_a_closed_month_bills_and_costs_in_the_month_it_is_posted(
    supply: Rows, bill: str, issuer: str, amount: str
) -> None:
    (row,) = (
        row for line, row in supply.items() if line.startswith(f"2026-08 energy_bills {bill}")
    )
    assert (row["ChargeClass"], row["x_ChargeKind"]) == ("Correction", "correction")
    assert [row[name] for name in COSTS] == [Decimal(amount)] * 4
    assert (row["InvoiceIssuerName"], row["InvoiceId"]) == (issuer, bill)
    assert row["BillingPeriodStart"] == datetime(2026, 9, 1, tzinfo=UTC)
    assert row["ChargePeriodStart"] == datetime(2026, 8, 15, tzinfo=UTC)
    assert row["ChargePeriodEnd"] == datetime(2026, 8, 16, tzinfo=UTC)
