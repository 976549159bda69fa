"""Numbers as files write them, without a float on the way: decimals, money, kWh from MWh.

Belongs here: what is written to `Decimal` within what the lake's decimal(38,12) holds. Which unit a column has
belongs to its connector.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

# decimal(38,12): 26 digits before the point, 12 behind it.
SCALE = Decimal("1e-12")
LARGEST = Decimal("1e26")
_CONTEXT = Context(prec=60, rounding=ROUND_HALF_UP)
_NUMBER = re.compile(r"[-+]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][-+]?\d{1,2})?", re.ASCII)
# 0,610 is no 610: there the comma is a decimal point.
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?", re.ASCII)


def decimal_of(text: str | None) -> Decimal | None:
    """A finite number in plain or E notation that decimal(38,12) holds; None where it is none.

    >>> decimal_of(" -0.50 "), decimal_of("1,5"), decimal_of("NaN")
    (Decimal('-0.50'), None, None)
    """
    stripped = (text or "").strip()
    return held(Decimal(stripped)) if _NUMBER.fullmatch(stripped) else None


def grouped_of(text: str) -> Decimal | None:
    """A number whose commas only group thousands; None where one is anything else.

    >>> grouped_of("1,234.5"), grouped_of("0,610"), grouped_of("12,5")
    (Decimal('1234.5'), None, None)
    """
    return decimal_of(text.replace(",", "") if _THOUSANDS.fullmatch(text.strip()) else text)


def held(value: Decimal) -> Decimal | None:
    """The value at the lake's scale or finer digits as they are; None where it is too large."""
    return value if value.is_finite() and value.copy_abs() < LARGEST else None


def stored(value: Decimal) -> Decimal:
    """The value as decimal(38,12), rounded half away from zero behind the 12th digit.

    Raises:
        ValueError: it is not finite, or decimal(38,12) does not hold it.
    """
    rounded = value.quantize(SCALE, context=_CONTEXT) if held(value) is not None else None
    if rounded is None or held(rounded) is None:
        raise ValueError("beyond decimal(38,12)")
    return rounded


NOT_AN_AMOUNT = "not a number of at least 0"


def amount_of(value: object, factor: int = 1) -> Decimal | None:
    """A price of a list times the factor, as the lake stores it; None where it is no amount.

    >>> amount_of(Decimal("5e-08"), 1_000_000)
    Decimal('0.050000000000')
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
        if not number.is_finite() or number < 0 or abs(number.adjusted()) > 40:
            # A zero may have any exponent.
            return stored(Decimal(0)) if number.is_finite() and not number else None
        return stored(_CONTEXT.multiply(number, factor))
    except (InvalidOperation, ValueError):
        return None


def per_kwh(per_mwh: Decimal) -> Decimal:
    """A price of one kWh from that of one MWh.

    >>> per_kwh(Decimal("-5.32"))
    Decimal('-0.00532')
    """
    return per_mwh.scaleb(-3, context=_CONTEXT)


def money_of(text: str | None) -> tuple[Decimal, str | None] | None:
    """An amount with its currency sign, as people's spreadsheets write it; None where it is none.

    Brackets and a minus on either side of the sign are negative; commas only group thousands.

    >>> money_of("$0.09 "), money_of("-$1,234.50"), money_of("($2)")
    ((Decimal('0.09'), '$'), (Decimal('-1234.50'), '$'), (Decimal('-2'), '$'))
    """
    stripped = (text or "").strip()
    is_bracketed = stripped.startswith("(") and stripped.endswith(")")
    inner = stripped[1:-1].strip() if is_bracketed else stripped
    is_negative = inner.startswith("-")
    inner = inner.removeprefix("-").strip()
    sign = inner[:1] if inner[:1] in tuple("$€£") else None
    inner = inner.removeprefix(sign or "").strip()
    if inner.startswith("-") and not is_negative:
        is_negative, inner = True, inner[1:]
    if _THOUSANDS.fullmatch(inner):
        inner = inner.replace(",", "")
    value = decimal_of(inner) if inner[:1].isdigit() or inner[:1] == "." else None
    if value is None or (is_bracketed and is_negative):
        return None
    return (-value if is_negative or is_bracketed else value), sign
