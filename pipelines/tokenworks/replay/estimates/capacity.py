"""What a fleet's capacity does, by deployment and UTC hour: busy, batched, idle.

Busy time follows from when requests ran on each replica. Idle cost is recorded; under a scenario
it takes over what active cost leaves, since capacity stays held until it is given back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.batch import in_order
from tokenworks.replay.pricing.rates import by_cell
from tokenworks.replay.serving.busy import busy_tables
from tokenworks.replay.spool import kept
from tokenworks.replay.stage import Played, Stage, occupied_by

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
HOUR_SECONDS = 3600.0


@dataclass(frozen=True)
class Capacity:
    """Tables (deployment, UTC hour of the traffic); NaN where unknown.

    Attributes:
        busy_gpu_hours: GPU-hours with at least one request on their replica.
        busy_seconds: the same in replica-seconds.
        running_seconds: seconds in which requests ran, summed over requests.
        held_gpu_hours: GPU-hours that the deployment held.
        idle_usd: cost of what was held and not busy.
        drawn_joules: energy from load, idle included; NaN where it is not asked for.
    """

    busy_gpu_hours: Floats
    busy_seconds: Floats
    running_seconds: Floats
    held_gpu_hours: Floats
    idle_usd: Floats
    drawn_joules: Floats


@dataclass(frozen=True)
class CapacityMetric:
    """One number over some deployments: a sum of a table, over the sum of another where given."""

    name: str
    unit: str
    definition: str
    above: str
    below: str | None = None


CAPACITY_METRICS = (
    CapacityMetric(
        "busy_gpu_hours",
        "GPU.h",
        "GPU-hours of replicas with at least one request running",
        "busy_gpu_hours",
    ),
    CapacityMetric(
        "busy_util_ratio",
        "1",
        "busy_gpu_hours over the GPU-hours that the deployments held",
        "busy_gpu_hours",
        "held_gpu_hours",
    ),
    CapacityMetric(
        "effective_batch",
        "{request}",
        "requests running while at least one does: seconds in service over busy replica-seconds",
        "running_seconds",
        "busy_seconds",
    ),
    CapacityMetric(
        "cost_idle_usd",
        "USD",
        "recorded cost of idle capacity, plus the active cost that a scenario saves: capacity set "
        "free costs on until it is given back",
        "idle_usd",
    ),
    CapacityMetric(
        "energy_drawn_joules",
        "J",
        "energy of replicas by power.from_load: idle watts while on, spread evenly over the hours, "
        "and what their work adds, by the phase weight of each hour's requests",
        "drawn_joules",
    ),
)


def capacity_of(stage: Stage, played: Played, no_change: Played) -> Capacity:
    """Capacity tables of one play.

    Args:
        stage: the traffic.
        played: what is measured.
        no_change: against whose active cost idle capacity is counted.
    """
    hour = hours_of(stage)
    hours = int(hour.max()) + 1
    gpus = stage.fleet.gpus / stage.fleet.replicas
    runs = occupied_by(stage, played)
    edges = hour_edges(stage, hours)
    # What ends later belongs to the last hour.
    edges[-1] = max(edges[-1], float(runs.ends.max()))
    busy, running = busy_tables(stage.fleet, runs, edges)
    held = recorded_hours(stage, "gpu_hours_assigned", hours)
    idle = recorded_hours(stage, "cost_idle_usd", hours)
    more = _held_more(stage, played, no_change)[:, None]
    whole = idle + sum(
        np.nan_to_num(recorded_hours(stage, column, hours))
        for column in ("cost_served_usd", "cost_waste_usd")
    )
    held, idle = held * (1 + more), idle + whole * more
    freed = _active(stage, no_change, hour, hours) - _active(stage, played, hour, hours)
    return Capacity(
        busy_gpu_hours=busy * gpus[:, None] / HOUR_SECONDS,
        busy_seconds=busy,
        running_seconds=running,
        held_gpu_hours=held,
        idle_usd=idle + freed,
        drawn_joules=_drawn(played, hour, busy.shape),
    )


@dataclass(frozen=True)
class Capacities:
    """History, the replay of no change and the scenario, by deployment and hour."""

    history: Capacity
    no_change: Capacity
    scenario: Capacity

    @classmethod
    def of(cls, stage: Stage, no_change: Played, scenario: Played) -> Capacities:
        """Tables of all three."""
        return cls(
            capacity_of(stage, stage.recorded, stage.recorded),
            capacity_of(stage, no_change, no_change),
            capacity_of(stage, scenario, no_change),
        )


def over_hours(
    metric: CapacityMetric, table: Capacity, positions: Mask, first: int, counts: Floats
) -> Floats:
    """The metric over some deployments in each draw of hours; NaN where any hour is unknown."""
    above: Floats = counts @ getattr(table, metric.above)[positions][:, first:].sum(axis=0)
    if metric.below is None:
        return above
    below = counts @ getattr(table, metric.below)[positions][:, first:].sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)


def hours_of(stage: Stage) -> Ints:
    """UTC hour of arrival of each request, counted from the first."""
    hours = stage.traffic.micros // 3_600_000_000
    counted: Ints = hours - hours.min()
    return kept(counted)


def _held_more(stage: Stage, played: Played, no_change: Played) -> Floats:
    """Share by which each deployment's replicas are held for longer or shorter than as it is."""
    more = np.zeros(stage.fleet.count)
    for position, engines in played.timings.engines.items():
        before = no_change.timings.engines.get(position)
        if before is not None and before.on_seconds > 0:
            more[position] = engines.on_seconds / before.on_seconds - 1.0
    return more


