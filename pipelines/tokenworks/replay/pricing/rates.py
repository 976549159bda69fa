"""What a replayed request costs, in money and energy.

Each request weighs its uncached input, cached input and output tokens by its deployment's phase
weights. A deployment's rate per unit of weight on a UTC day is what the warehouse allocated to
the replayed requests of that day over their weight; a day on which it served nothing takes its
rate of the whole window. Two rates stand side by side:

- active: the allocated cost of busy capacity. Moving work off a deployment frees capacity at
  this rate, but the money is saved only when that capacity is given back.
- marginal: energy above idle, which is saved at once.

Replayed money is an estimate and held in doubles; the books are not touched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.pricing.carbon import intensities
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.requests import Traffic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRICED = (
    "cost_active_usd",
    "cost_accelerator_usd",
    "cost_electricity_usd",
    "cost_marginal_usd",
    "energy_accelerator_joules",
    "energy_facility_joules",
)
CARBON = "carbon_location_grams"


@dataclass(frozen=True)
class Rates:
    """Amount per unit of weight, by deployment and day; NaN where nothing is known.

    Attributes:
        by_day: one table (deployment, day) per priced column.
        days: day of each request, counted from the first.
        grams_per_joule: grid carbon per facility joule, one table (deployment, day).
    """

    by_day: dict[str, Floats]
    days: Ints
    grams_per_joule: Floats


def weights_of(
    fleet: Fleet, deployment: Ints, uncached: Ints, cached: Ints, output: Ints
) -> Floats:
    """Phase weight of each request at a deployment, in GPU-seconds."""
    return (
        uncached * fleet.prefill_weights[deployment]
        + cached * fleet.cache_read_weights[deployment]
        + output * fleet.decode_weights[deployment]
    )


def learn_rates(traffic: Traffic, fleet: Fleet, served_by: Ints, weights: Floats) -> Rates:
    """Rates of every deployment and day from the recorded amounts and weights."""
    days = _days(traffic)
    shape = (fleet.count, int(days.max()) + 1)
    by_day = {
        name: _rates(traffic.numbers(name), weights, served_by, days, shape) for name in PRICED
    }
    first = traffic.frame["started_at"].dt.date()[0]
    return Rates(by_day, days, intensities(traffic.energy, fleet, first, shape[1]))


def _days(traffic: Traffic) -> Ints:
    started = traffic.frame["started_at"]
    dates = started.dt.date()
    return (dates - dates.min()).dt.total_days().to_numpy()


def _rates(
    amounts: Floats, weights: Floats, served_by: Ints, days: Ints, shape: tuple[int, int]
) -> Floats:
    known = ~np.isnan(amounts)
    cells = (served_by[known], days[known])
    amount, weight = np.zeros(shape), np.zeros(shape)
    np.add.at(amount, cells, amounts[known])
    np.add.at(weight, cells, weights[known])
    with np.errstate(invalid="ignore", divide="ignore"):
        daily = amount / weight
        overall = amount.sum(axis=1) / weight.sum(axis=1)
    return np.where(weight > 0, daily, overall[:, None])


def price(rates: Rates, deployment: Ints, weights: Floats) -> dict[str, Floats]:
    """Amount of each request at a deployment, by priced column; NaN where no rate is known."""
    place = (deployment, rates.days)
    amounts = {name: table[place] * weights for name, table in rates.by_day.items()}
    return with_carbon(rates, deployment, amounts)


def with_carbon(rates: Rates, deployment: Ints, amounts: dict[str, Floats]) -> dict[str, Floats]:
    """Amounts with the carbon of their facility energy."""
    grams = amounts["energy_facility_joules"] * rates.grams_per_joule[deployment, rates.days]
    return {**amounts, CARBON: grams}
