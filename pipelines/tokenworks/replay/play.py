"""Plays the traffic once: caches, service and price of every attempt under one policy.

A request is one attempt, two where a cascade asks again, none where a response cache answers it.
Attempts are played; what they took is summed over each request.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.prefix import CachePlan, Places, cached_tokens
from tokenworks.replay.pricing.rates import Effort, price, weights_of
from tokenworks.replay.routing.cascade import Attempts
from tokenworks.replay.routing.conditions import NOWHERE
from tokenworks.replay.routing.decision import Decision
from tokenworks.replay.routing.settle import settle
from tokenworks.replay.serving.busy import Runs, busy_tables
from tokenworks.replay.serving.changes import Serving
from tokenworks.replay.serving.serve import Load, Timings, serve
from tokenworks.replay.stage import Played, Ran, Stage
from tokenworks.replay.traffic.prompts import Prompts

DAY_SECONDS = 86_400.0
#: Rounds in which turns that change deployment find their arrival, and when that is found.
ROUNDS, SETTLED_SECONDS = 4, 0.01
#: Amounts that follow the price of a GPU-hour; the others follow power.
BY_PRICE = ("cost_active_usd", "cost_accelerator_usd")
#: Filler of a request that no response cache answers.
SERVED = -1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Policy:
    """What a play does with the traffic.

    Attributes:
        decision: where each request goes; null where everything stays.
        prefix: prefix caches to simulate, or null to keep the recorded cached tokens.
        serving: how the fleet serves.
        answered: request whose answer each request gets from a response cache, `SERVED` where it
            is served itself; null without such a cache.
        hit_seconds: how long an answer from a response cache takes.
    """

    serving: Serving
    decision: Decision | None = None
    prefix: CachePlan | None = None
    answered: Ints | None = None
    hit_seconds: float = 0.0


@dataclass(frozen=True)
class _Batch:
    """Attempts in order of start, and what a play of them gave."""

    request: Ints
    starts: Floats
    deployment: Ints
    output: Ints
    cached: Ints
    timings: Timings


def play(stage: Stage, policy: Policy, no_change: Played | None = None) -> Played:
    """Replay the traffic.

    Args:
        stage: the traffic.
        policy: what is done with it.
        no_change: the replay of no change, which sets the price of busy time; null for itself.

    Returns:
        Outcome of every request. An attempt where its request ran in history keeps its replica;
        one elsewhere goes to the least loaded, or with its session where history kept sessions
        together.
    """
    attempts, outputs = _attempts(stage, policy)
    verify = policy.decision.verify_seconds if policy.decision else 0.0

    def serve_in_order(order: Ints, starts: Floats) -> _Batch:
        return _serve_all(stage, policy, (attempts, outputs), (order, starts))

    rows = attempts.request[attempts.is_first]
    settled = settle(
        _dense(attempts, rows),
        stage.arrivals[rows],
        stage.history.e2e[rows],
        verify,
        serve_in_order,
        lambda batch: batch.timings.e2e,
    )
    batch = _take(settled.played, settled.place)
    served = ~np.isnan(batch.timings.e2e)
    turned_away = np.isin(np.arange(len(stage.arrivals)), attempts.request[~served])
    if not served.all():
        # Only without second attempts: `decide_all` refuses both together.
        attempts, batch = attempts.where(served), _take(batch, np.flatnonzero(served))
    ran = _priced(stage, policy.serving, batch, attempts, no_change)
    found = _of_requests(stage, policy, attempts, batch, ran)
    return _without(found, turned_away) if turned_away.any() else found


def _without(played: Played, turned_away: Mask) -> Played:
    """Requests that were turned away have no times; nothing was done for them."""
    timings = replace(
        played.timings,
        queue=np.where(turned_away, np.nan, played.timings.queue),
        ttft=np.where(turned_away, np.nan, played.timings.ttft),
        tpot=np.where(turned_away, np.nan, played.timings.tpot),
        e2e=np.where(turned_away, np.nan, played.timings.e2e),
    )
    return replace(played, timings=timings, turned_away=turned_away)


def _attempts(stage: Stage, policy: Policy) -> tuple[Attempts, Ints]:
    """Attempts of the requests that are served, and the output tokens of each."""
    count = len(stage.arrivals)
    first, outputs = stage.recorded.deployment, stage.output_tokens
    second, again = np.full(count, NOWHERE, dtype=np.int64), outputs
    if policy.decision is not None:
        first, outputs = policy.decision.deployments, policy.decision.output_tokens
        second, again = policy.decision.second, policy.decision.second_output_tokens
    served = np.ones(count, dtype=np.bool_)
    if policy.answered is not None:
        served = policy.answered == SERVED
    rows = np.flatnonzero(served)
    more = np.flatnonzero(served & (second != NOWHERE))
    return (
        Attempts(
            request=np.concatenate([rows, more]).astype(np.int64),
            deployment=np.concatenate([first[rows], second[more]]).astype(np.int64),
            is_first=np.arange(rows.size + more.size) < rows.size,
        ),
        np.concatenate([outputs[rows], again[more]]),
    )


def _serve_all(
    stage: Stage, policy: Policy, asked: tuple[Attempts, Ints], when: tuple[Ints, Floats]
) -> _Batch:
    """Serve attempts in order of start: replicas by load and session, then caches, then times."""
    (attempts, outputs), (order, starts) = asked, when
    request, deployment = attempts.request[order], attempts.deployment[order]
    cached = stage.recorded.cached[request]
    at_home = deployment == stage.recorded.deployment[request]
    serving = policy.serving
    changed = np.isin(deployment, [*serving.replicas, *serving.balancing, *serving.apart])
    if stage.is_sticky:
        # The balancer is known, and it would have looked at the load that comes new.
        changed |= np.isin(deployment, deployment[~at_home])
    replica = np.where(at_home & ~changed, stage.replica[request], -1)
    batch = _Batch(request, starts, deployment, outputs[order], cached, stage.recorded.timings)
    turns, plan = _turns(stage, attempts, order), policy.prefix
    if plan is None or stage.prompts is None:
        return _timed(stage, policy.serving, batch, replica, turns)
    prompts = stage.prompts.take(request)
    if (replica < 0).any():
        known = (prompts, plan.capacity_blocks)
        replica = _timed(stage, serving, batch, replica, turns, known).timings.replica
    places = Places(deployment, replica)
    found, _ = cached_tokens(prompts, plan, places, cached, stage.fleet, starts)
    return _timed(stage, policy.serving, replace(batch, cached=found), replica, turns)


def _turns(stage: Stage, attempts: Attempts, order: Ints) -> tuple[Ints, Floats]:
    """Attempt that each waits for, and for how long it thinks; none in an open loop.

    With second attempts the loop is open: their starts are settled from outside.
    """
    request = attempts.request[order]
    nobody = np.full(len(order), -1, dtype=np.int64)
    if not stage.is_closed or not attempts.is_first.all():
        return nobody, np.zeros(len(order))
    place = np.full(len(stage.arrivals) + 1, -1, dtype=np.int64)
    place[request] = np.arange(len(order))
    return place[stage.previous[request]], stage.think_seconds[request]


def _timed(
    stage: Stage,
    serving: Serving,
    batch: _Batch,
    replica: Ints,
    turns: tuple[Ints, Floats],
    known: tuple[Prompts | None, Ints | None] = (None, None),
) -> _Batch:
    """Times of each attempt; turns that follow one at another deployment are settled in rounds.

    `known` are the blocks of the attempts and the size of the caches, by which a balancer may
    choose.
    """
    previous, think = turns
    crosses = (previous >= 0) & (batch.deployment[previous] != batch.deployment)
    starts = batch.starts.copy()
    for _ in range(ROUNDS):
        load = Load(
            arrivals=starts,
            prompt=stage.input_tokens[batch.request],
            cached=batch.cached,
            output=batch.output,
            deployment=batch.deployment,
            replica=replica,
            session=stage.session[batch.request],
            previous=previous,
            think_seconds=think,
            luck=stage.luck.of(batch.request),
            by_session=stage.is_sticky,
            prompts=known[0],
            capacity_blocks=known[1],
        )
        timings = serve(load, serving, stage.fleet)
        # A turn that was turned away has ended at once.
        ended = timings.arrived + np.nan_to_num(timings.e2e)
        ends = ended[previous[crosses]] + think[crosses]
        moved = float(np.abs(ends - starts[crosses]).max(initial=0.0))
        if moved <= SETTLED_SECONDS:
            break
        starts[crosses] = ends
    return replace(batch, starts=timings.arrived, timings=timings)


def _take(batch: _Batch, place: Ints) -> _Batch:
    """The attempts in the order of `Attempts`, whatever the order of their starts was."""
    timings = batch.timings
    handover = timings.handover
    return _Batch(
        request=batch.request[place],
        starts=batch.starts[place],
        deployment=batch.deployment[place],
        output=batch.output[place],
        cached=batch.cached[place],
        timings=replace(
            timings,
            arrived=timings.arrived[place],
            queue=timings.queue[place],
            ttft=timings.ttft[place],
            tpot=timings.tpot[place],
            e2e=timings.e2e[place],
            replica=timings.replica[place],
            handover=None if handover is None else handover.take(place),
        ),
    )


def _priced(
    stage: Stage,
    serving: Serving,
    batch: _Batch,
    attempts: Attempts,
    no_change: Played | None,
) -> Ran:
    """What each attempt cost, by busy time."""
    prompt = stage.input_tokens[batch.request]
    weights = weights_of(
        stage.fleet, batch.deployment, prompt - batch.cached, batch.cached, batch.output
    )
    starts = batch.starts + batch.timings.queue
    ends = np.maximum(batch.starts + batch.timings.e2e, starts)
    runs = Runs(batch.deployment, batch.timings.replica, starts, ends)
    occupied, handover = runs, batch.timings.handover
    if handover is not None:
        occupied = handover.occupied(runs, batch.starts, batch.timings.ttft)
    effort = Effort(
        batch.deployment, stage.rates.days[batch.request], weights, _busy_by_day(stage, occupied)
    )
    base = no_change.ran.effort if no_change is not None and no_change.ran else None
    amounts = price(stage.rates, effort, base)
    for name in amounts:
        factor = serving.price if name in BY_PRICE else serving.watts
        amounts[name] = amounts[name] * factor[batch.deployment]
    return Ran(attempts.request, runs, occupied, effort, amounts)


def _busy_by_day(stage: Stage, runs: Runs) -> Floats:
    """Busy GPU-seconds by deployment and UTC day; what ends later belongs to the last day."""
    first, _ = stage.traffic.span
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    days = int(stage.rates.days.max()) + 1
    edges = np.arange(days + 1, dtype=np.float64) * DAY_SECONDS - (first - midnight).total_seconds()
    edges[-1] = max(edges[-1], float(runs.ends.max(initial=0.0)))
    busy, _ = busy_tables(stage.fleet, runs, edges)
    gpus: Floats = busy * (stage.fleet.gpus / stage.fleet.replicas)[:, None]
    return gpus


def _of_requests(
    stage: Stage, policy: Policy, attempts: Attempts, batch: _Batch, ran: Ran
) -> Played:
    """Sums and times of each request over its attempts."""
    count = len(stage.arrivals)
    rows = attempts.request[attempts.is_first]
    last = _last_attempts(attempts, count)
    answered = last >= 0

    def summed(values: Floats | Ints) -> Floats:
        total = np.bincount(attempts.request, weights=values, minlength=count)
        return np.asarray(total, dtype=np.float64)

    deployment = stage.recorded.deployment
    if policy.decision is not None:
        deployment = policy.decision.deployments
    deployment = np.where(answered, batch.deployment[last], deployment)
    timings = batch.timings
    ttft, e2e = np.full(count, policy.hit_seconds), np.full(count, policy.hit_seconds)
    queue, tpot = np.zeros(count), np.full(count, np.nan)
    added = np.zeros(count) if policy.decision is None else policy.decision.added_rtt
    shown, ended = _latencies(attempts, timings, policy, rows)
    ttft[rows], e2e[rows] = shown, ended
    queue[answered], tpot[answered] = summed(timings.queue)[answered], timings.tpot[last[answered]]
    replica = np.where(answered, timings.replica[last], -1)
    arrived = stage.arrivals.copy()
    arrived[rows] = batch.starts[attempts.is_first]
    return Played(
        deployment=deployment,
        input_tokens=summed(stage.input_tokens[attempts.request]).astype(np.int64),
        output_tokens=summed(batch.output).astype(np.int64),
        cached=summed(batch.cached).astype(np.int64),
        timings=replace(
            timings,
            arrived=arrived,
            queue=queue,
            ttft=ttft + added,
            tpot=tpot,
            e2e=e2e + added,
            replica=replica,
            handover=None,
        ),
        amounts={name: summed(values) for name, values in ran.amounts.items()},
        ran=ran,
    )


def _dense(attempts: Attempts, rows: Ints) -> Attempts:
    """The attempts with the served requests counted through."""
    return replace(attempts, request=np.searchsorted(rows, attempts.request))


def _last_attempts(attempts: Attempts, count: int) -> Ints:
    """Position of each request's last attempt, -1 where it has none."""
    last = np.full(count, -1, dtype=np.int64)
    last[attempts.request] = np.arange(len(attempts.request))
    return last


def _latencies(
    attempts: Attempts, timings: Timings, policy: Policy, rows: Ints
) -> tuple[Floats, Floats]:
    """First shown and last token of each served request."""
    if policy.decision is None:
        return timings.ttft, timings.e2e
    return _dense(attempts, rows).latencies(
        timings.ttft,
        timings.e2e,
        policy.decision.verified[rows],
        policy.decision.verify_seconds,
    )
