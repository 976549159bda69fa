"""Exact amounts: parts add up, products are exact, units grow so that prices keep their digits."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworks.reports.focus.amounts import growth, largest_remainder, part_in_time, rounded, whole

BIG = 10**16


def _split(total: int, weights: list[int]) -> list[int]:
    frame = pl.DataFrame(
        {"group": "g", "total": total, "weight": weights, "place": range(len(weights))},
        schema={"group": pl.String, "total": pl.Int128, "weight": pl.Int128, "place": pl.Int64},
    )
    parts = largest_remainder(frame, ["group"], "total", "weight", ["place"], "part")
    return parts.sort("place")["part"].to_list()


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10_000, [1, 1, 1], [3334, 3333, 3333]),
        (5, [1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 0, 0]),
        (123_456, [5, 3, 1], [68_587, 41_152, 13_717]),
        (-1_000, [1, 1, 1], [-334, -333, -333]),
        (7, [0, 0], [7, 0]),
        (7, [-2, -5], [2, 5]),
        (0, [3, 4], [0, 0]),
    ],
)
def test_parts_follow_the_largest_remainder(
    total: int, weights: list[int], parts: list[int]
) -> None:
    assert _split(total, weights) == parts


@settings(max_examples=60, deadline=None)
@given(
    st.integers(-(10**12), 10**12),
    st.lists(st.integers(0, BIG), min_size=1, max_size=12),
)
def test_parts_add_up_for_any_weights(total: int, weights: list[int]) -> None:
    assert sum(_split(total, weights)) == total


@settings(max_examples=60, deadline=None)
@given(st.integers(-BIG, BIG), st.integers(1, 31 * 24), st.integers(0, 31 * 24))
def test_months_of_a_quantity_add_up_when_it_is_cut(total: int, hours: int, cut: int) -> None:
    start = datetime(2026, 9, 1)
    stop, middle = start + timedelta(hours=hours), start + timedelta(hours=min(cut, hours))
    frame = pl.DataFrame({"total": [total]}, schema={"total": pl.Int128}).with_columns(
        pl.lit(start).alias("start"), pl.lit(stop).alias("stop")
    )
    pieces = frame.select(
        part_in_time("total", pl.lit(start), pl.lit(middle), "start", "stop").alias("first"),
        part_in_time("total", pl.lit(middle), pl.lit(stop), "start", "stop").alias("second"),
    ).row(0)
    assert sum(pieces) == total


@pytest.mark.parametrize(
    ("price", "quantity", "digits"),
    [
        (2 * 10**12, 24 * 10**12, 0),
        (400_000, 2 * 10**12, 1),
        (123, 10**12, 6),
        (0, 10**12, 0),
        (10**12, 10**24, 6),
    ],
)
def test_unit_grows_as_far_as_the_price_needs(price: int, quantity: int, digits: int) -> None:
    frame = pl.DataFrame(
        {"price": [price], "quantity": [quantity]},
        schema_overrides={"price": pl.Int128, "quantity": pl.Int128},
    )
    assert frame.select(growth([pl.col("price")], pl.col("quantity")).alias("by")).item() == digits


@pytest.mark.parametrize(("value", "near"), [(149, 1), (150, 2), (-149, -1), (-150, -2), (0, 0)])
def test_halves_go_away_from_zero(value: int, near: int) -> None:
    frame = pl.DataFrame({"value": [value]}, schema={"value": pl.Int128})
    assert frame.select(rounded(pl.col("value"), whole(100))).item() == near
