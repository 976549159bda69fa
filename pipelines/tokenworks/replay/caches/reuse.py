"""Who fills the caches of a fleet, and who profits: prefixes by token, answers by attempt."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.caches.attribution import Shares, filled_by, shares
from tokenworks.replay.traffic.prompts import Prompts
from tokenworks.replay.traffic.requests import Traffic

Ints = NDArray[np.int64]

#: Tenants with a row of their own, the largest; the others, and those without a name.
MOST_TENANTS = 50
OTHERS, UNKNOWN = "(other tenants)", "(no tenant)"


def reuse_by_owner(
    prompts: Prompts, streams: Ints, runs: Ints, owners: Ints, names: list[str]
) -> Shares:
    """Cached tokens by who computed them and who was spared them.

    Args:
        prompts: blocks of the traffic, in order of arrival.
        streams: cache that each request used, such as from `prefix.streams_of`.
        runs: blocks of the leading run of hits of each request.
        owners: position in `names` of each request's owner, such as its tenant.
        names: the owners.
    """
    saved = np.zeros((len(names), len(names)), dtype=np.int64)
    for stream in np.unique(streams):
        rows = np.flatnonzero(streams == stream)
        part = prompts.alone(rows)
        fillers = filled_by(part.ids, part.offsets, runs[rows], part.block_count)
        readers = np.repeat(np.arange(len(rows)), part.counts)
        saved += shares(fillers, readers, part.tokens_per_block(), owners[rows], names).saved
    return Shares(tuple(names), saved)


def avoided_by_tenant(traffic: Traffic, by: Ints) -> Shares:
    """Attempts that an exact response cache avoids, by tenant that filled and that profited.

    Args:
        traffic: the requests.
        by: request whose answer each request gets, `responses.SERVED` where it is served.
    """
    owners, names = tenants_of(traffic)
    rows = np.arange(traffic.count)
    ones = np.ones(traffic.count, dtype=np.int64)
    return shares(by, rows, ones, owners, names)


def tenants_of(traffic: Traffic) -> tuple[Ints, list[str]]:
    """Position of each request's tenant in the names, and the names."""
    return largest(traffic.series("tenant_id"))


def largest(tenants: pl.Series) -> tuple[Ints, list[str]]:
    """The same of a column of tenants; small ones of a large fleet are one."""
    counts = tenants.drop_nulls().value_counts().sort("count", tenants.name, descending=True)
    own = counts[tenants.name].head(MOST_TENANTS)
    known = pl.Series("own", own).sort()
    names = [*known.to_list(), OTHERS, UNKNOWN]
    place = {name: position for position, name in enumerate(known.to_list())}
    positions = tenants.replace_strict(
        pl.Series(list(place), dtype=pl.String),
        pl.Series(list(place.values()), dtype=pl.Int64),
        default=pl.when(tenants.is_null()).then(len(place) + 1).otherwise(len(place)),
        return_dtype=pl.Int64,
    )
    return positions.to_numpy(), names
