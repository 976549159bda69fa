"""What regions are chosen by, as tables: round trips, prices, carbon, capacity, residency."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.regions import Hourly, RegionRouting, Residency
from tokenworks.replay.routing.conditions import named
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: More requests than any deployment takes in an hour.
NO_LIMIT = 1 << 60


def round_trips(asked: RegionRouting, clients: pl.Series, fleet: Fleet) -> tuple[Ints, Floats]:
    """Row of each request in a table (client region, deployment) of seconds; NaN where unknown."""
    names = sorted(asked.rtt_seconds)
    table = np.full((len(names) + 1, fleet.count), np.nan)
    for row, name in enumerate(names):
        for position, region in enumerate(fleet.regions):
            table[row, position] = asked.rtt_seconds[name].get(region, np.nan)
    rows = pl.Series(range(len(names)), dtype=pl.Int64)
    client = clients.cast(pl.String).replace_strict(
        pl.Series(names, dtype=pl.String), rows, default=len(names), return_dtype=pl.Int64
    )
    return client.fill_null(len(names)).to_numpy(), table


def hourly(by_region: dict[str, Hourly], fleet: Fleet, first: datetime, hours: int) -> Floats:
    """A table (hour, deployment) of a quantity of each region; NaN where a region has none."""
    clock = (first.hour + np.arange(hours)) % 24
    table = np.full((hours, fleet.count), np.nan)
    for position, region in enumerate(fleet.regions):
        values = by_region.get(region)
        if values is not None:
            table[:, position] = np.asarray(values)[clock]
    return table


def hourly_series(
    frame: pl.DataFrame, column: str, fleet: Fleet, first: datetime, hours: int
) -> Floats:
    """The same from rows of region, hour_start and the quantity; NaN where an hour is absent."""
    lacking = [name for name in ("region", "hour_start", column) if name not in frame.columns]
    if lacking:
        raise LeverRefusedError(
            "regions.series_file",
            f"the file lacks {', '.join(lacking)}.",
            f"Give region, hour_start (UTC) and {column}.",
        )
    starts = [first + timedelta(hours=hour) for hour in range(hours)]
    table = np.full((hours, fleet.count), np.nan)
    rows = frame.select("region", pl.col("hour_start").cast(pl.Datetime("us")), column)
    for position, region in enumerate(fleet.regions):
        mine = rows.filter(pl.col("region") == region).unique("hour_start", keep="last")
        found = pl.DataFrame({"hour_start": starts}).join(
            mine, on="hour_start", how="left", maintain_order="left"
        )
        table[:, position] = found[column].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return table


def allowed(frame: pl.DataFrame, residency: list[Residency], fleet: Fleet) -> tuple[Ints, Mask]:
    """Row of each request in a table (rules that bind it, deployment) of what they allow."""
    pattern = np.zeros(frame.height, dtype=np.int64)
    for bit, rule in enumerate(residency):
        pattern |= _may_bind(frame, rule, f"regions.residency.{bit}.when").astype(np.int64) << bit
    patterns, row = np.unique(pattern, return_inverse=True)
    table = np.ones((len(patterns), fleet.count), dtype=np.bool_)
    for bit, rule in enumerate(residency):
        inside = np.isin(np.array(fleet.regions), rule.regions)
        table[(patterns >> bit) & 1 == 1] &= inside
    return row.astype(np.int64), table


def _may_bind(frame: pl.DataFrame, rule: Residency, path: str) -> Mask:
    """Requests that a rule binds, or that could be bound if all were known of them."""
    bound = np.ones(frame.height, dtype=np.bool_)
    for name, wanted in rule.when.model_dump(exclude_none=True).items():
        alone = type(rule.when).model_validate({name: wanted})
        unknown = frame[name].is_null().to_numpy() if name in frame.columns else False
        bound &= named(frame, alone, path) | unknown
    return bound


def room(asked: RegionRouting, fleet: Fleet, served_by: Ints, hour: Ints, hours: int) -> Ints:
    """How many more requests each deployment takes in each hour beyond those of its own."""
    unknown = sorted(set(asked.capacity_per_hour) - set(fleet.ids))
    if unknown:
        raise LeverRefusedError(
            "regions.capacity_per_hour",
            f"no deployment is called {', '.join(unknown)}.",
            f"Deployments of this fleet: {', '.join(fleet.ids)}.",
        )
    limits = np.array([asked.capacity_per_hour.get(name, NO_LIMIT) for name in fleet.ids])
    own = np.zeros((hours, fleet.count), dtype=np.int64)
    np.add.at(own, (hour, served_by), 1)
    return np.asarray(limits[None, :] - own, dtype=np.int64)
