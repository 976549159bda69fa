"""The sections of the scenario language about caches: what they accept, and what they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from tokenworks.replay.caches.prefix import plan_of
from tokenworks.replay.caches.replayed import UNLIMITED
from tokenworks.replay.language.prefix_cache import PrefixCache
from tokenworks.replay.language.response_cache import ResponseCache, SemanticCache

POINTS = [
    {"threshold": 0.9, "hit_ratio": 0.2, "false_hit_ratio": 0.001},
    {"threshold": 0.8, "hit_ratio": 0.3, "false_hit_ratio": 0.01},
]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "give exactly one of capacity_tokens"),
        ({"capacity_tokens": 1, "capacity_factor": 2}, "give exactly one of capacity_tokens"),
        ({"capacity_gib": 1}, "capacity_gib and kv_bytes_per_token go together"),
        (
            {"capacity_tokens": 1, "lower_tiers": [{"capacity_gib": 1}]},
            "capacity_gib and kv_bytes_per_token go together",
        ),
        ({"capacity_factor": 1, "scope": "global"}, "capacity_factor needs scope: replica"),
        (
            {"capacity_tokens": 1, "policy": "arc", "eviction": "trie"},
            "goes with policy lru or bel",
        ),
        ({"ttl_seconds": 300, "policy": "fifo"}, "go with policy lru"),
        (
            {"ttl_seconds": 300, "lower_tiers": [{"capacity_tokens": 1}]},
            "eviction: trie, ttl_seconds and lower_tiers exclude each other",
        ),
        ({"capacity_tokens": 1, "lower_tiers": [{}]}, "give exactly one of capacity_tokens"),
        ({"capacity_tokens": 1, "policy": "mru"}, "'lru', 'lfu', 'fifo', 'sieve'"),
        ({"capacity_tokens": 1, "sampled_roots_ratio": 0}, "greater than 0"),
    ],
)
def test_a_prefix_cache_is_refused_when_it_cannot_be_meant(
    section: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        PrefixCache.model_validate(section)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"key": ["model"]}, "must hold prompt_fingerprint"),
        ({"key": ["prompt_fingerprint", "prompt_fingerprint"]}, "names a column twice"),
        ({"key": ["prompt_fingerprint", "user"]}, "'prompt_fingerprint', 'model'"),
        ({"ttl_seconds": 0}, "greater than 0"),
    ],
)
def test_a_response_cache_is_refused_when_it_cannot_be_meant(
    section: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        ResponseCache.model_validate(section)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"curve": POINTS}, "give exactly one of threshold, false_hit_budget"),
        ({"curve": POINTS, "threshold": 0.7}, r"0.7 is none of the curve's \(0.9, 0.8\)"),
        ({"curve": POINTS, "false_hit_budget": 0.0001}, r"below every point .*least 0.001"),
        ({"curve": [*POINTS, POINTS[0]], "threshold": 0.9}, "names a threshold twice"),
        ({"curve": [{**POINTS[0], "false_hit_ratio": 0.3}], "threshold": 0.9}, "part of hit_ratio"),
        ({"curve": [], "threshold": 0.9}, "at least 1 item"),
    ],
)
def test_a_semantic_cache_is_refused_when_it_cannot_be_meant(
    section: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        SemanticCache.model_validate(section)


def test_tiers_become_whole_blocks_when_given_in_any_unit() -> None:
    """Blocks of 100 tokens; 1 GiB at 1 MiB a token is 1,024 tokens."""
    lever = PrefixCache.model_validate(
        {
            "capacity_tokens": 1_050,
            "kv_bytes_per_token": 1 << 20,
            "lower_tiers": [{"capacity_gib": 1}, {"capacity_tokens": 7_000}],
            "spill": "write_through",
        }
    )
    plan = plan_of(lever, np.array([6, 6]), 100)
    assert plan.capacity_blocks.tolist() == [10, 10]
    assert plan.kind.lower is not None
    assert (plan.kind.lower.blocks, plan.kind.lower.spill) == ((10, 70), "write_through")


def test_a_stated_size_shrinks_and_an_implied_one_does_not_when_roots_are_sampled() -> None:
    stated = PrefixCache(capacity_tokens=100_000, sampled_roots_ratio=0.1)
    implied = PrefixCache(capacity_factor=2, sampled_roots_ratio=0.1)
    assert plan_of(stated, np.array([6]), 100).capacity_blocks.tolist() == [100]
    assert plan_of(implied, np.array([6]), 100).capacity_blocks.tolist() == [12]


def test_only_time_counts_when_a_life_is_given_without_a_size() -> None:
    plan = plan_of(PrefixCache(ttl_seconds=300), np.array([6]), 100)
    assert plan.capacity_blocks.tolist() == [UNLIMITED]
    assert plan.kind.expiry is not None
    assert plan.kind.expiry.is_refreshed_on_use
