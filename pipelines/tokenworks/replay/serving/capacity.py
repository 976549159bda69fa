"""The capacity lever: other replicas, limits or scaling for a deployment, and what its idling is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tokenworks.replay.language.capacity import Capacity
from tokenworks.replay.serving.steps import Autoscale, Limits, Served


def limits_under(lever: Capacity, limits: Limits) -> Limits:
    """The limits that a scenario asks for; what it leaves out stays.

    A token budget that is not asked for grows with the batch where it would not hold a token of
    every request.
    """
    asked = {
        name: value
        for name in ("max_num_seqs", "token_budget", "kv_blocks", "max_in_flight")
        if (value := getattr(lever, name)) is not None
    }
    most = asked.get("max_num_seqs", limits.max_num_seqs)
    budget = asked.get("token_budget", limits.token_budget)
    if budget is not None:
        asked["token_budget"] = max(budget, most)
    return replace(limits, **asked)


def replicas_under(lever: Capacity, replicas: int) -> int | Autoscale:
    """The number of replicas that a scenario asks for, or how it follows the load."""
    if lever.scale_to_zero is not None:
        zero = lever.scale_to_zero
        return Autoscale(
            lowest=0,
            highest=lever.replicas or replicas,
            target=zero.requests_per_replica,
            interval_seconds=zero.interval_seconds,
            cold_start_seconds=zero.cold_start_seconds,
            scale_down_delay_seconds=zero.idle_seconds,
        )
    if lever.autoscale is not None:
        return Autoscale(**lever.autoscale.model_dump())
    return lever.replicas or replicas


@dataclass(frozen=True)
class Presence:
    """How long replicas were on, and for what.

    Attributes:
        on_seconds: replica-seconds paid for.
        busy_seconds: in a step.
        idle_seconds: on and not in a step, cold starts included.
        cold_starts: replicas that were started.
    """

    on_seconds: float
    busy_seconds: float
    idle_seconds: float
    cold_starts: int

    @classmethod
    def of(cls, served: Served) -> Presence:
        """Summed over the replicas of one deployment."""
        on, busy = float(served.on_seconds.sum()), float(served.busy_seconds.sum())
        return cls(on, busy, max(0.0, on - busy), int(np.sum(served.cold_starts)))
