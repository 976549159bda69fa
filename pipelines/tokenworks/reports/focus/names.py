"""Names and ids of supply rows: who provides, which service, SKU, account, resource and commitment.

Here belongs filling what an issuer leaves out. Nothing here touches an amount.
"""

from __future__ import annotations

import polars as pl

from tokenworks.reports.focus.amounts import micros_as
from tokenworks.reports.focus.columns import PRICE
from tokenworks.reports.focus.inputs import Inputs
from tokenworks.reports.focus.lines import INVOICED
from tokenworks.reports.focus.services import OTHER_CATEGORY, SUBCATEGORIES, other_of
from tokenworks.reports.focus.texts import each, flat_json, slug

UNKNOWN_ISSUER = "Unknown issuer"
ELECTRICITY = "Electricity"
GPU_HOURS = "GPU-Hours"
# Details of a price are per pricing unit, and a GPU-hour is one of one GPU.
ONE_GPU = '{"GpuCount": 1}'
OWNED_SERVERS = "Owned GPU Servers"
_BY_COMPONENT = {"network": "Networking", "storage": "Storage", "accelerator": "Compute"}


def named(rows: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    """Rows with all their names."""
    operator = pl.lit(inputs.operator)
    providers = _providers(rows, operator)
    services = _services(providers, inputs.lines)
    skus = _skus(services, inputs.lines)
    return _commitments(_places(_accounts(skus)))


def _providers(rows: pl.DataFrame, operator: pl.Expr) -> pl.DataFrame:
    """The issuer of the invoice is the provider: another one would force BilledCost to 0."""
    is_ours = ~pl.col("cost_source").is_in(INVOICED)
    named_ones = pl.coalesce("invoice_issuer_name", "provider_name", "publisher_name")
    issuer = pl.when(is_ours).then(operator).otherwise(named_ones).fill_null(UNKNOWN_ISSUER)
    frame = rows.with_columns(issuer.alias("InvoiceIssuerName"))
    provider = pl.col("InvoiceIssuerName")
    return frame.with_columns(
        provider.alias("ProviderName"),
        provider.alias("ServiceProviderName"),
        pl.coalesce("publisher_name", provider).alias("PublisherName"),
        pl.coalesce("host_provider_name", "provider_name", provider).alias("HostProviderName"),
        pl.col("provider_name").alias("x_LandedProviderName"),
        pl.when(pl.col("is_billed") & (pl.col("cost_source") == "charges"))
        .then("invoice_id")
        .when(pl.col("is_billed"))
        .then("bill_id")
        .alias("InvoiceId"),
    ).with_columns(
        pl.when(pl.col("InvoiceId").is_not_null()).then("x_ChargeId").alias("InvoiceDetailId")
    )


def _service(lines: pl.DataFrame) -> pl.DataFrame:
    """Category, subcategory and name of each line's service, each a value that FOCUS allows."""
    is_bill = pl.col("cost_source") == "energy_bills"
    is_ours = pl.col("cost_source") == "amortisation"
    is_accrued = ~is_ours & ~pl.col("cost_source").is_in(INVOICED)
    by_component = pl.col("component").replace_strict(_BY_COMPONENT, default=OTHER_CATEGORY)
    landed = pl.col("service_category")
    category = (
        pl.when(is_bill).then(pl.lit(OTHER_CATEGORY))
        .when(is_ours).then(pl.lit("Compute"))
        .when(landed.is_in(list(SUBCATEGORIES))).then(landed)
        .when(landed.is_null()).then(by_component)
        .otherwise(pl.lit(OTHER_CATEGORY))
    )  # fmt: skip
    allowed = [f"{name}/{sub}" for name, subs in SUBCATEGORIES.items() for sub in subs]
    frame = lines.with_columns(category.alias("ServiceCategory"))
    pair = pl.concat_str("ServiceCategory", "service_subcategory", separator="/")
    others = {name: other_of(name) for name in SUBCATEGORIES}
    name = (
        pl.when(is_bill).then(pl.lit(ELECTRICITY))
        .when(is_ours).then(pl.lit(OWNED_SERVERS))
        .when(is_accrued).then(pl.format("Accrued {}", "ServiceCategory"))
        .otherwise(pl.coalesce("service_name", "ServiceCategory"))
    )  # fmt: skip
    return frame.with_columns(
        pl.when(pair.is_in(allowed))
        .then("service_subcategory")
        .otherwise(pl.col("ServiceCategory").replace_strict(others))
        .alias("ServiceSubcategory"),
        name.alias("ServiceName"),
    )


def _services(rows: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """One name has one subcategory; one that landed with several carries it in its name."""
    known = _service(history).select("ServiceName", "ServiceSubcategory").unique()
    several = known.group_by("ServiceName").len().filter(pl.col("len") > 1)["ServiceName"]
    both = pl.format("{} ({})", "ServiceName", "ServiceSubcategory")
    return _service(rows).with_columns(
        pl.when(pl.col("ServiceName").is_in(several.implode()))
        .then(both)
        .otherwise("ServiceName")
        .alias("ServiceName")
    )


def _skus(rows: pl.DataFrame, history: pl.DataFrame) -> pl.DataFrame:
    """SKU, its meter and its price; one price belongs to one SKU."""
    pairs = history.select("sku_id", "sku_price_id").drop_nulls().unique()
    shared = pairs.group_by("sku_price_id").len().filter(pl.col("len") > 1)["sku_price_id"]
    is_priced = pl.col("is_priced")
    subject = pl.concat_str(
        "ServiceName", "x_ChargeKind", "meter_id", separator=" ", ignore_nulls=True
    )
    made_up = "sku-" + each(subject, slug)
    frame = rows.with_columns(
        pl.when(is_priced).then(pl.coalesce("sku_id", made_up)).alias("SkuId")
    )
    price = pl.col("sku_price_id")
    at = pl.format("{}-{}", "SkuId", micros_as("ListUnitPrice", PRICE))
    price_id = (
        pl.when(price.is_null() | ~pl.col("has_price")).then(at)
        .when(price.is_in(shared.implode())).then(pl.format("{}/{}", "SkuId", price))
        .otherwise(price)
    )  # fmt: skip
    meter = pl.coalesce("sku_meter", pl.format("{} {}", "ServiceName", "PricingUnit"))
    category = (
        pl.when(pl.col("commitment_discount_status").is_not_null()).then(pl.lit("Committed"))
        .when(pl.col("pricing_category").is_not_null()).then("pricing_category")
        .when(pl.col("bill_kind") == "energy").then(pl.lit("Dynamic"))
        .otherwise(pl.lit("Standard"))
    )  # fmt: skip
    return frame.with_columns(
        pl.when(is_priced).then(price_id).alias("SkuPriceId"),
        pl.when(is_priced).then(meter).alias("SkuMeter"),
        pl.when(pl.col("PricingUnit") == GPU_HOURS).then(pl.lit(ONE_GPU)).alias("SkuPriceDetails"),
        pl.when(is_priced).then(category).alias("PricingCategory"),
        pl.coalesce("charge_description", "ServiceName").alias("ChargeDescription"),
        each(pl.col("tags"), flat_json).alias("Tags"),
    )


def _accounts(rows: pl.DataFrame) -> pl.DataFrame:
    """Billing account and sub account, each with id, name and type or none of them."""
    account = pl.coalesce("billing_account_id", "meter_id", pl.lit("books"))
    kind = (
        pl.when(pl.col("billing_account_id").is_not_null()).then(pl.lit("Billing Account"))
        .when(pl.col("meter_id").is_not_null()).then(pl.lit("Meter"))
        .otherwise(pl.lit("Own Books"))
    )  # fmt: skip
    sub = pl.col("sub_account_id")
    return rows.with_columns(
        account.alias("BillingAccountId"),
        pl.coalesce("billing_account_name", account).alias("BillingAccountName"),
        pl.coalesce("billing_account_type", kind).alias("BillingAccountType"),
        sub.alias("SubAccountId"),
        _where(sub, pl.coalesce("sub_account_name", sub)).alias("SubAccountName"),
        _where(sub, pl.coalesce("sub_account_type", pl.lit("Account"))).alias("SubAccountType"),
    )


def _places(rows: pl.DataFrame) -> pl.DataFrame:
    """Region and resource, each with all its columns or none of them."""
    region = pl.coalesce("region_id", "region_name", "site_region")
    # What is bought or left unused is the commitment itself.
    is_commitment = pl.col("commitment_discount_id").is_not_null() & (
        (pl.col("commitment_discount_status") == "Unused")
        | (pl.col("ChargeCategory") == "Purchase")
    ).fill_null(False)
    resource = pl.when(is_commitment).then("commitment_discount_id").otherwise(
        pl.coalesce("resource_id", "amortised_server_id", "meter_id")
    )  # fmt: skip
    kind = (
        pl.when(is_commitment).then(pl.lit("Commitment"))
        .when(pl.col("resource_type").is_not_null()).then("resource_type")
        .when(pl.col("amortised_server_id").is_not_null()).then(pl.lit("GPU server"))
        .when(pl.col("meter_id").is_not_null()).then(pl.lit("Electricity meter"))
        .otherwise("ServiceName")
    )  # fmt: skip
    return rows.with_columns(
        region.alias("RegionId"),
        pl.coalesce("region_name", region).alias("RegionName"),
        pl.col("availability_zone").alias("AvailabilityZone"),
        resource.alias("ResourceId"),
        _where(
            resource,
            pl.when(is_commitment)
            .then(pl.coalesce("commitment_discount_name", resource))
            .otherwise(pl.coalesce("resource_name", resource)),
        ).alias("ResourceName"),
        _where(resource, kind).alias("ResourceType"),
        pl.col("component").alias("x_CostComponent"),
    )


def _commitments(rows: pl.DataFrame) -> pl.DataFrame:
    """What a commitment or reservation lacks, where there is one."""
    commitment, reservation = pl.col("commitment_discount_id"), pl.col("capacity_reservation_id")
    is_usage = pl.col("ChargeCategory") == "Usage"
    is_counted = commitment.is_not_null() & pl.col("is_priced")
    quantity = pl.col("commitment_discount_quantity_part")
    has_quantity = quantity.is_not_null() & pl.col("commitment_discount_unit").is_not_null()
    own = quantity // 10**6
    guessed = pl.when(has_quantity).then(pl.lit("Usage")).otherwise(pl.lit("Spend"))
    status = pl.coalesce("commitment_discount_status", pl.lit("Used"))
    return rows.with_columns(
        commitment.alias("CommitmentDiscountId"),
        _where(commitment, pl.coalesce("commitment_discount_name", commitment)).alias(
            "CommitmentDiscountName"
        ),
        _where(commitment, pl.coalesce("commitment_discount_type", pl.lit("Commitment"))).alias(
            "CommitmentDiscountType"
        ),
        _where(commitment, pl.coalesce("commitment_discount_category", guessed)).alias(
            "CommitmentDiscountCategory"
        ),
        pl.when(commitment.is_not_null() & is_usage).then(status).alias("CommitmentDiscountStatus"),
        pl.when(is_counted & has_quantity).then(own).when(is_counted).then("PricingQuantity")
        .alias("CommitmentDiscountQuantity"),
        pl.when(is_counted & has_quantity).then("commitment_discount_unit")
        .when(is_counted).then("PricingUnit").alias("CommitmentDiscountUnit"),
        reservation.alias("CapacityReservationId"),
        pl.when(reservation.is_not_null() & is_usage)
        .then(pl.coalesce("capacity_reservation_status", pl.lit("Used")))
        .alias("CapacityReservationStatus"),
    )  # fmt: skip


def _where(key: pl.Expr, value: pl.Expr) -> pl.Expr:
    return pl.when(key.is_not_null()).then(value)
