"""Who fills the caches of a scenario and who profits, by tenant, and from which tier it comes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.answer import Answer
from tokenworks.replay.caches.attribution import Shares
from tokenworks.replay.caches.prefix import Places, runs_by_tier, streams_of
from tokenworks.replay.caches.responses import SERVED
from tokenworks.replay.caches.reuse import avoided_by_tenant, reuse_by_owner, tenants_of

Ints = NDArray[np.int64]

PREFIX = (
    "input tokens read from prefix caches under the scenario; whose tokens: filled by the tenant "
    "of the last request that computed the block, saved for the one whose request read it"
)
RESPONSES = (
    "requests answered by the exact response cache; filled by the tenant of the request whose "
    "answer was kept, saved for the one who got it"
)


def cache_sharing(found: Answer) -> dict[str, Any]:
    """What each tenant filled and saved; null where a cache is not asked for or cannot be told."""
    return {"prefix_cache": _prefix(found), "response_cache": _responses(found)}


def _responses(found: Answer) -> dict[str, Any] | None:
    if found.answered is None or found.scenario.response_cache is None:
        return None
    # A semantic hit names itself: what it is similar to is drawn, not known.
    own = found.answered == np.arange(len(found.answered))
    by = np.where(own, SERVED, found.answered)
    return _table(avoided_by_tenant(found.traffic, by), "{request}", RESPONSES)


def _prefix(found: Answer) -> dict[str, Any] | None:
    stage, played, plan = found.stage, found.played, found.plan
    if found.scenario.prefix_cache is None or stage.prompts is None or plan is None:
        return None
    if played.ran is None or len(played.ran.request) != len(np.unique(played.ran.request)):
        return None
    rows = np.flatnonzero(played.timings.replica >= 0)
    order = rows[np.argsort(played.timings.arrived[rows], kind="stable")]
    prompts = stage.prompts.take(order)
    places = Places(played.deployment[order], played.timings.replica[order])
    tiers = runs_by_tier(prompts, plan, places, found.fleet, played.timings.arrived[order])
    owners, names = tenants_of(found.traffic)
    streams = streams_of(plan.scope, places, found.fleet)
    shares = reuse_by_owner(prompts, streams, tiers.sum(axis=1), owners[order], names)
    table = _table(shares, "{token}", PREFIX)
    blocks = tiers.sum(axis=0).tolist()
    return table | {"hit_blocks_by_tier": blocks if len(blocks) > 1 else []}


def _table(shares: Shares, unit: str, definition: str) -> dict[str, Any]:
    own = np.diag(shares.saved).tolist()
    rows = [
        {"tenant": name, "filled": filled, "saved": saved, "both": both}
        for name, filled, saved, both in zip(
            shares.owners, shares.filled.values(), shares.profited.values(), own, strict=True
        )
        if filled or saved
    ]
    rows.sort(key=lambda row: (-row["saved"], row["tenant"]))
    return {"unit": unit, "definition": definition, "tenants": rows, "hit_blocks_by_tier": []}
