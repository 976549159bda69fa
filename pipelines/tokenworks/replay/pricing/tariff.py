"""Electricity under another tariff: energy by hour times the price of the hour."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.pricing.carbon import JOULES_PER_KWH

Floats = NDArray[np.float64]

HOUR = 3600.0


def hourly_prices(price_by_hour_of_day: Floats, first_hour_of_day: int, hours: int) -> Floats:
    """Price of each of `hours` hours, the first of which is this hour of a UTC day."""
    prices: Floats = price_by_hour_of_day[(first_hour_of_day + np.arange(hours)) % 24]
    return prices


def joules_by_hour(starts: Floats, ends: Floats, joules: Floats, hours: int) -> Floats:
    """Energy of each hour, spread evenly over the time that it was drawn in.

    Args:
        starts: seconds from the start of the first hour.
        ends: seconds; energy after the last hour is left out, a moment's falls in its own hour.
        joules: energy of each interval.
        hours: number of hours.
    """
    seconds = np.where(ends > starts, ends - starts, 1.0)
    until = np.array(
        [
            (
                joules
                * np.where(ends > starts, np.clip((edge - starts) / seconds, 0, 1), edge > starts)
            ).sum()
            for edge in np.arange(hours + 1) * HOUR
        ]
    )
    return np.diff(until)


def electricity_cost(joules: Floats, price_per_kwh: Floats) -> float:
    """Cost of energy by hour; NaN where the price of an hour that drew energy is unknown."""
    drew = joules > 0
    return float(np.sum(joules[drew] / JOULES_PER_KWH * price_per_kwh[drew]))
