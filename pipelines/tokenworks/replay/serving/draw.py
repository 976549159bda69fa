"""Power from load: what replicas draw while they are on, and while they work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.steps import Served

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ByBusyTime:
    """Idle watts while on, and the rest up to the peak while a step runs, per replica."""

    idle_watts: float
    peak_watts: float

    def joules(self, served: Served) -> Floats:
        """Of each replica."""
        above = self.peak_watts - self.idle_watts
        joules: Floats = self.idle_watts * served.on_seconds + above * served.busy_seconds
        return joules


@dataclass(frozen=True)
class ByTokens:
    """Idle watts while on, and an energy per token computed and made, per replica."""

    idle_watts: float
    joules_per_prefill_token: float
    joules_per_output_token: float

    def joules(self, served: Served, output_tokens: NDArray[np.int64]) -> Floats:
        """Of each replica; tokens that were computed again after a preemption count again."""
        ended = served.replica >= 0
        made = np.bincount(
            served.replica[ended],
            weights=output_tokens[ended],
            minlength=len(served.on_seconds),
        )
        joules: Floats = (
            self.idle_watts * served.on_seconds
            + self.joules_per_prefill_token * served.prefill_tokens
            + self.joules_per_output_token * made
        )
        return joules
