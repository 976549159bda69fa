"""One deployment: its replicas, who is sent where, what is retried, what dies.

Belongs here: routing and faults in time. The engine itself is in `serving`.

Traffic is a closed loop within a session: the next turn comes a think time after the answer. Think
times and retry delays are at least `WINDOW` long, so within a window nothing that finishes can
cause an arrival, and replicas may be advanced one after the other.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from tokenworks_sample.faults import FaultPlan
from tokenworks_sample.records import Attempt
from tokenworks_sample.serving import Engine
from tokenworks_sample.traffic import Session, Traffic
from tokenworks_sample.world import LOADING_SECONDS, Replica

WINDOW = 2.0
RETRY_AFTER = 2.5
HEALTH_CHECK = 120.0
MAX_ATTEMPTS = 3
IMMEDIATE = {
    "rate_limited": (0.021, "RateLimitError"),
    "backend_error": (0.140, "InternalServerError"),
    "cached": (0.034, ""),
}


@dataclass(order=True)
class Arrival:
    """A turn that reaches the gateway."""

    at: float
    order: int
    session: Session = field(compare=False)
    attempt: int = field(compare=False, default=1)
    trace: int = field(compare=False, default=-1)


@dataclass
class Cluster:
    """The running state of one deployment."""

    traffic: Traffic
    replicas: tuple[Replica, ...]
    plan: FaultPlan
    end: float
    clock: float = 0.0
    numbers: int = 0
    orders: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    done: list[Attempt] = field(default_factory=list)

    def __post_init__(self) -> None:
        deployment = self.traffic.deployment
        self.engines = [Engine(replica, deployment) for replica in self.replicas]
        self.changes = sorted(self._changes(), reverse=True)
        for engine in self.engines:
            if engine.replica.valid_from > 0:
                engine.state = "unallocated"

    def _changes(self) -> Iterator[tuple[float, int, str]]:
        for index, replica in enumerate(self.replicas):
            if replica.valid_from > 0:
                yield replica.valid_from, index, "loading"
                yield replica.valid_from + LOADING_SECONDS, index, "ready"
            if replica.id == self.plan.outage.replica:
                yield self.plan.outage.start, index, "down"
                yield self.plan.outage.end, index, "ready"

    def run(self, until: float) -> list[Attempt]:
        """Advance to `until` and return the attempts that ended, in order of their end."""
        while self.clock < until:
            limit = min(until, self.changes[-1][0]) if self.changes else until
            target = min(limit, max(self.clock, self._next_event(limit)) + WINDOW)
            self._window(target)
            self.clock = target
            while self.changes and self.changes[-1][0] <= self.clock:
                self._change(*self.changes.pop())
        finished, self.done = self.done, []
        return sorted(finished, key=lambda attempt: (attempt.end, attempt.number))

    def _next_event(self, limit: float) -> float:
        """Nothing arrives or ends before this; so nothing that follows comes within a window."""
        soonest = self.arrivals[0].at if self.arrivals else limit
        for engine in self.engines:
            if engine.load:
                soonest = min(soonest, engine.earliest_end())
        return soonest

    def push(self, at: float, session: Session, attempt: int = 1, trace: int = -1) -> None:
        """A turn of a session will arrive; nothing arrives after the gateways are drained."""
        if at < self.end:
            self.orders += 1
            heapq.heappush(self.arrivals, Arrival(at, self.orders, session, attempt, trace))

    def _window(self, target: float) -> None:
        while self.arrivals and self.arrivals[0].at < target:
            self._route(heapq.heappop(self.arrivals))
        for engine in self.engines:
            engine.advance(target)
            for attempt in engine.finished:
                self._answered(attempt)
            engine.finished.clear()

    def _route(self, arrival: Arrival) -> None:
        session = arrival.session
        turn = session.turns[session.next_turn]
        number = self.numbers
        self.numbers += 1
        trace = number if arrival.trace < 0 else arrival.trace
        attempt = Attempt(
            number, session, turn, arrival.attempt, arrival.at,
            session.blocks(turn.input_tokens), trace,
        )  # fmt: skip
        if turn.fate in IMMEDIATE and arrival.attempt == 1:
            self._immediate(attempt, *IMMEDIATE[turn.fate])
            return
        engine = self._choose(session, arrival.at)
        attempt.replica = engine.replica
        if engine.state != "ready":
            self._immediate(attempt, 0.085, "APIConnectionError")
            return
        session.replica = self.engines.index(engine)
        engine.incoming.append(attempt)

    def _choose(self, session: Session, at: float) -> Engine:
        """The session's last replica unless it is far busier; else the least loaded."""
        usable = [engine for engine in self.engines if self._is_listed(engine, at)]
        # Idle replicas take new sessions in turn.
        turn = session.first_block % len(self.engines)
        order = self.engines[turn:] + self.engines[:turn]
        least = min((engine for engine in order if engine in usable), key=lambda e: e.load)
        if session.replica >= 0 and self.engines[session.replica] in usable:
            last = self.engines[session.replica]
            if last.load <= least.load + 8:
                return last
        return least

    def _is_listed(self, engine: Engine, at: float) -> bool:
        """The router still lists a replica that died until the next health check."""
        outage = self.plan.outage
        is_fresh = outage.start <= at < outage.start + HEALTH_CHECK
        return engine.state == "ready" or (engine.replica.id == outage.replica and is_fresh)

    def _immediate(self, attempt: Attempt, seconds: float, error: str) -> None:
        """An attempt that no engine worked on."""
        attempt.end = attempt.arrival + seconds
        if not error:
            attempt.first = attempt.end
            attempt.generated = attempt.target
            self._answered(attempt)
            return
        self._failed(attempt, error)

    def _failed(self, attempt: Attempt, error: str) -> None:
        attempt.status, attempt.error = "failure", error
        self.done.append(attempt)
        if attempt.attempt < MAX_ATTEMPTS:
            again = round(attempt.end + RETRY_AFTER, 3)
            self.push(again, attempt.session, attempt.attempt + 1, attempt.trace)

    def _answered(self, attempt: Attempt) -> None:
        self.done.append(attempt)
        session = attempt.session
        session.next_turn += 1
        if session.next_turn < len(session.turns):
            self.push(round(attempt.end + attempt.turn.think_seconds, 3), session)

    def _change(self, at: float, index: int, state: str) -> None:
        engine = self.engines[index]
        if state == "down":
            for attempt in engine.drop_all():
                attempt.end = max(at, attempt.arrival + 0.001)
                self._failed(attempt, "APIConnectionError")
        if state == "ready":
            engine.restart(at)
        engine.state = state
