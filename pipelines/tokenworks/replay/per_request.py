"""From attempts to requests: what each request took and cost over all its attempts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.batch import Batch
from tokenworks.replay.policy import Policy
from tokenworks.replay.routing.cascade import Attempts
from tokenworks.replay.serving.serve import Timings
from tokenworks.replay.spool import kept
from tokenworks.replay.stage import Played, Ran, Stage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


def of_requests(stage: Stage, policy: Policy, attempts: Attempts, batch: Batch, ran: Ran) -> Played:
    """Sums and times of each request over its attempts."""
    if len(attempts.request) == len(stage.arrivals) and attempts.is_first.all():
        return _of_one_attempt_each(stage, policy, attempts, batch, ran)
    count = len(stage.arrivals)

    def summed(values: Floats | Ints) -> Floats:
        total = np.bincount(attempts.request, weights=values, minlength=count)
        return kept(np.asarray(total, dtype=np.float64))

    last = kept(_last_attempts(attempts, count))
    deployment = stage.recorded.deployment
    if policy.decision is not None:
        deployment = policy.decision.deployments
    return Played(
        deployment=kept(np.where(last >= 0, batch.deployment[last], deployment)),
        input_tokens=kept(summed(stage.input_tokens[attempts.request]).astype(np.int64)),
        output_tokens=kept(summed(batch.output).astype(np.int64)),
        cached=kept(summed(batch.cached).astype(np.int64)),
        timings=_timings(stage, policy, attempts, batch, (last, summed(batch.timings.queue))),
        amounts={name: summed(values) for name, values in ran.amounts.items()},
        ran=ran,
    )


def _of_one_attempt_each(
    stage: Stage, policy: Policy, attempts: Attempts, batch: Batch, ran: Ran
) -> Played:
    """The attempts are the requests: nothing is summed, and nothing copied."""
    shown, ended = _latencies(attempts, batch.timings, policy, attempts.request)
    added = None if policy.decision is None else policy.decision.added_rtt
    if added is not None and (added != 0).any():
        shown, ended = kept(shown + added), kept(ended + added)
    return Played(
        deployment=batch.deployment,
        input_tokens=stage.input_tokens,
        output_tokens=batch.output,
        cached=batch.cached,
        timings=replace(batch.timings, arrived=batch.starts, ttft=shown, e2e=ended, handover=None),
        amounts=ran.amounts,
        ran=ran,
    )


def _timings(
    stage: Stage, policy: Policy, attempts: Attempts, batch: Batch, found: tuple[Ints, Floats]
) -> Timings:
    """Times of each request, from its last attempt and the sum of what its attempts queued."""
    count, timings, (last, queued) = len(stage.arrivals), batch.timings, found
    rows, answered = attempts.request[attempts.is_first], last >= 0
    ttft, e2e = np.full(count, policy.hit_seconds), np.full(count, policy.hit_seconds)
    queue, tpot = np.zeros(count), np.full(count, np.nan)
    added = np.zeros(count) if policy.decision is None else policy.decision.added_rtt
    shown, ended = _latencies(attempts, timings, policy, rows)
    ttft[rows], e2e[rows] = shown, ended
    queue[answered], tpot[answered] = queued[answered], timings.tpot[last[answered]]
    arrived = stage.arrivals.copy()
    arrived[rows] = batch.starts[attempts.is_first]
    return replace(
        timings,
        arrived=kept(arrived),
        queue=kept(queue),
        ttft=kept(ttft + added),
        tpot=kept(tpot),
        e2e=kept(e2e + added),
        replica=kept(np.where(answered, timings.replica[last], -1)),
        handover=None,
    )


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
    return dense(attempts, rows).latencies(
        timings.ttft,
        timings.e2e,
        policy.decision.verified[rows],
        policy.decision.verify_seconds,
    )


def dense(attempts: Attempts, rows: Ints) -> Attempts:
    """The attempts with the served requests counted through."""
    if len(rows) == len(attempts.request) and (rows == attempts.request).all():
        return replace(attempts, request=kept(np.arange(len(rows))))
    return replace(attempts, request=kept(np.searchsorted(rows, attempts.request)))


def without(played: Played, turned_away: Mask) -> Played:
    """Requests that were turned away have no times; nothing was done for them."""
    timings = replace(
        played.timings,
        queue=kept(np.where(turned_away, np.nan, played.timings.queue)),
        ttft=kept(np.where(turned_away, np.nan, played.timings.ttft)),
        tpot=kept(np.where(turned_away, np.nan, played.timings.tpot)),
        e2e=kept(np.where(turned_away, np.nan, played.timings.e2e)),
    )
    return replace(played, timings=timings, turned_away=turned_away)
