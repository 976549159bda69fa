"""Supply rows: what was billed or written off, one row per charge line and month.

Here belongs how a landed charge, a line of an electricity bill and an amortised server read in FOCUS.
Which lines and what part of them belongs to `lines`.

What providers leave out is filled as docs/focus.md says and never changes a cost: EffectiveCost is the
ledger's, BilledCost the invoice's.
"""

from __future__ import annotations

import polars as pl

from tokenworks.reports.focus.amounts import growth, rounded, sign, units, whole
from tokenworks.reports.focus.inputs import Inputs
from tokenworks.reports.focus.lines import in_micros, instant, period_lines
from tokenworks.reports.focus.names import GPU_HOURS, named
from tokenworks.reports.focus.texts import each, grown_unit
from tokenworks.reports.period import Period

# Unit of what has no price per unit: a bill's line is one charge of its own amount.
LUMP_UNIT = "Charges"
_MICRO_UNITS = whole(10**6)
_HOUR_US = 3_600_000_000


def supply_rows(inputs: Inputs, period: Period) -> pl.DataFrame:
    """All supply rows of a month; amounts whole, see `rows.typed`."""
    lines = period_lines(inputs, period)
    kinds = _categories(lines)
    priced = _prices(_amortised(kinds))
    return named(_costs(_quantities(priced)), inputs)


def _categories(lines: pl.DataFrame) -> pl.DataFrame:
    """Charge category, frequency and kind, as landed or as an electricity bill's line means them."""
    category, kind, status = (
        pl.col(name) for name in ("charge_category", "bill_kind", "commitment_discount_status")
    )
    is_spent_purchase = (category == "Purchase") & (pl.col("effective") != 0)
    charge_category = (
        pl.when(kind == "tax").then(pl.lit("Tax"))
        .when(kind == "credit").then(pl.lit("Credit"))
        # A purchase covers future charges and costs nothing itself; one that costs is a fee.
        .when(is_spent_purchase | category.is_null()).then(pl.lit("Usage"))
        .otherwise(category)
    )  # fmt: skip
    frame = lines.with_columns(charge_category.alias("ChargeCategory"))
    is_usage = pl.col("ChargeCategory") == "Usage"
    is_fee = kind.is_in(["demand", "fixed"]) | is_spent_purchase
    frequency = (
        pl.when(~is_usage & (pl.col("ChargeCategory") != "Purchase")).then(pl.lit("One-Time"))
        .when(is_fee).then(pl.lit("Recurring"))
        .when(~is_usage & (pl.col("charge_frequency") == "Usage-Based")).then(pl.lit("One-Time"))
        .when(pl.col("charge_frequency").is_not_null()).then(pl.col("charge_frequency"))
        .when(is_usage).then(pl.lit("Usage-Based"))
        .otherwise(pl.lit("One-Time"))
    )  # fmt: skip
    charge_kind = (
        pl.when(pl.col("charge_class").is_not_null()).then(pl.lit("correction"))
        .when(kind.is_not_null()).then(kind)
        .when(pl.col("amortised_server_id").is_not_null()).then(pl.lit("amortisation"))
        .when(status.is_not_null()).then("commitment " + status.str.to_lowercase())
        .otherwise(pl.coalesce(category.str.to_lowercase(), "cost_source"))
    )  # fmt: skip
    return frame.with_columns(
        frequency.alias("ChargeFrequency"),
        pl.col("charge_class").alias("ChargeClass"),
        charge_kind.alias("x_ChargeKind"),
        category.alias("x_LandedChargeCategory"),
        pl.col("ChargeCategory").is_in(["Usage", "Purchase"]).alias("is_priced"),
    )


def _amortised(lines: pl.DataFrame) -> pl.DataFrame:
    """An amortised server is priced and consumed in GPU-hours, at its book rate."""
    is_amortised = pl.col("book_rate").is_not_null()
    length = (pl.col("ends") - pl.col("begins")).dt.total_microseconds().cast(pl.Int128)
    hours = length * 10**12 * pl.col("gpu_count").cast(pl.Int128) // _HOUR_US

    def instead(column: str, value: pl.Expr) -> pl.Expr:
        return pl.when(is_amortised).then(value).otherwise(pl.col(column)).alias(column)

    return lines.with_columns(
        instead("list_unit_price", pl.col("book_rate").round(6)),
        instead("contracted_unit_price", pl.col("book_rate").round(6)),
        instead("pricing_quantity_part", hours),
        instead("consumed_quantity_part", hours),
        instead("pricing_unit", pl.lit(GPU_HOURS)),
        instead("consumed_unit", pl.lit(GPU_HOURS)),
    )


