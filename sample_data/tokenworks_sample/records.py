"""What the simulation hands on: an attempt that ran, and the state of a replica at a scrape."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokenworks_sample.traffic import Session, Turn
from tokenworks_sample.world import Replica

COUNTERS = (
    "prompt_tokens", "generation_tokens", "prefix_cache_queries", "prefix_cache_hits",
    "prompt_tokens_cached", "num_preemptions", "success_stop", "success_length",
)  # fmt: skip


@dataclass(slots=True)
class Attempt:
    """One attempt of one turn. Times are seconds since the start; -1 is not reached."""

    number: int
    session: Session
    turn: Turn
    attempt: int
    arrival: float
    blocks: list[int]
    trace: int
    status: str = "success"
    error: str = ""
    replica: Replica | None = None
    cached: int = 0
    generated: int = 0
    scheduled: float = -1.0
    first: float = -1.0
    end: float = -1.0

    @property
    def target(self) -> int:
        """Tokens that will be generated: all, or those before the client hangs up."""
        full = self.turn.answer_tokens + self.turn.thinking_tokens
        if self.turn.fate != "cancelled":
            return full
        return max(1, min(full - 1, int(self.turn.cancel_share * full)))


@dataclass
class Scraped:
    """What the scrapes of a replica add up to: a process that dies takes its last minutes along."""

    before: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))
    last: Scrape | None = None

    def add(self, scrape: Scrape) -> None:
        """The next scrape that was shipped."""
        if self.last and self.last.created != scrape.created:
            self.before = self.totals()
        self.last = scrape

    def totals(self) -> dict[str, int]:
        """Increases over all processes, as far as they were scraped."""
        held = self.last.counters if self.last else {}
        return {name: self.before[name] + held.get(name, 0) for name in COUNTERS}


@dataclass(slots=True)
class Scrape:
    """The state of a replica at a quarter of an hour. `engine` is None while it is down."""

    at: float
    joules: float
    busy: float
    prefill: float
    running: int
    waiting: int
    kv_tokens: int
    up: bool
    created: float
    counters: dict[str, int]
    histograms: dict[str, tuple[tuple[int, ...], float]]
