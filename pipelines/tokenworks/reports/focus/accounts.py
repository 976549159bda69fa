"""Who provides a showback row, to whom, where and when: what rows of tokens and all others share."""

from __future__ import annotations

import polars as pl

from tokenworks.reports.focus.amounts import whole
from tokenworks.reports.focus.inputs import Inputs

_PROVIDERS = (
    "ProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "ServiceProviderName",
    "HostProviderName",
)


def shown(rows: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """What token rows and all others share: provider, account, place, period, costs."""
    operator = pl.lit(inputs.operator)
    providers = [operator.alias(column) for column in _PROVIDERS]
    day = pl.col("event_date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    name = pl.coalesce("tenant_name", "tenant_id")
    resource = pl.coalesce("deployment_id", "site_id")
    kind = (
        pl.when(pl.col("deployment_id").is_not_null()).then(pl.lit("Deployment"))
        .when(resource.is_not_null()).then(pl.lit("Site"))
    )  # fmt: skip
    tags = pl.struct("deployment_id", "model", "tier").struct.json_encode()
    frame = rows.join(inputs.tenants, on="tenant_id", how="left")
    return frame.with_columns(
        *providers,
        pl.lit("books").alias("BillingAccountId"),
        pl.format("Books of {}", operator).alias("BillingAccountName"),
        pl.lit("Own Books").alias("BillingAccountType"),
        pl.col("currency").alias("BillingCurrency"),
        pl.lit("Usage").alias("ChargeCategory"),
        pl.lit("Usage-Based").alias("ChargeFrequency"),
        pl.lit("Standard").alias("PricingCategory"),
        (pl.col("ListUnitPrice") * pl.col("PricingQuantity")).alias("ListCost"),
        (pl.col("ContractedUnitPrice") * pl.col("PricingQuantity")).alias("ContractedCost"),
        whole(0).alias("BilledCost"),
        pl.col("tenant_id").alias("SubAccountId"),
        name.alias("SubAccountName"),
        pl.when(pl.col("tenant_id").is_not_null()).then(pl.lit("Tenant")).alias("SubAccountType"),
        pl.col("region").alias("RegionId"),
        pl.col("region").alias("RegionName"),
        resource.alias("ResourceId"),
        resource.alias("ResourceName"),
        kind.alias("ResourceType"),
        day.alias("ChargePeriodStart"),
        day.dt.offset_by("1d").alias("ChargePeriodEnd"),
        pl.when(pl.col("deployment_id").is_not_null()).then(tags).alias("Tags"),
        pl.col("tier").alias("x_ModelTier"),
        pl.col("row_key").alias("x_ChargeId"),
    )  # fmt: skip
