"""Exact money: whole units, ISO 4217 minor units, and the largest remainder.

Here belongs arithmetic on amounts. What an amount means (served, idle, overhead) belongs to
`ledger` and `chargeback`; how it looks belongs to `formatting`.

Amounts are integers of 1e-12 of a currency (the scale of the marts' `decimal(38,12)`), called
units, until they are posted in minor units. No float takes part in a sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import TypeAlias

from tokenworks_sources.currencies import MINOR_DIGITS
from tokenworks_sources.errors import TokenworksError

Key: TypeAlias = tuple[str, ...]

SCALE = 12
_EXACT = Context(prec=80)


class UnknownCurrencyError(TokenworksError):
    """A currency code whose minor unit is not known, so that no amount of it can be posted."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        super().__init__(
            f"{currency!r} is not an ISO 4217 currency code, so its minor unit is unknown. "
            "Correct the currency of the bill or charge that brought it and build again."
        )


class AllocationError(TokenworksError):
    """An amount that cannot be split by the weights given."""


def is_currency(text: str) -> bool:
    """Whether a text is a currency code, and no other unit such as kWh."""
    return text in MINOR_DIGITS


def minor_digits(currency: str) -> int:
    """Digits after the point of a currency's minor unit: JPY 0, USD 2, KWD 3."""
    try:
        return MINOR_DIGITS[currency]
    except KeyError:
        raise UnknownCurrencyError(currency) from None


def to_units(amount: Decimal) -> int:
    """An amount as a whole number of 1e-12; refuses digits beyond that."""
    scaled = amount.scaleb(SCALE, context=_EXACT)
    units = int(scaled)
    if units != scaled:
        raise AllocationError(f"{amount} has more than {SCALE} digits after the point.")
    return units


def from_units(units: int) -> Decimal:
    """Whole units of 1e-12 as an amount."""
    return Decimal(units).scaleb(-SCALE, context=_EXACT)


def from_minor(minor: int, currency: str) -> Decimal:
    """Whole minor units as an amount with the currency's own number of digits."""
    return Decimal(minor).scaleb(-minor_digits(currency), context=_EXACT)


def round_to_minor(units: int, currency: str) -> int:
    """Whole minor units nearest to an amount; halves go away from zero."""
    step = minor_step(currency)
    whole, rest = divmod(abs(units), step)
    rounded = whole + (1 if 2 * rest >= step else 0)
    return -rounded if units < 0 else rounded


def allocate(total: int, weights: Mapping[Key, int]) -> dict[Key, int]:
    """Split a whole total by whole weights so that the parts sum to it exactly.

    Floors first, then one more for each of the largest fractional parts; ties by key. A negative
    total is split as its absolute value and negated.

    Raises:
        AllocationError: when a weight is negative or all of them are zero.
    """
    pool = sum(weights.values())
    if pool <= 0 or min(weights.values()) < 0:
        raise AllocationError("Weights must be zero or more, and one of them more than zero.")
    size = abs(total)
    parts = {key: divmod(size * weight, pool) for key, weight in weights.items()}
    return _hand_out(parts, size, negative=total < 0)


def allocate_amount(
    amount: Decimal, currency: str, weights: Mapping[Key, int]
) -> dict[Key, Decimal]:
    """Split an amount by weights into parts in the currency's minor unit, of the same total."""
    total = round_to_minor(to_units(amount), currency)
    return {key: from_minor(part, currency) for key, part in allocate(total, weights).items()}


def post(units: Mapping[Key, int], currency: str, total_minor: int | None = None) -> dict[Key, int]:
    """Round exact amounts to minor units that sum to one rounded total.

    Args:
        units: exact amounts, positive or negative.
        currency: ISO 4217 code that gives the minor unit.
        total_minor: the total to meet, which must be the floor or the ceiling of the exact sum;
            the exact sum rounded, where it is not given.
    """
    exact = sum(units.values())
    total = round_to_minor(exact, currency) if total_minor is None else total_minor
    sign = -1 if exact < 0 else 1
    parts = {key: divmod(sign * value, minor_step(currency)) for key, value in units.items()}
    return _hand_out(parts, sign * total, negative=sign < 0)


def _hand_out(
    parts: Mapping[Key, tuple[int, int]], total: int, *, negative: bool
) -> dict[Key, int]:
    """Floors plus one for the largest remainders until the total is met."""
    left = total - sum(floor for floor, _ in parts.values())
    if not 0 <= left <= len(parts):
        raise AllocationError(f"A total that is {left} minor units from its {len(parts)} parts.")
    order = sorted(parts, key=lambda key: (-parts[key][1], key))
    favoured = set(order[:left])
    sign = -1 if negative else 1
    return {key: sign * (floor + (key in favoured)) for key, (floor, _) in parts.items()}


def minor_step(currency: str) -> int:
    """Units of 1e-12 in one minor unit."""
    return int(10 ** (SCALE - minor_digits(currency)))
