"""Plays the traffic once: caches, service and price of every request under one policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.prefix import CachePlan, Places, cached_tokens
from tokenworks.replay.calibration.law import Law
from tokenworks.replay.pricing.rates import (
    PRICED,
    Rates,
    learn_rates,
    price,
    weights_of,
    with_carbon,
)
from tokenworks.replay.serving.serve import Load, Luck, Timings, serve
from tokenworks.replay.traffic.blocks import Prompts
from tokenworks.replay.traffic.fleet import Fleet, deployments_of, replicas_of
from tokenworks.replay.traffic.history import History
from tokenworks.replay.traffic.requests import CANCELLED, SUCCEEDED, Traffic

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
        quality: score of each answer, NaN where unknown; null where nothing is claimed.
    """

    deployment: Ints
    cached: Ints
    timings: Timings
    amounts: dict[str, Floats]
    quality: Floats | None = None


@dataclass(frozen=True)
class Stage:
    """Everything that stays the same between two plays of one traffic."""

    traffic: Traffic
    fleet: Fleet
    history: History
    recorded: Played
    arrivals: Floats
    input_tokens: Ints
    output_tokens: Ints
    replica: Ints
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
    return Stage(
        traffic=traffic,
        fleet=fleet,
        history=history,
        recorded=_recorded(traffic, history, cached, rates),
        arrivals=arrivals,
        input_tokens=inputs,
        output_tokens=outputs,
        replica=replica,
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


def play(stage: Stage, laws: dict[int, Law], deployment: Ints, plan: CachePlan | None) -> Played:
    """Replay the traffic.

    Args:
        stage: the traffic.
        laws: serving law per deployment.
        deployment: where each request goes.
        plan: caches to simulate, or null to keep the recorded cached tokens.

    Returns:
        Outcome of every request. One that stays keeps its recorded replica; one that moves goes
        to the least loaded.
    """
    recorded = stage.recorded
    replica = np.where(deployment == recorded.deployment, stage.replica, -1)
    cached = recorded.cached
    if plan is not None and stage.prompts is not None:
        if (replica < 0).any():
            replica = _serve(stage, laws, deployment, replica, cached).replica
        places = Places(deployment, replica)
        cached, _ = cached_tokens(stage.prompts, plan, places, recorded.cached, stage.fleet)
    timings = _serve(stage, laws, deployment, replica, cached)
    uncached = stage.input_tokens - cached
    weights = weights_of(stage.fleet, deployment, uncached, cached, stage.output_tokens)
    return Played(deployment, cached, timings, price(stage.rates, deployment, weights))


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
