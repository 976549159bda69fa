"""Showback rows: what the month's cost was spent on, as the ledger has it.

One row per day, tenant and SKU = model × token class for what was served; idle, wasted, unattributed
and shared capacity as rows of their own, in the unit of the charge that paid for them. Which origin
charges a row draws on belongs to `split`.

Every row has a `row_key`; `targets` tells the row of each ledger entry.
"""

from __future__ import annotations

import polars as pl

from tokenworks.reports.focus.amounts import (
    MICRO,
    largest_remainder,
    micros_as,
    rounded,
    sign,
    units,
    whole,
)
from tokenworks.reports.focus.columns import PRICE
from tokenworks.reports.focus.inputs import LINE, TARGET, Inputs, charge_id
from tokenworks.reports.focus.names import GPU_HOURS, ONE_GPU
from tokenworks.reports.focus.supply import LUMP_UNIT
from tokenworks.reports.focus.texts import each, slug

GROUP = ["event_date", "deployment_id", "tenant_id", "currency"]
_REST = [
    "event_date",
    "category",
    "cause",
    "deployment_id",
    "tenant_id",
    "component",
    "model",
    "tier",
    "site_id",
    "region",
    "currency",
    "price_unit",
    "list_price",
    "contracted_price",
    "use_unit",
    "correction",
]
METERS = {
    "input_uncached": "Input Tokens",
    "input_unsplit": "Input Tokens, cached or not",
    "input_cache_read": "Cached Input Tokens",
    "output": "Output Tokens",
}
TOKEN_UNIT = "Tokens"
MILLION_TOKENS = "1000000 Tokens"
_SERVICES = {
    "served": "Inference without Token Counts",
    "idle": "Idle Capacity",
    "waste": "Wasted Capacity",
    "overhead": "Shared Overhead",
    "unattributed": "Unattributed Capacity",
}


def counted_tokens(inputs: Inputs) -> pl.DataFrame:
    """Usage of the classes that have tokens, with `class_units`: their cost.

    A few tokens that several currencies pay for leave none to the smallest: what the class costs there is shown by
    the dearest class of the same tenant, day and currency that has any.
    """
    has_tokens = pl.col("token_count") > 0
    without = pl.when(has_tokens).then(whole(0)).otherwise(units("cost"))
    usage = (
        inputs.usage.filter(pl.col("token_class").is_not_null())
        .with_columns(without.sum().over(GROUP).alias("without_tokens"))
        .filter(has_tokens)
        .sort(*GROUP, pl.col("cost").abs().neg(), "token_class")
    )
    is_dearest = pl.int_range(pl.len()).over(GROUP) == 0
    shown = units("cost") + pl.when(is_dearest).then("without_tokens").otherwise(whole(0))
    return usage.with_columns(shown.alias("class_units")).drop("without_tokens")


def token_rows(inputs: Inputs) -> pl.DataFrame:
    """Rows of served tokens, with `row_key`."""
    usage = counted_tokens(inputs)
    price = rounded(units("list_price_per_million"), whole(MICRO))
    known = pl.col("list_price_per_million").is_not_null()
    sku = pl.format("{}-{}", pl.col("model").fill_null("unknown-model"), "token_class")
    meter = pl.col("token_class").replace_strict(METERS)
    tokens = pl.col("token_count").cast(pl.Int128)
    return usage.with_columns(
        pl.concat_str(pl.lit("tokens"), *_key([*GROUP, "token_class"]), separator="|").alias("row_key"),
        pl.lit("token usage").alias("x_ChargeKind"),
        pl.lit("Inference").alias("ServiceName"),
        pl.lit("AI and Machine Learning").alias("ServiceCategory"),
        pl.lit("Generative AI").alias("ServiceSubcategory"),
        sku.alias("SkuId"),
        meter.alias("SkuMeter"),
        pl.format("{} of {}", meter, pl.col("model").fill_null("an unknown model"))
        .alias("ChargeDescription"),
        pl.when(known).then(price).otherwise(whole(0)).alias("ListUnitPrice"),
        pl.when(known).then(pl.lit("price list")).alias("x_ListPriceSource"),
        tokens.alias("PricingQuantity"),
        pl.lit(MILLION_TOKENS).alias("PricingUnit"),
        (tokens * MICRO).alias("ConsumedQuantity"),
        pl.lit(TOKEN_UNIT).alias("ConsumedUnit"),
        pl.lit("served").alias("x_LedgerCategory"),
        pl.col("class_units").alias("EffectiveCost"),
    ).with_columns(
        # Where nothing is agreed with the tenant, the list price holds.
        pl.coalesce(
            rounded(units("contract_price_per_million"), whole(MICRO)), "ListUnitPrice"
        ).alias("ContractedUnitPrice"),
        pl.format("{}-{}-{}", "SkuId", "currency", micros_as("ListUnitPrice", PRICE)).alias(
            "SkuPriceId"
        ),
        pl.struct(
            pl.col("model").alias("x_Model"), pl.col("token_class").alias("x_TokenClass")
        ).struct.json_encode().alias("SkuPriceDetails"),
    )  # fmt: skip


