"""Replays prompts through one cache, whatever its kind: by policy, as a trie, expiring, in tiers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.expiry import expiring_hits
from tokenworks.replay.caches.policies import Policy, leading_hits, runs_of
from tokenworks.replay.caches.tiers import Spill, tier_hits
from tokenworks.replay.caches.trie import TriePolicy, prefix_nodes, trie_runs
from tokenworks.replay.traffic.prompts import Prompts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Blocks of a cache without a limit.
UNLIMITED = np.int64(1) << 60


@dataclass(frozen=True)
class Expiry:
    """Life of a block, and whether use starts it anew."""

    ttl_seconds: float
    is_refreshed_on_use: bool


@dataclass(frozen=True)
class LowerTiers:
    """Blocks of the tiers below the first, and what becomes of what a tier gives up."""

    blocks: tuple[int, ...]
    spill: Spill


@dataclass(frozen=True)
class Kind:
    """What a cache does besides its policy; `trie`, `expiry` and `lower` exclude each other."""

    is_trie: bool = False
    expiry: Expiry | None = None
    lower: LowerTiers | None = None


FLAT = Kind()


def replay_cache(
    prompts: Prompts, capacity: int, policy: Policy, kind: Kind, arrivals: Floats | None
) -> Ints:
    """Blocks of each prompt's leading run of hits, by tier of the cache.

    Args:
        prompts: prompts in order of arrival.
        capacity: blocks of the first tier.
        policy: what leaves a full cache.
        kind: what the cache does besides.
        arrivals: seconds at which each prompt arrives, never falling; needed where blocks expire.

    Returns:
        One row per prompt, one column per tier.
    """
    ids, offsets, count = prompts.ids, prompts.offsets, prompts.block_count
    if kind.lower is not None:
        sizes = np.minimum(np.array([capacity, *kind.lower.blocks]), count)
        return tier_hits(ids, offsets, count, sizes, kind.lower.spill).leading
    if kind.is_trie:
        nodes, parents = prefix_nodes(ids, offsets)
        by_trie: TriePolicy = "belady" if policy == "belady" else "lru"
        runs = trie_runs(nodes, parents, offsets, min(capacity, count), by_trie)
    elif kind.expiry is not None:
        if arrivals is None:
            raise ValueError("a cache whose blocks expire needs the arrivals of its prompts")
        life, refresh = kind.expiry.ttl_seconds, kind.expiry.is_refreshed_on_use
        hits = expiring_hits(ids, offsets, arrivals, count, capacity, life, refresh)
        runs, _ = runs_of(hits, offsets)
    else:
        runs, _ = leading_hits(ids, offsets, count, capacity, policy)
    return runs[:, None]
