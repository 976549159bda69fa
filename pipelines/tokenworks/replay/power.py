"""The section `power` on a traffic: who waits, what energy costs by the hour, what load draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.power import LoadPower, Power, Shifting
from tokenworks.replay.pricing.tariff import (
    AT_INTENSITY,
    AT_TARIFF,
    HOUR,
    NEW_TARIFF,
    electricity_costs,
    hourly_prices,
)
from tokenworks.replay.routing.conditions import asked_columns, named
from tokenworks.replay.serving.draw import ByBusyTime, ByTokens
from tokenworks.replay.serving.shifting import shifted_arrivals
from tokenworks.replay.stage import Draw, Played, Stage, runs_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Energy that tariffs and intensities apply to.
ENERGY = "energy_facility_joules"
DAY = 86_400.0


def check_power(power: Power, stage: Stage) -> None:
    """Refuse what this traffic cannot carry.

    Raises:
        LeverRefusedError: names the field, and what to log or write.
    """
    regions = set(stage.fleet.regions)
    for path, given in (
        ("power.tariffs", power.prices()),
        ("power.carbon_grams_per_kwh", power.carbon_grams_per_kwh),
    ):
        absent = sorted(set(given) - regions)
        if absent:
            raise LeverRefusedError(
                path,
                f"no deployment is in {', '.join(absent)}.",
                f"Regions of this fleet: {', '.join(sorted(regions))}.",
            )
        if given and bool(np.isnan(stage.recorded.amounts[ENERGY]).all()):
            raise LeverRefusedError(
                path,
                "no request has energy at the meter (energy_facility_joules).",
                "Ingest power of the GPUs, and state `pue` or a meter of the site in fleet.yaml.",
            )
    if power.shift is not None:
        _waiting(stage, power.shift)


def _waiting(stage: Stage, shift: Shifting) -> Mask:
    """Requests that may wait."""
    path = "power.shift.when"
    frame = asked_columns(stage.traffic, shift.when)
    may = named(frame, shift.when, path)
    if not may.any():
        asked = [name for name in shift.when.model_dump(exclude_none=True) if name != "hour_utc"]
        unknown = [name for name in asked if frame[name].null_count() == frame.height]
        hint = f"Log {', '.join(unknown)}." if unknown else "Widen the conditions."
        raise LeverRefusedError(path, f"none of the {frame.height:,} requests meets it.", hint)
    return may


def shifted(stage: Stage, power: Power | None, deployment: Ints) -> tuple[Stage, tuple[str, ...]]:
    """The traffic with deferrable requests at their better hours, and what was moved, in words.

    Args:
        stage: the traffic.
        power: the section; without shifting nothing moves.
        deployment: where each request is served.
    """
    if power is None or power.shift is None:
        return stage, ()
    shift, seconds = power.shift, _into_hour(stage)
    is_root = stage.previous < 0 if stage.is_closed else np.ones(len(deployment), dtype=np.bool_)
    may = _waiting(stage, shift) & is_root
    by_region = power.prices() if shift.until == "cheapest" else power.carbon_grams_per_kwh
    arrivals = stage.arrivals + seconds
    hours = int(arrivals.max() // HOUR) + 1
    region = np.array(stage.fleet.regions)[deployment]
    wait = np.zeros(len(arrivals))
    for name, day in by_region.items():
        hourly = _hourly(stage, day, hours)
        rows = may & (region == name)
        delay = shift.most_delay_hours * HOUR
        wait += shifted_arrivals(arrivals, rows, hourly, delay, shift.per_hour) - arrivals
    if stage.is_closed:
        wait = wait[_roots(stage.previous)]
    later = stage.arrivals + wait
    days = np.minimum((later + _into_day(stage)) // DAY, stage.rates.days.max()).astype(np.int64)
    moved = wait > 0
    return (
        replace(stage, arrivals=later, rates=replace(stage.rates, days=days)),
        (_moved(shift, may, moved, wait),),
    )


def _moved(shift: Shifting, may: Mask, moved: Mask, wait: Floats) -> str:
    what = f"{int(moved.sum()):,} requests wait for the {shift.until} hour of their region"
    mean = f"{wait[moved].mean() / HOUR:.1f} h on average" if moved.any() else "no hour is better"
    return (
        f"{what}, {mean}; {int(may.sum()):,} may. No hour after the last of this traffic is in "
        "reach. Latencies count from the hour that they waited for, not from the arrival."
    )


def _roots(previous: Ints) -> Ints:
    """First request of the chain that each belongs to."""
    root = np.where(previous >= 0, previous, np.arange(len(previous)))
    while (root[root] != root).any():
        root = root[root]
    return root


def metered(
    stage: Stage, played: Played, power: Power | None, no_change: Played | None = None
) -> Played:
    """A play with its energy at the tariffs and intensities of the section, request by request.

    Args:
        stage: the traffic.
        played: what is metered.
        power: the section; null adds nothing.
        no_change: for a scenario, the replay of no change; null for that itself and for history.
    """
    if power is None:
        return played
    amounts = dict(played.amounts)
    if power.tariffs:
        amounts[AT_TARIFF] = _by_hour(stage, played, power.prices())
        recorded = played.amounts["cost_electricity_usd"]
        amounts[NEW_TARIFF] = recorded if no_change is None else amounts[AT_TARIFF]
    if power.carbon_grams_per_kwh:
        amounts[AT_INTENSITY] = _by_hour(stage, played, power.carbon_grams_per_kwh)
    draw = None
    if power.from_load is not None and played.ran is not None:
        draw = drawn(stage, played, no_change or played, power.from_load)
    return replace(played, amounts=amounts, draw=draw)


def _by_hour(stage: Stage, played: Played, by_region: Mapping[str, Sequence[float]]) -> Floats:
    """Energy of each request times the rate of its hours; NaN in a region without rates."""
    count, runs = len(stage.arrivals), runs_of(stage, played)
    request, joules = np.arange(count), played.amounts[ENERGY]
    if played.ran is not None:
        request, joules = played.ran.request, played.ran.amounts[ENERGY]
    starts, ends = runs.starts + _into_hour(stage), runs.ends + _into_hour(stage)
    hours = int(ends.max(initial=0.0) // HOUR) + 1
    region = np.array(stage.fleet.regions)[runs.deployment]
    costs = np.full(len(request), np.nan)
    for name, day in by_region.items():
        rows = region == name
        hourly = _hourly(stage, day, hours)
        costs[rows] = electricity_costs(starts[rows], ends[rows], joules[rows], hourly)
    total: Floats = np.bincount(request, weights=costs, minlength=count).astype(np.float64)
    return total


def drawn(stage: Stage, played: Played, no_change: Played, power: LoadPower) -> Draw:
    """What replicas draw by their load.

    A deployment that serves nothing stays on as long as in the replay of no change.
    """
    idle, work = np.zeros(stage.fleet.count), np.zeros(stage.fleet.count)
    for position, before in no_change.timings.engines.items():
        idle[position] = power.idle_watts * before.on_seconds
    for position, engines in played.timings.engines.items():
        on = engines.on_seconds
        if power.peak_watts is not None:
            by_time = ByBusyTime(power.idle_watts, power.peak_watts)
            told = by_time.joules(on, engines.busy_seconds)
        else:
            rates = power.joules_per_prefill_token or 0.0, power.joules_per_output_token or 0.0
            by_tokens = ByTokens(power.idle_watts, *rates)
            told = by_tokens.joules(on, engines.prefill_tokens, engines.output_tokens)
        idle[position], work[position] = told
    return Draw(idle, work)


def _hourly(stage: Stage, day: Sequence[float], hours: int) -> Floats:
    first, _ = stage.traffic.span
    return hourly_prices(np.array(day), first.hour, hours)


def _into_hour(stage: Stage) -> float:
    return _into_day(stage) % HOUR


def _into_day(stage: Stage) -> float:
    first, _ = stage.traffic.span
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    return float((first - midnight).total_seconds())
