"""Whom a result speaks of: everything, each tier, each region, and the largest tenants."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.estimates.comparison import Comparison, Segment
from tokenworks.replay.estimates.quantities import at
from tokenworks.replay.spool import kept
from tokenworks.replay.traffic.columns import NUMBERS_AT_ONCE

Ints = NDArray[np.int64]

#: Tenants with rows of their own, the largest first; a fleet may have thousands.
MOST_TENANTS = 50


def segments_of(compared: Comparison) -> Iterator[Segment]:
    """The requests of each, the whole first."""
    reported = kept(np.flatnonzero(compared.reported))
    yield Segment("all", reported, reported)
    fleet = compared.stage.fleet
    for kind, kinds in (("tier", fleet.tiers), ("region", fleet.regions)):
        names, codes = np.unique(kinds, return_inverse=True)
        before = _grouped(reported, codes[at(compared.baseline.deployment, reported)], len(names))
        after = before
        if compared.moves_any:
            moved_to = at(compared.scenario.deployment, reported)
            after = _grouped(reported, codes[moved_to], len(names))
        for name, old, new in zip(names.tolist(), before, after, strict=True):
            if len(old) or len(new):
                yield Segment(f"{kind}:{name}", old, old if after is before else new)
    tenants, places = _largest_tenants(compared)
    by_tenant = _grouped(reported, at(places, reported), len(tenants))
    for name, rows in zip(tenants, by_tenant, strict=True):
        yield Segment(f"tenant:{name}", rows, rows)


def _grouped(rows: Ints, codes: Ints, count: int) -> list[Ints]:
    """Rows of each code, ascending; rows of other codes are left out."""
    narrow = np.where(codes < 0, count, codes).astype(np.uint16)
    order = rows[np.argsort(narrow, kind="stable")]
    ends = np.cumsum(np.bincount(narrow, minlength=count))[:count]
    return np.split(kept(order), ends)[:count]


def _largest_tenants(compared: Comparison) -> tuple[list[str], Ints]:
    """Tenants with a row of their own, and the place of each request's among them, else -1."""
    traffic, counts = compared.stage.traffic, None
    for place, part in traffic.columns.slices("tenant_id", at_once=NUMBERS_AT_ONCE):
        told = part["tenant_id"].filter(compared.reported[place]).drop_nulls()
        some = told.value_counts()
        counts = some if counts is None else pl.concat([counts, some])
    if counts is None:
        raise AssertionError("a traffic has requests")
    counted = counts.group_by("tenant_id").sum().sort("count", "tenant_id")
    names = sorted(counted["tenant_id"].tail(MOST_TENANTS).to_list())
    known = pl.Series(names, dtype=pl.String), pl.Series(range(len(names)), dtype=pl.Int64)
    column = pl.col("tenant_id").replace_strict(*known, default=-1, return_dtype=pl.Int64)
    return names, traffic.columns.numbers(column, np.int64)
