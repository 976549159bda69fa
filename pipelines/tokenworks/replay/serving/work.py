"""What the step engine is asked: the law of a step, the limits of a replica, the requests.

Belongs here: the shapes and what is wrong with them. How they are served lies in `steps.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.traffic.prompts import Prompts

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Policy = Literal["least_loaded", "round_robin", "session", "prefix", "power_of_two"]


@dataclass(frozen=True)
class StepLaw:
    """Seconds of one step; every coefficient at least 0.

    Attributes:
        base: per step (a).
        per_running: per request in the batch (b).
        per_kv_token: per token in KV of the batch (g).
        per_prefill_token: per prompt token computed (d).
        with_prefill: more when the step computes prompt tokens (e).
        per_longest: per token in KV that the busiest worker of attention reads (m).
        longest_from: such workers (s). From as many running requests on, each has one worker and
            the longest context decides; below, contexts are cut among the workers, of which each
            request leaves half a one idle: the smaller of the longest context and of
            kv_tokens / (longest_from - running / 2).
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
            at_least(name, getattr(self, name), 0)
        at_least("per_longest", self.per_longest, 0)
        at_least("longest_from", self.longest_from, 0)

    def seconds(
        self, running: Floats, kv_tokens: Floats, prefill_tokens: Floats, longest: Floats
    ) -> Floats:
        """Seconds of each step with the given load."""
        prefill = self.per_prefill_token * prefill_tokens + self.with_prefill * (prefill_tokens > 0)
        shared = kv_tokens / np.maximum(self.longest_from - running / 2, 0.5)
        load = np.where(running >= self.longest_from, longest, np.minimum(shared, longest))
        seconds: Floats = (
            self.base
            + self.per_running * running
            + self.per_kv_token * kv_tokens
            + prefill
            + self.per_longest * load
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
        max_in_flight: running and waiting from which on an arrival is turned away at once, so
            that it is never admitted and the turns after it come as if it had ended; null for no
            such limit.
    """

    max_num_seqs: int
    token_budget: int | None = None
    kv_blocks: int | None = None
    block_tokens: int = 16
    admission_lag_steps: Literal[0, 1] = 0
    max_in_flight: int | None = None

    def __post_init__(self) -> None:
        at_least("max_num_seqs", self.max_num_seqs, 1)
        at_least("block_tokens", self.block_tokens, 1)
        if self.token_budget is not None:
            at_least("token_budget", self.token_budget, self.max_num_seqs)
        if self.max_in_flight is not None:
            at_least("max_in_flight", self.max_in_flight, 1)
        if self.kv_blocks is not None:
            at_least("kv_blocks", self.kv_blocks, 1)
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
        session: number of each request's session, from 0 on, or -1; for routing by session.
        prefilled: its prompt has been computed elsewhere and has given the first token: it enters
            as a decoding request and makes `output` more tokens; null for none.
    """

    arrivals: Floats
    prompt: Ints
    output: Ints
    cached: Ints | None = None
    replica: Ints | None = None
    previous: Ints | None = None
    think_seconds: Floats | None = None
    session: Ints | None = None
    prefilled: NDArray[np.bool_] | None = None

    @property
    def count(self) -> int:
        """Number of requests."""
        return len(self.arrivals)


@dataclass(frozen=True)
class Routing:
    """How requests that name no replica find one; ties go round.

    Attributes:
        policy: least_loaded: fewest running and waiting. round_robin. session: where its last
            turn went, the least loaded for a first one. prefix: least prompt tokens to compute
            on the replica, plus its load. power_of_two: the less loaded of two drawn ones.
        request_tokens: with prefix, prompt tokens that one request in flight weighs. At 0 the
            load does not count, and one replica may get it all.
        seed: of the draws of power_of_two; request by request the same in every run.
    """

    policy: Policy = "least_loaded"
    request_tokens: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        at_least("request_tokens", self.request_tokens, 0)


@dataclass(frozen=True)
class PrefixCaches:
    """One LRU cache of prompt blocks per replica.

    Attributes:
        prompts: blocks of each request of the work, in its order. A request without blocks keeps
            the work's cached tokens and leaves the caches alone.
        capacity_blocks: blocks that one cache holds.
    """

    prompts: Prompts
    capacity_blocks: int

    def __post_init__(self) -> None:
        at_least("capacity_blocks", self.capacity_blocks, 1)


@dataclass(frozen=True)
class Autoscale:
    """How the number of replicas follows the load; see `scaling_kernel`.

    Attributes:
        lowest, highest: bounds; 0 scales to zero. It begins with `lowest`.
        target: requests per replica that are aimed at.
        counts: in_flight: load over target. waiting: replicas that have any request, and one
            more per `target` waiting.
        interval_seconds: between two looks.
        cold_start_seconds: from opening to serving; paid for.
        scale_down_delay_seconds: how long the load must ask for fewer before any goes.
    """

    lowest: int
    highest: int
    target: float
    counts: Literal["in_flight", "waiting"] = "in_flight"
    interval_seconds: float = 15.0
    cold_start_seconds: float = 0.0
    scale_down_delay_seconds: float = 300.0

    def __post_init__(self) -> None:
        at_least("lowest", self.lowest, 0)
        at_least("highest", self.highest, max(1, self.lowest))
        at_least("cold_start_seconds", self.cold_start_seconds, 0)
        at_least("scale_down_delay_seconds", self.scale_down_delay_seconds, 0)
        for name in ("target", "interval_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")


def at_least(name: str, value: float, least: float) -> None:
    """Refuse a value below its bound, and NaN."""
    if not value >= least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
