"""Facts of the deployments as arrays, and where each request of the traffic ran."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.errors import TrafficError
from tokenworks.replay.spool import room
from tokenworks.replay.traffic.columns import NUMBERS_AT_ONCE
from tokenworks.replay.traffic.requests import Traffic

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
OBJECTIVES = ("ttft", "tpot", "e2e")


@dataclass(frozen=True)
class Fleet:
    """Deployments by position, in order of their id.

    Attributes:
        ids, models, tiers, regions: names.
        replicas: replicas of each deployment, at least 1.
        slots: largest batch of one replica; 0 where the fleet does not say.
        gpus: GPUs of each deployment.
        prefill_weights, cache_read_weights, decode_weights: GPU-seconds per token of each class.
        prefill_replicas, decode_replicas: replicas of each kind where prompts and tokens are made
            apart; 0 for both where replicas do both.
        objectives: seconds that fleet.yaml promises, by `ttft`, `tpot` and `e2e`; NaN where it
            promises nothing.
    """

    ids: tuple[str, ...]
    models: tuple[str, ...]
    tiers: tuple[str, ...]
    regions: tuple[str, ...]
    replicas: Ints
    slots: Ints
    gpus: Ints
    prefill_weights: Floats
    cache_read_weights: Floats
    decode_weights: Floats
    prefill_replicas: Ints
    decode_replicas: Ints
    objectives: dict[str, Floats] = field(default_factory=dict)

    @property
    def apart(self) -> Mask:
        """Deployments with a pool for prompts and one for tokens."""
        return (self.prefill_replicas > 0) & (self.decode_replicas > 0)

    @property
    def count(self) -> int:
        """Number of deployments."""
        return len(self.ids)


def fleet_of(traffic: Traffic) -> Fleet:
    """The fleet of the traffic's marts."""
    table = traffic.deployments
    weights = ("prefill_weight", "cache_read_weight", "decode_weight")
    lacking = table.filter(pl.any_horizontal(pl.col(name).is_null() for name in weights))
    if lacking.height:
        raise TrafficError(
            "dim_deployments",
            f"no cost weights for {', '.join(lacking['deployment_id'].to_list())}.",
            "Give them `weights` in fleet.yaml.",
        )
    pools = [_counts(table, f"{pool}_replica_count", least=0) for pool in ("prefill", "decode")]
    prefill, decode = (np.where(pools[0] * pools[1] > 0, pool, 0) for pool in pools)
    return Fleet(
        ids=_names(table, "deployment_id"),
        models=_names(table, "model"),
        tiers=_names(table, "tier"),
        regions=_names(table, "region"),
        # The law of a pool is that of its replicas now, whatever their most was.
        replicas=np.where(prefill > 0, prefill + decode, _counts(table, "replica_count", least=1)),
        slots=_counts(table, "max_num_seqs", least=0),
        gpus=_counts(table, "gpu_count", least=0),
        prefill_weights=table["prefill_weight"].cast(pl.Float64).to_numpy(),
        cache_read_weights=table["cache_read_weight"].cast(pl.Float64).to_numpy(),
        decode_weights=table["decode_weight"].cast(pl.Float64).to_numpy(),
        prefill_replicas=prefill,
        decode_replicas=decode,
        objectives={
            name: table[f"slo_{name}_seconds"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
            for name in OBJECTIVES
        },
    )


def _names(table: pl.DataFrame, column: str) -> tuple[str, ...]:
    return tuple(table[column].fill_null("unknown").to_list())


def _counts(table: pl.DataFrame, column: str, least: int) -> Ints:
    return table[column].cast(pl.Int64).fill_null(least).clip(lower_bound=least).to_numpy()


def deployments_of(traffic: Traffic, fleet: Fleet) -> Ints:
    """Position of the deployment that served each request."""
    ids = pl.Series(fleet.ids, dtype=pl.String)
    positions = pl.Series(range(fleet.count), dtype=pl.Int64)
    column = pl.col("deployment_id").replace_strict(ids, positions, return_dtype=pl.Int64)
    return traffic.columns.numbers(column, np.int64)


def replicas_of(traffic: Traffic, fleet: Fleet) -> Ints:
    """Position of each request's replica within its deployment, -1 where it cannot be told.

    A deployment whose log names more replicas than the fleet has at once (some were replaced)
    is left to the balancer, and so is one with pools, where a request had two.
    """
    pair = ["deployment_id", "replica_id"]
    pieces = traffic.columns.slices(*pair, at_once=NUMBERS_AT_ONCE)
    named = pl.concat([part.drop_nulls().unique() for _, part in pieces]).unique()
    positions = named.sort("deployment_id", "replica_id").with_columns(
        position=pl.int_range(pl.len()).over("deployment_id"),
        named=pl.len().over("deployment_id"),
    )
    most = np.where(fleet.apart, 0, fleet.replicas)
    limits = pl.DataFrame({"deployment_id": fleet.ids, "limit": most})
    usable = positions.join(limits, on="deployment_id").filter(pl.col("named") <= pl.col("limit"))
    found = room(traffic.count, np.int64)
    for place, part in traffic.columns.slices(*pair, at_once=NUMBERS_AT_ONCE):
        joined = part.join(usable, on=pair, how="left", maintain_order="left")
        found[place] = joined["position"].fill_null(-1).cast(pl.Int64).to_numpy()
    return found
