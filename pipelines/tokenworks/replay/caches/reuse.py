"""Who fills the caches of a fleet, and who profits: prefixes by token, answers by attempt."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.caches.attribution import NOBODY, Shares, filled_by, shares
from tokenworks.replay.traffic.prompts import Prompts
from tokenworks.replay.traffic.requests import Traffic

Ints = NDArray[np.int64]


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
    fillers = np.full(len(prompts.ids), NOBODY, dtype=np.int64)
    for stream in np.unique(streams):
        rows = np.flatnonzero(streams == stream)
        part = prompts.alone(rows)
        local = filled_by(part.ids, part.offsets, runs[rows], part.block_count)
        at = np.repeat(prompts.offsets[rows] - part.offsets[:-1], part.counts)
        fillers[at + np.arange(len(local))] = np.where(local == NOBODY, NOBODY, rows[local])
    readers = np.repeat(np.arange(len(prompts.counts)), prompts.counts)
    return shares(fillers, readers, prompts.tokens_per_block(), owners, names)


def avoided_by_tenant(traffic: Traffic, by: Ints) -> Shares:
    """Attempts that an exact response cache avoids, by tenant that filled and that profited.

    Args:
        traffic: the requests.
        by: request whose answer each request gets, `responses.SERVED` where it is served.
    """
    tenants = traffic.series("tenant_id").fill_null("")
    names = tenants.unique().sort()
    owners = tenants.replace_strict(names, pl.Series(range(len(names)), dtype=pl.Int64))
    rows = np.arange(traffic.count)
    ones = np.ones(traffic.count, dtype=np.int64)
    return shares(by, rows, ones, owners.to_numpy(), names.to_list())
