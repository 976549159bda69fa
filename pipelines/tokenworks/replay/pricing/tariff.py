"""Energy at another tariff: what is drawn in each hour times the price of the hour.

The same holds for grams of carbon in place of money.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.pricing.carbon import JOULES_PER_KWH

Floats = NDArray[np.float64]

HOUR = 3600.0
#: Amounts of requests: at one tariff on all sides, recorded against the tariff, grams by the hour.
AT_TARIFF, NEW_TARIFF = "cost_energy_at_tariff_usd", "cost_energy_new_tariff_usd"
AT_INTENSITY = "carbon_hourly_grams"


def hourly_prices(price_by_hour_of_day: Floats, first_hour_of_day: int, hours: int) -> Floats:
    """Price of each of `hours` hours, the first of which is this hour of a UTC day."""
    prices: Floats = price_by_hour_of_day[(first_hour_of_day + np.arange(hours)) % 24]
    return prices


def electricity_costs(
    starts: Floats, ends: Floats, joules: Floats, price_per_kwh: Floats
) -> Floats:
    """Cost of the energy of each interval, which is drawn evenly over it.

    Args:
        starts: seconds from the start of the first hour.
        ends: seconds; a moment's energy falls in its own hour.
        joules: energy of each interval.
        price_per_kwh: of each hour, to the last end.

    Returns:
        NaN where the energy is unknown.
    """
    last = len(price_per_kwh) - 1
    first, until = (
        np.clip((moments // HOUR).astype(np.int64), 0, last) for moments in (starts, ends)
    )
    edges = np.arange(last + 2) * HOUR
    paid = np.concatenate([[0.0], np.cumsum(price_per_kwh * HOUR)])
    seconds = np.where(ends > starts, ends - starts, 1.0)
    over = (np.interp(ends, edges, paid) - np.interp(starts, edges, paid)) / seconds
    mean = np.where(first == until, price_per_kwh[first], over)
    costs: Floats = joules / JOULES_PER_KWH * mean
    return costs
