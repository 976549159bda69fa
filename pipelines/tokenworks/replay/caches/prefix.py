"""The prefix-cache lever: cached tokens of each request under caches of a given size and scope.

Without the lever a cache keeps the size that history implies: the LRU capacity of each
deployment's replicas at which the simulated hits come closest to the recorded ones. Not here: how
one cache works (`replayed.py`) and who fills it for whom (`reuse.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.caches.hit_ratio import tokens_of_runs
from tokenworks.replay.caches.policies import Policy
from tokenworks.replay.caches.replayed import (
    FLAT,
    UNLIMITED,
    Expiry,
    Kind,
    LowerTiers,
    replay_cache,
)
from tokenworks.replay.caches.stack_distance import hits_by_capacity, required_capacities
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.prefix_cache import PrefixCache
from tokenworks.replay.spool import kept, let_go
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.prompts import Prompts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
BYTES_PER_GIB = 1 << 30


@dataclass(frozen=True)
class Places:
    """Where each request runs: deployment, and replica within it (-1 where unknown)."""

    deployment: Ints
    replica: Ints

    @property
    def streams(self) -> Ints:
        """One number per replica of the fleet."""
        return self.deployment * (int(self.replica.max()) + 2) + self.replica + 1


@dataclass(frozen=True)
class CachePlan:
    """Caches of the fleet.

    Attributes:
        capacity_blocks: blocks that one cache holds, by deployment.
        policy: what is evicted.
        scope: what shares one cache: the replica, its deployment, or all of one model.
        kind: eviction, expiry and tiers.
    """

    capacity_blocks: Ints
    policy: Policy
    scope: str
    kind: Kind = FLAT


def implied_capacities(
    prompts: Prompts, places: Places, recorded: Floats, learn: Mask, fleet: Fleet
) -> Ints:
    """LRU blocks per cache at which simulated and recorded hits differ least, by deployment.

    Least is the sum over requests of the absolute difference in tokens. Totals would not do: near
    saturation a small shift in either moves the capacity at which they meet without bound.

    Args:
        prompts: blocks of the traffic.
        places: where each request ran; where the replica is unknown the deployment counts as
            one cache.
        recorded: cached tokens of each request; NaN where unknown.
        learn: requests whose recorded hits are compared.
        fleet: facts of the deployments.

    Returns:
        Capacities, the smallest of several that are as good, and -1 where the history records
        no cached tokens.
    """
    capacities = np.full(fleet.count, -1, dtype=np.int64)
    for position in np.unique(places.deployment):
        let_go()
        rows = np.flatnonzero(places.deployment == position)
        compared = learn[rows] & prompts.known[rows] & ~np.isnan(recorded[rows])
        if not compared.any():
            continue
        wanted = np.where(compared, np.nan_to_num(recorded[rows]), 0).astype(np.int64)
        capacities[position] = _closest(prompts, rows, places.replica[rows], compared, wanted)
    return capacities


def _closest(prompts: Prompts, rows: Ints, replica: Ints, compared: Mask, wanted: Ints) -> int:
    """Capacity of the least absolute difference.

    As the capacity grows, the leading run of a prompt grows block by block, and each block moves
    the difference of its prompt by a known step at a known capacity: the sum of the steps up to a
    capacity is the error there, less the error of no cache.
    """
    required: list[Ints] = []
    steps: list[Ints] = []
    for one in np.unique(replica):
        mine = replica == one
        part = prompts.alone(rows[mine])
        required.append(kept(required_capacities(part.ids, part.offsets, part.block_count)))
        after = part.tokens_so_far()
        before = after - part.tokens_per_block()
        target = np.repeat(wanted[mine], part.counts)
        step = np.abs(after - target) - np.abs(before - target)
        steps.append(kept(np.where(np.repeat(compared[mine], part.counts), step, 0)))
    capacities, gained = hits_by_capacity(np.concatenate(required), np.concatenate(steps))
    if not len(gained) or gained.min() >= 0:
        return 0
    return int(capacities[np.argmin(gained)])


def plan_of(lever: PrefixCache | None, implied: Ints, block_tokens: int) -> CachePlan:
    """The caches that a scenario asks for; without the lever, those that history implies.

    Of a sample of whole prefix roots, a stated size shrinks with the sample; an implied one was
    learned on the sample.
    """
    if lever is None:
        return CachePlan(np.maximum(implied, 0), "lru", "replica")
    if lever.capacity_factor is not None:
        sizes = np.floor(np.maximum(implied, 0) * lever.capacity_factor).astype(np.int64)
    elif lever.capacity_tokens is None and lever.capacity_gib is None:
        sizes = np.full(len(implied), UNLIMITED)
    else:
        blocks = _blocks(lever, lever.capacity_tokens, lever.capacity_gib, block_tokens)
        sizes = np.full(len(implied), blocks, dtype=np.int64)
    return CachePlan(sizes, lever.policy, lever.scope, _kind(lever, block_tokens))


def _blocks(lever: PrefixCache, tokens: int | None, gib: float | None, block_tokens: int) -> int:
    """Whole blocks of a stated size, of a cache that serves the sampled part of the traffic."""
    held: float = tokens or 0
    if gib is not None:
        held = gib * BYTES_PER_GIB / (lever.kv_bytes_per_token or math.inf)
    return int(held * lever.sampled_roots_ratio / block_tokens)


def _kind(lever: PrefixCache, block_tokens: int) -> Kind:
    lower = tuple(
        _blocks(lever, tier.capacity_tokens, tier.capacity_gib, block_tokens)
        for tier in lever.lower_tiers
    )
    if lower:
        return Kind(lower=LowerTiers(lower, lever.spill))
    if lever.ttl_seconds is not None:
        return Kind(expiry=Expiry(lever.ttl_seconds, lever.ttl_refreshed_on_use))
    return Kind(is_trie=lever.eviction == "trie")


def check_implied(implied: Ints, deployments: Ints, fleet: Fleet) -> None:
    """Refuse where today's cache of a deployment that serves is unknown."""
    unknown = [fleet.ids[position] for position in np.unique(deployments) if implied[position] < 0]
    if unknown:
        raise LeverRefusedError(
            "prefix_cache",
            f"no cached tokens are recorded for {', '.join(unknown)}, so today's cache is unknown.",
            "Log cached input tokens (usage.prompt_tokens_details.cached_tokens).",
        )


