"""Depreciation in stretches: what is left to write off, and to pay back, when an estimate is revised.

Belongs here: the arithmetic of a revised life or residual value, which changes what is to come and nothing that was.
Pure. The first stretch, from the purchase on, follows from the server's own facts and is not told here.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

# Money is counted in units of 1e-12, as the ledger counts it; what bears interest is known to the millionth.
_SCALE = 12
_MILLIONTH = Decimal("0.000001")


@dataclass(frozen=True)
class Estimate:
    """What is expected of a server from a time on.

    Attributes:
        valid_from: since when.
        life_months: its whole life, from the purchase on.
        residual: its value at the end of it.
    """

    valid_from: datetime
    life_months: int
    residual: Decimal


@dataclass(frozen=True)
class Stretch:
    """An amount that is written off in equal months, until the next stretch begins.

    Attributes:
        first_month: months of life before it.
        month_count: months over which it is written off.
        amount: what was left less the residual value.
        residual_value: the value at the end of it.
        capital: what the annuity has not paid back; unknown without a discount rate.
    """

    first_month: int
    month_count: int
    amount: Decimal
    residual_value: Decimal
    capital: Decimal | None


def stretches(
    start: datetime,
    price: Decimal,
    first: Estimate,
    revised: Sequence[Estimate],
    discount_rate: float | None = None,
) -> Iterator[Stretch]:
    """One stretch per revision, each from the first month of life that begins on its date or after it.

    Args:
        start: when the life begins.
        price: what was paid.
        first: what was expected then.
        revised: later estimates, by date.
        discount_rate: yearly interest, where one is stated.
    """
    paid, residual, owed = _units(price), first.residual, float(price)
    written, begun, months, amount = 0, 0, first.life_months, paid - _units(first.residual)
    for estimate in revised:
        gone = _months_until(start, estimate.valid_from)
        written += amount * min(gone - begun, months) // months
        if discount_rate is not None:
            owed = _owed(owed, float(residual), months, gone - begun, discount_rate)
        begun, months, residual = gone, max(1, estimate.life_months - gone), estimate.residual
        amount = max(0, paid - _units(residual) - written)
        capital = None if discount_rate is None else Decimal(owed).quantize(_MILLIONTH)
        yield Stretch(begun, months, Decimal(amount).scaleb(-_SCALE), residual, capital)


def _owed(capital: float, residual: float, months: int, gone: int, rate: float) -> float:
    """What an annuity over so many months has not paid back after some of them: what is to come, discounted."""
    left = max(0, months - gone)
    whole, rest = _worth(months, rate), _worth(left, rate)
    yearly = (capital - residual * _discounted(months, rate)) / whole
    return yearly * rest + residual * _discounted(left, rate)


def _worth(months: int, rate: float) -> float:
    """What 1 a year for so many months is worth at their beginning."""
    return months / 12 if rate == 0 else (1 - _discounted(months, rate)) / rate


def _discounted(months: int, rate: float) -> float:
    """What 1 after so many months is worth at their beginning."""
    return float((1 + rate) ** (-months / 12))


def _units(amount: Decimal) -> int:
    return int(amount.scaleb(_SCALE))


def _months_until(start: datetime, moment: datetime) -> int:
    """Months of life that are over, or have begun, when the moment comes."""
    months = (moment.year - start.year) * 12 + moment.month - start.month
    return months + (_after(start, months) < moment)


def _after(start: datetime, months: int) -> datetime:
    """The same day so many months later, or the last one of a shorter month."""
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    last = monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))
