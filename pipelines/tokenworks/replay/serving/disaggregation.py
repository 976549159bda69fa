"""Prefill and decode on replicas of their own, with the keys and values sent between them.

The prefill pool computes the prompt and makes the first token; the request then travels for as
long as its keys and values take, and enters the decode pool with its prompt already computed.
Open loop only: turns that wait for an answer would have to pass through both pools in turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.busy import Runs
from tokenworks.replay.serving.steps import (
    Autoscale,
    Limits,
    Routing,
    Served,
    StepLaw,
    Work,
    simulate,
)
from tokenworks.replay.spool import kept

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
class Apart:
    """How a deployment is divided."""

    prefill: Pool
    decode: Pool
    transfer: Transfer


@dataclass(frozen=True)
class Handover:
    """Where attempts went on after their first token.

    Attributes:
        replica: of the decode pool, counted on from the prefill pool's; -1 for none.
        starts: seconds after the arrival at which their tokens begin there.
    """

    replica: Ints
    starts: Floats

    @classmethod
    def nowhere(cls, count: int) -> Handover:
        """Of attempts that all end where they began."""
        return cls(kept(np.full(count, -1, dtype=np.int64)), kept(np.full(count, np.nan)))

    def take(self, rows: Ints) -> Handover:
        """Those of some attempts."""
        return Handover(self.replica[rows], self.starts[rows])

    def occupied(self, runs: Runs, arrivals: Floats, first_token: Floats) -> Runs:
        """When replicas were busy: the run of what is handed over is cut in two.

        Args:
            runs: each attempt as a whole, at the replica of its prompt.
            arrivals: seconds.
            first_token: seconds after the arrival.
        """
        rows = np.flatnonzero(self.replica >= 0)
        cut = runs.ends.copy()
        cut[rows] = (arrivals + first_token)[rows]
        return Runs(
            np.concatenate([runs.deployment, runs.deployment[rows]]),
            np.concatenate([runs.replica, self.replica[rows]]),
            np.concatenate([runs.starts, (arrivals + self.starts)[rows]]),
            np.concatenate([np.maximum(cut, runs.starts), runs.ends[rows]]),
        )


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
    decoded: Ints

    @property
    def decoded_by(self) -> Ints:
        """Replica that made the other tokens, counted on from the prefill pool's; -1 for none."""
        replica = np.full(len(self.arrived), -1, dtype=np.int64)
        replica[self.decoded] = self.decode.replica + len(self.prefill.on_seconds)
        return replica

    @property
    def between_seconds(self) -> Floats:
        """From the first token to a place in the decode pool; 0 where the first was the last."""
        between = np.zeros(len(self.arrived))
        between[self.decoded] = self.decode.admitted - self.first_token[self.decoded]
        return between


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
