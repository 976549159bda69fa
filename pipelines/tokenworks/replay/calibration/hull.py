"""Where a law has been seen to hold, and what is said outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.occupancy import Occupancy
from tokenworks.replay.calibration.runs import Floats, RunLog
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.estimates.conformal import widening

#: Times the upper end of a calibrated range from which nothing is answered.
REFUSED_FROM = 2.5
#: Share of the busy time that a range leaves out at either end.
TAIL = 0.01

_MEASURE = {
    "running": "Serve up to {most:,.0f} requests at once for a while (raise max_num_seqs or send "
    "more load to one replica) and calibrate again; log running requests beside it.",
    "kv_tokens": "Let the batch hold up to {most:,.0f} tokens for a while and calibrate again; "
    "log KV usage beside it.",
    "input_tokens": "Log some requests of up to {most:,.0f} input tokens and calibrate again.",
}


@dataclass(frozen=True)
class Range:
    """From the lowest to the highest value that calibration has seen."""

    low: float
    high: float

    def ratio(self, value: float) -> float:
        """How far outside: 1 inside, value over high above, at most 2 below.

        Below, a law only leaves out what it has measured: at 0 as far out as at twice the top.
        """
        if value > self.high:
            return value / self.high if self.high > 0 else float("inf")
        if value < self.low:
            return 1.0 + (self.low - value) / self.low
        return 1.0


@dataclass(frozen=True)
class Hull:
    """Ranges of what a step may hold and of what a request may ask."""

    running: Range
    kv_tokens: Range
    input_tokens: Range

    def ratios(self, reached: Mapping[str, float]) -> dict[str, float]:
        """How far outside each named value lies."""
        return {name: getattr(self, name).ratio(value) for name, value in reached.items()}

    def widening(self, reached: Mapping[str, float]) -> float:
        """How much wider bands are, for the value that lies farthest outside."""
        return widening(max(self.ratios(reached).values(), default=1.0))

    def require(self, what: str, reached: Mapping[str, float]) -> None:
        """Refuse what lies too far outside.

        Args:
            what: what is answered, as the refusal names it: a deployment, a scenario.
            reached: values by the names of the ranges.

        Raises:
            LeverRefusedError: with the reason and what to measure or log.
        """
        for name, ratio in self.ratios(reached).items():
            if ratio >= REFUSED_FROM:
                known: Range = getattr(self, name)
                raise LeverRefusedError(
                    what,
                    f"{name} reaches {reached[name]:,.0f}, {ratio:.1f} times the {known.high:,.0f} "
                    f"that calibration has seen; from {REFUSED_FROM:g} times on nothing is "
                    "answered.",
                    _MEASURE[name].format(most=reached[name] / 1.2),
                )


def hull_of(runs: Sequence[RunLog]) -> Hull:
    """Ranges over the busy time of several runs, and over their requests."""
    running, kv = [], []
    for run in runs:
        beside = Occupancy.of(run, None)
        seconds = np.where(beside.running > 0, beside.seconds, 0.0)
        running.append(_ends(beside.running, seconds))
        kv.append(_ends(beside.kv, seconds))
    asked = np.concatenate([run.input[run.usable] for run in runs]).astype(np.float64)
    return Hull(
        running=Range(min(low for low, _ in running), max(high for _, high in running)),
        kv_tokens=Range(min(low for low, _ in kv), max(high for _, high in kv)),
        input_tokens=Range(float(asked.min()), float(asked.max())),
    )


def reached_by(run: RunLog) -> dict[str, float]:
    """What a run reaches in the ranges of a hull."""
    own = hull_of([run])
    return {name: getattr(own, name).high for name in ("running", "kv_tokens", "input_tokens")}


def _ends(values: Floats, seconds: Floats) -> tuple[float, float]:
    """Values that the busy time stays above, and below, but for a tail of it."""
    order = np.argsort(values, kind="stable")
    passed = np.cumsum(seconds[order]) / seconds.sum()
    low, high = np.searchsorted(passed, [TAIL, 1 - TAIL])
    return float(values[order][low]), float(values[order][min(high, len(order) - 1)])
