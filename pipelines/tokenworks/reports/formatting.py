"""How figures and names look to a reader.

Here belong text forms only. A value that is not known reads `unknown`; it is never shown as zero.
"""

from __future__ import annotations

from decimal import Decimal

from tokenworks.reports.money import minor_digits

UNKNOWN = "unknown"
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_MINUS = "\N{MINUS SIGN}"

CATEGORY_NAMES = {
    "served": "Served",
    "waste": "Waste",
    "idle": "Idle",
    "overhead": "Overhead",
    "unattributed": "Unattributed",
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
CHECK_NAMES = {
    "bill_allocated": "Billed = allocated",
    "gateway_vs_engine_input_tokens": "Gateway vs engine, input tokens",
    "gateway_vs_engine_output_tokens": "Gateway vs engine, output tokens",
    "meter_vs_gpu_energy": "Meter vs GPU energy",
    "gpu_hours_by_state": "GPU-hours by state = paid",
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
    """A unit cost; more digits where it is small."""
    if rate is None:
        return UNKNOWN
    return money(rate, "USD", 4 if abs(rate) < 1 else 2)


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


def seconds(value: float | None) -> str:
    """A duration in milliseconds or seconds, three digits."""
    if value is None:
        return UNKNOWN
    if value < 0.001:
        return f"{value * 1000:.3f} ms"
    if value < 0.9995:
        return f"{value * 1000:.{1 if value < 0.1 else 0}f} ms"
    return f"{value:,.2f} s"


def name(text: str, empty: str = UNKNOWN) -> str:
    """A name as the marts hold it, or what stands for a missing one."""
    return text or empty


def check(text: str) -> str:
    """A check in words; one that has none keeps the name of the marts."""
    return CHECK_NAMES.get(text, text)


def cause(text: str, empty: str = "no cause named") -> str:
    """A cause in words: `ready_empty` becomes `ready empty`."""
    return text.replace("_", " ") if text else empty
