"""Serves attempts on the calibrated fleet by the step engine: queue, first token, tokens, end.

Open loop: arrivals stay where they were. Closed loop: a turn of a session arrives when the answer
before it has been read. The same request draws the same luck in every scenario, so that a
difference between two scenarios is theirs alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.laws import ServingLaw
from tokenworks.replay.serving.changes import Serving
from tokenworks.replay.serving.disaggregation import Apart, Handover, serve_apart
from tokenworks.replay.serving.engines import Engines, engines_apart, engines_of
from tokenworks.replay.serving.steps import (
    Autoscale,
    Limits,
    Routing,
    Served,
    Work,
    simulate,
)
from tokenworks.replay.serving.work import Policy, PrefixCaches
from tokenworks.replay.spool import kept, let_go, room
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.prompts import Prompts

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
        return cls(kept(generator.random(count)), kept(generator.random(count)))

    def of(self, rows: Ints) -> Luck:
        """The draws of some requests."""
        return Luck(kept(self.first_token[rows]), kept(self.token[rows]))


@dataclass(frozen=True)
class Timings:
    """What each attempt experienced.

    Attributes:
        arrived: seconds; in a closed loop the simulated arrival.
        queue, ttft, e2e: seconds from arrival; NaN where it was turned away.
        tpot: seconds per token after the first; NaN under two tokens.
        replica: replica that served it.
        engines: what the engines did, by deployment; none for history.
        handover: where attempts went on after their first token; null where none do.
    """

    arrived: Floats
    queue: Floats
    ttft: Floats
    tpot: Floats
    e2e: Floats
    replica: Ints
    engines: dict[int, Engines]
    handover: Handover | None = None


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
    arrived, queue, ttft, e2e = (room(count, np.float64) for _ in range(4))
    served_by = room(count, np.int64)
    engines: dict[int, Engines] = {}
    went_on = Handover.nowhere(count) if serving.apart else None
    for position in map(int, np.unique(load.deployment)):
        let_go()
        rows = np.flatnonzero(load.deployment == position)
        law = serving.laws[position]
        if position in serving.apart:
            one = _apart(load, rows, law, serving.apart[position])
        else:
            one = _together(load, rows, serving, position, int(fleet.replicas[position]))
        first = law.first_token.at(load.luck.first_token[rows])
        token = law.token.at(load.luck.token[rows])
        arrived[rows], queue[rows], served_by[rows] = one.arrived, one.queue, one.replica
        ttft[rows] = np.maximum(one.first * first, one.queue) + law.overhead
        e2e[rows] = ttft[rows] + one.between + one.tokens * token
        if went_on is not None:
            went_on.replica[rows] = one.decoded_by
            went_on.starts[rows] = ttft[rows] + one.between
        engines[position] = one.engines
    steps = load.output - 1
    tpot = kept(np.where(steps > 0, (e2e - ttft) / np.maximum(steps, 1), np.nan))
    return Timings(arrived, queue, ttft, tpot, e2e, served_by, engines, went_on)


@dataclass(frozen=True)
class _Stages:
    """Attempts at one deployment, before the spread of its law.

    Attributes:
        arrived: seconds.
        queue, first, between, tokens: seconds until a slot, from arrival to the first token, until
            a place in the decode pool, and of the other tokens.
        replica: where the prompt was computed.
        decoded_by: where the other tokens were made, -1 for the same.
        engines: what the engines did.
    """

    arrived: Floats
    queue: Floats
    first: Floats
    between: Floats
    tokens: Floats
    replica: Ints
    decoded_by: Ints
    engines: Engines


def _together(load: Load, rows: Ints, serving: Serving, position: int, replicas: int) -> _Stages:
    policy: Policy = "session" if load.by_session else "least_loaded"
    routing = serving.balancing.get(position, Routing(policy))
    asked = serving.replicas.get(position, replicas)
    served = _simulate(load, rows, serving.laws[position], asked, routing, position)
    return _Stages(
        arrived=served.arrived,
        queue=served.queue_seconds,
        first=served.ttft_seconds,
        between=np.zeros(rows.size),
        tokens=served.ended - served.first_token,
        replica=served.replica,
        decoded_by=np.full(rows.size, -1, dtype=np.int64),
        engines=engines_of(served, load.prompt[rows], load.output[rows]),
    )


def _apart(load: Load, rows: Ints, law: ServingLaw, apart: Apart) -> _Stages:
    work = _work(load, rows, law, is_named=True)
    policy: Policy = "session" if load.by_session else "least_loaded"
    prefill, decode = (
        replace(one, limits=_wide_enough(one.limits, work), routing=Routing(policy))
        for one in (apart.prefill, apart.decode)
    )
    served = serve_apart(work, prefill, decode, apart.transfer)
    between = served.between_seconds
    return _Stages(
        arrived=served.arrived,
        queue=served.prefill.queue_seconds,
        first=served.first_token - served.arrived,
        between=between,
        tokens=served.ended - served.first_token - between,
        replica=served.prefill.replica,
        decoded_by=served.decoded_by,
        engines=engines_apart(served, load.prompt[rows], load.output[rows]),
    )


def _work(load: Load, rows: Ints, law: ServingLaw, is_named: bool) -> Work:
    place = np.full(len(load.arrivals), -1, dtype=np.int64)
    place[rows] = np.arange(rows.size)
    previous = load.previous[rows]
    return Work(
        arrivals=load.arrivals[rows],
        prompt=np.maximum(load.prompt[rows], 1),
        output=np.maximum(load.output[rows], 1),
        cached=np.minimum(load.cached[rows], np.maximum(load.prompt[rows], 1)),
        replica=load.replica[rows] if is_named else None,
        previous=np.where(previous >= 0, place[previous], -1),
        think_seconds=load.think_seconds[rows] + law.overhead,
        session=load.session[rows],
    )


def _simulate(
    load: Load,
    rows: Ints,
    law: ServingLaw,
    replicas: int | Autoscale,
    routing: Routing,
    position: int,
) -> Served:
    # Where replicas come and go none can be named; those of the play before are forgotten.
    work = _work(load, rows, law, is_named=not isinstance(replicas, Autoscale))
    caches = None
    if routing.policy == "prefix" and load.prompts is not None:
        if load.capacity_blocks is None:
            raise AssertionError("a balancer that follows prefixes needs the size of the caches")
        capacity = max(1, int(load.capacity_blocks[position]))
        caches = PrefixCaches(load.prompts.alone(rows), capacity)
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
