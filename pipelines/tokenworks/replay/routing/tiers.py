"""The routing lever: which requests go to another deployment, and to which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.scenario import Routing
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.requests import Traffic, matches

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Routed:
    """Result of a routing rule.

    Attributes:
        deployments: position of the deployment of each request under the scenario.
        matched: requests that the rule names.
        moved: requests that change deployment.
        without_target: requests that match but whose region has no deployment of the tier.
    """

    deployments: Ints
    matched: int
    moved: int
    without_target: int


def route(traffic: Traffic, fleet: Fleet, served_by: Ints, rule: Routing | None) -> Routed:
    """Apply a rule; several deployments of the tier in one region take requests in turn."""
    if rule is None:
        return Routed(served_by, matched=0, moved=0, without_target=0)
    if rule.to_tier not in fleet.tiers:
        known = ", ".join(sorted(set(fleet.tiers)))
        raise LeverRefusedError(
            "routing.to_tier",
            f"no deployment has the tier {rule.to_tier!r}.",
            f"Tiers of this fleet: {known}.",
        )
    matched = traffic.which(matches(rule.when))
    tiers = np.array(fleet.tiers)
    candidates = matched & (tiers[served_by] != rule.to_tier)
    regions = np.array(fleet.regions)
    deployments = served_by.copy()
    reached = np.zeros(len(served_by), dtype=np.bool_)
    for region in sorted(set(fleet.regions)):
        targets = np.flatnonzero((tiers == rule.to_tier) & (regions == region))
        rows = np.flatnonzero(candidates & (regions[served_by] == region))
        if targets.size and rows.size:
            deployments[rows] = targets[np.arange(rows.size) % targets.size]
            reached[rows] = True
    if candidates.any() and not reached.any():
        raise LeverRefusedError(
            "routing",
            f"no region of the matching requests has a deployment of tier {rule.to_tier!r}.",
            "Add one to fleet.yaml or choose another tier.",
        )
    return Routed(
        deployments=deployments,
        matched=int(matched.sum()),
        moved=int(reached.sum()),
        without_target=int((candidates & ~reached).sum()),
    )
