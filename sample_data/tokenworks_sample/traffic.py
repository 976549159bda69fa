"""Arrivals: sessions, their turns, lengths and prefix blocks.

Belongs here: what users ask for, before any engine has seen it. Only uniform numbers are drawn and
put through quantile tables, then rounded, so that a seed gives the same traffic on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tokenworks_sample.clock import DAY, HOUR, local
from tokenworks_sample.profiles import BURST, PROBABILITIES, WORKLOADS, Quantiles, Workload
from tokenworks_sample.world import BLOCK_TOKENS, CONTEXT_TOKENS, Deployment, World

MAX_TURNS = 24
RATE_LIMITED, BACKEND_ERROR, GATEWAY_HIT = 0.004, 0.006, 0.02


@dataclass(slots=True)
class Turn:
    """One request of a session. `fate` is ok, cancelled, rate_limited, backend_error or cached."""

    new_tokens: int
    input_tokens: int
    answer_tokens: int
    thinking_tokens: int
    think_seconds: float
    fate: str
    cancel_share: float
    is_streaming: bool


@dataclass(slots=True)
class Session:
    """A conversation whose context only grows, so that its prompts share their prefixes."""

    id: str
    workload: Workload
    user: int
    first_block: int
    turns: list[Turn]
    next_turn: int = 0
    replica: int = -1

    def blocks(self, input_tokens: int) -> list[int]:
        """Ids of the full blocks of a prompt: those of the shared prefix, then the session's own."""
        full = input_tokens // BLOCK_TOKENS
        shared = min(full, self.workload.prefix // BLOCK_TOKENS)
        base = shared_block(self.workload)
        own = self.first_block
        return [*range(base, base + shared), *range(own + shared, own + full)]


@dataclass
class Traffic:
    """The sessions of one deployment, hour by hour."""

    world: World
    deployment: Deployment
    seed: int
    scale: float
    end: float
    _index: int = field(init=False)
    _blocks: int = field(init=False)
    _sessions: int = 0

    def __post_init__(self) -> None:
        self._index = [d.id for d in self.world.deployments].index(self.deployment.id)
        # Block ids of two deployments never meet: each counts in steps of its own residue.
        self._blocks = 1000 + self._index * 100_000_000

    def hour(self, hour: int) -> Iterator[tuple[float, Session]]:
        """Sessions that start in that hour, with their start in seconds, unordered."""
        site = self.world.site(self.deployment.site)
        for number, workload in enumerate(WORKLOADS):
            if workload.tier != self.deployment.tier:
                continue
            rng = np.random.Generator(np.random.PCG64([self.seed, hour, self._index, number]))
            rate = hourly_rate(workload, site.gateway, site.time_zone, hour) * self.scale
            count = int(rate * quantile(BURST, rng.random(1))[0] + rng.random())
            starts = np.round((hour + rng.random(count)) * HOUR, 3)
            for start in starts.tolist():
                session = self._session(workload, rng)
                if start < self.end:
                    yield start, session

    def _session(self, workload: Workload, rng: np.random.Generator) -> Session:
        turns = _turns(workload, rng)
        self._sessions += 1
        first_block = self._blocks
        self._blocks += turns[-1].input_tokens // BLOCK_TOKENS + 1
        name = f"s-{self.deployment.id}-{self._sessions:x}"
        return Session(name, workload, int(rng.random() * workload.users), first_block, turns)


def shared_block(workload: Workload) -> int:
    """First block id of the system prompt of a workload: 1, 21, 41, ..."""
    return 1 + 20 * [w.id for w in WORKLOADS].index(workload.id)


def quantile(table: Quantiles, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values at the probabilities `u`, linear between the table's points."""
    return np.interp(u, PROBABILITIES, table)


def hourly_rate(workload: Workload, gateway: str, zone: str, hour: int) -> float:
    """Expected sessions in a UTC hour, from the local wall clock of the site."""
    here = local(hour * HOUR, zone)
    level = workload.weekend if here.weekday() >= 5 else 1.0
    share = workload.hours[here.hour] / sum(workload.hours)
    return workload.sessions[gateway] * level * share


def _turns(workload: Workload, rng: np.random.Generator) -> list[Turn]:
    stop = 1.0 / workload.mean_turns
    u = rng.random((MAX_TURNS, 8))
    new = np.rint(quantile(workload.follow, u[:, 0])).astype(int)
    new[0] = max(1, round(float(quantile(workload.first, u[0:1, 0])[0])))
    answer = np.maximum(1, np.rint(quantile(workload.answer, u[:, 1]))).astype(int)
    thinking = np.rint(quantile(workload.thinking, u[:, 2])).astype(int)
    think = np.round(quantile(workload.think, u[:, 3]), 3)
    turns: list[Turn] = []
    context = workload.prefix
    for i in range(MAX_TURNS):
        total = context + int(new[i])
        if total > CONTEXT_TOKENS - 1 or (turns and u[i, 4] < stop):
            break
        turns.append(
            Turn(
                int(new[i]), total, int(answer[i]), int(thinking[i]), float(think[i]),
                _fate(workload, float(u[i, 5])), float(u[i, 6]), bool(u[i, 7] < workload.streaming),
            )
        )  # fmt: skip
        # Reasoning tokens are dropped from the history, as chat templates do.
        context = total + int(answer[i])
    return turns or [_clipped(workload, u, answer, thinking)]


def _clipped(
    workload: Workload,
    u: NDArray[np.float64],
    answer: NDArray[np.int_],
    thinking: NDArray[np.int_],
) -> Turn:
    """The only turn of a session whose first prompt alone would overflow the context."""
    tokens = CONTEXT_TOKENS - 1
    fate = _fate(workload, float(u[0, 5]))
    streaming = bool(u[0, 7] < workload.streaming)
    return Turn(
        tokens - workload.prefix, tokens, int(answer[0]), int(thinking[0]), 0.0, fate,
        float(u[0, 6]), streaming,
    )  # fmt: skip


def _fate(workload: Workload, u: float) -> str:
    edges = (
        ("rate_limited", RATE_LIMITED),
        ("backend_error", BACKEND_ERROR),
        ("cached", GATEWAY_HIT if workload.id in ("helpdesk", "records") else 0.0),
        ("cancelled", workload.cancelled),
    )
    reached = 0.0
    for fate, share in edges:
        reached += share
        if u < reached:
            return fate
    return "ok"


def cutoff(days: int) -> float:
    """Last arrival: the gateways are drained before the sample ends, so nothing is in flight."""
    return days * DAY - 1500.0
