"""Every cache policy: by hand, against plain Python, and by the laws that all of them obey."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replay.cache_oracles import ORACLES, trie_lru
from tokenworks.replay.caches.expiry import expiring_hits
from tokenworks.replay.caches.policies import Policy, access_hits, runs_of
from tokenworks.replay.caches.tiers import tier_hits
from tokenworks.replay.caches.trie import prefix_nodes, trie_runs

POLICIES: list[Policy] = ["lru", "lfu", "fifo", "sieve", "s3fifo", "arc", "belady"]
ACCESSES = st.lists(st.integers(0, 14), min_size=1, max_size=150)
PROMPTS = st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=1, max_size=40)


def hits(accesses: str, capacity: int, policy: Policy) -> str:
    """Letters accessed one after another; those that hit in upper case."""
    ids = np.array([ord(letter) - ord("a") for letter in accesses], dtype=np.int32)
    found = access_hits(ids, 26, capacity, policy)
    return "".join(a.upper() if hit else a for a, hit in zip(accesses, found, strict=True))


def flat(prompts: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array([block for prompt in prompts for block in prompt], dtype=np.int32)
    offsets = np.concatenate([[0], np.cumsum([len(prompt) for prompt in prompts])])
    return ids, offsets.astype(np.int64)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        # Held before the first d: a (3 uses), b, c. LRU drops b, then c, a, d in turn.
        ("lru", "abcAAdbcad"),
        # a is the oldest however often it was used: d drops a, then b hits, c hits, a drops b.
        ("fifo", "abcAAdBCaD"),
        # d drops b (1 use, older than c); b drops c; c drops d; a hits; d drops b.
        ("lfu", "abcAAdbcAd"),
        # The hand passes a, marked, and drops b; c is next: b drops c; c drops d; a still held.
        ("sieve", "abcAAdbcAd"),
        # d drops a, needed last; b and c hit; a drops one that never returns; d hits.
        ("belady", "abcAAdBCaD"),
    ],
)
def test_a_policy_keeps_what_its_rule_says_when_followed_by_hand(
    policy: Policy, expected: str
) -> None:
    assert hits("abcaadbcad", 3, policy) == expected


def test_lfu_and_sieve_differ_when_a_block_of_many_uses_rests() -> None:
    """Capacity 2. LFU holds a by its three uses for ever; SIEVE's mark is one and wears off.

    LFU: c drops b, b drops c, c drops b: a stays and hits at the end.
    SIEVE: c unmarks a and drops b; b: the hand starts behind c at a, unmarked by now, drops a.
    """
    assert hits("aaabcba", 2, "lfu") == "aAAbcbA"
    assert hits("aaabcba", 2, "sieve") == "aAAbcba"


def test_a_lost_block_enters_the_often_used_when_arc_remembers_it() -> None:
    """Capacity 2, all seen once: c drops a for good (no room for ghosts), as in the paper.

    b hits and is often used; d drops c to the ghosts; c is remembered, so it becomes often used
    and room for once-seen grows to 1: d stays, b is lost; d hits.
    """
    assert hits("abcbdcd", 2, "arc") == "abcBdcD"


def test_a_scan_leaves_the_main_queue_alone_when_s3fifo_meets_it() -> None:
    """Capacity 10: a fills the small queue, b to j the main queue. The scan passes through the
    small queue and drops a and itself; LRU loses all."""
    kept = "abcdefghij"
    found = hits(kept + "qrstuv" + kept, 10, "s3fifo")
    assert found[:16] == "abcdefghijqrstuv"
    assert found[16:] == "aBCDEFGHIJ"
    assert hits(kept + "qrstuv" + kept, 10, "lru")[16:] == "abcdefghij"


@pytest.mark.parametrize("policy", POLICIES)
@given(accesses=ACCESSES, capacity=st.integers(1, 16))
@settings(max_examples=120, deadline=None)
def test_hits_equal_plain_python_when_accesses_are_random(
    policy: Policy, accesses: list[int], capacity: int
) -> None:
    found = access_hits(np.array(accesses, dtype=np.int32), 15, capacity, policy)
    expected = ORACLES[policy](accesses, min(capacity, 15))
    if policy == "belady":  # ties are free, the number of hits is not
        assert found.sum() == sum(expected)
    else:
        assert found.tolist() == expected


@given(accesses=ACCESSES, capacity=st.integers(1, 16))
@settings(max_examples=100, deadline=None)
def test_no_policy_beats_belady_when_accesses_are_random(
    accesses: list[int], capacity: int
) -> None:
    ids = np.array(accesses, dtype=np.int32)
    bound = access_hits(ids, 15, capacity, "belady").sum()
    for policy in POLICIES:
        assert access_hits(ids, 15, capacity, policy).sum() <= bound


@pytest.mark.parametrize("policy", ["lru", "belady"])
@given(accesses=ACCESSES, capacity=st.integers(0, 16))
@settings(max_examples=100, deadline=None)
def test_a_larger_cache_hits_no_less_when_the_policy_is_a_stack(
    policy: Policy, accesses: list[int], capacity: int
) -> None:
    ids = np.array(accesses, dtype=np.int32)
    smaller = access_hits(ids, 15, capacity, policy)
    larger = access_hits(ids, 15, capacity + 1, policy)
    assert larger.sum() >= smaller.sum()
    if policy == "lru":
        assert (larger >= smaller).all()


@pytest.mark.parametrize("policy", POLICIES)
@given(accesses=ACCESSES)
@settings(max_examples=40, deadline=None)
def test_only_first_uses_miss_when_everything_fits(policy: Policy, accesses: list[int]) -> None:
    found = access_hits(np.array(accesses, dtype=np.int32), 15, 15, policy)
    assert (~found).sum() == len(set(accesses))


def test_a_leaf_goes_before_its_prefix_when_eviction_is_by_trie() -> None:
    """Capacity 3. [0 1], then [2], then [3]: the flat cache drops 0, the oldest; the trie drops 1,
    the only leaf older than 2. So 0 hits afterwards in the trie alone."""
    ids, offsets = flat([[0, 1], [2], [3], [0]])
    nodes, parents = prefix_nodes(ids, offsets)
    assert parents.tolist() == [-1, 0, -1, -1]
    assert trie_runs(nodes, parents, offsets, 3, "lru").tolist() == [0, 0, 0, 1]
    assert runs_of(access_hits(ids, 4, 3, "lru"), offsets)[0].tolist() == [0, 0, 0, 0]


def test_the_running_path_stays_when_a_prompt_outgrows_the_cache() -> None:
    """Capacity 2 holds [0 1]; [0 1 2] finds no leaf to drop but its own path and adds nothing."""
    ids, offsets = flat([[0, 1], [0, 1, 2], [0, 1, 2]])
    nodes, parents = prefix_nodes(ids, offsets)
    assert trie_runs(nodes, parents, offsets, 2, "lru").tolist() == [0, 2, 2]


def test_equal_blocks_are_other_nodes_when_what_precedes_them_differs() -> None:
    ids, offsets = flat([[0, 7], [1, 7], [0, 7]])
    nodes, parents = prefix_nodes(ids, offsets)
    assert nodes.tolist() == [0, 1, 2, 3, 0, 1]
    assert parents.tolist() == [-1, 0, -1, 2]


@given(prompts=PROMPTS, capacity=st.integers(1, 20))
@settings(max_examples=200, deadline=None)
def test_trie_runs_equal_plain_python_when_prompts_are_random(
    prompts: list[list[int]], capacity: int
) -> None:
    ids, offsets = flat(prompts)
    nodes, parents = prefix_nodes(ids, offsets)
    assert trie_runs(nodes, parents, offsets, capacity, "lru").tolist() == trie_lru(
        prompts, capacity
    )


@given(prompts=PROMPTS, capacity=st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_flat_and_trie_agree_when_everything_fits(prompts: list[list[int]], capacity: int) -> None:
    ids, offsets = flat(prompts)
    nodes, parents = prefix_nodes(ids, offsets)
    room = len(parents) + capacity
    expected = runs_of(access_hits(nodes, len(parents), room, "lru"), offsets)[0].tolist()
    for policy in ("lru", "belady"):
        found = trie_runs(nodes, parents, offsets, room, policy)  # type: ignore[arg-type]
        assert found.tolist() == expected


@pytest.mark.parametrize(
    ("refresh", "moments", "expected"),
    [
        # Lives to 300, then 500, then 700: at 700 it is gone, and is written anew.
        (True, [0, 200, 400, 700, 800], [0, 1, 1, 0, 1]),
        # Lives to 300; written at 400 it lives to 700; written at 800.
        (False, [0, 200, 400, 699, 800], [0, 1, 0, 1, 0]),
    ],
)
def test_a_block_lives_300_seconds_when_the_provider_says_so(
    refresh: bool, moments: list[float], expected: list[int]
) -> None:
    ids, offsets = flat([[0]] * 5)
    times = np.array(moments, dtype=np.float64)
    found = expiring_hits(ids, offsets, times, 1, 1, 300.0, refresh)
    assert found.astype(int).tolist() == expected


def test_what_follows_a_missing_block_is_written_anew_when_use_does_not_refresh() -> None:
    """[0 1] at 0 and [1] at 0 are gone at 300; [2 1] at 200 computes 1 again, so it lives to 500."""
    ids, offsets = flat([[0, 1], [2, 1], [1], [0]])
    times = np.array([0.0, 200.0, 400.0, 400.0])
    found = expiring_hits(ids, offsets, times, 3, 3, 300.0, False)
    assert found.astype(int).tolist() == [0, 0, 0, 1, 1, 0]


@given(prompts=PROMPTS, capacity=st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_expiry_changes_nothing_when_life_is_endless(
    prompts: list[list[int]], capacity: int
) -> None:
    ids, offsets = flat(prompts)
    times = np.arange(len(prompts), dtype=np.float64)
    found = expiring_hits(ids, offsets, times, 4, capacity, np.inf, True)
    assert found.tolist() == access_hits(ids, 4, capacity, "lru").tolist()


def test_a_block_comes_up_when_a_lower_tier_has_it() -> None:
    """One block above, one below. a, b (a goes down), a from below (b goes down), b from below.

    Written through, both tiers of one block hold the same, so the lower one never helps; of two
    blocks it does.
    """
    ids, offsets = flat([[0], [1], [0], [1], [1]])
    found = tier_hits(ids, offsets, 3, np.array([1, 1]), "demote")
    assert found.tiers.tolist() == [-1, -1, 1, 1, 0]
    assert found.leading.tolist() == [[0, 0], [0, 0], [0, 1], [0, 1], [1, 0]]
    found = tier_hits(ids, offsets, 3, np.array([1, 2]), "write_through")
    assert found.tiers.tolist() == [-1, -1, 1, 1, 0]
    found = tier_hits(ids, offsets, 3, np.array([1, 1]), "write_through")
    assert found.tiers.tolist() == [-1, -1, -1, -1, 0]


@given(accesses=ACCESSES, upper=st.integers(0, 8), lower=st.integers(0, 8))
@settings(max_examples=150, deadline=None)
def test_tiers_hold_what_one_cache_of_their_size_does_when_blocks_are_demoted(
    accesses: list[int], upper: int, lower: int
) -> None:
    ids = np.array(accesses, dtype=np.int32)
    offsets = np.arange(len(ids) + 1, dtype=np.int64)
    found = tier_hits(ids, offsets, 15, np.array([upper, lower]), "demote").tiers
    assert (found == 0).tolist() == access_hits(ids, 15, upper, "lru").tolist()
    assert (found >= 0).tolist() == access_hits(ids, 15, upper + lower, "lru").tolist()
