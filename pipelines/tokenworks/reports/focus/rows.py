"""From whole amounts to a FOCUS dataset: period, pricing currency, clean texts, columns, types, order.

Here belongs what all rows of all views share.
"""

from __future__ import annotations

from datetime import UTC

import polars as pl

from tokenworks.reports.focus.amounts import cost_of, micros_as
from tokenworks.reports.focus.columns import (
    COLUMNS,
    COST,
    INSTANT,
    JSON_OBJECTS,
    TEXT,
    UNITS,
    Version,
    type_of,
)
from tokenworks.reports.focus.texts import cleaned, each, lettered, unit
from tokenworks.reports.period import Period

# Ids that a reader of CSV would take for numbers get the name of what they identify in front.
_PREFIXES = {
    "BillingAccountId": "account-",
    "CapacityReservationId": "reservation-",
    "CommitmentDiscountId": "commitment-",
    "InvoiceId": "invoice-",
    "RegionId": "region-",
    "ResourceId": "resource-",
    "SkuId": "sku-",
    "SkuPriceId": "price-",
    "SubAccountId": "account-",
}
_NAMES = {
    "BillingAccountName": "account ",
    "CommitmentDiscountName": "commitment ",
    "ResourceName": "resource ",
    "SubAccountName": "account ",
    "AvailabilityZone": "zone ",
}
ORDER = [
    "ChargePeriodStart",
    "x_ChargeKind",
    "x_ChargeId",
    "SkuPriceId",
    "SubAccountId",
    "ResourceId",
]


def dataset(rows: pl.DataFrame, period: Period, version: Version) -> pl.DataFrame:
    """The dataset of a version; rows and columns in a fixed order."""
    columns = COLUMNS[version]
    full = _shared(rows, period)
    absent = [name for name in columns if name not in full.columns]
    padded = full.with_columns(pl.lit(None, dtype=type_of(name)).alias(name) for name in absent)
    typed = padded.select(_typed(name, padded.schema[name]) for name in columns)
    safe = _safe_ids(typed.with_columns(_clean(name) for name in columns if type_of(name) == TEXT))
    # By all columns, so that the order does not depend on where a row came from.
    others = [name for name in columns if name not in ORDER]
    present = [name for name in ORDER if name in columns]
    return safe.sort([*present, *others], nulls_last=False)


def _shared(rows: pl.DataFrame, period: Period) -> pl.DataFrame:
    return rows.with_columns(
        pl.lit(period.start_instant.replace(tzinfo=UTC)).alias("BillingPeriodStart"),
        pl.lit(period.end_instant.replace(tzinfo=UTC)).alias("BillingPeriodEnd"),
        pl.col("BillingCurrency").alias("PricingCurrency"),
        pl.col("ListUnitPrice").alias("PricingCurrencyListUnitPrice"),
        pl.col("ContractedUnitPrice").alias("PricingCurrencyContractedUnitPrice"),
        pl.col("EffectiveCost").alias("PricingCurrencyEffectiveCost"),
    )


def _typed(name: str, held: pl.DataType) -> pl.Expr:
    kind = type_of(name)
    if held != pl.Int128():
        return pl.col(name).cast(kind) if kind != INSTANT else pl.col(name).cast(INSTANT)
    return (cost_of(name) if kind == COST else micros_as(name, kind)).alias(name)


def _clean(name: str) -> pl.Expr:
    """JSON is ASCII already, and its escapes stay."""
    if name in JSON_OBJECTS:
        return pl.col(name)
    return each(pl.col(name), unit if name in UNITS else cleaned)


def _safe_ids(typed: pl.DataFrame) -> pl.DataFrame:
    prefixes = {**_PREFIXES, **_NAMES}
    return typed.with_columns(
        lettered(name, prefix).alias(name)
        for name, prefix in prefixes.items()
        if name in typed.columns
    )
