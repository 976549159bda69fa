"""Which runs may be learnt from, and why the others may not.

A log says what its own client did; the engine may have served others at the same time, may have
been hindered by something outside it, or may not be the one that served the log at all. Each run
is held against what its engine counted meanwhile, and against the other runs of the same
deployment. A refusal is a sentence with numbers; nothing is repaired silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.pace import far_too_slow
from tokenworks.replay.calibration.runs import EngineSeries, Floats, RunLog
from tokenworks.replay.serving import loops

#: Fewest usable requests of a run.
LEAST_REQUESTS = 30
#: Largest share of requests that failed.
MOST_FAILED = 0.05
#: Largest relative difference between log and engine: in flight, output and prompt tokens.
MOST_APART = 0.10
#: Least share of the log's time that the scrapes must cover.
LEAST_COVERED = 0.5


@dataclass(frozen=True)
class Screened:
    """What the screen found in one run.

    Attributes:
        name: the run.
        reasons: why it may not be learnt from; empty where it may.
        in_flight_ratio: requests in flight at the engine over those of the log.
        output_ratio, prompt_ratio: tokens that the engine counted over those of the log.
        is_closed_loop: whether the number in flight is held constant; null where unknown.
        warnings: what is odd but harmless.
    """

    name: str
    reasons: tuple[str, ...]
    in_flight_ratio: float | None = None
    output_ratio: float | None = None
    prompt_ratio: float | None = None
    is_closed_loop: bool | None = None
    warnings: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether the run may be learnt from."""
        return not self.reasons


def screen(runs: Sequence[RunLog]) -> dict[str, Screened]:
    """Screen the runs of one deployment or of several, by name."""
    alone = {run.name: _alone(run) for run in runs}
    twins = _twins(runs)
    trusted = [run for run in runs if run.count and alone[run.name].accepted]
    return {
        run.name: Screened(
            **{
                **vars(alone[run.name]),
                "reasons": (
                    *alone[run.name].reasons,
                    *twins.get(run.name, ()),
                    *far_too_slow(run, trusted),
                ),
            }
        )
        for run in runs
    }


def _alone(run: RunLog) -> Screened:
    usable = int(run.usable.sum())
    reasons: list[str] = []
    if not run.count:
        return Screened(
            run.name, ("the log of the requests is absent: only the engine's counters",)
        )
    failed = float(run.failed.mean())
    if failed > MOST_FAILED:
        reasons.append(f"{int(run.failed.sum())} of {run.count} requests failed ({failed:.0%})")
    if usable < LEAST_REQUESTS:
        reasons.append(f"only {usable} requests have known times and a whole answer")
    closed = is_closed_loop(run)
    if run.series is None:
        return Screened(
            run.name,
            tuple(reasons),
            is_closed_loop=closed,
            warnings=("no scrapes of the engine: traffic beside the log would go unseen",),
        )
    ratios = _against_engine(run, run.series)
    reasons += ratios.reasons
    return Screened(
        run.name,
        tuple(reasons),
        ratios.in_flight,
        ratios.output,
        ratios.prompt,
        closed,
        ratios.warnings,
    )


@dataclass(frozen=True)
class _Ratios:
    in_flight: float | None
    output: float | None
    prompt: float | None
    reasons: list[str]
    warnings: tuple[str, ...]


def _against_engine(run: RunLog, series: EngineSeries) -> _Ratios:
    start, end = float(series.seconds[0]), float(series.seconds[-1])
    last = float(np.nanmax(run.ends, initial=0.0))
    covered = max(0.0, min(end, last) - max(start, 0.0)) / max(last, 1e-9)
    reasons = []
    if covered < LEAST_COVERED:
        reasons.append(f"the scrapes cover {covered:.0%} of the log's time")
    if any(_falls(counter) for counter in (series.generation_tokens, series.prompt_tokens)):
        reasons.append("a counter of the engine falls: it was restarted during the run")
    in_flight = _ratio(_held(series), _in_flight_seconds(run, start, end))
    output = _ratio(_grown(series.generation_tokens), _emitted(run, start, end))
    firsts = run.arrivals + np.nan_to_num(run.ttft)
    asked = run.input[(firsts > start) & (firsts <= end)].sum()
    prompt = _ratio(_grown(series.prompt_tokens), float(asked))
    reasons += [
        _apart(what, ratio)
        for what, ratio in (
            ("requests in flight", in_flight),
            ("output tokens", output),
            ("prompt tokens", prompt),
        )
        if ratio is None or abs(ratio - 1) > MOST_APART
    ]
    preempted = _grown(series.preempted)
    warnings = (f"KV ran full: {preempted:.0f} preemptions",) if preempted > 0 else ()
    return _Ratios(in_flight, output, prompt, reasons, warnings)


def _apart(what: str, ratio: float | None) -> str:
    if ratio is None:
        return f"the log or the engine counts no {what}"
    if ratio > 1:
        return f"the engine counts {ratio:.2f} times the log's {what}: traffic that the log hides"
    return f"the engine counts {ratio:.2f} of the log's {what}: it did not serve all of it"


def _ratio(above: float, below: float) -> float | None:
    return above / below if below > 0 else None


def _falls(counter: Floats) -> bool:
    return bool((np.diff(counter) < 0).any())


def _grown(counter: Floats) -> float:
    return float(counter[-1] - counter[0])


def _held(series: EngineSeries) -> float:
    """Request-seconds in flight at the engine, by trapezoids."""
    held = series.running + series.waiting
    return float(((held[1:] + held[:-1]) / 2 * np.diff(series.seconds)).sum())


def _in_flight_seconds(run: RunLog, start: float, end: float) -> float:
    known = np.isfinite(run.e2e)
    inside = np.minimum(run.ends[known], end) - np.maximum(run.arrivals[known], start)
    return float(np.maximum(inside, 0.0).sum())


def _emitted(run: RunLog, start: float, end: float) -> float:
    """Output tokens between two moments, each request's evenly from first token to end.

    Where the first token is unknown, from arrival.
    """
    known = np.isfinite(run.e2e)
    first, last = (run.arrivals + np.nan_to_num(run.ttft))[known], run.ends[known]
    inside = np.minimum(last, end) - np.maximum(first, start)
    length = np.maximum(last - first, 1e-9)
    return float((run.output[known] * np.clip(inside / length, 0.0, 1.0)).sum())


def is_closed_loop(run: RunLog) -> bool | None:
    """Whether the run's clients waited for answers, by the number that they held in flight."""
    return loops.is_closed_loop(run.arrivals, run.ends)


def _twins(runs: Sequence[RunLog]) -> dict[str, tuple[str, ...]]:
    """Runs whose scrapes or requests are another run's: at most one can be what it claims."""
    seen: dict[bytes, list[str]] = {}
    for run in runs:
        for marks in _marks(run):
            seen.setdefault(marks, []).append(run.name)
    found: dict[str, set[str]] = {}
    for names in seen.values():
        for name in names:
            found.setdefault(name, set()).update(set(names) - {name})
    return {
        name: (f"its records are those of {', '.join(sorted(others))} under another name",)
        for name, others in found.items()
        if others
    }


def _marks(run: RunLog) -> list[bytes]:
    marks = []
    if run.count:
        marks.append(b"log" + run.e2e.tobytes() + run.input.tobytes())
    if run.series is not None and len(run.series.seconds) > 1:
        marks.append(b"series" + run.series.generation_tokens.tobytes())
    return marks
