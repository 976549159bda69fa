"""The gateway's response caches on published traffic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.caches.gateway import answered
from tokenworks.replay.caches.responses import SERVED
from tokenworks.replay.caches.reuse import OTHERS, UNKNOWN, avoided_by_tenant, largest
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.base import Bounds, Match
from tokenworks.replay.language.response_cache import MeasuredPoint, ResponseCache, SemanticCache
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.traffic.columns import Columns
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
    frame = found.columns.select().with_columns(
        prompt_fingerprint=pl.Series([*names, None]), tenant_id=pl.Series(tenants)
    )
    return replace(found, columns=Columns.of(frame))


def answers(traffic: Traffic, exact: ResponseCache) -> np.ndarray:
    """The request whose answer each request gets from an exact cache."""
    ends = traffic.arrivals() + traffic.numbers("e2e_seconds")
    found = answered(traffic, ends, exact, None, seed=1)
    assert found is not None
    return found.by


def test_attempts_are_avoided_when_a_prompt_was_answered_before(traffic: Traffic) -> None:
    """20 requests ask the same: one is served, 19 get its answer."""
    by = answers(traffic, ResponseCache())
    assert np.flatnonzero(by != SERVED).tolist() == list(range(4, 80, 4))
    assert set(by[by != SERVED].tolist()) == {0}
    assert avoided_by_tenant(traffic, by).filled == {"acme": 19, "beta": 0, OTHERS: 0, UNKNOWN: 0}


def test_one_fills_for_the_other_when_tenants_ask_the_same(traffic: Traffic) -> None:
    """All ask the same: acme's first answer serves its own 39 later requests and beta's 40. With
    the tenant in the key each serves its own 39."""
    alike = traffic.columns.select().with_columns(prompt_fingerprint=pl.lit("common"))
    same = replace(traffic, columns=Columns.of(alike))
    by = answers(same, ResponseCache(key=["prompt_fingerprint"]))
    assert avoided_by_tenant(same, by).saved[:2, :2].tolist() == [[39, 40], [0, 0]]
    by = answers(same, ResponseCache(key=["prompt_fingerprint", "tenant_id"]))
    assert avoided_by_tenant(same, by).saved[:2, :2].tolist() == [[39, 0], [0, 39]]


def test_small_tenants_are_one_and_nameless_ones_another_when_there_are_many() -> None:
    """Sixty tenants with 1 to 60 requests: the ten smallest hold 55 together; three have no name."""
    names = [f"t{number:02d}" for number in range(1, 61) for _ in range(number)] + [None] * 3
    owners, known = largest(pl.Series("tenant_id", names))
    assert known == [f"t{number}" for number in range(11, 61)] + [OTHERS, UNKNOWN]
    assert np.bincount(owners)[[0, 49, 50, 51]].tolist() == [11, 60, 55, 3]


@pytest.mark.parametrize(
    ("lever", "avoided"),
    [
        # The same prompt comes every 200 s: no answer lives that long.
        (ResponseCache(ttl_seconds=150), 0),
        # From the end of the first request each answer serves once, then dies.
        (ResponseCache(ttl_seconds=250), 10),
        (ResponseCache(when=Match(input_total_tokens=Bounds(below=1))), 0),
        (ResponseCache(capacity_answers=0), 0),
    ],
)
def test_fewer_are_avoided_when_answers_expire_or_few_may_ask(
    traffic: Traffic, lever: ResponseCache, avoided: int
) -> None:
    assert (answers(traffic, lever) != SERVED).sum() == avoided


def test_the_lever_is_refused_when_prompts_are_unknown(traffic: Traffic) -> None:
    unknown = traffic.columns.select().with_columns(
        prompt_fingerprint=pl.lit(None, dtype=pl.String)
    )
    with pytest.raises(LeverRefusedError, match=r"fingerprint.*unknown. Log `prompt_fing"):
        answers(replace(traffic, columns=Columns.of(unknown)), ResponseCache())


def test_the_lever_is_refused_when_the_log_is_sampled(traffic: Traffic) -> None:
    with pytest.raises(LeverRefusedError, match=r"holds 10.0% of the input tokens"):
        answers(replace(traffic, token_coverage=0.1), ResponseCache())


def test_a_semantic_cache_is_asked_the_rest_when_an_exact_one_stands_before(
    traffic: Traffic,
) -> None:
    """The exact cache answers 19 of 80; of the 61 others about half hit, a tenth falsely."""
    ends = traffic.arrivals() + traffic.numbers("e2e_seconds")
    lever = SemanticCache(curve=[POINT], false_hit_budget=0.1)
    exact = answers(traffic, ResponseCache())
    both = answered(traffic, ends, ResponseCache(), lever, seed=1)
    alone = answered(traffic, ends, None, lever, seed=1)
    assert both is not None
    assert alone is not None
    by_exact = exact != SERVED
    assert (both.by[by_exact] == exact[by_exact]).all()
    assert (both.by[~by_exact] == alone.by[~by_exact]).all()
    assert 20 < (both.by[~by_exact] != SERVED).sum() < 41
    assert "of 61 requests at threshold 0.8" in both.said[1]
    assert answered(traffic, ends, None, None, seed=1) is None
