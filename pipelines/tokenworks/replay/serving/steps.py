"""Continuous batching by the step law, exactly and fast.

One step of a replica that runs `running` requests takes

    base + per_running * running + per_kv_token * kv_tokens
    + per_prefill_token * prefill tokens of the step + with_prefill [a prefill is in the step]
    + per_longest * longest context [running >= longest_from]

`kv_tokens` and the longest context are those whose keys and values the requests of the step held
when it began, tokens read from a prefix cache included; a request that enters counts as running.
Every request gets its next token when the step ends, a prefilling one its first token with the
last of its prefill tokens. What enters a step is told in `batch_kernel`. At least one prompt
token is always computed, as engines do, whatever the cache holds.

    served = simulate(work, StepLaw(base=0.02, per_running=1e-4), Limits(max_num_seqs=64))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.arrivals_kernel import POSITION, Coming
from tokenworks.replay.serving.engine_state import (
    NEVER,
    Bounds,
    Coefficients,
    new_engine,
    new_replicas,
    new_requests,
    referenced,
)
from tokenworks.replay.serving.routing_kernel import LEAST_LOADED, ROUND_ROBIN, Router
from tokenworks.replay.serving.step_kernel import run

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Policy = Literal["least_loaded", "round_robin"]

POLICIES: dict[Policy, int] = {"least_loaded": LEAST_LOADED, "round_robin": ROUND_ROBIN}


@dataclass(frozen=True)
class StepLaw:
    """Seconds of one step; every coefficient at least 0.

    Attributes:
        base: per step (a).
        per_running: per request in the batch (b).
        per_kv_token: per token in KV of the batch (g).
        per_prefill_token: per prompt token computed (d).
        with_prefill: more when the step computes prompt tokens (e).
        per_longest: per token of the batch's longest context in KV (m).
        longest_from: running requests from which `per_longest` counts (s).
    """

    base: float
    per_running: float = 0.0
    per_kv_token: float = 0.0
    per_prefill_token: float = 0.0
    with_prefill: float = 0.0
    per_longest: float = 0.0
    longest_from: int = 1

    def __post_init__(self) -> None:
        for name in ("base", "per_running", "per_kv_token", "per_prefill_token", "with_prefill"):
            _at_least(name, getattr(self, name), 0)
        _at_least("per_longest", self.per_longest, 0)
        _at_least("longest_from", self.longest_from, 0)

    def seconds(
        self, running: Floats, kv_tokens: Floats, prefill_tokens: Floats, longest: Floats
    ) -> Floats:
        """Seconds of each step with the given load."""
        prefill = self.per_prefill_token * prefill_tokens + self.with_prefill * (prefill_tokens > 0)
        tail = self.per_longest * longest * (running >= self.longest_from)
        seconds: Floats = (
            self.base + self.per_running * running + self.per_kv_token * kv_tokens + prefill + tail
        )
        return seconds


@dataclass(frozen=True)
class Limits:
    """What one replica can hold.

    Attributes:
        max_num_seqs: requests that run at once.
        token_budget: tokens of one step, decoding requests first; null for no limit. At least
            `max_num_seqs`, so that every decoding request has its token.
        kv_blocks: blocks of KV memory; null for no limit.
        block_tokens: tokens per block.
        admission_lag_steps: 1 where the engine schedules a step while the one before it runs
            (asynchronous scheduling): a step then admits what had arrived, and into slots and
            blocks that were free, when the step before it began. An empty batch does not wait.
    """

    max_num_seqs: int
    token_budget: int | None = None
    kv_blocks: int | None = None
    block_tokens: int = 16
    admission_lag_steps: Literal[0, 1] = 0

    def __post_init__(self) -> None:
        _at_least("max_num_seqs", self.max_num_seqs, 1)
        _at_least("block_tokens", self.block_tokens, 1)
        if self.token_budget is not None:
            _at_least("token_budget", self.token_budget, self.max_num_seqs)
        if self.kv_blocks is not None:
            _at_least("kv_blocks", self.kv_blocks, 1)
        if self.admission_lag_steps not in (0, 1):
            raise ValueError(f"admission_lag_steps is 0 or 1, not {self.admission_lag_steps}")


@dataclass(frozen=True)
class Work:
    """What each request asks, in any order; ties in time keep the order given.

    Attributes:
        arrivals: seconds; not read for requests that wait for a previous one.
        prompt: input tokens, at least 1.
        output: output tokens; 0 counts as 1, since a step is needed all the same.
        cached: leading prompt tokens that need not be computed; null for none.
        replica: replica that must serve it, or -1 for the policy's; null for all -1.
        previous: closed loop: the request (by position) whose end starts this one, or -1; null
            for an open loop.
        think_seconds: seconds between that end and the arrival of this one. With `clients` also
            the seconds between the end of a client's last session and the next session's start.
    """

    arrivals: Floats
    prompt: Ints
    output: Ints
    cached: Ints | None = None
    replica: Ints | None = None
    previous: Ints | None = None
    think_seconds: Floats | None = None

    @property
    def count(self) -> int:
        """Number of requests."""
        return len(self.arrivals)


@dataclass(frozen=True)
class Served:
    """What became of the work.

    Attributes:
        arrived, admitted, first_token, ended: seconds; arrival is the simulated one in a closed
            loop, admission the first one of a preempted request.
        replica: replica that served it.
        preemptions: times that it was put back and computed again.
        cached_tokens: prompt tokens read from a prefix cache at its first admission.
        busy_seconds: per replica, seconds in a step.
        running_seconds, kv_token_seconds: per replica, requests running and tokens in KV at the
            beginning of a step, times its seconds.
        steps, prefill_steps, prefill_tokens: per replica; prefill includes what was recomputed.
    """

    arrived: Floats
    admitted: Floats
    first_token: Floats
    ended: Floats
    replica: Ints
    preemptions: Ints
    cached_tokens: Ints
    busy_seconds: Floats
    running_seconds: Floats
    kv_token_seconds: Floats
    steps: Ints
    prefill_steps: Ints
    prefill_tokens: Ints = field(repr=False)

    @property
    def queue_seconds(self) -> Floats:
        """From arrival to first admission."""
        return self.admitted - self.arrived

    @property
    def ttft_seconds(self) -> Floats:
        """From arrival to first token."""
        return self.first_token - self.arrived

    @property
    def e2e_seconds(self) -> Floats:
        """From arrival to last token."""
        return self.ended - self.arrived

    @property
    def mean_running(self) -> Floats:
        """Mean batch while busy, per replica; NaN where a replica was never busy."""
        busy = self.busy_seconds > 0
        return np.where(busy, self.running_seconds / np.where(busy, self.busy_seconds, 1), np.nan)

    def tpot_seconds(self, output: Ints) -> Floats:
        """Seconds per token after the first; NaN under two tokens."""
        more = output - 1
        decode = self.ended - self.first_token
        return np.where(more > 0, decode / np.maximum(more, 1), np.nan)


def simulate(
    work: Work,
    law: StepLaw,
    limits: Limits,
    replicas: int = 1,
    policy: Policy = "least_loaded",
    clients: int | None = None,
) -> Served:
    """Serve requests on identical replicas.

    Args:
        work: the requests.
        law: seconds of a step.
        limits: what one replica can hold.
        replicas: number of replicas.
        policy: how requests without a replica of their own find one.
        clients: fixed number of clients, each of which runs one session (a request and the turns
            that follow it) after another; null for no such limit.

    Returns:
        Times of each request and sums of each replica.

    Raises:
        ValueError: work or limits that no replica can serve; the message names the field.
    """
    _check(work, limits, replicas, clients)
    requests, states = _requests(work), new_replicas(replicas)
    engine = new_engine(_coefficients(law), _bounds(limits), requests, states)
    router = Router(POLICIES[policy], np.zeros(1, dtype=np.int64))
    run(engine, router, _coming(work, clients))
    return _served(requests, states)


def _requests(work: Work) -> NDArray[np.void]:
    """Records of the work, with the turns that follow each request."""
    records = new_requests(work.count)
    records["arrived"], records["prompt"], records["output"] = (
        work.arrivals,
        work.prompt,
        work.output,
    )
    for name, column in (("replica", work.replica), ("think", work.think_seconds)):
        if column is not None:
            records[name] = column
    if work.cached is not None:
        records["cached"] = np.minimum(work.cached, work.prompt - 1)
    records["left"] = records["prompt"] - records["cached"]
    if work.previous is not None:
        # From the last to the first, so that several turns after one end keep their order.
        for row in np.flatnonzero(work.previous >= 0)[::-1]:
            before = work.previous[row]
            records["sibling"][row] = records["child"][before]
            records["child"][before] = row
    return records


def _coming(work: Work, clients: int | None) -> Coming:
    """Requests that wait for no other, in order of arrival, and an empty heap for the others."""
    roots = np.arange(work.count) if work.previous is None else np.flatnonzero(work.previous < 0)
    roots = roots[np.argsort(work.arrivals[roots], kind="stable")]
    position = np.zeros(1, dtype=POSITION)
    position["opening"] = position["issued"] = min(len(roots), clients or len(roots))
    room = work.count + 1 - len(roots) if clients is None else work.count + 1
    return Coming(roots, np.empty(room), np.empty(room, dtype=np.int64), referenced(position))


def _coefficients(law: StepLaw) -> Coefficients:
    return Coefficients(
        float(law.base),
        float(law.per_running),
        float(law.per_kv_token),
        float(law.per_prefill_token),
        float(law.with_prefill),
        float(law.per_longest),
        int(law.longest_from),
    )


def _bounds(limits: Limits) -> Bounds:
    return Bounds(
        limits.max_num_seqs,
        NEVER if limits.token_budget is None else limits.token_budget,
        NEVER if limits.kv_blocks is None else limits.kv_blocks,
        limits.block_tokens,
        limits.admission_lag_steps,
    )


def _served(requests: NDArray[np.void], replicas: NDArray[np.void]) -> Served:
    return Served(
        arrived=requests["arrived"],
        admitted=requests["admitted"],
        first_token=requests["first_token"],
        ended=requests["ended"],
        replica=requests["replica"].astype(np.int64),
        preemptions=requests["preemptions"].astype(np.int64),
        cached_tokens=requests["cached"].astype(np.int64),
        busy_seconds=replicas["busy"],
        running_seconds=replicas["running"],
        kv_token_seconds=replicas["kv_seconds"],
        steps=replicas["all_steps"],
        prefill_steps=replicas["prefill_steps"],
        prefill_tokens=replicas["prefill_tokens"],
    )


def _check(work: Work, limits: Limits, replicas: int, clients: int | None) -> None:
    _at_least("replicas", replicas, 1)
    _at_least("clients", 1 if clients is None else clients, 1)
    for name in ("prompt", "output", "cached", "replica", "previous", "think_seconds"):
        column = getattr(work, name)
        if column is not None and len(column) != work.count:
            raise ValueError(f"{name} has {len(column)} entries for {work.count} arrivals")
    if work.count:
        _check_values(work, replicas)
        _check_memory(work, limits)


def _check_values(work: Work, replicas: int) -> None:
    if not np.isfinite(work.arrivals).all():
        raise ValueError("arrivals must be finite")
    _at_least("prompt", int(work.prompt.min()), 1)
    _at_least("output", int(work.output.min()), 0)
    if work.cached is not None:
        _at_least("cached", int(work.cached.min()), 0)
    if work.replica is not None and int(work.replica.max()) >= replicas:
        raise ValueError(f"replica {int(work.replica.max())} named, but there are {replicas}")
    if work.think_seconds is not None and not (work.think_seconds >= 0).all():
        raise ValueError("think_seconds must be 0 or more")
    if work.previous is not None and (work.previous >= np.arange(work.count)).any():
        raise ValueError("previous must name an earlier row")


def _check_memory(work: Work, limits: Limits) -> None:
    if limits.kv_blocks is None:
        return
    most = int((work.prompt + np.maximum(work.output, 1) - 1).max())
    if -(-most // limits.block_tokens) > limits.kv_blocks:
        raise ValueError(
            f"kv_blocks: {limits.kv_blocks} blocks of {limits.block_tokens} tokens cannot "
            f"hold a request of {most} tokens"
        )


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