def _prices(lines: pl.DataFrame) -> pl.DataFrame:
    """Prices and the quantity they are for; a lump sum where a price or its quantity is not known."""
    prices = pl.coalesce("list_unit_price", "contracted_unit_price")
    has_price = (
        prices.is_not_null()
        & pl.col("pricing_quantity_part").is_not_null()
        & pl.col("pricing_unit").is_not_null()
    )
    frame = lines.with_columns(
        prices.alias("list_unit_price"),
        # No negotiated price is known: what is contracted is the list.
        pl.coalesce("contracted_unit_price", "list_unit_price").alias("contracted_unit_price"),
        (has_price & pl.col("is_priced")).alias("has_price"),
    ).with_columns(
        units("list_unit_price").alias("list_exact"),
        units("contracted_unit_price").alias("contracted_exact"),
    )
    # FOCUS prices are never negative: a credit by quantity has a negative quantity.
    turned = sign(pl.min_horizontal("list_exact", "contracted_exact"))
    exact = frame.with_columns(
        pl.col("list_exact").abs(),
        pl.col("contracted_exact").abs(),
        (pl.col("pricing_quantity_part") * turned).alias("quantity_exact"),
    )
    grown = growth([pl.col("list_exact"), pl.col("contracted_exact")], pl.col("quantity_exact"))
    return exact.with_columns(grown.alias("grown_by"))


def _quantities(lines: pl.DataFrame) -> pl.DataFrame:
    """Whole micros of prices and quantities, in a unit that holds all digits of the prices."""
    has_price, is_priced = pl.col("has_price"), pl.col("is_priced")
    scale = pl.lit(10, dtype=pl.Int128) ** pl.col("grown_by").cast(pl.UInt32)

    def priced(exact: str, landed: str) -> pl.Expr:
        value = rounded(pl.col(exact) * scale, _MICRO_UNITS)
        lump = rounded(_amount(landed).abs(), _MICRO_UNITS)
        return pl.when(has_price).then(value).when(is_priced).then(lump)

    quantity = rounded(pl.col("quantity_exact"), scale * _MICRO_UNITS)
    unit = each(pl.format("{} {}", "grown_by", "pricing_unit"), _grown)
    return lines.with_columns(
        priced("list_exact", "list_cost").alias("ListUnitPrice"),
        priced("contracted_exact", "contracted_cost").alias("ContractedUnitPrice"),
        pl.when(has_price).then(quantity).when(is_priced).then(sign(_amount()) * 10**6)
        .alias("PricingQuantity"),
        pl.when(has_price & pl.col("pricing_unit").is_not_null()).then(unit)
        .when(is_priced).then(pl.lit(LUMP_UNIT)).alias("PricingUnit"),
    )  # fmt: skip


def _amount(landed: str | None = None) -> pl.Expr:
    """What stands for list or contracted cost where there is no price: the landed one, else the cost.

    Of a line that is cut at the month's bounds only the cost is known by month.
    """
    cost = pl.when(pl.col("effective") != 0).then("effective").otherwise("billed")
    if landed is None:
        return cost
    return pl.when("is_whole").then(pl.coalesce(units(landed), cost)).otherwise(cost)


def _grown(text: str) -> str:
    digits, unit = text.split(" ", 1)
    return grown_unit(unit, int(digits))


def _costs(lines: pl.DataFrame) -> pl.DataFrame:
    """The four costs, consumption, periods and the invoice."""

    def cost(price: str, landed: str) -> pl.Expr:
        product = pl.col(price) * pl.col("PricingQuantity")
        return pl.when("is_priced").then(product).otherwise(_amount(landed))

    is_consumed = (pl.col("ChargeCategory") == "Usage") & (
        pl.col("commitment_discount_status").fill_null("Used") != "Unused"
    )
    has_consumption = (
        pl.col("consumed_quantity_part").is_not_null() & pl.col("consumed_unit").is_not_null()
    )
    consumed = pl.when(has_consumption).then(in_micros("consumed_quantity_part"))
    return lines.with_columns(
        pl.when(is_consumed).then(consumed.otherwise("PricingQuantity")).alias("ConsumedQuantity"),
        pl.when(is_consumed)
        .then(pl.when(has_consumption).then("consumed_unit").otherwise("PricingUnit"))
        .alias("ConsumedUnit"),
        cost("ListUnitPrice", "list_cost").alias("ListCost"),
        cost("ContractedUnitPrice", "contracted_cost").alias("ContractedCost"),
        pl.col("billed").alias("BilledCost"),
        pl.col("effective").alias("EffectiveCost"),
        pl.col("currency").alias("BillingCurrency"),
        instant("begins").alias("ChargePeriodStart"),
        instant("ends", up=True).alias("ChargePeriodEnd"),
    )
