"""Which requests a lever names, and where in their own region a tier would serve them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.routing import Arrival
from tokenworks.replay.traffic.conditions import matches
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.requests import Traffic

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Stands for a request that has no such deployment.
NOWHERE = -1


def asked_columns(traffic: Traffic, section: BaseModel, *more: str) -> pl.DataFrame:
    """The columns that a section names anywhere, and when each request arrived."""
    asked = {"started_at", *more} | _keys(section.model_dump(exclude_none=True))
    return traffic.columns.select(*(name for name in traffic.columns.names if name in asked))


def _keys(written: Any) -> set[str]:
    """Every key of nested mappings and lists."""
    if isinstance(written, dict):
        return set(written).union(*map(_keys, written.values()))
    return set().union(*map(_keys, written)) if isinstance(written, list | tuple) else set()


def named(frame: pl.DataFrame, when: Arrival, path: str) -> Mask:
    """Requests that meet every condition; an unknown value meets none."""
    if when.hour_utc is not None:
        frame = frame.with_columns(pl.col("started_at").dt.hour().cast(pl.Int64).alias("hour_utc"))
    asked = when.model_dump(exclude_none=True)
    lacking = [name for name in asked if name not in frame.columns]
    if lacking:
        raise LeverRefusedError(
            path, f"the traffic has no column {', '.join(lacking)}.", "Route by another field."
        )
    met = frame.with_columns(matches(when).alias("met"))["met"]
    return np.asarray(met.to_numpy(), dtype=np.bool_)


def check_tier(fleet: Fleet, tier: str, path: str) -> None:
    """Refuse a tier that no deployment has."""
    if tier not in fleet.tiers:
        known = ", ".join(sorted(set(fleet.tiers)))
        raise LeverRefusedError(
            path, f"no deployment has the tier {tier!r}.", f"Tiers of this fleet: {known}."
        )


def serving(fleet: Fleet, served_by: Ints, rows: Mask, tier: str) -> Ints:
    """Where a tier would serve some requests, each in the region that serves it now.

    Args:
        fleet: the deployments.
        served_by: deployment of each request now.
        rows: the requests that are asked about.
        tier: the tier.

    Returns:
        Position of a deployment, `NOWHERE` for a region without one and for other requests. A
        request that the tier serves already stays; several deployments take the others in turn.
    """
    tiers, regions = np.array(fleet.tiers), np.array(fleet.regions)
    found = np.full(served_by.size, NOWHERE, dtype=np.int64)
    stays = rows & (tiers[served_by] == tier)
    found[stays] = served_by[stays]
    for region in sorted(set(fleet.regions)):
        targets = np.flatnonzero((tiers == tier) & (regions == region))
        asked = np.flatnonzero(rows & ~stays & (regions[served_by] == region))
        if targets.size:
            found[asked] = targets[np.arange(asked.size) % targets.size]
    return found
