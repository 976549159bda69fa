"""Plays the traffic once: caches, service and price of every request under one policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.prefix import CachePlan, Places, cached_tokens
from tokenworks.replay.calibration.law import Law
from tokenworks.replay.pricing.rates import (
    PRICED,
    Effort,
    Rates,
    learn_rates,
    price,
    weights_of,
    with_carbon,
)
from tokenworks.replay.routing.affinity import STICKY_RATIO, kept_together, together
from tokenworks.replay.serving.busy import Runs, busy_tables
from tokenworks.replay.serving.serve import Load, Luck, Timings, serve
from tokenworks.replay.traffic.blocks import Prompts
from tokenworks.replay.traffic.fleet import Fleet, deployments_of, replicas_of
from tokenworks.replay.traffic.history import History
from tokenworks.replay.traffic.requests import CANCELLED, SUCCEEDED, Traffic

DAY_SECONDS = 86_400.0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Played:
    """What each request experienced and cost.

    Attributes:
        deployment: where it ran.
        cached: input tokens read from a prefix cache.
        timings: queue, first token, tokens, end; for history as recorded, NaN where unknown.
        amounts: cost, energy and carbon by column of `pricing.PRICED` and `CARBON`.
        effort: what it asked of the fleet; null for history.
        quality: score of each answer, NaN where unknown; null where nothing is claimed.
    """

    deployment: Ints
    cached: Ints
    timings: Timings
    amounts: dict[str, Floats]
    effort: Effort | None = None
    quality: Floats | None = None


@dataclass(frozen=True)
class Stage:
    """Everything that stays the same between two plays of one traffic.

    Attributes:
        traffic, fleet, history: what was read.
        recorded: history as a play.
        arrivals, input_tokens, output_tokens: what each request asks.
        replica: where it ran, -1 where unknown.
        session: its session, -1 where unknown.
        is_sticky: whether history kept the requests of a session on one replica.
        succeeded, cancelled: how it ended.
        rates: what work cost.
        luck: draws that all plays share.
        prompts: prompts as blocks, null where they are not logged.
    """

    traffic: Traffic
    fleet: Fleet
    history: History
    recorded: Played
    arrivals: Floats
    input_tokens: Ints
    output_tokens: Ints
    replica: Ints
    session: Ints
    is_sticky: bool
    succeeded: NDArray[np.bool_]
    cancelled: NDArray[np.bool_]
    rates: Rates
    luck: Luck
    prompts: Prompts | None


def set_stage(traffic: Traffic, fleet: Fleet, prompts: Prompts | None, seed: int) -> Stage:
    """Turn traffic into arrays, with history as one play that was recorded."""
    deployment, replica = deployments_of(traffic, fleet), replicas_of(traffic, fleet)
    inputs, outputs = (
        traffic.integers("input_total_tokens"),
        traffic.integers("output_total_tokens"),
    )
    cached, arrivals = traffic.cached(), traffic.arrivals()
    history = History(
        arrivals=arrivals,
        queue=traffic.numbers("queue_seconds"),
        ttft=traffic.numbers("ttft_seconds"),
        e2e=traffic.numbers("e2e_seconds"),
        uncached=inputs - cached,
        output=outputs,
        deployment=deployment,
        replica=replica,
    )
    weights = weights_of(fleet, deployment, inputs - cached, cached, outputs)
    rates = learn_rates(traffic, fleet, deployment, weights)
    session = traffic.codes("session_id")
    kept = kept_together(session, deployment, replica, fleet.replicas)
    return Stage(
        traffic=traffic,
        fleet=fleet,
        history=history,
        recorded=_recorded(traffic, history, cached, rates),
        arrivals=arrivals,
        input_tokens=inputs,
        output_tokens=outputs,
        replica=replica,
        session=session,
        is_sticky=kept is not None and kept >= STICKY_RATIO,
        succeeded=traffic.which(SUCCEEDED),
        cancelled=traffic.which(CANCELLED),
        rates=rates,
        luck=Luck.draw(traffic.count, seed),
        prompts=prompts,
    )


def _recorded(traffic: Traffic, history: History, cached: Ints, rates: Rates) -> Played:
    tokens = history.output - 1
    derived = np.where(tokens > 0, (history.e2e - history.ttft) / np.maximum(tokens, 1), np.nan)
    logged = traffic.numbers("tpot_seconds")
    timings = Timings(
        queue=history.queue,
        ttft=history.ttft,
        tpot=np.where(np.isnan(logged), derived, logged),
        e2e=history.e2e,
        replica=history.replica,
        busy_gpu_seconds={},
        running_p99={},
    )
    amounts = {name: traffic.numbers(name) for name in PRICED}
    return Played(
        history.deployment, cached, timings, with_carbon(rates, history.deployment, amounts)
    )


def play(
    stage: Stage,
    laws: dict[int, Law],
    deployment: Ints,
    plan: CachePlan | None,
    no_change: Played | None = None,
) -> Played:
    """Replay the traffic.

    Args:
        stage: the traffic.
        laws: serving law per deployment.
        deployment: where each request goes.
        plan: caches to simulate, or null to keep the recorded cached tokens.
        no_change: the replay of no change, which sets the price of busy time; null for itself.

    Returns:
        Outcome of every request. One that stays keeps its recorded replica; one that moves goes
        to the least loaded, and with its session where history kept sessions together.
    """
    recorded = stage.recorded
    replica = np.where(deployment == recorded.deployment, stage.replica, -1)
    cached, free = recorded.cached, replica < 0
    if free.any() and (stage.is_sticky or plan is not None):
        replica = _serve(stage, laws, deployment, replica, cached).replica
        if stage.is_sticky:
            replica = together(stage.session, deployment, replica, free)
    if plan is not None and stage.prompts is not None:
        places = Places(deployment, replica)
        cached, _ = cached_tokens(stage.prompts, plan, places, recorded.cached, stage.fleet)
    timings = _serve(stage, laws, deployment, replica, cached)
    uncached = stage.input_tokens - cached
    weights = weights_of(stage.fleet, deployment, uncached, cached, stage.output_tokens)
    effort = Effort(weights, _busy_by_day(stage, deployment, timings))
    base = None
    if no_change is not None and no_change.effort is not None:
        base = (no_change.deployment, no_change.effort)
    amounts = price(stage.rates, deployment, effort, base)
    return Played(deployment, cached, timings, amounts, effort)


def runs_of(stage: Stage, played: Played) -> Runs:
    """Where and when each request of a play ran."""
    return _runs(stage, played.deployment, played.timings)


def _runs(stage: Stage, deployment: Ints, timings: Timings) -> Runs:
    starts = stage.arrivals + np.where(np.isnan(timings.queue), 0.0, timings.queue)
    ends = np.maximum(stage.arrivals + timings.e2e, starts)
    return Runs(deployment, timings.replica, starts, ends)


def _busy_by_day(stage: Stage, deployment: Ints, timings: Timings) -> Floats:
    """Busy GPU-seconds by deployment and UTC day; what ends later belongs to the last day."""
    first = stage.traffic.frame["started_at"][0]
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    runs = _runs(stage, deployment, timings)
    days = int(stage.rates.days.max()) + 1
    edges = np.arange(days + 1) * DAY_SECONDS - (first - midnight).total_seconds()
    edges[-1] = max(edges[-1], float(runs.ends.max()))
    busy, _ = busy_tables(stage.fleet, runs, edges)
    gpus: Floats = busy * (stage.fleet.gpus / stage.fleet.replicas)[:, None]
    return gpus


def _serve(
    stage: Stage, laws: dict[int, Law], deployment: Ints, replica: Ints, cached: Ints
) -> Timings:
    load = Load(
        arrivals=stage.arrivals,
        uncached=stage.input_tokens - cached,
        output=stage.output_tokens,
        deployment=deployment,
        replica=replica,
        luck=stage.luck,
    )
    return serve(load, laws, stage.fleet)
