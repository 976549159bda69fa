"""Continuous batching by the step law, exactly and fast.

One step of a replica that runs `running` requests takes

    base + per_running * running + per_kv_token * kv_tokens
    + per_prefill_token * prefill tokens of the step + with_prefill [a prefill is in the step]
    + per_longest * (longest context [running >= longest_from],
                     else min(longest context, kv_tokens / (longest_from - running / 2)))

`kv_tokens` and the longest context are those whose keys and values the requests of the step held
when it began, tokens read from a prefix cache included; a request that enters counts as running.
Every request gets its next token when the step ends, a prefilling one its first token with the
last of its prefill tokens. What enters a step is told in `batch_kernel`. At least one prompt
token is always computed, as engines do, whatever the cache holds.

    served = simulate(work, StepLaw(base=0.02, per_running=1e-4), Limits(max_num_seqs=64))
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.engine_input import (
    bounds_of,
    caches_of,
    check,
    coefficients_of,
    coming_of,
    requests_of,
    router_of,
    scaler_of,
)
from tokenworks.replay.serving.engine_state import new_engine, new_replicas
from tokenworks.replay.serving.step_kernel import run
from tokenworks.replay.serving.work import (
    Autoscale,
    Limits,
    PrefixCaches,
    Routing,
    StepLaw,
    Work,
)

__all__ = [
    "Autoscale",
    "Limits",
    "PrefixCaches",
    "Routing",
    "Served",
    "StepLaw",
    "Work",
    "simulate",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Served:
    """What became of the work.

    Attributes:
        arrived, admitted, first_token, ended: seconds; arrival is the simulated one in a closed
            loop, admission the first one of a preempted request.
        replica: replica that served it; -1 where it was turned away, without admission, first
            token and end.
        preemptions: times that it was put back and computed again.
        cached_tokens: prompt tokens that it did not compute at its first admission.
        cached_blocks: with prefix caches, leading blocks of its prompt that the cache held.
        busy_seconds: per replica, seconds in a step.
        running_seconds, kv_token_seconds: per replica, requests running and tokens in KV at the
            beginning of a step, times its seconds.
        steps, prefill_steps, prefill_tokens: per replica; prefill includes what was recomputed.
        on_seconds: per replica, seconds that it was on, from the first arrival to the last end;
            cold starts included.
        cold_starts: per replica.
    """

    arrived: Floats
    admitted: Floats
    first_token: Floats
    ended: Floats
    replica: Ints
    preemptions: Ints
    cached_tokens: Ints
    cached_blocks: Ints
    busy_seconds: Floats
    running_seconds: Floats
    kv_token_seconds: Floats
    steps: Ints
    prefill_steps: Ints
    prefill_tokens: Ints
    on_seconds: Floats
    cold_starts: Ints = field(repr=False)

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
    replicas: int | Autoscale = 1,
    *,
    routing: Routing | None = None,
    caches: PrefixCaches | None = None,
    clients: int | None = None,
) -> Served:
    """Serve requests on identical replicas.

    Args:
        work: the requests.
        law: seconds of a step.
        limits: what one replica can hold.
        replicas: number of replicas, or how it follows the load.
        routing: how requests without a replica of their own find one; null for the least loaded.
        caches: prefix caches of the replicas; null where the work's cached tokens are given.
        clients: fixed number of clients, each of which runs one session (a request and the turns
            that follow it) after another; null for no such limit.

    Returns:
        Times of each request and sums of each replica.

    Raises:
        ValueError: work or limits that no replica can serve; the message names the field.
    """
    most = replicas if isinstance(replicas, int) else replicas.highest
    check(work, limits, replicas, clients)
    start = float(work.arrivals.min()) if work.count else 0.0
    first = most if isinstance(replicas, int) else replicas.lowest
    requests, states = requests_of(work), new_replicas(most, first, start)
    routing = routing or Routing()
    prefixes = caches_of(caches, work, routing, most)
    engine = new_engine(coefficients_of(law), bounds_of(limits), requests, states)
    coming = coming_of(work, clients)
    router, scaler = router_of(routing, work), scaler_of(replicas, start)
    run(engine, router, prefixes, scaler, coming, np.inf)
    return served_of(requests, states, prefixes.runs)


def served_of(requests: NDArray[np.void], replicas: NDArray[np.void], runs: Ints) -> Served:
    """What the records say; of replicas that are still on until the last end."""
    end = np.fmax.reduce(requests["ended"], initial=-np.inf)
    still_on = np.where(np.isnan(replicas["on_since"]), 0.0, end - replicas["on_since"])
    return Served(
        arrived=requests["arrived"],
        admitted=requests["admitted"],
        first_token=requests["first_token"],
        ended=requests["ended"],
        replica=requests["replica"].astype(np.int64),
        preemptions=requests["preemptions"].astype(np.int64),
        cached_tokens=requests["cached"].astype(np.int64),
        cached_blocks=runs,
        busy_seconds=replicas["busy"],
        running_seconds=replicas["running"],
        kv_token_seconds=replicas["kv_seconds"],
        steps=replicas["all_steps"],
        prefill_steps=replicas["prefill_steps"],
        prefill_tokens=replicas["prefill_tokens"],
        on_seconds=replicas["on_seconds"] + np.maximum(still_on, 0.0),
        cold_starts=replicas["cold_starts"],
    )
