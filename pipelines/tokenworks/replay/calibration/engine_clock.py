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


def found_tokens(log: RunLog, series: EngineSeries) -> Floats:
    """Cached tokens of each request as the engine found them around its admission.

    The history's share of each request is scaled to the engine's share over a window: down where
    the engine found less than the histories allow, and what is computed down where it found more.
    """
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
    found_whole, possible_whole = _whole_shares(log, series)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where(queries > 0, hits / queries, found_whole)
        could = np.where(asked > 0, possible / asked, possible_whole)
        less = log.cached * (found / could)
        more = log.input - (log.input - log.cached) * ((1 - found) / (1 - could))
    tokens: Floats = np.where(found <= could, less, more)
    return np.clip(np.where(np.isfinite(tokens), tokens, 0.0), 0.0, log.input)


def computed_tokens(prompts: Floats, hits: Floats, queries: Floats) -> Floats:
    """Prompt tokens computed so far, where an engine counts only hits and queries.

    Between two scrapes the share of hits over queries is taken from the prompt tokens: a request
    that waits for memory asks at every step, so that hits alone exceed what is read.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.diff(hits) / np.diff(queries)
    share = np.clip(np.where(np.isfinite(share), share, 0.0), 0.0, 1.0)
    return np.concatenate([[0.0], np.cumsum(np.diff(prompts) * (1 - share))])


def _whole_shares(log: RunLog, series: EngineSeries) -> tuple[float, float]:
    """Share of the prompts that the engine found, and that the histories allow, over the run."""
    queries = float(series.prefix_queries[-1] - series.prefix_queries[0])
    hits = float(series.prefix_hits[-1] - series.prefix_hits[0])
    asked = float(log.input.sum())
    could = float(log.cached.sum()) / asked if asked else 0.0
    return (hits / queries if queries > 0 else could), could


def _within(moments: Floats, values: Floats, edges: tuple[Floats, Floats]) -> Floats:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    low, high = (np.searchsorted(moments, edge) for edge in edges)
    inside: Floats = sums[high] - sums[low]
    return inside
