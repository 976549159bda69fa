"""Routing between regions: each request to the deployment of its model that is best for it.

Best is the least round trip, price or carbon intensity of the hour, within residency, the round
trip that may be added, and capacity. Requests choose in order of arrival. What is unknown is no
candidate, and a request of which nothing is known stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.regions import RegionRouting
from tokenworks.replay.routing.conditions import named
from tokenworks.replay.routing.region_kernel import (
    ADDED,
    ALONE,
    BEST,
    FULL,
    GAIN,
    MOVED,
    RESIDENCY,
    UNKNOWN,
    UNNAMED,
    place,
)
from tokenworks.replay.routing.region_tables import (
    allowed,
    hourly,
    hourly_series,
    room,
    round_trips,
)
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

REASONS = {
    MOVED: "move",
    BEST: "are already where it is best",
    UNNAMED: "are not named by `when`",
    ALONE: "have no other deployment of their model",
    UNKNOWN: "lack a round trip, price or intensity to choose by",
    GAIN: "would gain too little",
    RESIDENCY: "may not leave (residency)",
    ADDED: "would wait too much longer for the network",
    FULL: "find the better deployment full",
}


@dataclass(frozen=True)
class Placed:
    """Where each request is answered.

    Attributes:
        deployments: position of the deployment.
        added_rtt: seconds of round trip to add to each request; 0 where it stays, NaN where it
            moves and a round trip is unknown.
        reasons: key of `REASONS` of each request.
        outlawed: requests that stay where residency forbids, since no allowed place has room.
    """

    deployments: Ints
    added_rtt: Floats
    reasons: Ints
    outlawed: Mask

    @property
    def counts(self) -> dict[int, int]:
        """Requests by reason."""
        found = np.bincount(self.reasons, minlength=len(REASONS))
        return {reason: int(found[reason]) for reason in REASONS if found[reason]}

    @property
    def said(self) -> tuple[str, ...]:
        """What was done, in words."""
        listed = "; ".join(f"{count:,} {REASONS[key]}" for key, count in self.counts.items())
        said = [f"Regions: {listed}."]
        blind = int(np.isnan(self.added_rtt).sum())
        if blind:
            said.append(
                f"{blind:,} of those that move have no known round trip; none is added, so their "
                "latency is a lower bound."
            )
        if self.outlawed.any():
            said.append(
                f"{int(self.outlawed.sum()):,} requests were answered where residency forbids and "
                "stay: no deployment of their model where it allows has room."
            )
        return tuple(said)


def route_regions(
    frame: pl.DataFrame,
    fleet: Fleet,
    served_by: Ints,
    asked: RegionRouting,
    series: pl.DataFrame | None = None,
    per_work: Floats | None = None,
) -> Placed:
    """Where the section `regions` sends each request.

    Args:
        frame: the requests, in order of arrival.
        fleet: the deployments.
        served_by: deployment of each request so far (after routing between tiers).
        asked: the section.
        series: rows of `series_file`.
        per_work: price or kWh of a unit of work at each deployment, NaN where it has none; ones
            if null. With `choose: price` and no price of electricity it is itself the price.

    Returns:
        The places, with a reason for each request that stays.
    """
    first = frame["started_at"][0].replace(minute=0, second=0, microsecond=0)
    hour = (frame["started_at"] - first).dt.total_hours().cast(pl.Int64).to_numpy()
    hours = int(hour.max()) + 1
    client, rtt = round_trips(asked, frame["client_region"], fleet)
    rule, may = allowed(frame, asked.residency, fleet)
    models = np.unique(np.array(fleet.models), return_inverse=True)[1].astype(np.int64)
    most = np.inf if asked.most_added_rtt_seconds is None else asked.most_added_rtt_seconds
    reasons = np.full(frame.height, UNNAMED, dtype=np.int64)
    deployments, outlawed = served_by.copy(), np.zeros(frame.height, dtype=np.bool_)
    place(
        named(frame, asked.when, "regions.when"), served_by, hour, client, rule, models, rtt,
        _values(asked, fleet, first, hours, series, per_work), may,
        room(asked, fleet, served_by, hour, hours),
        asked.choose == "latency", most, asked.least_gain, deployments, reasons, outlawed,
    )  # fmt: skip
    added = rtt[client, deployments] - rtt[client, served_by]
    added[deployments == served_by] = 0.0
    return Placed(deployments, added, reasons, outlawed)


def _values(
    asked: RegionRouting,
    fleet: Fleet,
    first: datetime,
    hours: int,
    series: pl.DataFrame | None,
    per_work: Floats | None,
) -> Floats:
    """What each deployment is chosen by in each hour; less is better."""
    work = np.ones(fleet.count) if per_work is None else per_work
    given = asked.price_per_kwh if asked.choose == "price" else asked.carbon_grams_per_kwh
    if asked.choose == "price" and per_work is None and not (given or asked.series_file):
        raise LeverRefusedError(
            "regions.price_per_kwh",
            "no deployment has a recorded price, so nothing says which is cheaper.",
            "Give price_per_kwh by region.",
        )
    if asked.choose == "latency" or not (given or asked.series_file):
        return np.tile(work, (hours, 1))
    if series is not None:
        column = "price_per_kwh" if asked.choose == "price" else "carbon_grams_per_kwh"
        return hourly_series(series, column, fleet, first, hours) * work
    return hourly(given, fleet, first, hours) * work
