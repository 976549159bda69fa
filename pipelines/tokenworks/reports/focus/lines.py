"""The charge lines of a month or fiscal period: which ones, what part of each, and in which it was billed.

Here belongs the cut of a line at the period's bounds. How a line reads in FOCUS belongs to `supply`.

A line's cost belongs to the months of the hours in which the ledger spends it; what stands on an
invoice belongs to the month of the invoice. A bill that straddles two months is a row in each: with
its billed cost in the first, with its part of the cost in both.
"""

from __future__ import annotations

from datetime import UTC

import polars as pl

from tokenworks.reports.focus.amounts import MICRO, UNIT, part_in_time, rounded, units, whole
from tokenworks.reports.focus.inputs import LINE, Inputs, charge_id
from tokenworks.reports.period import Period

# Sources whose lines stand on an invoice; all others are our own books.
INVOICED = ("charges", "energy_bills")
# What a correction takes over from its bill: who sent it, to whom, for which service.
_OF_THE_BILL = [
    "billing_account_id",
    "billing_account_name",
    "billing_account_type",
    "invoice_id",
    "invoice_issuer_name",
    "provider_name",
    "publisher_name",
    "host_provider_name",
    "service_category",
    "service_subcategory",
    "service_name",
    "sub_account_id",
    "sub_account_name",
    "sub_account_type",
    "meter_id",
]


def period_lines(inputs: Inputs, period: Period) -> pl.DataFrame:
    """Lines that were billed in the period or cost something in it, cut at its bounds.

    Adds the period's part in whole units: `effective`, `billed`, and `<quantity>_part` of each landed
    quantity; `is_billed`, `is_whole`; and the bounds `begins` and `ends`.
    """
    cost = inputs.ledger.group_by(LINE).agg(pl.col("cost").sum().alias("month_cost"))
    is_billed = billed_in(period) & pl.col("cost_source").is_in(INVOICED)
    found = (
        inputs.lines.join(cost, on=LINE, how="left")
        .with_columns(is_billed.alias("is_billed"))
        .filter(pl.col("is_billed") | pl.col("month_cost").is_not_null())
    )
    lines = _cut(found, period).with_columns(
        charge_id().alias("x_ChargeId"),
        pl.coalesce(units("month_cost"), whole(0)).alias("effective"),
        pl.when("is_billed").then(units("billed_amount")).otherwise(whole(0)).alias("billed"),
    )
    return pl.concat([lines, corrected_lines(inputs, period)], how="diagonal_relaxed")


def corrected_lines(inputs: Inputs, period: Period) -> pl.DataFrame:
    """What was posted in the period for closed ones: a line each, named as its bill is.

    A bill of a closed period is in no file of that one, so what it costs is what it bills here; one
    that is billed in this period stands in it already.
    """
    bill = ["cost_source", "bill_id"]
    billed = inputs.lines.with_columns(billed_in(period).alias("is_here")).sort("charge_line_id")
    known = billed.group_by(bill).agg(pl.col([*_OF_THE_BILL, "is_here"]).first())
    day = pl.col("event_date").cast(pl.Datetime("us"))
    is_billed = pl.col("cost_source").is_in(INVOICED) & ~pl.col("is_here").fill_null(value=False)
    cost = units("cost")
    return (
        inputs.corrections.select(
            *bill, "charge_line_id", "x_ChargeId", "event_date", "component", "currency", "cost",
            pl.col("region").alias("site_region"),
        )
        .join(known, on=bill, how="left")
        .with_columns(
            pl.lit("Usage").alias("charge_category"),
            pl.lit("Correction").alias("charge_class"),
            pl.format("Correction of {}", "bill_id").alias("charge_description"),
            is_billed.alias("is_billed"),
            pl.lit(False).alias("is_whole"),
            day.alias("begins"),
            day.dt.offset_by("1d").alias("ends"),
            cost.alias("effective"),
            pl.when(is_billed).then(cost).otherwise(whole(0)).alias("billed"),
        )
        .drop("is_here", "event_date", "cost")
    )  # fmt: skip


def billed_in(period: Period) -> pl.Expr:
    """Whether a line's invoice is of the period: the one in which the middle of its own period lies.

    A period in local time starts or ends some hours beside the month of UTC.
    """
    bill = ["cost_source", "bill_id"]
    begin = pl.coalesce("billing_period_start", pl.col("period_start").min().over(bill))
    end = pl.coalesce("billing_period_end", pl.col("period_end").max().over(bill))
    middle = (begin + (end - begin) / 2).dt.date()
    return middle.is_between(period.start, period.end, closed="left").fill_null(value=False)


def _cut(found: pl.DataFrame, period: Period) -> pl.DataFrame:
    """The part of each line's period that lies in the report's, and of its quantities."""
    first, last = pl.lit(period.start_instant), pl.lit(period.end_instant)
    begin = pl.max_horizontal(pl.col("period_start"), first)
    end = pl.min_horizontal(pl.col("period_end"), last)
    overlaps = (pl.col("period_start") < last) & (pl.col("period_end") > first)
    quantities = ("pricing_quantity", "consumed_quantity", "commitment_discount_quantity")
    exact = found.with_columns(units(name).alias(f"{name}_units") for name in quantities)
    parts = [
        pl.when(overlaps)
        .then(part_in_time(f"{name}_units", begin, end, "period_start", "period_end"))
        .otherwise(pl.col(f"{name}_units") * 0)
        .alias(f"{name}_part")
        for name in quantities
    ]
    return exact.with_columns(
        *parts,
        ((begin == pl.col("period_start")) & (end == pl.col("period_end"))).alias("is_whole"),
        pl.when(overlaps).then(begin).otherwise(pl.col("period_start")).alias("begins"),
        pl.when(overlaps).then(end).otherwise(pl.col("period_end")).alias("ends"),
    )


def in_micros(column: str) -> pl.Expr:
    """Whole units as the nearest whole micros."""
    return rounded(pl.col(column), whole(UNIT // MICRO))


def instant(column: str, *, up: bool = False) -> pl.Expr:
    """A moment in whole seconds of UTC, as FOCUS writes it."""
    moment = pl.col(column)
    second = moment.dt.truncate("1s")
    if up:
        second = pl.when(second == moment).then(moment).otherwise(second.dt.offset_by("1s"))
    return second.dt.replace_time_zone(str(UTC))
