"""One run of one engine as calibration reads it: the requests, and what the engine counted.

A run is what served alone for a while under one configuration: a benchmark, a deployment-day.
Here belong the columns and what follows from them alone; reading files is `run_folder.py`, and
which runs may be learnt from is `screening.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.serving.loops import is_closed_loop

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class EngineLimits:
    """What the engine allows at once; null where neither configured nor inferred.

    Attributes:
        max_num_seqs: requests that may run in one step.
        token_budget: prefill and decode tokens of one step.
        kv_tokens: tokens that the KV cache holds.
    """

    max_num_seqs: int | None = None
    token_budget: int | None = None
    kv_tokens: int | None = None


@dataclass(frozen=True)
class EngineSeries:
    """Scrapes of one engine, on the clock of the run's requests.

    Attributes:
        seconds: moment of each scrape.
        running, waiting: requests.
        kv_ratio: share of the KV cache in use; NaN where unknown.
        prompt_tokens, computed_tokens, generation_tokens, prefix_hits, prefix_queries, finished,
            preempted: cumulative counters; computed tokens are prompt tokens not read from a cache.
    """

    seconds: Floats
    running: Floats
    waiting: Floats
    kv_ratio: Floats
    prompt_tokens: Floats
    computed_tokens: Floats
    generation_tokens: Floats
    prefix_hits: Floats
    prefix_queries: Floats
    finished: Floats
    preempted: Floats

    def shifted(self, seconds: float) -> EngineSeries:
        """The same scrapes on a clock that is `seconds` ahead."""
        return EngineSeries(**{**vars(self), "seconds": self.seconds + seconds})


@dataclass(frozen=True)
class RunLog:
    """Requests of one run in order of arrival.

    Attributes:
        name: what the run is called in reports.
        deployment: model, hardware and engine configuration, as one key; runs of one deployment
            share a law.
        arrivals: seconds since the first.
        ttft, e2e: seconds; NaN where unknown.
        input, output: tokens as the engine counts them.
        cached: input tokens that were found in the prefix cache.
        client: who waits for the answer before asking again; -1 where unknown.
        failed: requests that got no whole answer.
        counted: requests that may be learnt from; the others are load only. Null for all.
        limits: what the engine's configuration says.
        series: what the engine itself counted, if known.
        notes: what was assumed in reading, in words.
    """

    name: str
    arrivals: Floats
    ttft: Floats
    e2e: Floats
    input: Ints
    output: Ints
    cached: Ints
    client: Ints
    failed: Mask
    counted: Mask | None = None
    deployment: str = ""
    limits: EngineLimits = field(default_factory=EngineLimits)
    series: EngineSeries | None = None
    notes: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """Number of requests."""
        return len(self.arrivals)

    @property
    def ends(self) -> Floats:
        """When each request ended."""
        return self.arrivals + self.e2e

    @property
    def uncached(self) -> Ints:
        """Input tokens that had to be computed."""
        computed: Ints = np.maximum(self.input - self.cached, 0)
        return computed

    @property
    def tpot(self) -> Floats:
        """Seconds per output token after the first; NaN below 2 tokens."""
        steps = self.output - 1
        return np.where(steps > 0, (self.e2e - self.ttft) / np.maximum(steps, 1), np.nan)

    @property
    def usable(self) -> Mask:
        """Requests with known times and a whole answer."""
        known = np.isfinite(self.ttft) & np.isfinite(self.e2e) & (self.e2e > 0)
        usable: Mask = known & ~self.failed & (self.output > 0)
        return usable if self.counted is None else usable & self.counted

    def part(self, rows: Ints | Mask, name: str | None = None) -> RunLog:
        """The same run with fewer requests."""
        columns = ("arrivals", "ttft", "e2e", "input", "output", "cached", "client", "failed")
        chosen = {column: getattr(self, column)[rows] for column in columns}
        if self.counted is not None:
            chosen["counted"] = self.counted[rows]
        return replace(self, **chosen, name=name or self.name)

    @cached_property
    def previous(self) -> Ints:
        """Position of each client's earlier request, -1 for its first."""
        order = np.lexsort((self.arrivals, self.client))
        client = self.client[order]
        follows = (client[1:] == client[:-1]) & (client[1:] >= 0)
        previous = np.full(self.count, -1, dtype=np.int64)
        previous[order[1:][follows]] = order[:-1][follows]
        return previous

    @cached_property
    def think_seconds(self) -> Floats:
        """From the end of a client's earlier request to this one; NaN for its first.

        A client that overlaps itself gets a negative time.
        """
        gaps = self.arrivals - self.ends[self.previous]
        return np.where(self.previous >= 0, gaps, np.nan)

    @cached_property
    def waits_for_answers(self) -> bool:
        """Whether clients are known and wait: constant in flight, or none that overlaps itself."""
        if not (self.client >= 0).any():
            return False
        gaps = self.think_seconds[np.isfinite(self.think_seconds)]
        if not gaps.size or (gaps < 0).mean() > 0.01:
            return False
        steady = is_closed_loop(self.arrivals, self.ends) is not False
        return steady or bool((gaps < np.nanmedian(self.e2e)).mean() > 0.5)
