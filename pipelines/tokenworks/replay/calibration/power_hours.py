"""Hours of the deployments for their power laws: what GPUs drew, and what ran on them.

An hour counts when its energy is measured, the engines were up, and what the log says of its busy
time is what is published of it: where more ran than the traffic holds, its energy is of other work.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.power_law import Power, PowerHours, PowerLaw, learn_power
from tokenworks.replay.calibration.warehouse import spread_replicas
from tokenworks.replay.estimates.capacity import HOUR_SECONDS, hour_edges, hours_of, recorded_hours
from tokenworks.replay.pricing.load import load_of
from tokenworks.replay.pricing.rates import by_cell
from tokenworks.replay.serving.busy import Runs
from tokenworks.replay.stage import Stage, runs_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Most that busy time in the log and as published may differ, as a share of the larger, and least
#: share of the time held that makes a difference.
MOST_APART, LEAST_APART = 0.1, 0.02
#: Most share of the time held in which engines were not ready.
MOST_NOT_READY = 0.01
#: Why a deployment with pools has no law.
POOLS = "its prompts and tokens are made on GPUs of their own, whose meters are published as one"


def learn_fleet_power(stage: Stage) -> Power | None:
    """The law of every deployment that served something; null where no energy is published."""
    hours = _hours(stage)
    if hours is None:
        return None
    laws: dict[int, PowerLaw | str] = {}
    for position in np.unique(stage.recorded.deployment).tolist():
        rows = hours.told[position]
        laws[position] = (
            POOLS
            if stage.fleet.apart[position]
            else learn_power(
                hours.idle[position, rows],
                hours.load[:, position, rows],
                hours.joules[position, rows],
            )
        )
    return Power(hours, laws)


def hourly_load(stage: Stage, runs: Runs, ready: Floats, uncached: Ints) -> Floats:
    """Load of the requests by deployment and hour, as in `load_of`.

    Args:
        stage: the traffic.
        runs: when replicas were busy.
        ready: when each request had its prompt computed, in seconds.
        uncached: prompt tokens of it.
    """
    hours = int(hours_of(stage).max()) + 1
    edges = hour_edges(stage, hours)
    place = np.searchsorted(edges, ready, side="right") - 1
    inside = place < hours
    cells = stage.recorded.deployment[inside], place[inside]
    computed = by_cell(cells, uncached[inside], (stage.fleet.count, hours))
    return load_of(stage.fleet, runs, edges, computed)


def _hours(stage: Stage) -> PowerHours | None:
    hours = int(hours_of(stage).max()) + 1
    joules, held, published, down = (
        recorded_hours(stage, column, hours)
        for column in (
            "gpu_energy_joules",
            "gpu_hours_assigned",
            "gpu_hours_busy",
            "gpu_hours_not_ready",
        )
    )
    if np.isnan(joules).all():
        return None
    history = stage.history
    # A request without a first token of its own ended with it.
    ready = stage.arrivals + np.where(np.isnan(history.ttft), history.e2e, history.ttft)
    load = hourly_load(stage, _runs(stage), ready, history.uncached)
    logged = load[0] / HOUR_SECONDS
    with np.errstate(invalid="ignore"):
        apart = np.abs(logged - published)
        is_whole = (apart <= MOST_APART * np.maximum(logged, published)) | (
            apart <= LEAST_APART * held
        )
        is_up = np.nan_to_num(down) <= MOST_NOT_READY * held
        told = (joules > 0) & (held >= logged) & (is_whole | np.isnan(published)) & is_up
    return PowerHours((held - logged) * HOUR_SECONDS, load, joules, told)


def _runs(stage: Stage) -> Runs:
    """When requests ran, on the least loaded replica where the log does not tell which."""
    runs = runs_of(stage, stage.recorded)
    replica = runs.replica.copy()
    for position in np.unique(runs.deployment[replica < 0]).tolist():
        replica[runs.deployment == position] = spread_replicas(stage, position)
    return Runs(runs.deployment, replica, runs.starts, runs.ends)
