"""What the engines of a deployment did, summed over its replicas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.concurrency import Occupancy
from tokenworks.replay.serving.disaggregation import ServedApart
from tokenworks.replay.serving.steps import Served

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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


def held_tokens(prompt: Ints, output: Ints) -> Ints:
    """Tokens that each request holds while it decodes: its prompt and half its answer."""
    return prompt + output // 2


def engines_of(served: Served, prompt: Ints, output: Ints) -> Engines:
    """Of one deployment, whose attempts have these tokens."""
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


def engines_apart(apart: ServedApart, prompt: Ints, output: Ints) -> Engines:
    """Of both pools together: what is held at once is that of the fuller one."""
    decoded = apart.decoded
    prefill = engines_of(apart.prefill, prompt, np.minimum(output, 1))
    decode = engines_of(apart.decode, prompt[decoded], output[decoded] - 1)
    return Engines(
        running_p99=max(prefill.running_p99, decode.running_p99),
        kv_tokens_p99=max(prefill.kv_tokens_p99, decode.kv_tokens_p99),
        on_seconds=prefill.on_seconds + decode.on_seconds,
        busy_seconds=prefill.busy_seconds + decode.busy_seconds,
        prefill_tokens=prefill.prefill_tokens + decode.prefill_tokens,
        output_tokens=prefill.output_tokens + decode.output_tokens,
    )
