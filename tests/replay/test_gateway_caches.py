"""The gateway's response caches on published traffic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.caches.gateway import exact_answers, reuse_by_tenant, semantic_answers
from tokenworks.replay.caches.responses import SERVED
from tokenworks.replay.caches.semantic import FALSE_HIT
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.base import Bounds, Match
from tokenworks.replay.language.response_cache import MeasuredPoint, ResponseCache, SemanticCache
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.traffic.requests import Traffic, load_traffic

POINT = MeasuredPoint(threshold=0.8, hit_ratio=0.5, false_hit_ratio=0.1)


@pytest.fixture
def traffic(hand_world: Any) -> Traffic:
    """80 requests, one every 50 s, in turn of acme and beta; every fourth asks the same prompt.

    Requests 0, 4, 8 and so on ask it, all of them acme's; the others never repeat and the last
    does not say what it asks.
    """
    found = load_traffic(hand_world.publish(), Scenario(name="same"))
    names = [f"p{row}" if row % 4 else "common" for row in range(79)]
    tenants = ["acme", "beta"] * 40
    frame = found.frame.with_columns(
        prompt_fingerprint=pl.Series([*names, None]), tenant_id=pl.Series(tenants)
    )
    return replace(found, frame=frame)


def test_attempts_are_avoided_when_a_prompt_was_answered_before(traffic: Traffic) -> None:
    """20 requests ask the same: one is served, 19 get its answer."""
    found = exact_answers(traffic, ResponseCache())
    assert np.flatnonzero(found.avoided).tolist() == list(range(4, 80, 4))
    assert set(found.fillers[found.avoided].tolist()) == {0}
    assert found.without_key == 1
    assert reuse_by_tenant(traffic, found).saved.tolist() == [[19, 0], [0, 0]]


def test_one_fills_for_the_other_when_tenants_ask_the_same(traffic: Traffic) -> None:
    """All ask the same: acme's first answer serves its own 39 later requests and beta's 40. With
    the tenant in the key each serves its own 39."""
    same = replace(traffic, frame=traffic.frame.with_columns(prompt_fingerprint=pl.lit("common")))
    found = exact_answers(same, ResponseCache(key=["prompt_fingerprint"]))
    assert found.avoided.sum() == 79
    assert reuse_by_tenant(same, found).saved.tolist() == [[39, 40], [0, 0]]
    apart = exact_answers(same, ResponseCache(key=["prompt_fingerprint", "tenant_id"]))
    assert apart.avoided.sum() == 78
    assert reuse_by_tenant(same, apart).saved.tolist() == [[39, 0], [0, 39]]


def test_fewer_are_avoided_when_answers_expire_or_few_may_ask(traffic: Traffic) -> None:
    """The same prompt comes every 200 s: with a life of 150 s none is left; with 250 s after its
    end each answer serves once, and every second request is served."""
    assert exact_answers(traffic, ResponseCache(ttl_seconds=150)).avoided.sum() == 0
    assert exact_answers(traffic, ResponseCache(ttl_seconds=250)).avoided.sum() == 10
    short = Match(input_total_tokens=Bounds(below=1))
    assert exact_answers(traffic, ResponseCache(when=short)).avoided.sum() == 0


def test_the_lever_is_refused_when_prompts_are_unknown(traffic: Traffic) -> None:
    unknown = traffic.frame.with_columns(prompt_fingerprint=pl.lit(None, dtype=pl.String))
    for frame in (unknown, traffic.frame.drop("prompt_fingerprint")):
        with pytest.raises(LeverRefusedError, match=r"prompt_fingerprint.*unknown. Log `prompt"):
            exact_answers(replace(traffic, frame=frame), ResponseCache())


def test_the_lever_is_refused_when_the_log_is_sampled(traffic: Traffic) -> None:
    with pytest.raises(LeverRefusedError, match=r"holds 10.0% of the input tokens"):
        exact_answers(replace(traffic, token_coverage=0.1), ResponseCache())


def test_a_semantic_cache_is_asked_the_rest_when_an_exact_one_stands_before(
    traffic: Traffic,
) -> None:
    exact = exact_answers(traffic, ResponseCache())
    lever = SemanticCache(curve=[POINT], false_hit_budget=0.1)
    alone, chosen = semantic_answers(traffic, lever, seed=1)
    behind, _ = semantic_answers(traffic, lever, seed=1, answered=exact.avoided)
    assert chosen.threshold == 0.8
    assert not (behind.avoided & exact.avoided).any()
    assert (behind.kinds == np.where(exact.avoided, 0, alone.kinds)).all()
    assert 25 < alone.avoided.sum() < 55
    assert 0 < (alone.kinds == FALSE_HIT).sum() < 20
    assert (alone.fillers == SERVED).all()
