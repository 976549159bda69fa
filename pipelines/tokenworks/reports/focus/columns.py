"""FOCUS columns by version, their types, and the values that FOCUS allows.

Here belongs what the specification fixes. What fills a column belongs to `supply` and `showback`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias, get_args

import polars as pl

Version: TypeAlias = Literal["1.2", "1.3", "1.4"]
View: TypeAlias = Literal["supply", "showback"]
VERSIONS: tuple[Version, ...] = get_args(Version)
VIEWS: tuple[View, ...] = get_args(View)

PRICE = pl.Decimal(18, 6)
CONSUMED = pl.Decimal(38, 6)
COST = pl.Decimal(38, 12)
INSTANT = pl.Datetime("us", "UTC")
TEXT = pl.String()

_COSTS = [
    "BilledCost",
    "ContractedCost",
    "EffectiveCost",
    "ListCost",
    "PricingCurrencyEffectiveCost",
]
_PRICES = [
    "ContractedUnitPrice",
    "ListUnitPrice",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
]
_QUANTITIES = ["CommitmentDiscountQuantity", "ConsumedQuantity"]
_INSTANTS = ["BillingPeriodEnd", "BillingPeriodStart", "ChargePeriodEnd", "ChargePeriodStart"]

_V1_2 = [
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "CapacityReservationId",
    "CapacityReservationStatus",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "CommitmentDiscountUnit",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceId",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingCurrencyContractedUnitPrice",
    "PricingCurrencyEffectiveCost",
    "PricingCurrencyListUnitPrice",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceDetails",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
]
_V1_3_ADDS = [
    "AllocatedMethodDetails",
    "AllocatedMethodId",
    "AllocatedResourceId",
    "AllocatedResourceName",
    "AllocatedTags",
    "ContractApplied",
    "HostProviderName",
    "ServiceProviderName",
]
_V1_4_DROPS = ["ProviderName", "PublisherName"]
_V1_4_ADDS = ["InvoiceDetailId"]
_V1_3 = sorted([*_V1_2, *_V1_3_ADDS])
_V1_4 = sorted([*(name for name in _V1_3 if name not in _V1_4_DROPS), *_V1_4_ADDS])

# Our own: where a row comes from. The prefix is FOCUS's, and they stand last.
CUSTOM = (
    "x_AllocationMethod",
    "x_ChargeId",
    "x_ChargeKind",
    "x_CostComponent",
    "x_LandedChargeCategory",
    "x_LandedProviderName",
    "x_LedgerCategory",
    "x_LedgerCause",
    "x_ListPriceSource",
    "x_ModelTier",
)

COLUMNS: Mapping[Version, tuple[str, ...]] = {
    "1.2": (*_V1_2, *CUSTOM),
    "1.3": (*_V1_3, *CUSTOM),
    "1.4": (*_V1_4, *CUSTOM),
}

TYPES: Mapping[str, pl.DataType] = {
    **dict.fromkeys(_COSTS, COST),
    **dict.fromkeys(_PRICES, PRICE),
    **dict.fromkeys(_QUANTITIES, CONSUMED),
    **dict.fromkeys(_INSTANTS, INSTANT),
}

JSON_OBJECTS = (
    "AllocatedMethodDetails",
    "AllocatedTags",
    "ContractApplied",
    "SkuPriceDetails",
    "Tags",
)
UNITS = ("CommitmentDiscountUnit", "ConsumedUnit", "PricingUnit")
FLAT_OBJECTS = ("AllocatedTags", "SkuPriceDetails", "Tags")

ALLOWED: Mapping[str, tuple[str, ...]] = {
    "CapacityReservationStatus": ("Unused", "Used"),
    "ChargeCategory": ("Adjustment", "Credit", "Purchase", "Tax", "Usage"),
    "ChargeClass": ("Correction",),
    "ChargeFrequency": ("One-Time", "Recurring", "Usage-Based"),
    "CommitmentDiscountCategory": ("Spend", "Usage"),
    "CommitmentDiscountStatus": ("Unused", "Used"),
    "PricingCategory": ("Committed", "Dynamic", "Other", "Standard"),
}


def type_of(column: str) -> pl.DataType:
    """The type of a column in a file; text where FOCUS fixes no other."""
    return TYPES.get(column, TEXT)
