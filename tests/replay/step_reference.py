"""Continuous batching step by step, in plain Python: the yardstick of the compiled engine.

Written from the rules alone and as slowly as they read: every request counts its own tokens,
every step adds up the whole batch, and nothing is skipped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tokenworks.replay.serving.work import Limits, StepLaw, Work


@dataclass
class Job:
    """One request: what it asks and how far it is."""

    row: int
    prompt: int
    output: int
    cached: int
    arrived: float = math.nan
    admitted: float = math.nan
    first: float = math.nan
    ended: float = math.nan
    made: int = 0
    in_kv: int = 0
    decodes: bool = False
    handed_over: bool = False
    preempted: int = 0

    @property
    def context(self) -> int:
        return self.prompt + self.made


@dataclass
class Server:
    """One replica: its queue, its batch, the step it is in."""

    law: StepLaw
    limits: Limits
    queue: list[Job] = field(default_factory=list)
    batch: list[Job] = field(default_factory=list)
    tokens: dict[int, int] = field(default_factory=dict)
    step_started: float = -math.inf
    step_ends: float = math.inf
    starting: bool = False
    gave_back_slots: int = 0
    gave_back_blocks: int = 0
    busy: float = 0.0
    running: float = 0.0
    kv: float = 0.0
    steps: int = 0
    prefilled: int = 0

    def blocks(self, tokens: int) -> int:
        return math.ceil(tokens / self.limits.block_tokens)

    def reserved(self) -> int:
        """Blocks after the coming step: a request holds its context from admission on."""
        return sum(self.blocks(job.context) for job in self.batch)

    @property
    def memory(self) -> float:
        return math.inf if self.limits.kv_blocks is None else self.limits.kv_blocks

    def preempt(self) -> bool:
        preempted = False
        while self.reserved() > self.memory:
            victim = self.batch.pop()
            victim.in_kv, victim.decodes = 0, False
            if victim.handed_over:
                victim.handed_over, victim.cached = False, 0
            victim.preempted += 1
            self.queue.insert(0, victim)
            preempted = True
        return preempted

    def start(self, now: float) -> None:
        self.starting = False
        self.tokens = {}
        if not self.batch and not self.queue:
            return
        preempted = self.preempt()
        budget = math.inf if self.limits.token_budget is None else self.limits.token_budget
        for job in self.batch:
            if job.decodes:
                self.tokens[job.row] = 1
                budget -= 1
        held = {job.row: job.in_kv for job in self.batch}
        for job in self.batch:
            if not job.decodes:
                self.tokens[job.row] = int(min(budget, job.context - job.in_kv))
                budget -= self.tokens[job.row]
        if not preempted:
            self.admit(now, budget, held)
        self._take_step(now, held)

    def may_enter(self, job: Job, lagging: bool) -> bool:
        slots = len(self.batch) + (self.gave_back_slots if lagging else 0)
        kept = self.gave_back_blocks if lagging else 0
        seen = not lagging or job.arrived <= self.step_started
        room = self.reserved() + self.blocks(job.context) + kept <= self.memory
        return seen and room and slots < self.limits.max_num_seqs

    def admit(self, now: float, budget: float, held: dict[int, int]) -> None:
        cut = any(not j.decodes and j.in_kv + self.tokens[j.row] < j.context for j in self.batch)
        lagging = self.limits.admission_lag_steps == 1 and bool(self.batch)
        while self.queue and budget > 0 and not cut and self.may_enter(self.queue[0], lagging):
            job = self.queue.pop(0)
            self.batch.append(job)
            if math.isnan(job.admitted):
                job.admitted = now
            job.in_kv = job.prompt - 1 if job.handed_over else min(job.cached, job.prompt - 1)
            job.decodes = job.handed_over
            held[job.row] = job.in_kv
            self.tokens[job.row] = int(min(budget, job.context - job.in_kv))
            budget -= self.tokens[job.row]
            cut = job.in_kv + self.tokens[job.row] < job.context

    def _take_step(self, now: float, held: dict[int, int]) -> None:
        law, size, kv = self.law, len(self.batch), sum(held.values())
        prefill = sum(self.tokens[job.row] for job in self.batch if not job.decodes)
        seconds = law.base + law.per_running * size + law.per_kv_token * kv
        if prefill:
            seconds += law.with_prefill + law.per_prefill_token * prefill
        load: float = max(held.values())
        if size < law.longest_from:
            load = min(load, kv / (law.longest_from - size / 2))
        seconds += law.per_longest * load
        self.step_started, self.step_ends = now, now + seconds
        self.busy += seconds
        self.running += seconds * size
        self.kv += seconds * kv
        self.steps += 1
        self.prefilled += prefill

    def end(self) -> list[Job]:
        now = self.step_ends
        self.step_ends, self.starting = math.inf, True
        self.gave_back_slots = self.gave_back_blocks = 0
        ended = []
        for job in self.batch:
            job.in_kv += self.tokens[job.row]
            if job.in_kv < job.context:
                continue
            job.made, job.decodes = job.made + 1, True
            if math.isnan(job.first):
                job.first = now
            if job.made >= job.output:
                job.ended = now
                ended.append(job)
                self.gave_back_slots += 1
                self.gave_back_blocks += self.blocks(job.in_kv)
        self.batch = [job for job in self.batch if math.isnan(job.ended)]
        return ended


@dataclass
class Reference:
    """The whole fleet; requests name their replica."""

    jobs: list[Job]
    servers: list[Server]


def jobs_of(work: Work) -> list[Job]:
    """One job per request."""
    cached = [0] * work.count if work.cached is None else work.cached.tolist()
    jobs = [
        Job(row, int(work.prompt[row]), max(1, int(work.output[row])), int(cached[row]))
        for row in range(work.count)
    ]
    if work.prefilled is not None:
        for job in jobs:
            job.handed_over = bool(work.prefilled[job.row])
            job.prompt += job.handed_over
    return jobs


def serve_step_by_step(
    work: Work, law: StepLaw, limits: Limits, replicas: int, clients: int | None = None
) -> Reference:
    """Serve requests that all name their replica."""
    assert work.replica is not None
    think = [0.0] * work.count if work.think_seconds is None else work.think_seconds.tolist()
    previous = [-1] * work.count if work.previous is None else work.previous.tolist()
    jobs = jobs_of(work)
    servers = [Server(law, limits) for _ in range(replicas)]
    roots = sorted(
        (row for row in range(work.count) if previous[row] < 0), key=lambda r: work.arrivals[r]
    )
    coming = [(float(work.arrivals[row]), row) for row in roots[:clients]]
    unissued = roots[len(coming) :]

    def after(job: Job) -> list[tuple[float, int]]:
        following = [row for row in range(work.count) if previous[row] == job.row]
        if not following and unissued:
            following = [unissued.pop(0)]
        return [(now + think[row], row) for row in following]

    while coming or any(server.batch or server.queue for server in servers):
        arrival = min(coming)[0] if coming else math.inf
        now = min(arrival, *(server.step_ends for server in servers))
        for job in [job for server in servers if server.step_ends == now for job in server.end()]:
            coming += after(job)
        while coming and min(coming)[0] == now:
            row = min(coming)[1]
            coming.remove((now, row))
            jobs[row].arrived = now
            server = servers[int(work.replica[row])]
            if len(server.batch) + len(server.queue) >= (limits.max_in_flight or math.inf):
                coming += after(jobs[row])
                continue
            server.queue.append(jobs[row])
            server.starting = server.starting or server.step_ends == math.inf
        for server in servers:
            if server.starting:
                server.start(now)
    return Reference(jobs, servers)