def cached_tokens(
    prompts: Prompts,
    plan: CachePlan,
    places: Places,
    recorded: Ints,
    fleet: Fleet,
    arrivals: Floats | None = None,
) -> tuple[Ints, Ints]:
    """Cached tokens and leading runs of each request, where it runs under the scenario.

    A request without hashes keeps its recorded cached tokens and leaves the caches alone.
    `arrivals` (seconds) are needed where blocks expire.
    """
    runs = runs_by_tier(prompts, plan, places, fleet, arrivals).sum(axis=1)
    simulated = tokens_of_runs(runs, prompts.block_tokens, prompts.input_tokens)
    return kept(np.where(prompts.known, simulated, recorded)), runs


def runs_by_tier(
    prompts: Prompts, plan: CachePlan, places: Places, fleet: Fleet, arrivals: Floats | None = None
) -> Ints:
    """Blocks of each request's leading run of hits, by tier of its cache, first tier first."""
    tiers = 1 + len(plan.kind.lower.blocks if plan.kind.lower else ())
    found = kept(np.zeros((len(places.deployment), tiers), dtype=np.int64))
    streams = streams_of(plan.scope, places, fleet)
    for stream in np.unique(streams):
        let_go()
        rows = np.flatnonzero(streams == stream)
        capacity = int(plan.capacity_blocks[places.deployment[rows[0]]])
        times = None if arrivals is None else arrivals[rows]
        found[rows] = replay_cache(prompts.alone(rows), capacity, plan.policy, plan.kind, times)
    return found


def streams_of(scope: str, places: Places, fleet: Fleet) -> Ints:
    """The cache that each request uses."""
    if scope == "replica":
        return places.streams
    if scope == "deployment":
        return places.deployment
    models = sorted(set(fleet.models))
    of_model = np.array([models.index(model) for model in fleet.models], dtype=np.int64)
    return of_model[places.deployment]
