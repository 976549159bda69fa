"""Traffic as arrays, and what a play of it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.pricing.rates import Effort, Rates, learn_rates, weights_of
from tokenworks.replay.pricing.recorded import Recorded
from tokenworks.replay.routing.affinity import LEAST_FOLLOW_UPS, STICKY_RATIO, kept_together
from tokenworks.replay.serving.busy import Runs
from tokenworks.replay.serving.loops import clients_of, is_closed_loop, turns_of
from tokenworks.replay.serving.serve import Timings
from tokenworks.replay.spool import kept
from tokenworks.replay.traffic.fleet import Fleet, deployments_of, replicas_of
from tokenworks.replay.traffic.history import History
from tokenworks.replay.traffic.prompts import Prompts
from tokenworks.replay.traffic.requests import CANCELLED, SUCCEEDED, Traffic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Share of a session's turns that came after the answer before them, from which they wait.
WAITING_RATIO = 0.8


@dataclass(frozen=True)
class Ran:
    """Attempts of a play.

    Attributes:
        request: row of the request that each attempt belongs to.
        runs: where and when each ran.
        occupied: when replicas were busy: as `runs`, or cut in two where pools are apart.
        effort: what they asked of the fleet.
        amounts: cost, energy and carbon of each.
    """

    request: Ints
    runs: Runs
    occupied: Runs
    effort: Effort
    amounts: Mapping[str, Floats]


@dataclass(frozen=True)
class Draw:
    """Joules by deployment, from load: of being on, and what work adds."""

    idle: Floats
    work: Floats


@dataclass(frozen=True)
class Played:
    """What each request experienced and cost.

    Attributes:
        deployment: where its answer came from.
        input_tokens, output_tokens: over all its attempts.
        cached: input tokens read from a prefix cache.
        timings: queue, first token, tokens, end; for history as recorded, NaN where unknown.
        amounts: cost, energy and carbon by column of `pricing.PRICED` and `CARBON`.
        ran: its attempts; null for history.
        quality: score of each answer, NaN where unknown; null where nothing is claimed.
        turned_away: requests that nobody served; null where there are none.
        draw: energy from load; null where it is not asked for.
    """

    deployment: Ints
    input_tokens: Ints
    output_tokens: Ints
    cached: Ints
    timings: Timings
    amounts: Mapping[str, Floats]
    ran: Ran | None = None
    quality: Floats | None = None
    turned_away: Mask | None = None
    draw: Draw | None = None


@dataclass(frozen=True)
class Stage:
    """Everything that stays the same between two plays of one traffic.

    Attributes:
        traffic, fleet, history: what was read.
        recorded: history as a play.
        recorded_weights: phase weight of each request where it ran.
        arrivals, input_tokens, output_tokens: what each request asks.
        replica: where it ran, -1 where unknown.
        session: its session, -1 where unknown.
        previous: request of its session whose answer it waited for, -1 where it waited for none.
        think_seconds: seconds between that answer and its arrival.
        is_closed: whether turns wait for answers in a replay.
        clients: clients that send one request after another, told from a number in flight that is
            held constant; 0 where sessions say who waited, or nobody did.
        is_sticky: whether history kept the requests of a session on one replica.
        succeeded, cancelled: how it ended.
        rates: what work cost.
        seed: of the draws that all plays share.
        prompts: prompts as blocks, null where they are not logged.
    """

    traffic: Traffic
    fleet: Fleet
    history: History
    recorded: Played
    recorded_weights: Floats
    arrivals: Floats
    input_tokens: Ints
    output_tokens: Ints
    replica: Ints
    session: Ints
    previous: Ints
    think_seconds: Floats
    is_closed: bool
    clients: int
    is_sticky: bool
    succeeded: Mask
    cancelled: Mask
    rates: Rates
    seed: int
    prompts: Prompts | None


def waits(session: Ints, previous: Ints) -> bool:
    """Whether the turns of sessions waited for each other, as a rule and often enough to tell."""
    order = np.argsort(session, kind="stable")
    follow_ups = int(
        ((session[order][1:] == session[order][:-1]) & (session[order][1:] >= 0)).sum()
    )
    waited = int((previous >= 0).sum())
    return follow_ups >= LEAST_FOLLOW_UPS and waited >= WAITING_RATIO * follow_ups


def set_stage(
    traffic: Traffic,
    fleet: Fleet,
    prompts: Prompts | None,
    seed: int,
    loop: Literal["auto", "open", "closed"] = "auto",
) -> Stage:
    """Turn traffic into arrays, with history as one play that was recorded.

    Args:
        traffic: the requests.
        fleet: the deployments.
        prompts: prompts as blocks, null where they are not logged.
        seed: of the draws.
        loop: whether turns wait for answers; auto: where the log shows that they did, and every
            replica does both prompts and tokens.
    """
    deployment, replica = deployments_of(traffic, fleet), replicas_of(traffic, fleet)
    inputs = traffic.integers("input_total_tokens")
    outputs = traffic.integers("output_total_tokens")
    cached, arrivals = traffic.cached(), traffic.arrivals()
    history = History(
        arrivals=arrivals,
        queue=traffic.numbers("queue_seconds"),
        ttft=traffic.numbers("ttft_seconds"),
        e2e=traffic.numbers("e2e_seconds"),
        uncached=kept(inputs - cached),
        output=outputs,
        deployment=deployment,
        replica=replica,
    )
    weights = kept(weights_of(fleet, deployment, history.uncached, cached, outputs))
    rates = learn_rates(traffic, fleet, deployment, weights)
    session = traffic.codes("session_id")
    together = kept_together(session, deployment, replica, fleet.replicas)
    has_pools = bool(fleet.apart[deployment].any())
    if has_pools and loop == "closed":
        raise LeverRefusedError(
            "loop",
            "a deployment makes prompts and tokens on replicas of their own, and turns that wait for "
            "answers would have to pass through both pools in turn.",
            "Write `loop: open`: requests then arrive when they did, however long answers take.",
        )
    turns = _turns(history, session, "open" if has_pools else loop)
    return Stage(
        traffic=traffic,
        fleet=fleet,
        history=history,
        recorded=_recorded(traffic, history, (inputs, cached), rates),
        recorded_weights=weights,
        arrivals=arrivals,
        input_tokens=inputs,
        output_tokens=outputs,
        replica=replica,
        session=session,
        previous=kept(turns.previous),
        think_seconds=kept(turns.think_seconds),
        is_closed=turns.is_closed,
        clients=turns.clients,
        is_sticky=together is not None and together >= STICKY_RATIO,
        succeeded=traffic.which(SUCCEEDED),
        cancelled=traffic.which(CANCELLED),
        rates=rates,
        seed=seed,
        prompts=prompts,
    )


@dataclass(frozen=True)
class _Turns:
    previous: Ints
    think_seconds: Floats
    is_closed: bool
    clients: int = 0


def _turns(history: History, session: Ints, loop: Literal["auto", "open", "closed"]) -> _Turns:
    """Who waited for whom: by session, else by a number in flight that is held constant."""
    ends = history.arrivals + history.e2e
    previous, think = turns_of(session, history.arrivals, ends)
    if loop == "open":
        return _Turns(previous, think, is_closed=False)
    if waits(session, previous) or (loop == "closed" and (previous >= 0).any()):
        return _Turns(previous, think, is_closed=True)
    client = np.full(len(session), -1, dtype=np.int64)
    for position in np.unique(history.deployment).tolist():
        rows = np.flatnonzero(history.deployment == position)
        if loop == "closed" or is_closed_loop(history.arrivals[rows], ends[rows]):
            own = clients_of(history.arrivals[rows], ends[rows])
            client[rows] = own + client.max(initial=-1) + 1
    clients = int(client.max(initial=-1)) + 1
    if clients:
        previous, think = turns_of(client, history.arrivals, ends)
    return _Turns(previous, think, clients > 0, clients)


def _recorded(
    traffic: Traffic, history: History, tokens_in: tuple[Ints, Ints], rates: Rates
) -> Played:
    tokens = history.output - 1
    derived = np.where(tokens > 0, (history.e2e - history.ttft) / np.maximum(tokens, 1), np.nan)
    logged = traffic.numbers("tpot_seconds")
    timings = Timings(
        arrived=history.arrivals,
        queue=history.queue,
        ttft=history.ttft,
        tpot=kept(np.where(np.isnan(logged), derived, logged)),
        e2e=history.e2e,
        replica=history.replica,
        engines={},
    )
    priced = Recorded(traffic, history.deployment, rates)
    return Played(history.deployment, tokens_in[0], history.output, tokens_in[1], timings, priced)


def occupied_by(stage: Stage, played: Played) -> Runs:
    """When replicas were busy under a play, and with what."""
    return runs_of(stage, played) if played.ran is None else played.ran.occupied


def runs_of(stage: Stage, played: Played) -> Runs:
    """Where and when each attempt of a play ran; those of history as recorded."""
    if played.ran is not None:
        return played.ran.runs
    timings = played.timings
    starts = stage.arrivals + np.where(np.isnan(timings.queue), 0.0, timings.queue)
    ends = np.maximum(stage.arrivals + timings.e2e, starts)
    return Runs(played.deployment, timings.replica, starts, ends)
