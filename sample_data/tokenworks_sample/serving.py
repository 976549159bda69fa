"""One engine replica: continuous batching by an affine step law.

Belongs here: what the engine does with requests. Routing, retries and outages are in `cluster`.

A step takes base + per_sequence x running + per_kv_token x context tokens + per_prefill_token x
uncached prompt tokens. Waiting prompts are prefilled one at a time, first come first served, in
chunks of the token budget; every running sequence gains one token per step. Between admissions and
completions the batch is constant, so a stretch of steps has a closed form. KV space for prompt and
answer is reserved on admission; there are no preemptions.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field

from tokenworks_sample.clock import QUARTER
from tokenworks_sample.histograms import NAMES, Histogram
from tokenworks_sample.power import watts
from tokenworks_sample.prefix_cache import PrefixCache
from tokenworks_sample.records import COUNTERS, Attempt, Scrape
from tokenworks_sample.world import BLOCK_TOKENS, Deployment, Replica


@dataclass
class Engine:
    """The state of one replica. `clock` is the end of the last step; joules are of one GPU."""

    replica: Replica
    deployment: Deployment
    state: str = "ready"
    clock: float = 0.0
    created: float = 0.0
    joules: float = 0.0
    busy: float = 0.0
    prefilling: float = 0.0
    steps: int = 0
    kv_tokens: int = 0
    reserved: int = 0
    next_mark: float = 0.0
    incoming: deque[Attempt] = field(default_factory=deque)
    waiting: deque[Attempt] = field(default_factory=deque)
    running: list[tuple[int, int, Attempt]] = field(default_factory=list)
    finished: list[Attempt] = field(default_factory=list)
    scrapes: list[Scrape] = field(default_factory=list)
    quarters: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cache = PrefixCache(self.deployment.kv_blocks)
        self.capacity = self.deployment.kv_blocks * BLOCK_TOKENS
        self.lifetime = dict.fromkeys(COUNTERS, 0)
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.restart(0.0)

    @property
    def load(self) -> int:
        """Requests that are on the replica."""
        return len(self.running) + len(self.waiting) + len(self.incoming)

    def earliest_end(self) -> float:
        """No request on the replica ends before this."""
        if self.waiting or self.incoming:
            return self.clock
        return self.clock + (self.running[0][0] - self.steps) * self.deployment.law.base

    def restart(self, at: float) -> None:
        """A fresh process: counters at zero, nothing cached."""
        self.created = at
        self.lifetime = self.totals()
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.histograms = {name: Histogram(name) for name in NAMES}
        self.cache.clear()

    def totals(self) -> dict[str, int]:
        """The counters over all processes of the replica."""
        return {name: self.lifetime[name] + self.counters[name] for name in COUNTERS}

    def drop_all(self) -> list[Attempt]:
        """Take away everything in flight, as a crash does."""
        for finish_step, _, attempt in self.running:
            attempt.generated = attempt.target - (finish_step - self.steps)
        lost = [*(item[2] for item in self.running), *self.waiting, *self.incoming]
        self.running.clear()
        self.waiting.clear()
        self.incoming.clear()
        self.kv_tokens = self.reserved = 0
        return sorted(lost, key=lambda attempt: attempt.number)

    def advance(self, until: float) -> None:
        """Run to `until`; the last step may end a little later."""
        while self.clock < until:
            while self.incoming and self.incoming[0].arrival <= self.clock:
                self.waiting.append(self.incoming.popleft())
            if self.waiting and self._fits(self.waiting[0]):
                self._prefill(self.waiting.popleft())
            elif self.running:
                limit = min(until, self.incoming[0].arrival) if self.incoming else until
                self._decode(limit)
            else:
                following = self.incoming[0].arrival if self.incoming else until
                target = min(until, following)
                self._spend(target, "empty" if self.state == "ready" else self.state, 0)

    def _fits(self, attempt: Attempt) -> bool:
        need = attempt.turn.input_tokens + attempt.target
        room = self.reserved + need <= self.capacity
        return len(self.running) < self.deployment.max_num_seqs and (room or not self.running)

    def _prefill(self, attempt: Attempt) -> None:
        law, batch, turn = self.deployment.law, len(self.running), attempt.turn
        hit = self.cache.leading_run(attempt.blocks) * BLOCK_TOKENS
        # At least one token is computed, so a prompt of whole blocks gives its last one up.
        attempt.cached = min(hit, (turn.input_tokens - 1) // BLOCK_TOKENS * BLOCK_TOKENS)
        self.cache.touch(attempt.blocks)
        uncached = turn.input_tokens - attempt.cached
        chunks = -(-uncached // self.deployment.max_num_batched_tokens)
        step = law.base + law.per_sequence * batch + law.per_kv_token * self.kv_tokens
        seconds = chunks * step + law.per_prefill_token * uncached
        attempt.scheduled = self.clock
        attempt.first = self.clock + seconds
        self.steps += chunks
        self.kv_tokens += batch * chunks + turn.input_tokens + 1
        self.reserved += turn.input_tokens + attempt.target
        self._count_prefill(attempt, uncached, batch, chunks, seconds)
        finish_step = self.steps + attempt.target - 1
        heapq.heappush(self.running, (finish_step, attempt.number, attempt))
        self._spend(attempt.first, "prefill", batch + 1)
        self._finish()

    def _count_prefill(
        self, attempt: Attempt, uncached: int, batch: int, chunks: int, seconds: float
    ) -> None:
        counters, histograms = self.counters, self.histograms
        counters["prompt_tokens"] += attempt.turn.input_tokens
        counters["prompt_tokens_cached"] += attempt.cached
        counters["prefix_cache_queries"] += attempt.turn.input_tokens
        counters["prefix_cache_hits"] += attempt.cached
        counters["generation_tokens"] += 1 + batch * chunks
        histograms["iteration_tokens_total"].observe(uncached + 1 + batch)
        if chunks > 1:
            histograms["iteration_tokens_total"].observe(batch, chunks - 1)
        if batch:
            histograms["inter_token_latency_seconds"].observe(seconds / chunks, batch * chunks)
        histograms["time_to_first_token_seconds"].observe(attempt.first - attempt.arrival)

    def _decode(self, limit: float) -> None:
        law, batch = self.deployment.law, len(self.running)
        most = self.running[0][0] - self.steps
        step = law.base + law.per_sequence * batch + law.per_kv_token * self.kv_tokens
        growth = law.per_kv_token * batch
        steps = min(most, steps_until(limit - self.clock, step, growth))
        seconds = steps * step + growth * steps * (steps - 1) / 2
        self.steps += steps
        self.kv_tokens += steps * batch
        self.counters["generation_tokens"] += steps * batch
        self.histograms["iteration_tokens_total"].observe(batch, steps)
        self.histograms["inter_token_latency_seconds"].observe(seconds / steps, steps * batch)
        self._spend(self.clock + seconds, "decode", batch)
        self._finish()

    def _finish(self) -> None:
        while self.running and self.running[0][0] <= self.steps:
            attempt = heapq.heappop(self.running)[2]
            attempt.end, attempt.generated = self.clock, attempt.target
            self.kv_tokens -= attempt.turn.input_tokens + attempt.generated
            self.reserved -= attempt.turn.input_tokens + attempt.target
            self.finished.append(attempt)
            if attempt.turn.fate == "cancelled":
                # An aborted request leaves no trace but its tokens: vLLM never finishes it.
                attempt.status, attempt.error = "cancelled", "CancelledError"
                continue
            reason = "success_length" if attempt.number % 25 == 0 else "success_stop"
            self.counters[reason] += 1
            observe = self.histograms
            observe["e2e_request_latency_seconds"].observe(attempt.end - attempt.arrival)
            observe["request_queue_time_seconds"].observe(attempt.scheduled - attempt.arrival)
            observe["request_prefill_time_seconds"].observe(attempt.first - attempt.scheduled)
            observe["request_decode_time_seconds"].observe(attempt.end - attempt.first)

    def _spend(self, until: float, kind: str, batch: int) -> None:
        """Let time pass at constant power, scraping at every quarter of an hour on the way."""
        power = watts(self.deployment.kind, kind, batch)
        while self.next_mark < until:
            self._pass(self.next_mark - self.clock, power, kind)
            self.clock = self.next_mark
            self.scrape(self.next_mark, batch)
            self.next_mark += QUARTER
        self._pass(until - self.clock, power, kind)
        self.clock = until

    def _pass(self, seconds: float, power: float, kind: str) -> None:
        self.joules += power * seconds
        if kind in ("prefill", "decode"):
            self.busy += seconds
        if kind == "prefill":
            self.prefilling += seconds

    def scrape(self, at: float, batch: int) -> None:
        """Keep what an exporter would show now, and the quarter's energy and busy seconds."""
        self.quarters.append((self.joules, self.busy))
        self.scrapes.append(
            Scrape(
                at, self.joules, self.busy, self.prefilling, batch, len(self.waiting),
                self.kv_tokens, self.state == "ready", self.created, dict(self.counters),
                {name: histogram.frozen() for name, histogram in self.histograms.items()},
            )
        )  # fmt: skip


def steps_until(seconds: float, step: float, growth: float) -> int:
    """Fewest steps that last at least `seconds`, where step i lasts `step + i x growth`."""
    if seconds <= step:
        return 1
    if growth == 0.0:
        return math.ceil(seconds / step)
    half = growth / 2
    linear = step - half
    return max(1, math.ceil((math.sqrt(linear * linear + 4 * half * seconds) - linear) / growth))
