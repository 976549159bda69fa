"""How long a run's mean step took, and how long another run of the deployment lets it take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenworks.replay.calibration.runs import RunLog

#: Times longer per step than another run of the deployment leads to expect at most.
FAR_TOO_SLOW = 1.5


@dataclass(frozen=True)
class Load:
    """What a run carried in its mean step, and the seconds of that step."""

    running: float
    kv: float
    prefill: float
    seconds: float

    @classmethod
    def of(cls, run: RunLog) -> Load:
        """Means over the requests of more than one token."""
        rows = run.usable & (run.output > 1)
        decoding = (run.e2e - run.ttft)[rows]
        steps = float((run.output[rows] - 1).sum())
        span = float(run.ends[rows].max() - run.arrivals[rows].min()) if rows.any() else 0.0
        if not span or not decoding.sum():
            return cls(0.0, 0.0, 0.0, 0.0)
        context = run.input[rows] + run.output[rows] / 2
        running = float(decoding.sum()) / span
        return cls(
            running=running,
            kv=float((decoding * context).sum()) / span,
            prefill=running * float(run.uncached[rows].sum()) / steps,
            seconds=float(decoding.sum()) / steps,
        )

    def bound(self, other: Load) -> float:
        """Longest step that is to be expected here if the other run is as it should be.

        A step that grows linearly from a floor takes at most x times as long at x times the load.
        """
        if not other.seconds:
            return float("inf")
        times = [
            mine / theirs
            for mine, theirs in (
                (self.running, other.running),
                (self.kv, other.kv),
                (self.prefill, other.prefill),
            )
            if theirs > 0
        ]
        return other.seconds * max(1.0, *times)


def far_too_slow(run: RunLog, trusted: Sequence[RunLog]) -> tuple[str, ...]:
    """Why a run is too slow: its step took much longer than another run of its deployment allows.

    Args:
        run: the run.
        trusted: runs that nothing else speaks against.
    """
    if not run.count:
        return ()
    mine = Load.of(run)
    bounds = [
        (mine.bound(Load.of(other)), other.name)
        for other in trusted
        if other.deployment == run.deployment and other.name != run.name
    ]
    bound, name = min(bounds, default=(float("inf"), ""))
    if mine.seconds <= FAR_TOO_SLOW * bound:
        return ()
    took = f"{1e3 * mine.seconds:.0f} ms a token with {mine.running:.0f} running"
    expected = f"{name} leads to expect at most {1e3 * bound:.0f} ms"
    return (f"{took}, where {expected}: something outside held it back",)
