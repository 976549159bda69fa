"""How figures and names look to a reader.

Here belong text forms only. A value that is not known is a dash, as on the console; it is never
shown as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tokenworks.reports.money import is_currency, minor_digits

UNKNOWN = "\N{EN DASH}"
UNKNOWN_NAME = "(unknown)"
# Most digits of a figure: the scale of the marts.
_SCALE = 12
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_MINUS = "\N{MINUS SIGN}"

CATEGORY_NAMES = {
    "served": "Served",
    "waste": "Waste",
    "idle": "Idle",
    "overhead": "Overhead",
    "unattributed": "Unattributed",
}
EFFECT_NAMES = {
    "volume": "Volume",
    "mix": "Mix",
    "efficiency": "Efficiency",
    "price": "Price",
    "fx": "Exchange rates",
    "new": "New",
    "discontinued": "Discontinued",
}
PART_NAMES = {
    "cache": "computed per served token (cache)",
    "batch": "busy GPU-hours per computed token (batch)",
    "idle": "held GPU-hours per busy one (idle)",
    "power": "power per GPU-hour",
    "capacity": "all else per GPU-hour",
    "not_split": "not split, a part of it is unknown",
}
TOKEN_CLASS_NAMES = {
    "input_uncached": "Uncached input",
    "input_cache_read": "Cached input",
    "output": "Output",
}
LATENCY_NAMES = {
    "ttft": "Time to first token",
    "tpot": "Time per output token",
    "queue": "Queue",
    "e2e": "End to end",
}
# Digits after the point of a reconciled figure; amounts have those of their currency.
_UNIT_DIGITS = {"tokens": 0, "GPU-seconds": 0, "kWh": 1}
CHECK_NAMES = {
    "bill_allocated": "Billed = allocated",
    "gateway_vs_engine_input_tokens": "Gateway vs engine, input tokens",
    "gateway_vs_engine_output_tokens": "Gateway vs engine, output tokens",
    "provider_vs_requests_input_tokens": "Provider vs requests, input tokens",
    "provider_vs_requests_output_tokens": "Provider vs requests, output tokens",
    "meter_vs_gpu_energy": "Meter vs GPU energy",
    "gpu_hours_by_state": "GPU-hours by state = paid",
    "invoice_vs_effective": "Invoiced vs effective cost",
    "charges_delivered_twice": "Charges delivered twice",
    "charges_of_gpus": "Charges that name a GPU = borne by it",
    "bill_vs_tariff": "Billed vs tariff",
    "meter_vs_gpu_cost": "Meter vs GPU energy, cost",
    "facility_vs_it_energy": "Facility vs IT energy",
    "unbilled_gpu_hours": "GPU-hours without a charge",
}


def money(amount: Decimal | None, currency: str, digits: int | None = None) -> str:
    """An amount with its currency.

    >>> money(Decimal("1234.5"), "USD")
    '$1,234.50'
    """
    if amount is None:
        return UNKNOWN
    places = minor_digits(currency) if digits is None else digits
    symbol = _SYMBOLS.get(currency, f"{currency} ")
    text = f"{abs(amount):,.{places}f}"
    return f"{_MINUS if amount < 0 else ''}{symbol}{text}"


def usd_per_million(rate: Decimal | None) -> str:
    """A unit cost; more digits where it is small, and never fewer than two that count.

    >>> usd_per_million(Decimal("0.0000312"))
    '$0.000031'
    """
    if rate is None:
        return UNKNOWN
    return money(rate, "USD", max(4, _places(rate)) if 0 < abs(rate) < 1 else 2)


def percent(share: Decimal | float | None, digits: int = 1) -> str:
    """A share as a percentage."""
    return UNKNOWN if share is None else f"{share:.{digits}%}".replace("-", _MINUS)


def whole(number: int | None) -> str:
    """A count with separators."""
    return UNKNOWN if number is None else f"{number:,}"


def number(value: float | Decimal | None, digits: int = 1) -> str:
    """A measure with separators."""
    return UNKNOWN if value is None else f"{value:,.{digits}f}".replace("-", _MINUS)


def quantity(value: Decimal | None) -> str:
    """An exact figure without trailing zeros."""
    if value is None:
        return UNKNOWN
    text = f"{value:,f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", _MINUS)


def measure(value: Decimal | None, unit: str) -> str:
    """A figure rounded by its unit; one that would vanish keeps the two digits that count.

    >>> measure(Decimal("249.110786101"), "kWh"), measure(Decimal("0.000000000012"), "USD")
    ('249.1', '0.000000000012')
    """
    if value is None:
        return UNKNOWN
    places = _UNIT_DIGITS.get(unit)
    if places is None:
        if not is_currency(unit):
            return quantity(value)
        places = minor_digits(unit)
    if value and abs(value) < Decimal(5).scaleb(-places - 1):
        places = _places(value)
    return f"{value:,.{places}f}".replace("-", _MINUS)


def _places(value: Decimal) -> int:
    """Places after the point that show two digits that count."""
    return min(_SCALE, max(0, 1 - value.adjusted()))


def seconds(value: float | None) -> str:
    """A duration in milliseconds or seconds, three digits."""
    if value is None:
        return UNKNOWN
    if value == 0:
        return "0 ms"
    if value < 0.001:
        return f"{value * 1000:.3f} ms"
    if value < 0.9995:
        return f"{value * 1000:.{1 if value < 0.1 else 0}f} ms"
    return f"{value:,.2f} s"


def name(text: str, empty: str = UNKNOWN_NAME) -> str:
    """A name as the marts hold it, or what stands for a missing one."""
    return text or empty


def check(text: str) -> str:
    """A check in words; one that has none keeps the name of the marts."""
    return CHECK_NAMES.get(text, text)


def cause(text: str, empty: str = "no cause named") -> str:
    """A cause in words: `ready_empty` becomes `ready empty`."""
    return text.replace("_", " ") if text else empty


def telemetry(seen: float | None) -> str:
    """How much of the fleet's time telemetry saw, as a sentence."""
    if seen is None:
        return "No telemetry is known in this period."
    return f"Telemetry covered {seen:.1%} of assigned GPU-hours."


def listed(parts: Sequence[str]) -> str:
    """Parts as one phrase.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
