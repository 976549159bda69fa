"""Plays the traffic once: caches, service and price of every attempt under one policy.

A request is one attempt, two where a cascade asks again, none where a response cache answers it.
Attempts are played; what they took is summed over each request.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.batch import Batch, in_order, take, timed
from tokenworks.replay.caches.prefix import Places, cached_tokens
from tokenworks.replay.charges import priced
from tokenworks.replay.per_request import dense, of_requests, without
from tokenworks.replay.policy import SERVED, Policy
from tokenworks.replay.routing.cascade import Attempts
from tokenworks.replay.routing.conditions import NOWHERE
from tokenworks.replay.routing.settle import settle
from tokenworks.replay.spool import kept, room
from tokenworks.replay.stage import Played, Stage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


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

    def serve_in_order(order: Ints, starts: Floats) -> Batch:
        return _serve_all(stage, policy, (attempts, outputs), (order, starts))

    rows = kept(attempts.request[attempts.is_first])
    settled = settle(
        dense(attempts, rows),
        stage.arrivals[rows],
        stage.history.e2e[rows],
        verify,
        serve_in_order,
        lambda batch: batch.timings.e2e,
    )
    batch = take(settled.played, settled.place)
    served = ~np.isnan(batch.timings.e2e)
    turned_away = np.isin(np.arange(len(stage.arrivals)), attempts.request[~served])
    if not served.all():
        # Only without second attempts: `decide_all` refuses both together.
        attempts, batch = attempts.where(served), take(batch, np.flatnonzero(served))
    ran = priced(stage, policy.serving, batch, attempts, no_change)
    found = of_requests(stage, policy, attempts, batch, ran)
    return without(found, turned_away) if turned_away.any() else found


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
    if served.all() and (second == NOWHERE).all():
        everyone = kept(np.arange(count))
        return Attempts(everyone, first, np.ones(count, dtype=np.bool_)), outputs
    rows = np.flatnonzero(served)
    more = np.flatnonzero(served & (second != NOWHERE))
    return (
        Attempts(
            request=kept(np.concatenate([rows, more]).astype(np.int64, copy=False)),
            deployment=kept(np.concatenate([first[rows], second[more]])),
            is_first=kept(np.arange(rows.size + more.size) < rows.size),
        ),
        kept(np.concatenate([outputs[rows], again[more]])),
    )


def _serve_all(
    stage: Stage, policy: Policy, asked: tuple[Attempts, Ints], when: tuple[Ints, Floats]
) -> Batch:
    """Serve attempts in order of start: replicas by load and session, then caches, then times."""
    (attempts, outputs), (order, starts) = asked, when
    request = in_order(attempts.request, order)
    deployment = in_order(attempts.deployment, order)
    cached = in_order(stage.recorded.cached, request)
    at_home = deployment == in_order(stage.recorded.deployment, request)
    serving = policy.serving
    changed = np.isin(deployment, [*serving.replicas, *serving.balancing, *serving.apart])
    if stage.is_sticky:
        # The balancer is known, and it would have looked at the load that comes new.
        changed |= np.isin(deployment, deployment[~at_home])
    at_home &= ~changed
    replica = kept(np.where(at_home, in_order(stage.replica, request), -1))
    batch = Batch(
        request, starts, deployment, in_order(outputs, order), cached, stage.recorded.timings
    )
    turns, plan = _turns(stage, attempts, order), policy.prefix
    if plan is None or stage.prompts is None:
        return timed(stage, policy.serving, batch, replica, turns)
    prompts = stage.prompts.take(request)
    if (replica < 0).any():
        known = (prompts, plan.capacity_blocks)
        replica = timed(stage, serving, batch, replica, turns, known).timings.replica
    places = Places(deployment, replica)
    found, _ = cached_tokens(prompts, plan, places, cached, stage.fleet, starts)
    return timed(stage, policy.serving, replace(batch, cached=found), replica, turns)


def _turns(stage: Stage, attempts: Attempts, order: Ints) -> tuple[Ints, Floats]:
    """Attempt that each waits for, and for how long it thinks; none in an open loop.

    With second attempts the loop is open: their starts are settled from outside.
    """
    if not stage.is_closed or not attempts.is_first.all():
        return kept(np.full(len(order), -1, dtype=np.int64)), room(len(order), np.float64)
    request = in_order(attempts.request, order)
    place = np.full(len(stage.arrivals) + 1, -1, dtype=np.int64)
    place[request] = np.arange(len(order))
    waited = in_order(stage.previous, request)
    return kept(place[waited]), in_order(stage.think_seconds, request)
