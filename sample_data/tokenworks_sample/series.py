"""List prices, exchange rates, grid intensity and tariffs as numbers.

Belongs here: dated series that the files, and the accounting behind `truth.json`, both use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from tokenworks_sample.clock import DAY, HOUR, local

# USD per million tokens: uncached input, cached input, output; from a day of the sample on.
LIST_PRICES: dict[str, tuple[tuple[int, str, str, str], ...]] = {
    "qwen3-8b": ((-18, "0.060", "0.015", "0.240"),),
    "magistral-small-24b": ((-18, "0.500", "0.125", "1.500"),),
    "deepseek-r1-distill-llama-70b": (
        (-18, "0.750", "0.190", "2.200"),
        (7, "0.600", "0.150", "1.900"),
    ),
}
# EUR to USD on the business days of the sample; weekends carry Friday's rate.
_EUR_USD = ("1.1655", "1.1672", "1.1640", "1.1618", "1.1631", "1.1631", "1.1631",
            "1.1660", "1.1684", "1.1701", "1.1693", "1.1677", "1.1677", "1.1677")  # fmt: skip


@dataclass(frozen=True)
class Tariff:
    """Electricity at a site: day and night energy, rider, demand per kW-month, fee per day, tax."""

    utility: str
    day: Decimal
    night: Decimal
    rider: Decimal
    demand: Decimal
    fixed_per_day: Decimal
    tax: Decimal


TARIFFS = {
    "us-east": Tariff("Atlantic Power", Decimal("0.1180"), Decimal("0.0740"), Decimal("0.0035"),
                      Decimal("14.50"), Decimal("1.20"), Decimal("0.06")),
    "eu-west": Tariff("Noordzee Energie", Decimal("0.2150"), Decimal("0.1640"), Decimal("0.0120"),
                      Decimal("5.20"), Decimal("0.85"), Decimal("0.09")),
}  # fmt: skip

# The tariff that a site's `fleet.yaml` names; without one the price of an hour is not known.
TARIFF_IDS = {"us-east": "atlantic-power-tou"}


def eur_usd(day: int) -> Decimal:
    """US dollars for one euro on a day of the sample."""
    return Decimal(_EUR_USD[day % len(_EUR_USD)])


def usd(amount: Decimal, currency: str, day: int) -> Decimal:
    """An amount in US dollars at that day's rate."""
    return amount if currency == "USD" else amount * eur_usd(day)


def list_price(model: str, seconds: float) -> tuple[Decimal, Decimal, Decimal]:
    """The price of a model's token classes, in USD per million, at a time."""
    held = [row for row in LIST_PRICES[model] if row[0] * DAY <= seconds][-1]
    return Decimal(held[1]), Decimal(held[2]), Decimal(held[3])


def is_day_rate(seconds: float, zone: str) -> bool:
    """Weekdays from 7 to 23 local time are billed at the day rate."""
    here = local(seconds, zone)
    return here.weekday() < 5 and is_day_hour(here.hour)


def is_day_hour(hour: int) -> bool:
    """The day of a weekday begins at 7 and ends at 23."""
    return 7 <= hour < 23


def energy_rate(site: str, zone: str, seconds: float) -> Decimal:
    """Currency per kWh at a time, energy alone."""
    tariff = TARIFFS[site]
    return tariff.day if is_day_rate(seconds, zone) else tariff.night


def grid(zone: str, time_zone: str, hour: int) -> tuple[str, str]:
    """Grams per kWh and wholesale price per kWh of a grid zone in a UTC hour, as text."""
    clock = local(hour * HOUR, time_zone).hour
    sun = max(0.0, math.sin((clock - 7) * math.pi / 11)) if 7 <= clock <= 18 else 0.0
    evening = 1.0 if 17 <= clock <= 21 else 0.0
    wobble = (hour * 37 % 101) / 101 - 0.5
    if zone == "NL":
        grams = 330 - 170 * sun + 60 * evening + 40 * wobble
        price = 0.092 - 0.105 * sun + 0.055 * evening + 0.020 * wobble
    else:
        grams = 385 - 45 * sun + 30 * evening + 30 * wobble
        price = 0.041 - 0.012 * sun + 0.018 * evening + 0.008 * wobble
    return f"{grams:.1f}", f"{price:.5f}"


def cents(amount: Decimal) -> Decimal:
    """Rounded to the minor unit, half up, as a bill is."""
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
