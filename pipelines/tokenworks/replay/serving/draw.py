"""Power from load: what replicas draw while they are on, and what their work adds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ByBusyTime:
    """Idle watts while on, and the rest up to the peak while a step runs."""

    idle_watts: float
    peak_watts: float

    def joules(self, on_seconds: float, busy_seconds: float) -> tuple[float, float]:
        """Idle energy, and what work adds, of replica-seconds on and in a step."""
        above = self.peak_watts - self.idle_watts
        return self.idle_watts * on_seconds, above * busy_seconds


@dataclass(frozen=True)
class ByTokens:
    """Idle watts while on, and an energy per token computed and made."""

    idle_watts: float
    joules_per_prefill_token: float
    joules_per_output_token: float

    def joules(
        self, on_seconds: float, prefill_tokens: int, output_tokens: int
    ) -> tuple[float, float]:
        """Idle energy, and what work adds; tokens that are computed again count again."""
        prefill = self.joules_per_prefill_token * prefill_tokens
        return self.idle_watts * on_seconds, prefill + self.joules_per_output_token * output_tokens
