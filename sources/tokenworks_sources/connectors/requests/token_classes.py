"""The lake's token classes, and the arithmetic between inclusive and exclusive counts.

Belongs here: what is true of every emitter. What one provider counts belongs to `usage.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

LARGEST = 2**63 - 1
_DIGITS = 40


class UsageError(ValueError):
    """Usage that cannot be counted; its text is a reject reason and quotes no value."""


@dataclass(frozen=True, slots=True)
class TokenClasses:
    """The lake's token columns without their suffix `_tokens`; None is unknown."""

    input_total: int | None = None
    input_cache_read: int | None = None
    input_cache_write: int | None = None
    input_cache_write_5m: int | None = None
    input_cache_write_1h: int | None = None
    output_total: int | None = None
    output_reasoning: int | None = None


def whole_tokens(value: object, field: str) -> int | None:
    """A count as emitters write it: 12, "12", 12.0 or "12.0"; None where there is none.

    Raises:
        UsageError: it is no whole number, is negative or does not fit 64 bits.
    """
    if value is None or value == "":
        return None
    count: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        count = value
    elif isinstance(value, float) and value.is_integer():
        count = int(value)
    elif isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= _DIGITS:
        count = int(value) if value == value.to_integral_value() else None
    elif isinstance(value, str) and len(value) <= _DIGITS:
        count = _whole_text(value.strip())
    if count is None:
        raise UsageError(f"{field}: not a whole number")
    if count < 0:
        raise UsageError(f"{field}: below 0")
    if count > LARGEST:
        raise UsageError(f"{field}: more than 64 bits")
    return count


def _whole_text(text: str) -> int | None:
    digits, _, fraction = text.removeprefix("-").partition(".")
    if not (digits.isascii() and digits.isdigit() and not fraction.strip("0")):
        return None
    return -int(digits) if text.startswith("-") else int(digits)


def inclusive(
    *,
    input_total: int | None,
    cache_read: int | None = None,
    cache_write: int | None = None,
    cache_write_5m: int | None = None,
    cache_write_1h: int | None = None,
    output_total: int | None = None,
    reasoning: int | None = None,
) -> TokenClasses:
    """Classes of an emitter whose totals already include their parts.

    Raises:
        UsageError: a count is negative, or a part exceeds its total.
    """
    given = locals()
    for name, count in given.items():
        if count is not None and count < 0:
            raise UsageError(f"{name}: below 0")
    write = _written(cache_write, cache_write_5m, cache_write_1h)
    if input_total is not None and (cache_read or 0) + (write or 0) > input_total:
        raise UsageError("input_total_tokens: less than cache read + cache write")
    if None not in (output_total, reasoning) and (reasoning or 0) > (output_total or 0):
        raise UsageError("output_reasoning_tokens: more than output_total_tokens")
    return TokenClasses(
        input_total, cache_read, write, cache_write_5m, cache_write_1h, output_total, reasoning
    )


def exclusive(
    *,
    input_uncached: int | None,
    cache_read: int | None = None,
    cache_write: int | None = None,
    cache_write_5m: int | None = None,
    cache_write_1h: int | None = None,
    output_total: int | None = None,
    output_without_reasoning: int | None = None,
    reasoning: int | None = None,
) -> TokenClasses:
    """Classes of an emitter that counts cached input, and perhaps reasoning, beside the rest.

    Give `output_total` where it includes reasoning, else `output_without_reasoning`.

    Raises:
        UsageError: a count is negative (a leftover, for example), or a part exceeds its total.
    """
    if input_uncached is not None and input_uncached < 0:
        raise UsageError("input_uncached: below 0")
    if output_without_reasoning is not None:
        if output_without_reasoning < 0:
            raise UsageError("output_without_reasoning: below 0")
        output_total = output_without_reasoning + (reasoning or 0)
    write = _written(cache_write, cache_write_5m, cache_write_1h)
    total = None if input_uncached is None else input_uncached + (cache_read or 0) + (write or 0)
    return inclusive(
        input_total=total,
        cache_read=cache_read,
        cache_write=write,
        cache_write_5m=cache_write_5m,
        cache_write_1h=cache_write_1h,
        output_total=output_total,
        reasoning=reasoning,
    )


def _written(total: int | None, five_minutes: int | None, one_hour: int | None) -> int | None:
    """Some adapters fill the total alone, some the parts alone and leave 0 in the other."""
    if five_minutes is None and one_hour is None:
        return total
    return max(total or 0, (five_minutes or 0) + (one_hour or 0))
