"""Whole amounts: micros of prices and quantities, units of 1e-12 of costs, and the largest remainder.

A price in micros times a quantity in micros is a cost in units, so the product is exact. Nothing here
knows what an amount is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from tokenworks.reports.focus.columns import CONSUMED, COST

WHOLE = pl.Int128()
MICRO = 10**6
UNIT = 10**12
# Digits by which the unit of a price may grow so that the price keeps all of its own.
MAX_GROWTH = 6
# A quantity beyond this does not fit DECIMAL(18,6).
_LARGE_MICROS = 10**18


def units(column: str) -> pl.Expr:
    """A decimal(38,12) as whole units of 1e-12."""
    scale = pl.lit(Decimal(UNIT), dtype=pl.Decimal(38, 0))
    return (pl.col(column) * scale).cast(WHOLE)


def cost_of(column: str) -> pl.Expr:
    """Whole units as a cost of twelve decimals."""
    return (pl.col(column).cast(pl.Decimal(38, 0)) * pl.lit(Decimal("1e-12"))).cast(COST)


def micros_as(column: str, kind: pl.DataType) -> pl.Expr:
    """Whole micros as a number of six decimals."""
    small = pl.col(column).cast(pl.Decimal(38, 0)) * pl.lit(Decimal("0.000001"))
    return small.cast(CONSUMED).cast(kind)


def whole(number: int) -> pl.Expr:
    """A whole number as a literal."""
    return pl.lit(number, dtype=WHOLE)


def sign(value: pl.Expr) -> pl.Expr:
    """-1 for what is negative, else 1."""
    return pl.when(value < 0).then(whole(-1)).otherwise(whole(1))


def rounded(value: pl.Expr, step: pl.Expr) -> pl.Expr:
    """Whole steps nearest to a value; halves go away from zero."""
    return sign(value) * ((value.abs() * 2 + step) // (step * 2))


def part_in_time(total: str, begin: pl.Expr, end: pl.Expr, start: str, stop: str) -> pl.Expr:
    """What of a whole total falls in [begin, end) of [start, stop).

    Parts are differences of one running floor, so those that adjoin add up to the total.
    """
    length = _microseconds(pl.col(stop)) - _microseconds(pl.col(start))
    size = pl.col(total).abs()
    ends = _microseconds(end) - _microseconds(pl.col(start))
    begins = _microseconds(begin) - _microseconds(pl.col(start))
    return sign(pl.col(total)) * (size * ends // length - size * begins // length)


def _microseconds(instant: pl.Expr) -> pl.Expr:
    return instant.dt.epoch("us").cast(WHOLE)


def growth(prices: Sequence[pl.Expr], quantity: pl.Expr) -> pl.Expr:
    """By how many digits a pricing unit must grow so that prices fit six decimals, at most six.

    A price of 0.0000004 per request is one of 0.000004 per 10 requests. A quantity too large for
    its type makes the unit grow as well.
    """
    fits = [
        pl.all_horizontal((price % 10 ** (6 - digits)) == 0 for price in prices)
        for digits in range(MAX_GROWTH)
    ]
    needed: pl.Expr = pl.lit(MAX_GROWTH)
    for digits, fit in reversed(list(enumerate(fits))):
        needed = pl.when(fit).then(digits).otherwise(needed)
    large = quantity.abs() >= _LARGE_MICROS * (UNIT // MICRO)
    return pl.when(large).then(MAX_GROWTH).otherwise(needed)


def largest_remainder(
    frame: pl.DataFrame, by: Sequence[str], total: str, weight: str, order: Sequence[str], name: str
) -> pl.DataFrame:
    """Split a whole total over the rows of a group by whole weights of one sign each.

    Floors first, then one more for each of the largest remainders, ties by `order`, so that the
    parts add up to the total exactly. Weights count by their size; a group of zero weights gives
    its total to the first row.
    """
    size = pl.col(weight).abs()
    pool = size.sum().over(by)
    first = pl.int_range(pl.len()).over(by) == 0
    weighed = frame.sort([*by, *order], nulls_last=False).with_columns(
        pl.when(pool == 0).then(first.cast(WHOLE)).otherwise(size).alias("_weight")
    )
    pool = pl.col("_weight").sum().over(by)
    product = pl.col(total).abs() * pl.col("_weight")
    floored = weighed.with_columns(
        (product // pool).alias("_floor"), (product % pool).alias("_rest")
    ).with_columns((pl.col(total).abs() - pl.col("_floor").sum().over(by)).alias("_left"))
    descending = [False] * len(by) + [True] + [False] * len(order)
    ranked = floored.sort([*by, "_rest", *order], descending=descending, nulls_last=False)
    more = pl.int_range(pl.len()).over(by) < pl.col("_left")
    return ranked.with_columns(
        (sign(pl.col(total)) * (pl.col("_floor") + more.cast(WHOLE))).alias(name)
    ).drop("_weight", "_floor", "_rest", "_left")
