"""Exact money: the largest remainder and the minor units of currencies."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokenworks.reports.money import (
    AllocationError,
    UnknownCurrencyError,
    allocate,
    allocate_amount,
    minor_digits,
    post,
    round_to_minor,
    to_units,
)


def _equal(count: int) -> dict[tuple[str, ...], int]:
    return {(f"{index:02d}",): 1 for index in range(count)}


def _texts(amount: str, weights: dict[tuple[str, ...], int], currency: str = "USD") -> list[str]:
    return [str(part) for part in allocate_amount(Decimal(amount), currency, weights).values()]


def test_first_part_takes_the_cent_when_a_hundred_is_split_in_three() -> None:
    assert _texts("100.00", _equal(3)) == ["33.34", "33.33", "33.33"]


def test_five_parts_take_a_cent_when_five_cents_are_split_in_seven() -> None:
    assert _texts("0.05", _equal(7)) == ["0.01", "0.01", "0.01", "0.01", "0.01", "0.00", "0.00"]


def test_largest_remainder_takes_the_cent_when_weights_differ() -> None:
    weights: dict[tuple[str, ...], int] = {("a",): 5, ("b",): 3, ("c",): 1}
    assert _texts("1234.56", weights) == ["685.87", "411.52", "137.17"]


def test_sign_is_kept_when_the_total_is_negative() -> None:
    assert _texts("-10.00", _equal(3)) == ["-3.34", "-3.33", "-3.33"]


def test_parts_have_the_digits_of_the_currency_when_it_has_none_or_three() -> None:
    assert _texts("100", _equal(3), "JPY") == ["34", "33", "33"]
    assert _texts("1.000", _equal(3), "KWD") == ["0.334", "0.333", "0.333"]


def test_zero_pool_is_refused_when_nothing_has_weight() -> None:
    with pytest.raises(AllocationError, match="one of them more than zero"):
        allocate(100, {("a",): 0, ("b",): 0})


def test_order_of_keys_changes_nothing_when_they_tie() -> None:
    there = allocate(100, {("a",): 1, ("b",): 1, ("c",): 1})
    back = allocate(100, {("c",): 1, ("b",): 1, ("a",): 1})
    assert there == back == {("a",): 34, ("b",): 33, ("c",): 33}


def test_lines_of_both_signs_meet_their_total_when_posted() -> None:
    units = {
        ("a",): to_units(Decimal("10.006")),
        ("b",): to_units(Decimal("-4.003")),
        ("c",): to_units(Decimal("0.002")),
    }
    # 10.006 - 4.003 + 0.002 = 6.005, which rounds to 6.01.
    assert post(units, "USD") == {("a",): 1001, ("b",): -400, ("c",): 0}


def test_halves_go_away_from_zero_when_rounded() -> None:
    assert round_to_minor(to_units(Decimal("0.125")), "USD") == 13
    assert round_to_minor(to_units(Decimal("-0.125")), "USD") == -13
    assert round_to_minor(to_units(Decimal("0.5")), "JPY") == 1


def test_minor_unit_is_that_of_iso_4217_when_asked() -> None:
    assert [minor_digits(code) for code in ("JPY", "USD", "KWD", "CLF")] == [0, 2, 3, 4]


def test_unknown_currency_is_refused_when_it_is_no_iso_code() -> None:
    with pytest.raises(UnknownCurrencyError, match="'CREDITS' is not an ISO 4217 currency code"):
        minor_digits("CREDITS")


def test_more_than_twelve_digits_are_refused_when_made_exact() -> None:
    with pytest.raises(AllocationError, match="more than 12 digits"):
        to_units(Decimal("0.0000000000001"))


@given(
    st.integers(-(10**15), 10**15),
    st.lists(st.integers(0, 10**12), min_size=1, max_size=12).filter(any),
)
def test_parts_sum_to_the_total_when_split_by_any_weights(total: int, weights: list[int]) -> None:
    keyed: dict[tuple[str, ...], int] = {
        (f"{index:02d}",): weight for index, weight in enumerate(weights)
    }
    parts = allocate(total, keyed)
    assert sum(parts.values()) == total
    assert all(
        abs(part * sum(weights) - total * weight) < sum(weights)
        for part, weight in zip(parts.values(), weights, strict=True)
    )


@given(st.lists(st.integers(-(10**18), 10**18), min_size=1, max_size=12))
def test_posted_lines_sum_to_the_rounded_total_when_posted(amounts: list[int]) -> None:
    keyed: dict[tuple[str, ...], int] = {
        (f"{index:02d}",): amount for index, amount in enumerate(amounts)
    }
    posted = post(keyed, "USD")
    assert sum(posted.values()) == round_to_minor(sum(amounts), "USD")
    assert all(abs(posted[key] * 10**10 - keyed[key]) < 10**10 for key in keyed)
