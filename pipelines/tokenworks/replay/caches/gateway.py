"""The gateway's response caches on traffic: which attempts they avoid, and for whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.caches.attribution import Shares, shares
from tokenworks.replay.caches.responses import NO_KEY, SERVED, Asked, answered_by, dense_keys
from tokenworks.replay.caches.semantic import TRUE_HIT, CurvePoint, drawn_hits, within_budget
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.response_cache import ResponseCache, SemanticCache
from tokenworks.replay.traffic.requests import COMPLETE_LOG_RATIO, SUCCEEDED, Traffic, matches

Ints = NDArray[np.int64]
Kinds = NDArray[np.int8]
Mask = NDArray[np.bool_]

_WHAT_TO_LOG = "Log `prompt_fingerprint` (a keyed hash of the whole prompt) for every request."


@dataclass(frozen=True)
class Answers:
    """What response caches do to each request.

    Attributes:
        kinds: `semantic.SERVED`, `TRUE_HIT` or `FALSE_HIT`.
        fillers: row of the request whose answer it gets, `responses.SERVED` where it is served or
            the cache is not replayed but drawn.
        without_key: asked requests that no cache can answer, since a column of the key is unknown.
    """

    kinds: Kinds
    fillers: Ints
    without_key: int

    @property
    def avoided(self) -> Mask:
        """Requests that are not served."""
        mask: Mask = self.kinds != 0
        return mask


def exact_answers(traffic: Traffic, lever: ResponseCache) -> Answers:
    """Replay the exact cache.

    Args:
        traffic: requests in order of arrival, with the columns of the key.
        lever: the section `response_cache`.

    Raises:
        LeverRefusedError: the log does not know prompts, or lacks requests.
    """
    _check(traffic, lever)
    asked = traffic.which(matches(lever.when))
    keys = np.where(asked, dense_keys(traffic.frame, lever.key), NO_KEY)
    arrivals = traffic.arrivals()
    requests = Asked(
        keys=keys,
        arrivals=arrivals,
        ends=arrivals + traffic.numbers("e2e_seconds"),
        storable=traffic.which(SUCCEEDED),
    )
    capacity = traffic.count if lever.capacity_answers is None else lever.capacity_answers
    life = np.inf if lever.ttl_seconds is None else lever.ttl_seconds
    fillers = answered_by(requests, capacity, life, lever.policy)
    return Answers(
        kinds=np.where(fillers == SERVED, 0, TRUE_HIT).astype(np.int8),
        fillers=fillers,
        without_key=int((asked & (keys == NO_KEY)).sum()),
    )


def semantic_answers(
    traffic: Traffic, lever: SemanticCache, seed: int, answered: Mask | None = None
) -> tuple[Answers, CurvePoint]:
    """Draw the hits of a semantic cache at the point that the section picks.

    Args:
        traffic: the requests.
        lever: the section `semantic_cache`.
        seed: of the scenario.
        answered: requests that an exact cache in front of it answered; they do not ask.

    Returns:
        What it does, and the point of the curve.
    """
    curve = [
        CurvePoint(point.threshold, point.hit_ratio, point.false_hit_ratio) for point in lever.curve
    ]
    if lever.false_hit_budget is not None:
        chosen = within_budget(curve, lever.false_hit_budget)
    else:
        chosen = next(point for point in curve if point.threshold == lever.threshold)
    if chosen is None:
        raise AssertionError("the language lets no budget pass that no point meets")
    asked = traffic.which(matches(lever.when))
    if answered is not None:
        asked &= ~answered
    kinds = drawn_hits(asked, chosen, traffic.frame["request_id"], seed)
    return Answers(kinds, np.full(traffic.count, SERVED, dtype=np.int64), 0), chosen


def reuse_by_tenant(traffic: Traffic, answers: Answers) -> Shares:
    """Attempts avoided by the tenant that filled the cache and the one that profited."""
    tenants = traffic.frame["tenant_id"].fill_null("")
    names = tenants.unique().sort()
    owners = tenants.replace_strict(names, pl.Series(range(len(names)), dtype=pl.Int64))
    rows = np.arange(traffic.count)
    ones = np.ones(traffic.count, dtype=np.int64)
    return shares(answers.fillers, rows, ones, owners.to_numpy(), names.to_list())


def _check(traffic: Traffic, lever: ResponseCache) -> None:
    absent = [name for name in lever.key if name not in traffic.frame.columns]
    if absent or traffic.frame["prompt_fingerprint"].null_count() == traffic.count:
        lacking = ", ".join(absent) or "prompt_fingerprint"
        raise LeverRefusedError(
            "response_cache",
            f"no request has {lacking}, so which prompts repeat is unknown.",
            _WHAT_TO_LOG,
        )
    coverage = traffic.token_coverage
    if coverage is not None and coverage < COMPLETE_LOG_RATIO:
        raise LeverRefusedError(
            "response_cache",
            f"the log holds {coverage:.1%} of the input tokens that the engines counted: it is "
            "sampled, and sampling destroys reuse.",
            _WHAT_TO_LOG,
        )
