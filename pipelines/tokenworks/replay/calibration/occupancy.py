"""What ran beside each request of a run: requests, their tokens in KV, the longest context.

A log tells when a request gave its first token and when it ended, so that its context at any
moment between lies on a line. The sums over all requests are kept on a grid of equal cells. Not
here: what a step costs (`step_law.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.runs import Floats, Ints, RunLog

#: Cells of the grid; enough that a cell is shorter than a few steps of any run seen.
MOST_CELLS = 60_000
LEAST_CELL = 0.05
#: First tokens closer than this came from one step.
ONE_STEP_SECONDS = 0.003


@dataclass(frozen=True)
class Occupancy:
    """State of the engine as the log implies it, on a grid.

    Attributes:
        edges: borders of the cells, in seconds.
        running: requests that decode.
        kv: tokens that they hold.
        longest: longest context among them.
        first_tokens: sorted moments of first tokens, with the uncached tokens before each and
            the steps that held a prefill.
    """

    edges: Floats
    running: Floats
    kv: Floats
    longest: Floats
    first_tokens: Floats
    prefilled: Floats
    prefill_steps: Floats

    @classmethod
    def of(cls, log: RunLog, token_budget: int | None) -> Occupancy:
        """Occupancy from every request whose times are known."""
        known = np.flatnonzero(np.isfinite(log.ttft) & np.isfinite(log.e2e) & (log.output > 0))
        first = (log.arrivals + log.ttft)[known]
        end = log.ends[known]
        cell = max(LEAST_CELL, float(end.max(initial=1.0)) / MOST_CELLS)
        edges: Floats = np.arange(int(end.max(initial=1.0) / cell) + 3, dtype=np.float64) * cell
        cells = len(edges) - 1
        middle: Floats = edges[:-1] + cell / 2
        low, high = (
            np.clip(np.ceil((moment - cell / 2) / cell), 0, cells).astype(np.int64)
            for moment in (first, end)
        )
        pace = np.where(end > first, log.output[known] / np.maximum(end - first, 1e-9), 0.0)
        origin = log.input[known] - pace * first
        running = _covered(low, high, np.ones(len(known)), cells)
        kv = _covered(low, high, origin, cells) + _covered(low, high, pace, cells) * middle
        order = np.argsort(first, kind="stable")
        uncached = log.uncached[known][order]
        chunks = np.ceil(uncached / token_budget) if token_budget else np.ones(len(order))
        fresh = np.concatenate([[True], np.diff(first[order]) > ONE_STEP_SECONDS])[: len(order)]
        steps = np.where(fresh, np.maximum(chunks, 1.0), np.maximum(chunks - 1.0, 0.0))
        return cls(
            edges=edges,
            running=np.round(running),
            kv=np.maximum(kv, 0.0),
            longest=_longest(low, high, origin, pace, middle),
            first_tokens=first[order],
            prefilled=np.concatenate([[0.0], np.cumsum(uncached)]),
            prefill_steps=np.concatenate([[0.0], np.cumsum(steps)]),
        )

    def spread_load(self, longest_from: int) -> Floats:
        """Tokens that the busiest of `longest_from` equal workers reads in a step.

        From `longest_from` requests on each request has one worker, and the longest context
        decides. Below, contexts are cut so that the workers share them: about
        kv / (longest_from - running / 2), since each request leaves half a worker idle.
        """
        shared = self.kv / np.maximum(longest_from - self.running / 2, 0.5)
        return np.where(
            self.running >= longest_from, self.longest, np.minimum(shared, self.longest)
        )

    def mean(self, values: Floats, starts: Floats, ends: Floats) -> Floats:
        """Mean of a grid over each interval."""
        sums = np.concatenate([[0.0], np.cumsum(values * np.diff(self.edges))])
        inside = np.interp(ends, self.edges, sums) - np.interp(starts, self.edges, sums)
        mean: Floats = inside / np.maximum(ends - starts, 1e-9)
        return mean

    def prefill_within(self, starts: Floats, ends: Floats) -> tuple[Floats, Floats]:
        """Uncached tokens, and steps with a prefill, whose first token falls in (start, end]."""
        low, high = (
            np.searchsorted(self.first_tokens, moment, side="right") for moment in (starts, ends)
        )
        return (
            self.prefilled[high] - self.prefilled[low],
            self.prefill_steps[high] - self.prefill_steps[low],
        )


def _covered(low: Ints, high: Ints, weights: Floats, cells: int) -> Floats:
    changes = np.zeros(cells + 1)
    np.add.at(changes, low, weights)
    np.add.at(changes, high, -weights)
    covered: Floats = np.cumsum(changes)[:cells]
    return covered


def _longest(low: Ints, high: Ints, origin: Floats, pace: Floats, middle: Floats) -> Floats:
    longest = np.zeros(len(middle))
    for row in range(len(low)):
        part = slice(low[row], high[row])
        np.maximum(longest[part], origin[row] + pace[row] * middle[part], out=longest[part])
    return longest
