"""Prefill and decode on replicas of their own, with the keys and values sent between them.

The prefill pool computes the prompt and makes the first token; the request then travels for as
long as its keys and values take, and enters the decode pool with its prompt already computed.
Open loop only: turns that wait for an answer would have to pass through both pools in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.steps import (
    Autoscale,
    Limits,
    Routing,
    Served,
    StepLaw,
    Work,
    simulate,
)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pool:
    """Replicas of one kind."""

    law: StepLaw
    limits: Limits
    replicas: int | Autoscale = 1
    routing: Routing | None = None


@dataclass(frozen=True)
class Transfer:
    """Seconds that the keys and values of a prompt travel."""

    base_seconds: float = 0.0
    seconds_per_token: float = 0.0


@dataclass(frozen=True)
class ServedApart:
    """What became of the work.

    Attributes:
        arrived, first_token, ended: seconds; the first token comes from the prefill pool.
        transfer_seconds: of each request, 0 where the first token was the last.
        prefill: the prefill pool, request by request.
        decode: the decode pool, for the requests at `decoded`, in that order.
        decoded: positions of the requests with more than one token.
    """

    arrived: Floats
    first_token: Floats
    ended: Floats
    transfer_seconds: Floats
    prefill: Served
    decode: Served
    decoded: NDArray[np.int64]


def serve_apart(work: Work, prefill: Pool, decode: Pool, transfer: Transfer) -> ServedApart:
    """Serve requests on a prefill and a decode pool.

    Args:
        work: the requests, in an open loop; a named replica is one of the prefill pool.
        prefill: computes prompts and first tokens.
        decode: makes the other tokens.
        transfer: what lies between them.

    Raises:
        ValueError: a closed loop, or requests that were turned away by the prefill pool.
    """
    if work.previous is not None and (work.previous >= 0).any():
        raise ValueError("previous: disaggregation is simulated in an open loop only")
    if prefill.limits.max_in_flight is not None:
        raise ValueError("max_in_flight: the prefill pool of a disaggregated fleet takes all")
    first = simulate(
        replace(work, output=np.minimum(work.output, 1)),
        prefill.law,
        prefill.limits,
        prefill.replicas,
        routing=prefill.routing,
    )
    decoded = np.flatnonzero(work.output > 1)
    travel = np.zeros(work.count)
    travel[decoded] = transfer.base_seconds + transfer.seconds_per_token * work.prompt[decoded]
    rest = Work(
        arrivals=(first.ended + travel)[decoded],
        prompt=work.prompt[decoded],
        output=work.output[decoded] - 1,
        session=None if work.session is None else work.session[decoded],
        prefilled=np.ones(len(decoded), dtype=np.bool_),
    )
    then = simulate(rest, decode.law, decode.limits, decode.replicas, routing=decode.routing)
    ended = first.ended.copy()
    ended[decoded] = then.ended
    return ServedApart(first.arrived, first.first_token, ended, travel, first, then, decoded)
