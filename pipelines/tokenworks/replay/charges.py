"""What the attempts of a play cost, by busy time and power."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.batch import Batch, in_order
from tokenworks.replay.pricing.load import load_of, loads_of
from tokenworks.replay.pricing.rates import Effort, by_cell, price, weights_of
from tokenworks.replay.routing.cascade import Attempts
from tokenworks.replay.serving.busy import Runs
from tokenworks.replay.serving.changes import Serving
from tokenworks.replay.spool import kept
from tokenworks.replay.stage import Played, Ran, Stage

DAY_SECONDS = 86_400.0
#: Amounts that follow the price of a GPU-hour; the others follow power.
BY_PRICE = ("cost_active_usd", "cost_accelerator_usd")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def priced(
    stage: Stage,
    serving: Serving,
    batch: Batch,
    attempts: Attempts,
    no_change: Played | None,
) -> Ran:
    """What each attempt cost, by busy time and power."""
    prompt = in_order(stage.input_tokens, batch.request)
    uncached = prompt - batch.cached
    weights = weights_of(stage.fleet, batch.deployment, uncached, batch.cached, batch.output)
    starts = kept(batch.starts + batch.timings.queue)
    ends = kept(np.maximum(batch.starts + batch.timings.e2e, starts))
    runs = Runs(batch.deployment, batch.timings.replica, starts, ends)
    occupied, handover = runs, batch.timings.handover
    if handover is not None:
        occupied = handover.occupied(runs, batch.starts, batch.timings.ttft)
    days = in_order(stage.rates.days, batch.request)
    effort = Effort(
        batch.deployment,
        days,
        kept(weights),
        _loads_by_day(stage, occupied, (batch.deployment, days), uncached),
    )
    base = no_change.ran.effort if no_change is not None and no_change.ran else None
    amounts = price(stage.rates, effort, base)
    factors = {
        name: factor
        for name in amounts
        for factor in (serving.price if name in BY_PRICE else serving.watts,)
        if (factor != 1.0).any()
    }
    return Ran(attempts.request, runs, occupied, effort, replace(amounts, factors=factors))


def _loads_by_day(
    stage: Stage, runs: Runs, place: tuple[Ints, Ints], uncached: Ints
) -> dict[str, Floats]:
    """Loads of `Effort` by deployment and UTC day; what ends later belongs to the last day.

    Args:
        stage: the traffic.
        runs: when replicas were busy.
        place: deployment and day of each attempt.
        uncached: prompt tokens that it computed.
    """
    first, _ = stage.traffic.span
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    days = int(stage.rates.days.max()) + 1
    edges = np.arange(days + 1, dtype=np.float64) * DAY_SECONDS - (first - midnight).total_seconds()
    edges[-1] = max(edges[-1], float(runs.ends.max(initial=0.0)))
    computed = by_cell(place, uncached, (stage.fleet.count, days))
    load = load_of(stage.fleet, runs, edges, computed)
    return loads_of(load, stage.rates.power)
