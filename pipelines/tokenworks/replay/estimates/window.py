"""How far the change of the very requests replayed may lie beside what is printed.

No other traffic is drawn; what is in doubt is the model, and history tells by how much. Replayed
without a change, with every replica chosen by the replay as it is for requests that move, each
hour of a deployment lies somewhat beside what was measured there. To a deployment the hours of a
scenario are what any of its hours is to the others: another load and another mix. So what changes
is taken to be as far off as one hour is. It errs alike in all of them, and nothing averages out.
Amounts are shares of a day's, so that for them days stand in the place of hours; but energy that
follows a power law errs as the hours do that the law was learnt from.

This trusts the law to err under the scenario as it does here. The bias between runs of one
deployment, which its own traffic does not show, is in the wider interval alone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.power_hours import hourly_load
from tokenworks.replay.estimates.capacity import (
    CAPACITY_METRICS,
    Capacity,
    CapacityMetric,
    capacity_of,
    hours_of,
)
from tokenworks.replay.estimates.conformal import LEAST_BIAS, MANY, student_t
from tokenworks.replay.estimates.metrics import METRICS, POWER_METRICS, Metric
from tokenworks.replay.estimates.quantities import part_of
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.pricing.rates import CARBON, FOLLOWS, PRICED, by_cell, summed
from tokenworks.replay.spool import kept, let_go
from tokenworks.replay.stage import Played, Stage
from tokenworks_sources.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Share of the draws below the upper end.
UPPER = 0.9
#: Relative error at p10 to p90, by deployment, of each metric.
Doubts = dict[str, Floats]
_ENERGY = "energy_facility_joules"
#: Amounts that err like another: tariffs and intensities are data, what they apply to is not.
_LIKE = {
    CARBON: _ENERGY,
    "judged_cost_usd": "cost_active_usd",
    **{metric.part: _ENERGY for metric in POWER_METRICS},
}
_CAPACITY_LIKE = {"cost_idle_usd": "cost_active_usd", "energy_drawn_joules": _ENERGY}


def draws_outcomes(scenario: Scenario) -> bool:
    """Whether stated rates decide what becomes of a request, so that history has no like of it."""
    routing = scenario.routing
    return scenario.semantic_cache is not None or (
        routing is not None and (routing.cascade is not None or routing.output_tokens == "target")
    )


def doubts_of(stage: Stage, free: Played, first: int) -> Doubts:
    """How far the replay lies beside history, hour by hour.

    Args:
        stage: the traffic, with history.
        free: the replay of no change in which the replay chooses the replicas.
        first: the first request that counts; caches warm up before it.
    """
    skipped = int(hours_of(stage)[first])
    hour, found = kept(np.maximum(hours_of(stage) - skipped, 0)), Doubts()
    power = _power_by_hour(stage, free, skipped)
    for part, metrics in _by_part().items():
        let_go()
        if is_priced(metrics[0]):
            error = _priced(stage, free, _LIKE.get(part, part), power)
            found |= {metric.name: error for metric in metrics}
        else:
            found |= _by_hour(stage, free, metrics, hour, first)
    tables = capacity_of(stage, stage.recorded, stage.recorded), capacity_of(stage, free, free)
    for metric in CAPACITY_METRICS:
        like = _CAPACITY_LIKE.get(metric.name)
        found[metric.name] = found[like] if like else _capacity(metric, tables, skipped)
    return found


def _by_part() -> dict[str, list[Metric]]:
    """Metrics by what they are made of, which is worked out once."""
    found: dict[str, list[Metric]] = {}
    for metric in (*METRICS, *POWER_METRICS):
        found.setdefault(metric.part, []).append(metric)
    return found


def is_priced(metric: Metric) -> bool:
    """Whether a metric sums amounts at recorded rates."""
    return _LIKE.get(metric.part, metric.part) in PRICED


def relative_error(history: Floats, replayed: Floats, weights: Floats) -> Floats:
    """Student's t over groups, of the difference between history and replay over their mean.

    Args:
        history: table (deployment, group); NaN where unknown.
        replayed: the same of the replay.
        weights: what each group counts.

    Returns:
        By deployment, what a new group stays within at both ends; NaN without a known group. One
        group tells no error: then that of runs in general.
    """
    found = np.full(len(history), np.nan)
    least = LEAST_BIAS * student_t(UPPER, MANY) / student_t(0.95, MANY)
    for position, (old, new, weight) in enumerate(zip(history, replayed, weights, strict=True)):
        known = ~np.isnan(old) & ~np.isnan(new) & (weight > 0)
        count = int(known.sum())
        if count < 2:
            found[position] = least if count else np.nan
            continue
        middle = np.abs(old[known] + new[known]) / 2
        apart = np.divide(old[known] - new[known], middle, out=np.zeros(count), where=middle > 0)
        spread = math.sqrt(float(np.average(apart**2, weights=weight[known])))
        fitted = math.sqrt(count / (count - 1))
        beside = student_t(UPPER, count - 1) * math.sqrt(1 + 1 / count)
        found[position] = beside * fitted * spread
    return found


def _priced(stage: Stage, free: Played, amount: str, power: Floats) -> Floats:
    """Energy errs as the hours of a power law do; by what it is paid it may err by day besides."""
    if amount not in FOLLOWS:
        return _by_day(stage, free, amount)
    by_day = _by_day(stage, free, amount)
    both = power if amount == "energy_accelerator_joules" else np.maximum(by_day, power)
    return np.where(np.isnan(power) | np.isnan(by_day), by_day, both)


def _power_by_hour(stage: Stage, free: Played, first: int) -> Floats:
    """Measured energy while busy against that of the replay by the power law; NaN without one."""
    power, found = stage.rates.power, np.full(stage.fleet.count, np.nan)
    if power is None or free.ran is None:
        return found
    ready = stage.arrivals + free.timings.ttft
    load = hourly_load(stage, free.ran.occupied, ready, free.input_tokens - free.cached)
    for position, law in power.learnt.items():
        rows = power.hours.told[position] & (np.arange(load.shape[2]) >= first)
        idle, joules = power.hours.idle[position, rows], power.hours.joules[position, rows]
        history, replayed = joules - law.idle * idle, law.joules(load[:, position, rows])
        weights = np.maximum(history + replayed, 0.0) / 2
        found[position] = relative_error(history[None], replayed[None], weights[None])[0]
    return found


def _by_day(stage: Stage, free: Played, amount: str) -> Floats:
    """Recorded amounts of each day against the replayed load at the rate of all days."""
    if free.ran is None:
        raise AssertionError("a replay has attempts")
    load = free.ran.effort.loads[FOLLOWS.get(amount, "busy")]
    recorded = stage.recorded.amounts[amount]
    known = ~np.isnan(recorded)
    place = stage.recorded.deployment[known], stage.rates.days[known]
    sums = by_cell(place, recorded[known], (len(load), load.shape[1]))
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = sums.sum(axis=1) / load.sum(axis=1)
    return relative_error(np.where(sums > 0, sums, np.nan), load * rate[:, None], load)


def _by_hour(stage: Stage, free: Played, metrics: list[Metric], hour: Ints, first: int) -> Doubts:
    """Errors of metrics of one part, by the name of the metric."""
    old, new = (part_of(stage, one, metrics[0].part) for one in (stage.recorded, free))
    known = ~np.isnan(old) & ~np.isnan(new)
    known[:first] = False
    shape = stage.fleet.count, int(hour.max()) + 1
    cells = kept(stage.recorded.deployment[known] * shape[1] + hour[known])
    sides = kept(old[known]), kept(new[known])
    counts = summed(cells, np.ones(cells.size), shape)
    history, replayed = (summed(cells, part, shape) for part in sides)
    middle = np.where(counts > 0, (history + replayed) / 2, 0.0)
    sums = relative_error(history, replayed, middle)
    found = {metric.name: sums for metric in metrics}
    ranked = [metric for metric in metrics if metric.quantile is not None]
    ordered = [kept(in_cells(cells, part, counts.ravel())) for part in sides] if ranked else []
    for metric in ranked:
        old, new = (_quantiles(part, metric.quantile or 0.0, counts) for part in ordered)
        found[metric.name] = relative_error(old, new, counts)
    return found


def _capacity(metric: CapacityMetric, tables: tuple[Capacity, Capacity], first: int) -> Floats:
    history, replayed = (getattr(table, metric.above)[:, first:] for table in tables)
    weights = np.nan_to_num((history + replayed) / 2)
    if metric.below is not None:
        below = [getattr(table, metric.below)[:, first:] for table in tables]
        weights = np.nan_to_num(below[0])
        with np.errstate(invalid="ignore", divide="ignore"):
            history, replayed = history / below[0], replayed / below[1]
    return relative_error(history, replayed, weights)


@kernel
def in_cells(cells: Ints, values: Floats, counts: Floats) -> Floats:
    """Values cell after cell, those of each never falling.

    Args:
        cells: cell of each value.
        values: the values.
        counts: values of each cell.
    """
    ordered = np.empty(values.size)
    ends = np.cumsum(counts).astype(np.int64)
    places = ends - counts.astype(np.int64)
    for row in range(values.size):
        ordered[places[cells[row]]] = values[row]
        places[cells[row]] += 1
    start = 0
    for end in ends:
        ordered[start:end].sort()
        start = end
    return ordered


def _quantiles(ordered: Floats, share: float, counts: Floats) -> Floats:
    """Interpolated quantile of the values in each cell; NaN in an empty one."""
    sizes = counts.ravel().astype(np.int64)
    starts = np.cumsum(sizes) - sizes
    filled = sizes > 0
    place = (sizes[filled] - 1) * share
    low = starts[filled] + np.floor(place).astype(np.int64)
    high = starts[filled] + np.ceil(place).astype(np.int64)
    found = np.full(sizes.size, np.nan)
    found[filled] = ordered[low] + (place - np.floor(place)) * (ordered[high] - ordered[low])
    table: Floats = found.reshape(counts.shape)
    return table
