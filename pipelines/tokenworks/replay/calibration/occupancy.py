"""What ran beside each request of a run: requests, their tokens in KV, the longest context.

A log tells when a request gave its first token and when it ended, so that its context at any
moment between lies on a line. Between two such moments nothing begins or ends: the sums over all
requests are kept for each of these cells, as of its middle. Not here: what a step costs
(`step_law.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.runs import Floats, Ints, RunLog
from tokenworks_sources.jit import kernel

#: First tokens closer than this came from one step.
ONE_STEP_SECONDS = 0.003


@dataclass(frozen=True)
class Occupancy:
    """State of the engine as the log implies it, by cells of time.

    Attributes:
        edges: borders of the cells, in seconds: every first token and every end.
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
        end = np.maximum(log.ends[known], first)
        edges: Floats = np.unique(np.concatenate([[0.0], first, end, [end.max(initial=0.0) + 1.0]]))
        cells = len(edges) - 1
        middle: Floats = (edges[:-1] + edges[1:]) / 2
        low, high = np.searchsorted(edges, first), np.searchsorted(edges, end)
        pace = np.where(end > first, log.output[known] / np.maximum(end - first, 1e-9), 0.0)
        running = _covered(low, high, np.ones(len(known)), cells)
        longest, kv = _contexts(low, high, log.input[known], pace, first, middle)
        order = np.argsort(first, kind="stable")
        uncached = log.uncached[known][order]
        chunks = np.ceil(uncached / token_budget) if token_budget else np.ones(len(order))
        fresh = np.concatenate([[True], np.diff(first[order]) > ONE_STEP_SECONDS])[: len(order)]
        steps = np.where(fresh, np.maximum(chunks, 1.0), np.maximum(chunks - 1.0, 0.0))
        return cls(
            edges=edges,
            running=np.round(running),
            kv=kv,
            longest=longest,
            first_tokens=first[order],
            prefilled=np.concatenate([[0.0], np.cumsum(uncached)]),
            prefill_steps=np.concatenate([[0.0], np.cumsum(steps)]),
        )

    @property
    def seconds(self) -> Floats:
        """Length of each cell."""
        lengths: Floats = np.diff(self.edges)
        return lengths

    def at(self, values: Floats, moments: Floats) -> Floats:
        """Value of the cell that each moment lies in; 0 before and after."""
        cell = np.searchsorted(self.edges, moments, side="right") - 1
        inside = (cell >= 0) & (cell < len(values))
        return np.where(inside, values[np.clip(cell, 0, len(values) - 1)], 0.0)

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


@kernel
def _contexts(
    low: Ints, high: Ints, prompt: Ints, pace: Floats, first: Floats, middle: Floats
) -> tuple[Floats, Floats]:
    """Longest context and sum of contexts in the middle of each cell."""
    longest, total = np.zeros(middle.size), np.zeros(middle.size)
    for row in range(low.size):
        for cell in range(low[row], high[row]):
            context = prompt[row] + pace[row] * (middle[cell] - first[row])
            longest[cell] = max(longest[cell], context)
            total[cell] += context
    return longest, total
