"""Answers kept at the gateway: exact ones by key, similar ones by a measured curve."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworks.replay.caches.attribution import filled_by, shares
from tokenworks.replay.caches.responses import NO_KEY, SERVED, Asked, answered_by, dense_keys
from tokenworks.replay.caches.semantic import (
    FALSE_HIT,
    CurvePoint,
    curve_of_pairs,
    drawn_hits,
    exact_hits,
    within_budget,
)
from tokenworks.replay.caches.semantic import SERVED as OWN_ANSWER
from tokenworks.replay.caches.similarity import nearest

FOREVER = float("inf")


def asked(keys: list[int], arrivals: list[float], seconds: float = 1.0) -> Asked:
    """Requests that all succeed after the same time."""
    start = np.array(arrivals, dtype=np.float64)
    return Asked(np.array(keys), start, start + seconds, np.ones(len(keys), dtype=np.bool_))


def test_an_answer_serves_again_when_it_ended_before() -> None:
    """Answers take 10 s: the request at 5 s finds none yet, those at 12 and 20 s the first one."""
    requests = asked([0, 0, 0, 1, 0], [0, 5, 12, 13, 20], seconds=10)
    # The second answer, at 15 s, takes the place of the first.
    assert answered_by(requests, 10, FOREVER, "lru").tolist() == [SERVED, SERVED, 0, SERVED, 1]


def test_an_answer_is_gone_when_its_life_is_over() -> None:
    """Ends at 1 s and lives 300 s: at 300 s it serves, at 301 s no more; hits do not prolong it."""
    requests = asked([0, 0, 0, 0], [0, 200, 300, 301])
    assert answered_by(requests, 10, 300.0, "lru").tolist() == [SERVED, 0, 0, SERVED]


@pytest.mark.parametrize(("policy", "last"), [("lru", 0), ("fifo", SERVED)])
def test_a_full_cache_drops_by_its_policy_when_another_answer_comes(policy: str, last: int) -> None:
    """Two answers fit. a, b, a again, c: LRU drops b, FIFO drops a."""
    requests = asked([0, 1, 0, 2, 0], [0, 10, 20, 30, 40])
    found = answered_by(requests, 2, FOREVER, policy)  # type: ignore[arg-type]
    assert found.tolist() == [SERVED, SERVED, 0, SERVED, last]


def test_nothing_is_kept_when_the_answer_failed_or_has_no_key() -> None:
    start = np.array([0.0, 10.0, 20.0, 30.0])
    storable = np.array([False, True, True, True])
    found = answered_by(
        Asked(np.array([0, 0, 0, 0]), start, start + 1, storable), 5, FOREVER, "lru"
    )
    assert found.tolist() == [SERVED, SERVED, 1, 1]
    found = answered_by(asked([NO_KEY] * 3, [0, 10, 20]), 5, FOREVER, "lru")
    assert found.tolist() == [SERVED] * 3
    assert answered_by(asked([0, 0], [0, 10]), 0, FOREVER, "lru").tolist() == [SERVED] * 2


def test_keys_are_equal_when_every_column_is() -> None:
    frame = pl.DataFrame(
        {"prompt_fingerprint": ["p", "p", None, "q", "p"], "tenant_id": ["a", "b", "a", "a", "a"]}
    )
    assert dense_keys(frame, ["prompt_fingerprint", "tenant_id"]).tolist() == [0, 1, NO_KEY, 2, 0]
    assert dense_keys(frame, ["prompt_fingerprint"]).tolist() == [0, 0, NO_KEY, 1, 0]


@given(
    keys=st.lists(st.integers(-1, 5), min_size=1, max_size=60),
    capacity=st.integers(1, 6),
    ttl=st.sampled_from([3.5, 8.5, FOREVER]),
)
@settings(max_examples=150, deadline=None)
def test_answers_equal_plain_python_when_requests_do_not_overlap(
    keys: list[int], capacity: int, ttl: float
) -> None:
    """A request a second, each answered at once."""
    held: OrderedDict[int, int] = OrderedDict()
    expected = []
    for row, key in enumerate(keys):
        if key != NO_KEY and key in held and row - held[key] < ttl:
            expected.append(held[key])
            held.move_to_end(key)
            continue
        expected.append(SERVED)
        if key == NO_KEY:
            continue
        if key not in held and len(held) == min(capacity, max(keys) + 1):
            held.popitem(last=False)
        held[key] = row
        held.move_to_end(key)
    requests = asked(keys, list(range(len(keys))), seconds=0.0)
    assert answered_by(requests, capacity, ttl, "lru").tolist() == expected


def test_who_fills_is_told_from_who_profits_when_tenants_share_a_cache() -> None:
    """acme fills a prompt of two blocks that beta reads whole, and itself half."""
    blocks, offsets = np.array([0, 1, 0, 1, 0, 2], dtype=np.int32), np.array([0, 2, 4, 6])
    fillers = filled_by(blocks, offsets, np.array([0, 2, 1]), 3)
    assert fillers.tolist() == [-1, -1, 0, 0, 0, -1]
    found = shares(
        fillers, np.repeat([0, 1, 2], 2), np.full(6, 100), np.array([0, 1, 0]), ["acme", "beta"]
    )
    assert found.filled == {"acme": 300, "beta": 0}
    assert found.profited == {"acme": 100, "beta": 200}
    assert found.saved.tolist() == [[100, 200], [0, 0]]


@given(keys=st.lists(st.integers(0, 4), min_size=1, max_size=50), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_all_that_is_filled_profits_somebody_when_summed(keys: list[int], seed: int) -> None:
    requests = asked(keys, list(range(len(keys))), seconds=0.0)
    fillers = answered_by(requests, 5, FOREVER, "lru")
    owners = np.random.default_rng(seed).integers(0, 3, len(keys))
    rows = np.arange(len(keys))
    found = shares(fillers, rows, np.ones(len(keys), dtype=np.int64), owners, ["a", "b", "c"])
    avoided = int((fillers != SERVED).sum())
    assert sum(found.filled.values()) == sum(found.profited.values()) == avoided
    assert avoided == len(keys) - len(set(keys))


CURVE = [CurvePoint(0.9, 0.2, 0.001), CurvePoint(0.8, 0.3, 0.01), CurvePoint(0.7, 0.5, 0.03)]


@pytest.mark.parametrize(
    ("budget", "threshold"), [(0.03, 0.7), (0.02, 0.8), (0.001, 0.9), (0.0005, None)]
)
def test_the_most_hits_are_taken_when_a_budget_allows_them(
    budget: float, threshold: float | None
) -> None:
    found = within_budget(CURVE, budget)
    assert (found.threshold if found else None) == threshold


def test_drawn_hits_keep_the_measured_ratios_when_there_are_many() -> None:
    names = pl.Series([f"r{number}" for number in range(100_000)])
    kinds = drawn_hits(np.ones(100_000, dtype=np.bool_), CURVE[2], names, seed=1)
    assert (kinds != OWN_ANSWER).mean() == pytest.approx(0.5, abs=0.006)
    assert (kinds == FALSE_HIT).mean() == pytest.approx(0.03, abs=0.002)
    assert (drawn_hits(np.ones(100_000, dtype=np.bool_), CURVE[2], names, 1) == kinds).all()
    assert (drawn_hits(np.ones(100_000, dtype=np.bool_), CURVE[2], names, 2) != kinds).any()


def test_a_hit_stays_one_when_the_ratio_or_the_company_grows() -> None:
    names = pl.Series([f"r{number}" for number in range(2_000)])
    everyone = np.ones(2_000, dtype=np.bool_)
    fewer, more = (drawn_hits(everyone, CURVE[at], names, seed=7) for at in (0, 2))
    assert (more[fewer != OWN_ANSWER] != OWN_ANSWER).all()
    assert (drawn_hits(everyone[:500], CURVE[2], names[:500], seed=7) == more[:500]).all()
    some = np.arange(2_000) % 2 == 0
    assert (drawn_hits(some, CURVE[2], names, seed=7)[~some] == OWN_ANSWER).all()


def test_a_hit_is_false_when_the_nearest_question_is_another() -> None:
    held = ["how do I reset my password", "what does shipping cost", "where is my order"]
    swapped = ["how do I reset my password", "where is my order", "what does shipping cost"]
    assert exact_hits(held, ["How do I reset my password", held[2]]) == 1
    (point,) = curve_of_pairs(held, swapped, [0.99])
    assert point.hit_ratio == 1.0
    assert point.false_hit_ratio == pytest.approx(2 / 3)


def test_cosine_is_that_by_hand_when_texts_are_short() -> None:
    """' abc ' has six runs, ' ab' among them, which ' ab ' has too; ' xyz ' six of its own.

    Of 3 held texts ' ab' is in two, so its rarity is 1 + ln(4/3); all others have 1 + ln(4/2).
    """
    best, cosine = nearest(["ab", "abc", "xyz"], ["AB", "abc xyz", "q"])
    assert best.tolist() == [0, 2, -1]
    common, rare = (1 + np.log(4 / 3)) ** 2, (1 + np.log(2)) ** 2
    assert cosine == pytest.approx([1.0, np.sqrt(6 * rare / (common + 11 * rare)), 0.0])
