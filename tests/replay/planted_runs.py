"""Runs served by a known step law, for tests of calibration."""

from __future__ import annotations

import heapq
from dataclasses import replace

import numpy as np

from tokenworks.replay.calibration.runs import EngineLimits, EngineSeries, Floats, Ints, RunLog
from tokenworks.replay.serving.steps import Limits, StepLaw, Work, simulate

PLANTED = StepLaw(
    base=0.01,
    per_running=5e-5,
    per_kv_token=5e-8,
    per_prefill_token=5e-5,
    with_prefill=0.01,
    per_longest=1e-6,
    longest_from=37,
)
OVERHEAD = 0.02
KV_TOKENS = 400_000
#: A closed loop whose clients think this long.
THINK = 0.01


def planted_run(
    clients: int, seed: int = 0, requests: int = 600, law: StepLaw = PLANTED, name: str = ""
) -> RunLog:
    """A closed loop of so many clients under a law, with scrapes each second."""
    generator = np.random.default_rng([seed, clients])
    prompt = np.minimum(generator.lognormal(7.3, 0.8, requests), 20_000).astype(np.int64) + 20
    output = np.minimum(generator.geometric(1 / 150, requests), 1000).astype(np.int64) + 1
    cached = (prompt * generator.uniform(0, 0.9, requests)).astype(np.int64)
    limits = Limits(clients, 8192, KV_TOKENS // 16, 16, 1)
    work = Work(
        arrivals=np.sort(generator.uniform(0, 0.2, requests)),
        prompt=prompt,
        output=output,
        cached=cached,
        previous=np.full(requests, -1),
        think_seconds=np.full(requests, THINK + OVERHEAD),
    )
    served = simulate(work, law, limits, clients=clients)
    order = np.argsort(served.arrived, kind="stable")
    start = served.arrived[order]
    log = RunLog(
        name=name or f"clients {clients}",
        arrivals=start - start[0],
        ttft=served.ttft_seconds[order] + OVERHEAD,
        e2e=served.e2e_seconds[order] + OVERHEAD,
        input=prompt[order],
        output=output[order],
        cached=cached[order],
        client=clients_of(start, served.ended[order], clients),
        failed=np.zeros(requests, dtype=np.bool_),
        deployment="planted",
        limits=EngineLimits(max_num_seqs=clients, token_budget=8192, kv_tokens=None),
    )
    return replace(log, series=scrapes(log))


def clients_of(arrivals: Floats, ends: Floats, clients: int) -> Ints:
    """Who asked: the one who has been free longest."""
    free = [(0.0, client) for client in range(clients)]
    heapq.heapify(free)
    found = np.empty(len(arrivals), dtype=np.int64)
    for row, end in enumerate(ends):
        _, found[row] = heapq.heappop(free)
        heapq.heappush(free, (float(end), int(found[row])))
    return found


def scrapes(log: RunLog, share: float = 1.0) -> EngineSeries:
    """What the engine would count each second, times `share`."""
    seconds = np.arange(0.0, float(log.ends.max()) + 1.0)
    first, end = log.arrivals + log.ttft, log.ends
    progress = np.clip((seconds[:, None] - first) / np.maximum(end - first, 1e-9), 0.0, 1.0)
    arrived, begun, ended = ((seconds[:, None] >= moment) for moment in (log.arrivals, first, end))
    held = (log.input + log.output * progress) * (begun & ~ended)
    return EngineSeries(
        seconds=seconds,
        running=share * (arrived & ~ended).sum(axis=1),
        waiting=np.zeros(len(seconds)),
        kv_ratio=share * held.sum(axis=1) / KV_TOKENS,
        prompt_tokens=share * (log.input * begun).sum(axis=1),
        computed_tokens=share * (log.uncached * begun).sum(axis=1),
        generation_tokens=share * (log.output * progress).sum(axis=1),
        prefix_hits=share * (log.cached * begun).sum(axis=1),
        prefix_queries=share * (log.input * begun).sum(axis=1),
        finished=share * ended.sum(axis=1).astype(np.float64),
        preempted=np.zeros(len(seconds)),
    )
