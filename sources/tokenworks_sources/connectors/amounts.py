"""Amounts of JSON lists as exact decimals."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

NOT_AN_AMOUNT = "not a number of at least 0"
DIGITS = 26
_UNIT = Decimal("1e-12")


def amount_of(value: object, factor: int = 1) -> Decimal | None:
    """The value times the factor with 12 decimals; None where it is no amount that a lake can hold.

    >>> amount_of(Decimal("5e-08"), 1_000_000)
    Decimal('0.050000000000')
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
        if not number.is_finite() or number < 0 or abs(number.adjusted()) > 40:
            # A zero may have any exponent.
            return Decimal(0).quantize(_UNIT) if number.is_finite() and not number else None
        scaled = number * factor
        return scaled.quantize(_UNIT) if scaled.adjusted() < DIGITS - 12 else None
    except InvalidOperation:
        return None
