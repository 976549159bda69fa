"""The column sets of FOCUS 1.2, 1.3 and 1.4, typed out from the specification."""

from __future__ import annotations

import polars as pl
import pytest

from tokenworks.reports.focus.build import focus_datasets
from tokenworks.reports.focus.columns import Version
from tokenworks.reports.focus.inputs import Inputs
from tokenworks.reports.period import Period

V1_2 = """
AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency
BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus ChargeCategory
ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit
ContractedCost ContractedUnitPrice EffectiveCost InvoiceId InvoiceIssuerName ListCost ListUnitPrice
PricingCategory PricingCurrency PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost
PricingCurrencyListUnitPrice PricingQuantity PricingUnit ProviderName PublisherName RegionId RegionName
ResourceId ResourceName ResourceType ServiceCategory ServiceName ServiceSubcategory SkuId SkuMeter
SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType Tags
"""
V1_3 = """
AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName AllocatedTags
AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency
BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus ChargeCategory
ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit
ContractApplied ContractedCost ContractedUnitPrice EffectiveCost HostProviderName InvoiceId
InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingCurrency
PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice
PricingQuantity PricingUnit ProviderName PublisherName RegionId RegionName ResourceId ResourceName
ResourceType ServiceCategory ServiceName ServiceProviderName ServiceSubcategory SkuId SkuMeter
SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType Tags
"""
V1_4 = """
AllocatedMethodDetails AllocatedMethodId AllocatedResourceId AllocatedResourceName AllocatedTags
AvailabilityZone BilledCost BillingAccountId BillingAccountName BillingAccountType BillingCurrency
BillingPeriodEnd BillingPeriodStart CapacityReservationId CapacityReservationStatus ChargeCategory
ChargeClass ChargeDescription ChargeFrequency ChargePeriodEnd ChargePeriodStart
CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit
ContractApplied ContractedCost ContractedUnitPrice EffectiveCost HostProviderName InvoiceDetailId
InvoiceId InvoiceIssuerName ListCost ListUnitPrice PricingCategory PricingCurrency
PricingCurrencyContractedUnitPrice PricingCurrencyEffectiveCost PricingCurrencyListUnitPrice
PricingQuantity PricingUnit RegionId RegionName ResourceId ResourceName ResourceType ServiceCategory
ServiceName ServiceProviderName ServiceSubcategory SkuId SkuMeter SkuPriceDetails SkuPriceId
SubAccountId SubAccountName SubAccountType Tags
"""
COSTS = {
    "BilledCost",
    "ContractedCost",
    "EffectiveCost",
    "ListCost",
    "PricingCurrencyEffectiveCost",
}
PRICES = {
    "ContractedUnitPrice", "ListUnitPrice", "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyListUnitPrice", "PricingQuantity",
}  # fmt: skip


@pytest.mark.parametrize(("version", "listed"), [("1.2", V1_2), ("1.3", V1_3), ("1.4", V1_4)])
def test_columns_are_those_of_the_version_and_ours_last_when_exported(
    inputs: Inputs, version: Version, listed: str
) -> None:
    columns = listed.split()
    for rows in focus_datasets(inputs, Period(2026, 9), version).values():
        names = rows.columns
        assert names[: len(columns)] == columns
        assert all(name.startswith("x_") for name in names[len(columns) :])
        assert {name for name in names if rows.schema[name] == pl.Decimal(38, 12)} == COSTS
        assert {name for name in names if rows.schema[name] == pl.Decimal(18, 6)} == PRICES
        assert rows.schema["ConsumedQuantity"] == pl.Decimal(38, 6)


def test_invoice_details_are_told_of_invoiced_charges_only_when_1_4(inputs: Inputs) -> None:
    supply = focus_datasets(inputs, Period(2026, 9), "1.4")["supply"]
    both = supply.select(pl.col("InvoiceId", "InvoiceDetailId").is_null()).unique()
    assert sorted(both.rows()) == [(False, False), (True, True)]


def test_providers_stand_in_the_new_columns_when_1_4(inputs: Inputs) -> None:
    supply = focus_datasets(inputs, Period(2026, 9), "1.4")["supply"]
    found = set(
        supply.select("ServiceProviderName", "HostProviderName", "InvoiceIssuerName").rows()
    )
    assert found == {
        ("Lumen Leasing", "Lumen Leasing", "Lumen Leasing"),
        ("Grid Co", "Grid Co", "Grid Co"),
        ("Halyard AI", "Halyard AI", "Halyard AI"),
        # Of a bill that went.
        ("Unknown issuer", "Unknown issuer", "Unknown issuer"),
        ("Amazon Web Services, Inc.", "AWS", "Amazon Web Services, Inc."),
    }
