"""Caches of several scopes, and the size that recorded hits imply."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.caches.curve import capacity_curve
from tokenworks.replay.caches.prefix import (
    CachePlan,
    Places,
    cached_tokens,
    implied_capacities,
    plan_of,
    runs_by_tier,
)
from tokenworks.replay.caches.replayed import UNLIMITED, Expiry, Kind, LowerTiers
from tokenworks.replay.caches.reuse import reuse_by_owner
from tokenworks.replay.language.prefix_cache import PrefixCache
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.prompts import Prompts


def prompts_of(*prompts: list[int], tokens: int = 200) -> Prompts:
    """Prompts of blocks of 100 tokens."""
    return Prompts(
        ids=np.array([block for prompt in prompts for block in prompt], dtype=np.int32),
        offsets=np.concatenate([[0], np.cumsum([len(prompt) for prompt in prompts])]),
        block_count=10,
        block_tokens=100,
        input_tokens=np.full(len(prompts), tokens),
        known=np.ones(len(prompts), dtype=np.bool_),
    )


def fleet(models: tuple[str, ...]) -> Fleet:
    ones, weights = np.ones(len(models), dtype=np.int64), np.ones(len(models))
    names = tuple(f"d{number}" for number in range(len(models)))
    facts = (ones * 2, ones, ones, weights, weights, weights, 0 * ones, 0 * ones)
    return Fleet(names, models, models, names, *facts)


@pytest.mark.parametrize(
    ("scope", "models", "expected"),
    [
        ("replica", ("m", "m"), [0, 0, 200, 0]),
        ("deployment", ("m", "m"), [0, 200, 200, 0]),
        ("global", ("m", "m"), [0, 200, 200, 200]),
        ("global", ("m", "n"), [0, 200, 200, 0]),
    ],
)
def test_a_prompt_hits_when_its_cache_is_shared(
    scope: str, models: tuple[str, ...], expected: list[int]
) -> None:
    """One prompt on replica 0, on 1, on 0 again, then on another deployment."""
    places = Places(np.array([0, 0, 0, 1]), np.array([0, 1, 0, 0]))
    plan = CachePlan(np.array([5, 5]), "lru", scope)
    prompts = prompts_of([1, 2], [1, 2], [1, 2], [1, 2])
    found, _ = cached_tokens(prompts, plan, places, np.zeros(4, dtype=np.int64), fleet(models))
    assert found.tolist() == expected


def test_the_last_block_counts_what_it_holds_when_it_is_partial() -> None:
    places = Places(np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64))
    plan = CachePlan(np.array([5]), "lru", "replica")
    prompts = prompts_of([1, 2], [1, 2], tokens=130)
    found, runs = cached_tokens(prompts, plan, places, np.zeros(2, dtype=np.int64), fleet(("m",)))
    assert found.tolist() == [0, 130]
    assert runs.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("recorded", "capacity"),
    [([0, 0, 200, 200], 4), ([0, 0, 0, 0], 0), ([0, 0, 200, 0], 0), ([np.nan] * 4, -1)],
)
def test_the_size_is_the_one_that_fits_best_when_hits_are_recorded(
    recorded: list[float], capacity: int
) -> None:
    """Two prompts of two blocks in turn hit with 4 blocks and not with 3; one of two is a tie."""
    places = Places(np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64))
    prompts = prompts_of([1, 2], [3, 4], [1, 2], [3, 4])
    everything = np.ones(4, dtype=np.bool_)
    found = implied_capacities(prompts, places, np.array(recorded), everything, fleet(("m",)))
    assert found.tolist() == [capacity]


def test_the_curve_steps_where_prompts_fit_when_read_at_powers_of_two() -> None:
    places = Places(np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64))
    curve = capacity_curve(prompts_of([1, 2], [3, 4], [1, 2], [3, 4]), places)
    assert [(point["capacity_tokens"], point["hit_ratio"]) for point in curve] == [
        (100, 0.0),
        (200, 0.0),
        (400, 0.5),
    ]


def test_every_point_speaks_of_the_same_requests_when_some_only_warm_up() -> None:
    """Of the last two prompts alone both hit whole at 4 blocks, the ceiling; none does at 2."""
    places = Places(np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64))
    prompts = prompts_of([1, 2], [3, 4], [1, 2], [3, 4])
    curve = capacity_curve(prompts, places, np.array([False, False, True, True]))
    assert [point["hit_ratio"] for point in curve] == [0.0, 0.0, 1.0]


def test_each_replica_has_its_tiers_when_caches_spill() -> None:
    """One block above, three below: 1 comes up, which sends 2 down, so both are found below. With
    two above both stay there. The other replica has nothing."""
    places = Places(np.zeros(3, dtype=np.int64), np.array([0, 0, 1]))
    plan = CachePlan(np.array([1]), "lru", "replica", Kind(lower=LowerTiers((3,), "demote")))
    prompts = prompts_of([1, 2], [1, 2], [1, 2])
    assert runs_by_tier(prompts, plan, places, fleet(("m",))).tolist() == [[0, 0], [0, 2], [0, 0]]
    plan = CachePlan(np.array([2]), "lru", "replica", Kind(lower=LowerTiers((3,), "demote")))
    assert runs_by_tier(prompts, plan, places, fleet(("m",))).tolist() == [[0, 0], [2, 0], [0, 0]]


def test_blocks_expire_by_arrival_when_a_life_is_given() -> None:
    places = Places(np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64))
    plan = CachePlan(np.array([UNLIMITED]), "lru", "replica", Kind(expiry=Expiry(300.0, True)))
    prompts, none = prompts_of([1, 2], [1, 2], [1, 2]), np.zeros(3, dtype=np.int64)
    arrivals = np.array([0.0, 299.0, 599.0])
    found, _ = cached_tokens(prompts, plan, places, none, fleet(("m",)), arrivals)
    assert found.tolist() == [0, 200, 0]
    with pytest.raises(ValueError, match="needs the arrivals"):
        cached_tokens(prompts, plan, places, none, fleet(("m",)))


def test_leaves_go_first_when_eviction_is_by_trie() -> None:
    """Three blocks: [5] and [6] drop 1 from a flat cache and 2, the leaf, from a trie."""
    places = Places(np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64))
    prompts = prompts_of([1, 2], [5], [6], [1])
    runs = {}
    for is_trie in (False, True):
        plan = CachePlan(np.array([3]), "lru", "replica", Kind(is_trie=is_trie))
        runs[is_trie] = runs_by_tier(prompts, plan, places, fleet(("m",)))[:, 0].tolist()
    assert runs == {False: [0, 0, 0, 0], True: [0, 0, 0, 1]}


def test_tokens_are_saved_by_whoever_filled_that_replica_when_owners_share_it() -> None:
    """acme fills replica 0; beta reads there 130 tokens and fills replica 1, where acme reads."""
    places = Places(np.zeros(4, dtype=np.int64), np.array([0, 0, 1, 1]))
    prompts = prompts_of([1, 2], [1, 2], [1, 2], [1, 2], tokens=130)
    owners, names = np.array([0, 1, 1, 0]), ["acme", "beta"]
    runs = np.array([0, 2, 0, 2])
    found = reuse_by_owner(prompts, places.streams, runs, owners, names)
    assert found.saved.tolist() == [[0, 130], [130, 0]]


@pytest.mark.parametrize(
    ("lever", "blocks"),
    [
        ({"capacity_tokens": 1_050}, 10),
        ({"capacity_gib": 2, "kv_bytes_per_token": 1 << 20}, 20),
        ({"capacity_factor": 2.5}, 15),
    ],
)
def test_a_size_becomes_whole_blocks_when_asked_in_any_unit(
    lever: dict[str, float], blocks: int
) -> None:
    """2 GiB at 1 MiB per token are 2,048 tokens; 2.5 times 6 blocks are 15."""
    plan = plan_of(PrefixCache.model_validate(lever), np.array([6]), 100)
    assert plan.capacity_blocks.tolist() == [blocks]