def targets(inputs: Inputs, supply: pl.DataFrame) -> pl.DataFrame:
    """Each ledger entry of the month with the row that shows it: `is_tokens`, `row_key`, `cost`."""
    origin = supply.select(
        "x_ChargeId",
        pl.when("has_price").then("PricingUnit").alias("price_unit"),
        pl.when("has_price").then("ListUnitPrice").alias("list_price"),
        pl.when("has_price").then("ContractedUnitPrice").alias("contracted_price"),
        pl.col("PricingQuantity").alias("origin_priced"),
        # A tax or credit has no quantity: it is one charge.
        pl.coalesce("ConsumedQuantity", "PricingQuantity", whole(MICRO)).alias("origin_used"),
        pl.coalesce("ConsumedUnit", "PricingUnit", pl.lit(LUMP_UNIT)).alias("use_unit"),
    )
    served = counted_tokens(inputs).select(*GROUP, pl.lit("served").alias("category")).unique()
    entries = (
        inputs.ledger.with_columns(charge_id().alias("x_ChargeId"), units("cost").alias("cost"))
        .drop(LINE)
        .join(origin, on="x_ChargeId", how="left")
        .join(
            served.with_columns(pl.lit(True).alias("is_tokens")),
            on=[*GROUP, "category"], how="left", nulls_equal=True,
        )
        .with_columns(pl.col("is_tokens").fill_null(False))
    )  # fmt: skip
    entries = entries.with_columns(pl.lit(None, dtype=pl.String).alias("correction"))
    # The quantity of a charge goes where its cost goes.
    for quantity in ("priced", "used"):
        entries = largest_remainder(
            entries, ["x_ChargeId"], f"origin_{quantity}", "cost",
            ["event_date", "category", "cause", "deployment_id", "tenant_id", "allocation_method"],
            quantity,
        )  # fmt: skip
    whole_entries = pl.concat([entries, _corrected(inputs)], how="diagonal")
    key = pl.concat_str(pl.lit("rest"), *_key(_REST), separator="|")
    group = pl.concat_str(pl.lit("tokens"), *_key(GROUP), separator="|")
    return whole_entries.with_columns(
        pl.when("is_tokens").then(group).otherwise(key).alias("row_key")
    )


def _corrected(inputs: Inputs) -> pl.DataFrame:
    """Corrections as entries: each is a charge and a row of its own."""
    return inputs.corrections.select(
        *(name for name in TARGET if name != "allocation_method"),
        "x_ChargeId",
        units("cost").alias("cost"),
        pl.col("x_ChargeId").alias("correction"),
        pl.lit("correction").alias("allocation_method"),
        pl.lit(LUMP_UNIT).alias("use_unit"),
        pl.lit(False).alias("is_tokens"),
        (sign(units("cost")) * MICRO).alias("used"),
    )


def other_rows(entries: pl.DataFrame) -> pl.DataFrame:
    """Rows of what no token shows: idle, waste, overhead, unattributed; with `row_key`."""
    return _rest_named(_rest_priced(entries))


def _rest_priced(entries: pl.DataFrame) -> pl.DataFrame:
    """Entries of one target and rate summed, in the unit of the charge that paid, else at cost."""
    rest = (
        entries.filter(~pl.col("is_tokens"))
        .group_by(["row_key", *_REST])
        .agg(
            pl.col("cost").sum().alias("EffectiveCost"),
            pl.col("priced").sum(),
            pl.col("used").sum(),
        )
    )
    has_price = pl.col("price_unit").is_not_null()
    amount = pl.col("EffectiveCost")
    lump = rounded(amount.abs(), whole(MICRO))
    return rest.with_columns(
        pl.when(has_price).then("list_price").otherwise(lump).alias("ListUnitPrice"),
        pl.when(has_price).then("contracted_price").otherwise(lump).alias("ContractedUnitPrice"),
        pl.when(has_price).then("priced").otherwise(sign(amount) * MICRO).alias("PricingQuantity"),
        pl.when(has_price).then("price_unit").otherwise(pl.lit(LUMP_UNIT)).alias("PricingUnit"),
        pl.col("used").alias("ConsumedQuantity"),
        pl.col("use_unit").alias("ConsumedUnit"),
        pl.when(has_price).then(pl.lit("charge")).otherwise(pl.lit("at cost"))
        .alias("x_ListPriceSource"),
        has_price.alias("has_price"),
    )  # fmt: skip


def _rest_named(rest: pl.DataFrame) -> pl.DataFrame:
    """The SKU of each: what the capacity did, and for which component."""
    has_price, is_correction = pl.col("has_price"), pl.col("correction").is_not_null()
    state = pl.concat_str("category", "cause", "component", separator=" ", ignore_nulls=True)
    frame = rest.with_columns(
        state.alias("x_ChargeKind"),
        pl.col("category").replace_strict(_SERVICES).alias("ServiceName"),
        pl.lit("Compute").alias("ServiceCategory"),
        pl.lit("Other (Compute)").alias("ServiceSubcategory"),
        each(state, slug).alias("SkuId"),
        pl.when(is_correction).then(pl.lit("Correction")).alias("ChargeClass"),
        pl.col("category").alias("x_LedgerCategory"),
        pl.col("cause").alias("x_LedgerCause"),
        pl.col("component").alias("x_CostComponent"),
    )
    rated = pl.format(
        "{}-{}-{}-{}",
        "SkuId",
        "currency",
        micros_as("ListUnitPrice", PRICE),
        each(pl.col("PricingUnit"), slug),
    )
    return frame.with_columns(
        pl.when(has_price).then(rated).otherwise(pl.format("{}-{}-at-cost", "SkuId", "currency"))
        .alias("SkuPriceId"),
        pl.format("{} {}", "ServiceName", "ConsumedUnit").alias("SkuMeter"),
        pl.when(pl.col("PricingUnit") == GPU_HOURS).then(pl.lit(ONE_GPU)).alias("SkuPriceDetails"),
        pl.format("{}: {}", "ServiceName", "x_ChargeKind").alias("ChargeDescription"),
    )  # fmt: skip


def _key(columns: list[str]) -> list[pl.Expr]:
    return [pl.col(name).cast(pl.String).fill_null("-") for name in columns]
