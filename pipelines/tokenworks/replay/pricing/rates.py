"""What a replayed request costs, in money and energy.

Money follows busy time, as in the books: what a deployment's busy GPU-seconds of a UTC day cost is
shared by the requests of that day by weight, their uncached input, cached input and output tokens by
the deployment's phase weights. No change costs what was recorded. Under a scenario, each busy
GPU-second costs what a busy GPU-second of the replay of no change costs there on that day; a day on
which the deployment served nothing takes the whole window's. Energy, and what is paid for it, follow
in the same way the joules of the deployment's power law, where its hours told one, else busy time
too. Two rates stand side by side:

- active: the cost of busy capacity. Moving work off a deployment frees capacity at this rate, but the money is saved only when that capacity is given back.
- marginal: energy above idle, which is saved at once.

Replayed money is an estimate and held in doubles; the books are not touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.power_law import Power
from tokenworks.replay.pricing.carbon import intensities
from tokenworks.replay.spool import by_piece, kept
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
#: The cost of busy capacity, and the part of it that is paid for energy.
ACTIVE, ELECTRICITY = "cost_active_usd", "cost_electricity_usd"
#: What each priced column follows, of `Effort.loads`: busy GPU-seconds where it is not named.
FOLLOWS = {
    ELECTRICITY: "drawn",
    "cost_marginal_usd": "above_idle",
    "energy_accelerator_joules": "drawn",
    "energy_facility_joules": "drawn",
}
#: What carbon follows.
ENERGY = "energy_facility_joules"


@dataclass(frozen=True)
class Rates:
    """Amount per unit of weight, by deployment and day; NaN where nothing is known.

    Attributes:
        by_day: one table (deployment, day) per priced column.
        days: day of each request, counted from the first.
        grams_per_joule: grid carbon per facility joule, one table (deployment, day).
        power: what history tells of it; null where no energy of a deployment is published.
    """

    by_day: dict[str, Floats]
    days: Ints
    grams_per_joule: Floats
    power: Power | None = None


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
    first = traffic.span[0].date()
    return Rates(by_day, days, intensities(traffic.energy, fleet, first, shape[1]))


def _days(traffic: Traffic) -> Ints:
    days = traffic.micros // 86_400_000_000
    return kept(days - days.min())


def _rates(
    amounts: Floats, weights: Floats, served_by: Ints, days: Ints, shape: tuple[int, int]
) -> Floats:
    known = ~np.isnan(amounts)
    cells = (served_by[known], days[known])
    return _filled(by_cell(cells, amounts[known], shape), by_cell(cells, weights[known], shape))


@dataclass(frozen=True)
class Effort:
    """What the attempts of a play ask of the fleet.

    Attributes:
        deployment: where each attempt ran.
        days: on which day of the traffic.
        weights: its phase weight there.
        loads: tables (deployment, day): `busy`, GPU-seconds; `drawn`, joules while busy, and
            `above_idle`, those that an empty GPU would not have drawn, by the power law, or
            GPU-seconds too of a deployment without one.
    """

    deployment: Ints
    days: Ints
    weights: Floats
    loads: Mapping[str, Floats]

    @property
    def busy(self) -> Floats:
        """Busy GPU-seconds, one table (deployment, day)."""
        return self.loads["busy"]

    @property
    def place(self) -> tuple[Ints, Ints]:
        """Cell of each attempt in the tables."""
        return self.deployment, self.days

    def weight_table(self) -> Floats:
        """Weights summed by deployment and day."""
        return by_cell(self.place, self.weights, (len(self.busy), self.busy.shape[1]))


@dataclass(frozen=True)
class Amounts(Mapping[str, Floats]):
    """Amount of each attempt, by priced column; worked out when it is asked for, and not kept.

    Attributes:
        tables: amount of a unit of weight, one table (deployment, day) per priced column; NaN
            where no rate is known.
        effort: the attempts.
        grams_per_joule: as in `Rates`.
        factors: by deployment, on each amount; without an entry it stays.
    """

    tables: dict[str, Floats]
    effort: Effort
    grams_per_joule: Floats
    factors: dict[str, Floats] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Floats:
        return by_piece(len(self.effort.weights), lambda rows: self.at(name, rows))

    def __contains__(self, name: object) -> bool:
        return name in self.tables or name == CARBON

    def __iter__(self) -> Iterator[str]:
        yield from (*self.tables, CARBON)

    def __len__(self) -> int:
        return len(self.tables) + 1

    def at(self, name: str, rows: slice) -> Floats:
        """The amount of some attempts."""
        if name not in self:
            raise KeyError(name)
        place = self.effort.deployment[rows], self.effort.days[rows]
        priced = ENERGY if name == CARBON else name
        amounts: Floats = self.tables[priced][place] * self.effort.weights[rows]
        if name == CARBON:
            amounts = amounts * self.grams_per_joule[place]
        return amounts * self.factors[name][place[0]] if name in self.factors else amounts


def price(rates: Rates, effort: Effort, no_change: Effort | None) -> Amounts:
    """Amount of each attempt.

    Args:
        rates: recorded amounts per unit of weight.
        effort: what the attempts ask of the fleet.
        no_change: effort of the replay of no change; null for that replay itself, which costs
            what was recorded.
    """
    tables = dict(rates.by_day)
    if no_change is not None:
        grown = {name: _grown(effort, no_change, name) for name in effort.loads}
        tables = {name: tables[name] * grown[FOLLOWS.get(name, "busy")] for name in tables}
        # Its electricity follows the power, as that stands beside it.
        follows_busy = rates.by_day[ELECTRICITY] * grown["busy"]
        tables[ACTIVE] = tables[ACTIVE] + np.nan_to_num(tables[ELECTRICITY] - follows_busy)
    return Amounts(tables, effort, rates.grams_per_joule)


def _grown(effort: Effort, no_change: Effort, load: str) -> Floats:
    """Load per unit of weight, over that of no change, by deployment and day; 0 without weight."""
    weights = effort.weight_table()
    shares = np.divide(effort.loads[load], weights, out=np.zeros_like(weights), where=weights > 0)
    grown: Floats = shares * _filled(no_change.weight_table(), no_change.loads[load])
    return grown


def by_cell(place: tuple[Ints, Ints], amounts: Floats | Ints, shape: tuple[int, int]) -> Floats:
    """Amounts summed by deployment and stretch of time."""
    return summed(place[0] * shape[1] + place[1], amounts, shape)


def summed(cells: Ints, amounts: Floats | Ints, shape: tuple[int, int]) -> Floats:
    """The same by cells of the table counted through, row after row."""
    flat = np.bincount(cells, amounts, minlength=shape[0] * shape[1])
    table: Floats = flat.astype(np.float64).reshape(shape)
    return table


def _filled(amount: Floats, weight: Floats) -> Floats:
    """Amount per weight by deployment and day; the whole window's where a day has none."""
    with np.errstate(invalid="ignore", divide="ignore"):
        overall = amount.sum(axis=1) / weight.sum(axis=1)
        return np.where(weight > 0, amount / weight, overall[:, None])
