"""The gateway's caches together: which requests the exact and the semantic cache answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.caches.responses import NO_KEY, SERVED, Asked, answered_by, dense_keys
from tokenworks.replay.caches.semantic import FALSE_HIT, CurvePoint, drawn_hits, within_budget
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.response_cache import ResponseCache, SemanticCache
from tokenworks.replay.spool import kept
from tokenworks.replay.traffic.conditions import matches
from tokenworks.replay.traffic.requests import COMPLETE_LOG_RATIO, SUCCEEDED, Traffic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Answered:
    """What the gateway's caches answer.

    Attributes:
        by: request whose answer each request gets (its own row where only ratios are known);
            `SERVED` where it is served.
        said: what they did, in words.
    """

    by: Ints
    said: tuple[str, ...]


def answered(
    traffic: Traffic,
    ends: Floats,
    exact: ResponseCache | None,
    semantic: SemanticCache | None,
    seed: int,
) -> Answered | None:
    """Apply the sections `response_cache` and `semantic_cache`; null without either.

    Args:
        traffic: the requests.
        ends: when the answer of each is whole, seconds after the first arrival.
        exact: the exact cache.
        semantic: the semantic cache, which sees what the exact one leaves.
        seed: of the scenario.
    """
    if exact is None and semantic is None:
        return None
    by = np.full(traffic.count, SERVED, dtype=np.int64)
    said: list[str] = []
    if exact is not None:
        check_fingerprints(traffic)
        by = _exact(traffic, ends, exact)
        hits = int((by != SERVED).sum())
        said.append(
            f"The response cache answers {hits:,} of {traffic.count:,} requests; they reach no "
            "engine, and their answer is taken to be there at once."
        )
    if semantic is not None:
        by, words = _semantic(traffic, by, semantic, seed)
        said.append(words)
    return Answered(kept(by), tuple(said))


def check_fingerprints(traffic: Traffic) -> None:
    """Refuse an exact cache on a log that does not tell equal prompts, or lacks requests."""
    if traffic.unknown_count("prompt_fingerprint") == traffic.count:
        raise LeverRefusedError(
            "response_cache",
            "no request has a prompt fingerprint, so which prompts are equal is unknown.",
            "Log `prompt_fingerprint` (a keyed hash of the whole prompt) with every request.",
        )
    coverage = traffic.token_coverage
    if coverage is not None and coverage < COMPLETE_LOG_RATIO:
        raise LeverRefusedError(
            "response_cache",
            f"the log holds {coverage:.1%} of the input tokens that the engines counted: it is "
            "sampled, and sampling destroys reuse.",
            "Log every request.",
        )


def _exact(traffic: Traffic, ends: Floats, lever: ResponseCache) -> Ints:
    keys = dense_keys(traffic.columns.select(*lever.key), list(lever.key))
    keys = np.where(traffic.which(matches(lever.when)), keys, NO_KEY)
    asked = Asked(keys, traffic.arrivals(), ends, traffic.which(SUCCEEDED))
    capacity = traffic.count if lever.capacity_answers is None else lever.capacity_answers
    ttl = np.inf if lever.ttl_seconds is None else lever.ttl_seconds
    return answered_by(asked, capacity, ttl, lever.policy)


def _semantic(traffic: Traffic, by: Ints, lever: SemanticCache, seed: int) -> tuple[Ints, str]:
    curve = [CurvePoint(one.threshold, one.hit_ratio, one.false_hit_ratio) for one in lever.curve]
    if lever.false_hit_budget is not None:
        point = within_budget(curve, lever.false_hit_budget)
    else:
        point = next(one for one in curve if one.threshold == lever.threshold)
    if point is None:
        raise AssertionError("the language lets no budget through that no point keeps")
    asked: Mask = traffic.which(matches(lever.when)) & (by == SERVED)
    called = pl.concat_str("emitter", pl.lit("|"), "request_id")
    names = traffic.columns.select(called).to_series()
    kinds = drawn_hits(asked, point, names, seed)
    hit = kinds != SEMANTIC_SERVED
    false = int((kinds == FALSE_HIT).sum())
    said = (
        f"The semantic cache answers {int(hit.sum()):,} of {int(asked.sum()):,} requests at "
        f"threshold {point.threshold:g}; {false:,} of these answers are wrong, by your measured "
        "curve. Which requests hit is drawn."
    )
    return np.where(hit, np.arange(traffic.count), by), said


#: `semantic` counts kinds from 0, where `responses` counts rows.
SEMANTIC_SERVED = 0
