"""Limits of an engine that nobody wrote down, from the plateaus of what was observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tokenworks.replay.calibration.occupancy import ONE_STEP_SECONDS, Occupancy
from tokenworks.replay.calibration.runs import EngineLimits, EngineSeries, RunLog

#: Scrapes of KV usage between these shares tell the capacity: below, rounding; above, a plateau.
KV_SHARES = (0.02, 0.98)
LEAST_SCRAPES = 30
#: A queue for KV: this share of what is in flight waits, in this share of a run's time, and the tokens
#: held then stay within this share of their most.
WAITING_SHARE, PLATEAU_SHARE, FLAT = 0.1, 0.05, 0.85
FEW = 8
#: Prefill steps in a row that a plateau of the token budget needs.
LEAST_FULL_STEPS = 4
#: Budgets are powers of two; a plateau this close to one is taken for it.
NEAR_POWER = 0.15
#: Share of the scrapes at which the most running, with others waiting, is a limit.
AT_LIMIT_SHARE = 0.02


def completed_limits(runs: Sequence[RunLog]) -> tuple[list[RunLog], dict[str, str]]:
    """The runs with their unknown limits inferred, and what was inferred, in words.

    KV capacity and token budget belong to the deployment and are pooled over its runs; the most
    running requests belong to each run.
    """
    said: dict[str, str] = {}
    capacity = next((run.limits.kv_tokens for run in runs if run.limits.kv_tokens), None)
    if capacity is None and (capacity := kv_capacity(runs)) is not None:
        said["kv_tokens"] = f"{capacity:,} tokens, the slope of tokens held against KV usage"
    if capacity is None and (capacity := kv_plateau(runs)) is not None:
        said["kv_tokens"] = f"{capacity:,} tokens, the most held while requests waited for room"
    budget = next((run.limits.token_budget for run in runs if run.limits.token_budget), None)
    if budget is None and (budget := token_budget(runs)) is not None:
        said["token_budget"] = f"{budget:,} tokens a step, the plateau of a burst of prefills"
    found = []
    for run in runs:
        seqs = run.limits.max_num_seqs
        if seqs is None and (seqs := most_running(run.series)) is not None:
            said[f"max_num_seqs of {run.name}"] = f"{seqs}, the most that ran while others waited"
        limits = EngineLimits(max_num_seqs=seqs, token_budget=budget, kv_tokens=capacity)
        found.append(replace(run, limits=limits))
    return found, said


def kv_capacity(runs: Sequence[RunLog]) -> int | None:
    """Tokens in KV per share of it in use, over the scrapes without a queue; null if too few."""
    held, shares = [], []
    for run in runs:
        if run.series is None or not run.count:
            continue
        beside = Occupancy.of(run, None)
        series, last = run.series, float(np.nanmax(run.ends))
        clear = (series.kv_ratio > KV_SHARES[0]) & (series.kv_ratio < KV_SHARES[1])
        clear &= (series.waiting == 0) & (series.seconds > 0.02 * last)
        clear &= series.seconds < 0.95 * last
        held.append(beside.at(beside.kv, series.seconds[clear]))
        shares.append(series.kv_ratio[clear])
    if sum(len(part) for part in shares) < LEAST_SCRAPES:
        return None
    tokens, used = np.concatenate(held), np.concatenate(shares)
    return round(float(np.median(tokens / used)))


def kv_plateau(runs: Sequence[RunLog]) -> int | None:
    """Tokens held while requests waited though slots were free; null where they never did.

    For logs without scrapes: what waits then waits for KV, which is full.
    """
    held, seconds = [], []
    for run in runs:
        beside = Occupancy.of(run, None)
        middle = (beside.edges[1:] + beside.edges[:-1]) / 2
        starts, ends = np.sort(run.arrivals), np.sort(run.ends[np.isfinite(run.ends)])
        in_flight = np.searchsorted(starts, middle) - np.searchsorted(ends, middle)
        slots = run.limits.max_num_seqs or in_flight.max(initial=0)
        full = (in_flight - beside.running >= WAITING_SHARE * in_flight) & (in_flight > FEW)
        full &= beside.running <= (1 - WAITING_SHARE) * slots
        if beside.seconds[full].sum() >= PLATEAU_SHARE * beside.seconds.sum():
            held.append(beside.kv[full])
            seconds.append(beside.seconds[full])
    if not held:
        return None
    tokens, lengths = np.concatenate(held), np.concatenate(seconds)
    order = np.argsort(tokens, kind="stable")
    passed = np.cumsum(lengths[order]) / lengths.sum()
    low, high = (tokens[order][np.searchsorted(passed, share)] for share in (0.1, 0.9))
    return round(float(high)) if low >= FLAT * high else None


def token_budget(runs: Sequence[RunLog]) -> int | None:
    """Uncached tokens of a step while a burst of prompts is worked off; null without a burst."""
    sums = [total for run in runs if (total := _burst_tokens_per_step(run)) is not None]
    if not sums:
        return None
    plateau = max(sums)
    power = 2 ** round(np.log2(plateau))
    return int(power) if abs(plateau / power - 1) <= NEAR_POWER else round(plateau)


def _burst_tokens_per_step(run: RunLog) -> float | None:
    together = np.flatnonzero((run.arrivals <= run.arrivals[:1].sum() + 1.0) & run.usable)
    if len(together) < LEAST_FULL_STEPS:
        return None
    firsts = (run.arrivals + run.ttft)[together]
    order = np.argsort(firsts, kind="stable")
    step = np.cumsum(np.concatenate([[0], np.diff(firsts[order]) > ONE_STEP_SECONDS]))
    if step[-1] + 1 < LEAST_FULL_STEPS + 2:
        return None
    tokens = np.bincount(step.astype(np.int64), weights=run.uncached[together][order])
    # The first step starts before all have come and the last one has nobody left.
    return float(tokens[1:-1].mean())


def most_running(series: EngineSeries | None) -> int | None:
    """The most that ran, if it was reached again and again while others waited."""
    if series is None or not len(series.running):
        return None
    most = float(series.running.max())
    at_most = (series.running >= most) & (series.waiting > 0)
    return int(most) if at_most.mean() >= AT_LIMIT_SHARE else None