def hour_edges(stage: Stage, hours: int) -> Floats:
    """Hour bounds in seconds since the first arrival."""
    first, _ = stage.traffic.span
    offset = first.minute * 60 + first.second + first.microsecond / 1e6
    edges: Floats = np.arange(hours + 1, dtype=np.float64) * HOUR_SECONDS - offset
    return edges


def recorded_hours(stage: Stage, column: str, hours: int) -> Floats:
    """A column of the deployment hours as a table; NaN for a deployment that lacks an hour."""
    ids = pl.Series(stage.fleet.ids, dtype=pl.String)
    positions = pl.Series(range(stage.fleet.count), dtype=pl.Int64)
    first = stage.traffic.span[0].replace(minute=0, second=0, microsecond=0)
    table = np.full((stage.fleet.count, hours), np.nan)
    known = (
        stage.traffic.hours.filter(
            pl.col(column).is_not_null() & pl.col("deployment_id").is_in(ids.implode())
        )
        .select(
            pl.col("deployment_id").replace_strict(ids, positions, return_dtype=pl.Int64),
            (pl.col("hour_start") - first).dt.total_seconds() // int(HOUR_SECONDS),
            pl.col(column).cast(pl.Float64),
        )
        .filter(pl.col("hour_start").is_between(0, hours - 1))
    )
    at = known["deployment_id"].to_numpy(), known["hour_start"].to_numpy()
    table[at] = known[column].to_numpy()
    return table


def _drawn(played: Played, hour: Ints, shape: tuple[int, int]) -> Floats:
    """Joules from load, by deployment and hour of arrival."""
    if played.draw is None or played.ran is None:
        return np.full(shape, np.nan)
    effort = played.ran.effort
    place = effort.deployment, in_order(hour, played.ran.request)
    weights = by_cell(place, effort.weights, shape)
    whole = weights.sum(axis=1, keepdims=True)
    shares = np.divide(weights, whole, out=np.zeros(shape), where=whole > 0)
    joules: Floats = played.draw.idle[:, None] / shape[1] + played.draw.work[:, None] * shares
    return joules


def _active(stage: Stage, played: Played, hour: Ints, hours: int) -> Floats:
    deployment, cost = played.deployment, played.amounts["cost_active_usd"]
    if played.ran is not None:
        deployment, cost = played.ran.runs.deployment, played.ran.amounts["cost_active_usd"]
        hour = in_order(hour, played.ran.request)
    return by_cell((deployment, hour), cost, (stage.fleet.count, hours))
