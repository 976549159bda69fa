"""Serves attempts on the calibrated fleet by the step engine: queue, first token, tokens, end.

Open loop: arrivals stay where they were. Closed loop: a turn of a session arrives when the answer
before it has been read. The same request draws the same luck in every scenario, so that a
difference between two scenarios is theirs alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.laws import ServingLaw
from tokenworks.replay.serving.changes import Serving
from tokenworks.replay.serving.concurrency import Occupancy
from tokenworks.replay.serving.steps import (
    Autoscale,
    Limits,
    Routing,
    Served,
    Work,
    simulate,
)
from tokenworks.replay.serving.work import Policy, PrefixCaches
from tokenworks.replay.traffic.blocks import Prompts
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Luck:
    """One draw per request for its first token and one for its tokens, uniform in [0, 1)."""

    first_token: Floats
    token: Floats

    @classmethod
    def draw(cls, count: int, seed: int) -> Luck:
        """The same draws for the same seed and number of requests."""
        generator = np.random.default_rng(seed)
        return cls(generator.random(count), generator.random(count))

    def of(self, rows: Ints) -> Luck:
        """The draws of some requests."""
        return Luck(self.first_token[rows], self.token[rows])


@dataclass(frozen=True)
class Engines:
    """What the engines of one deployment did.

    Attributes:
        running_p99: requests per replica that 99 % of the busy time does not exceed.
        kv_tokens_p99: the same of tokens held by decoding requests, each at half its answer.
        on_seconds: replica-seconds that were held.
        busy_seconds: replica-seconds in a step.
        prefill_tokens: prompt tokens that were computed, again after a preemption.
        output_tokens: tokens that were made.
    """

    running_p99: float
    kv_tokens_p99: float
    on_seconds: float
    busy_seconds: float
    prefill_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Timings:
    """What each attempt experienced.

    Attributes:
        arrived: seconds; in a closed loop the simulated arrival.
        queue, ttft, e2e: seconds from arrival; NaN where it was turned away.
        tpot: seconds per token after the first; NaN under two tokens.
        replica: replica that served it.
        engines: what the engines did, by deployment; none for history.
    """

    arrived: Floats
    queue: Floats
    ttft: Floats
    tpot: Floats
    e2e: Floats
    replica: Ints
    engines: dict[int, Engines]


@dataclass(frozen=True)
class Load:
    """What is asked of the fleet, one entry per attempt.

    Attributes:
        arrivals: seconds.
        prompt, cached, output: tokens.
        deployment: deployment of each attempt.
        replica: replica that must serve it, or -1 for the balancer's.
        session: its session, -1 for none.
        previous: attempt whose end starts this one, -1 for one that arrives by itself.
        think_seconds: seconds between that end and the arrival.
        luck: draws that place each attempt in the spread of its law.
        by_session: whether the balancer keeps sessions on their replica.
        prompts: blocks of each attempt's prompt; null where no balancer follows prefixes.
        capacity_blocks: blocks that one replica's cache holds, by deployment; as `prompts`.
    """

    arrivals: Floats
    prompt: Ints
    cached: Ints
    output: Ints
    deployment: Ints
    replica: Ints
    session: Ints
    previous: Ints
    think_seconds: Floats
    luck: Luck
    by_session: bool
    prompts: Prompts | None = None
    capacity_blocks: Ints | None = None


def serve(load: Load, serving: Serving, fleet: Fleet) -> Timings:
    """Simulate every deployment on its own attempts.

    A turn that follows one at another deployment arrives when the load says; turns within one
    deployment follow each other there.
    """
    count = len(load.arrivals)
    arrived, queue, ttft, e2e = (np.empty(count) for _ in range(4))
    served_by = np.empty(count, dtype=np.int64)
    engines: dict[int, Engines] = {}
    for position in map(int, np.unique(load.deployment)):
        rows = np.flatnonzero(load.deployment == position)
        law, replicas = serving.laws[position], int(fleet.replicas[position])
        policy: Policy = "session" if load.by_session else "least_loaded"
        routing = serving.balancing.get(position, Routing(policy))
        served = _simulate(
            load, rows, law, serving.replicas.get(position, replicas), routing, position
        )
        first = law.first_token.at(load.luck.first_token[rows])
        token = law.token.at(load.luck.token[rows])
        decode = (served.ended - served.first_token) * token
        arrived[rows] = served.arrived
        queue[rows] = served.queue_seconds
        ttft[rows] = np.maximum(served.ttft_seconds * first, served.queue_seconds) + law.overhead
        e2e[rows] = ttft[rows] + decode
        served_by[rows] = served.replica
        engines[position] = _engines(served, load.prompt[rows], load.output[rows])
    steps = load.output - 1
    tpot = np.where(steps > 0, (e2e - ttft) / np.maximum(steps, 1), np.nan)
    return Timings(arrived, queue, ttft, tpot, e2e, served_by, engines)


def _simulate(
    load: Load,
    rows: Ints,
    law: ServingLaw,
    replicas: int | Autoscale,
    routing: Routing,
    position: int,
) -> Served:
    place = np.full(len(load.arrivals), -1, dtype=np.int64)
    place[rows] = np.arange(rows.size)
    previous = load.previous[rows]
    work = Work(
        arrivals=load.arrivals[rows],
        prompt=np.maximum(load.prompt[rows], 1),
        output=np.maximum(load.output[rows], 1),
        cached=np.minimum(load.cached[rows], np.maximum(load.prompt[rows], 1)),
        # Where replicas come and go none can be named; those of the play before are forgotten.
        replica=None if isinstance(replicas, Autoscale) else load.replica[rows],
        previous=np.where(previous >= 0, place[previous], -1),
        think_seconds=load.think_seconds[rows] + law.overhead,
        session=load.session[rows],
    )
    caches = None
    if routing.policy == "prefix" and load.prompts is not None:
        if load.capacity_blocks is None:
            raise AssertionError("a balancer that follows prefixes needs the size of the caches")
        capacity = max(1, int(load.capacity_blocks[position]))
        caches = PrefixCaches(load.prompts.take(rows), capacity)
    elif routing.policy == "prefix":
        # The replicas have been found in an earlier pass; nobody is left to be routed by blocks.
        routing = Routing()
    limits = _wide_enough(law.limits, work)
    return simulate(work, law.law, limits, replicas, routing=routing, caches=caches)


def _wide_enough(limits: Limits, work: Work) -> Limits:
    """Limits under which every request fits by itself: what has run once did fit."""
    if limits.kv_blocks is None:
        return limits
    longest = int((work.prompt + work.output).max(initial=1)) // limits.block_tokens + 1
    return Limits(**{**vars(limits), "kv_blocks": max(limits.kv_blocks, longest)})


def held_tokens(prompt: Ints, output: Ints) -> Ints:
    """Tokens that each request holds while it decodes: its prompt and half its answer."""
    return prompt + output // 2


def _engines(served: Served, prompt: Ints, output: Ints) -> Engines:
    return Engines(
        running_p99=_p99(served, served.admitted, None),
        kv_tokens_p99=_p99(served, served.first_token, held_tokens(prompt, output)),
        on_seconds=float(served.on_seconds.sum()),
        busy_seconds=float(served.busy_seconds.sum()),
        prefill_tokens=int(served.prefill_tokens.sum()),
        output_tokens=int(output[served.replica >= 0].sum()),
    )


def _p99(served: Served, starts: Floats, weights: Ints | None) -> float:
    """Largest over the replicas of what 99 % of the busy time does not exceed."""
    found = []
    for one in np.unique(served.replica[served.replica >= 0]):
        mine = served.replica == one
        weight = None if weights is None else weights[mine]
        held = Occupancy.of(starts[mine], served.ended[mine], weight)
        found.append(held.time_weighted_quantile(0.99))
    return max(found, default=0.0)
