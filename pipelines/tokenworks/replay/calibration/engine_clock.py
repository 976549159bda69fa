"""Lays an engine's scrapes beside a client's log: one clock, and the share of input found cached."""

from __future__ import annotations

import numpy as np

from tokenworks.replay.calibration.runs import EngineSeries, Floats, RunLog

#: Seconds over which hits and queries of the prefix cache are pooled.
SHARE_WINDOW = 20.0
#: Offsets that are tried, in seconds, coarse then fine.
COARSE, FINE = 0.25, 0.01
WIDEST_OFFSET = 600.0


def clock_offset(log: RunLog, series: EngineSeries) -> float:
    """Seconds to add to the scrapes so that finished requests match the client's.

    Finished requests grow as the client's do even where the engine serves others besides, so
    their shares of the total are compared, not their numbers.
    """
    ends = np.sort(log.ends[np.isfinite(log.ends)])
    base = -float(series.seconds[0])
    if not ends.size:
        return base
    finished = series.finished - series.finished[0]
    total = max(float(finished[-1]), 1.0)

    def misfit(offset: float) -> float:
        moments = series.seconds + offset
        reached = np.searchsorted(ends, moments, side="right").astype(np.float64)
        reached *= total / max(float(reached[-1]), 1.0)
        return float(((reached - finished) ** 2).sum())

    span = min(WIDEST_OFFSET, max(5.0, 0.02 * float(ends[-1])))
    best = min(np.arange(base - span, base + span, COARSE), key=misfit)
    fine = min(np.arange(best - COARSE, best + COARSE, FINE), key=misfit)
    return float(fine)


def found_share(log: RunLog, series: EngineSeries) -> Floats:
    """Share of each request's possible cached tokens that the engine found, at its admission."""
    moments = log.arrivals + np.where(np.isfinite(log.ttft), log.ttft, 0.0)
    edges = (moments - SHARE_WINDOW / 2, moments + SHARE_WINDOW / 2)
    hits, queries = (
        np.interp(edges[1], series.seconds, counter) - np.interp(edges[0], series.seconds, counter)
        for counter in (series.prefix_hits, series.prefix_queries)
    )
    order = np.argsort(moments, kind="stable")
    possible, asked = (
        _within(moments[order], column[order].astype(np.float64), edges)
        for column in (log.cached, log.input)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (hits / queries) / (possible / asked)
    known = (queries > 0) & (possible > 0)
    whole = _whole_share(log, series)
    shares: Floats = np.clip(np.where(known, share, whole), 0.0, 1.0)
    return shares


def _whole_share(log: RunLog, series: EngineSeries) -> float:
    queries = float(series.prefix_queries[-1] - series.prefix_queries[0])
    hits = float(series.prefix_hits[-1] - series.prefix_hits[0])
    possible, asked = float(log.cached.sum()), float(log.input.sum())
    return (hits / queries) / (possible / asked) if queries > 0 and possible > 0 else 1.0


def _within(moments: Floats, values: Floats, edges: tuple[Floats, Floats]) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    low, high = (np.searchsorted(moments, edge) for edge in edges)
    inside: Floats = sums[high] - sums[low]
    return inside
