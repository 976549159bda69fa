"""Block caches against plain Python and against each other."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokenworks.replay.caches.hit_ratio import hit_ratios, tokens_of_runs
from tokenworks.replay.caches.policies import leading_hits
from tokenworks.replay.caches.stack_distance import hits_by_capacity, required_capacities

Prompts = list[list[int]]
PROMPTS = st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=25)


def flat(prompts: Prompts) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array([block for prompt in prompts for block in prompt], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(prompt) for prompt in prompts])])
    return ids, offsets.astype(np.int64)


def plain_cache(prompts: Prompts, capacity: int, refresh: bool) -> tuple[list[int], list[int]]:
    """LRU (refresh) or FIFO in plain Python, one block at a time."""
    held: OrderedDict[int, None] = OrderedDict()
    leading, anywhere = [], []
    for prompt in prompts:
        run, hits, unbroken = 0, 0, True
        for block in prompt:
            if block in held:
                hits += 1
                run += unbroken
                if refresh:
                    held.move_to_end(block)
                continue
            unbroken = False
            if len(held) >= capacity:
                held.popitem(last=False)
            held[block] = None
        leading.append(run)
        anywhere.append(hits)
    return leading, anywhere


def most_hits_possible(accesses: tuple[int, ...], capacity: int) -> int:
    """Best of every choice of eviction, tried out."""
    best: dict[frozenset[int], int] = {frozenset(): 0}
    for block in accesses:
        reached: dict[frozenset[int], int] = {}
        for held, hits in best.items():
            if block in held:
                options = [(held, hits + 1)]
            elif len(held) < capacity:
                options = [(held | {block}, hits)]
            else:
                options = [((held - {out}) | {block}, hits) for out in held]
            for state, count in options:
                reached[state] = max(reached.get(state, -1), count)
        best = reached
    return max(best.values())


def test_lru_keeps_the_recent_when_a_block_returns() -> None:
    # Capacity 2. a b | a c (evicts b) | a b: a hits, b was evicted.
    ids, offsets = flat([[0, 1], [0, 2], [0, 1]])
    leading, anywhere = leading_hits(ids, offsets, 3, 2, "lru")
    assert leading.tolist() == [0, 1, 1]
    assert anywhere.tolist() == [0, 1, 1]


def test_fifo_drops_the_oldest_when_it_was_just_used() -> None:
    # Capacity 2. a b | a c (evicts a, the first in) | a: gone, evicts b | b: gone.
    ids, offsets = flat([[0, 1], [0, 2], [0], [1]])
    assert leading_hits(ids, offsets, 3, 2, "fifo")[0].tolist() == [0, 1, 0, 0]
    assert leading_hits(ids, offsets, 3, 2, "lru")[0].tolist() == [0, 1, 1, 0]


def test_only_the_leading_run_counts_when_a_later_block_is_held() -> None:
    ids, offsets = flat([[0, 1, 2], [0, 9, 2]])
    leading, anywhere = leading_hits(ids, offsets, 10, 10, "lru")
    assert leading.tolist() == [0, 1]
    assert anywhere.tolist() == [0, 2]


def test_nothing_hits_when_the_cache_holds_nothing() -> None:
    ids, offsets = flat([[0], [0]])
    assert leading_hits(ids, offsets, 1, 0, "lru")[0].tolist() == [0, 0]


@pytest.mark.parametrize(("policy", "refresh"), [("lru", True), ("fifo", False)])
@given(prompts=PROMPTS, capacity=st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_hits_equal_plain_python_when_traces_are_random(
    policy: str, refresh: bool, prompts: Prompts, capacity: int
) -> None:
    ids, offsets = flat(prompts)
    leading, anywhere = leading_hits(ids, offsets, 10, capacity, policy)  # type: ignore[arg-type]
    assert (leading.tolist(), anywhere.tolist()) == plain_cache(prompts, capacity, refresh)


@given(prompts=PROMPTS, capacity=st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_belady_hits_at_least_as_much_when_compared_with_lru_and_fifo(
    prompts: Prompts, capacity: int
) -> None:
    ids, offsets = flat(prompts)
    bound = leading_hits(ids, offsets, 10, capacity, "belady")[1].sum()
    assert bound >= leading_hits(ids, offsets, 10, capacity, "lru")[1].sum()
    assert bound >= leading_hits(ids, offsets, 10, capacity, "fifo")[1].sum()


@given(accesses=st.lists(st.integers(0, 4), min_size=1, max_size=12), capacity=st.integers(1, 4))
@settings(max_examples=100, deadline=None)
def test_belady_is_the_optimum_when_every_eviction_is_tried(
    accesses: list[int], capacity: int
) -> None:
    ids, offsets = flat([accesses])
    found = leading_hits(ids, offsets, 5, capacity, "belady")[1].sum()
    assert found == most_hits_possible(tuple(accesses), capacity)


@given(prompts=PROMPTS)
@settings(max_examples=150, deadline=None)
def test_one_pass_equals_lru_when_read_at_every_capacity(prompts: Prompts) -> None:
    ids, offsets = flat(prompts)
    required = required_capacities(ids, offsets, 10)
    steps, hits = hits_by_capacity(required, np.ones(len(ids), dtype=np.int64))
    for capacity in range(1, 12):
        reached = np.searchsorted(steps, capacity, side="right")
        found = int(hits[reached - 1]) if reached else 0
        assert found == leading_hits(ids, offsets, 10, capacity, "lru")[0].sum()


def test_ratios_differ_by_definition_when_the_last_block_is_partial() -> None:
    # Blocks of 100 tokens. Prompts of 150 (2 blocks), 150 (both hit), 400 (4 blocks, 1 hit).
    runs = np.array([0, 2, 1])
    inputs = np.array([150, 150, 400])
    tokens = tokens_of_runs(runs, 100, inputs)
    assert tokens.tolist() == [0, 150, 100]
    found = hit_ratios(runs, np.array([2, 2, 4]), tokens, inputs)
    assert found.blocks_ratio == pytest.approx(3 / 8)
    assert found.tokens_ratio == pytest.approx(250 / 700)
    assert found.request_mean_ratio == pytest.approx((0 + 1 + 0.25) / 3)


def test_ratios_are_unknown_when_nothing_was_asked() -> None:
    empty = np.zeros(0, dtype=np.int64)
    found = hit_ratios(empty, empty, empty, empty)
    assert (found.blocks_ratio, found.tokens_ratio, found.request_mean_ratio) == (None, None, None)
