"""Both routing sections at once: where each request goes, what it writes, what the network adds.

The one door into this room for a play; what each lever means stands in its own module.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.language.regions import RegionRouting
from tokenworks.replay.language.routing import TierRouting
from tokenworks.replay.routing.cascade import Attempts
from tokenworks.replay.routing.conditions import NOWHERE, asked_columns, serving
from tokenworks.replay.routing.output_lengths import SAID, as_written_by
from tokenworks.replay.routing.policy import route_tiers
from tokenworks.replay.routing.regions import route_regions
from tokenworks.replay.routing.route import Given, Labelled, Route
from tokenworks.replay.spool import kept, room
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.requests import Traffic

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: What requests are called, and what belongs together, where lots are drawn.
_NAMES = ("emitter", "request_id", "session_id", "tenant_id")
_KEPT = (
    "Output tokens stay as recorded, also for requests that another model answers: a smaller model "
    "may write more or less."
)


@dataclass(frozen=True)
class Side:
    """What a route may need that is not in the traffic; null where the scenario gives nothing.

    Attributes:
        scores: score of each request for `routing.score`, NaN where unknown.
        labelled: prompts to fit a threshold to a quality.
        first_right: 1 where the first tier's answer is known to be good, 0 where bad, else NaN.
        series: rows of `regions.series_file`.
        per_work: price or kWh of a unit of work at each deployment.
    """

    scores: Floats | None = None
    labelled: Labelled | None = None
    first_right: Floats | None = None
    series: pl.DataFrame | None = None
    per_work: Floats | None = None


@dataclass(frozen=True)
class Decision:
    """Where everything goes.

    Attributes:
        deployments: of each request's first (or only) attempt.
        output_tokens: that this attempt writes.
        second: deployment of its second attempt; `NOWHERE` if it needs none.
        second_output_tokens: that the second attempt writes; as recorded where there is none.
        verified: requests whose first answer a verifier looks at.
        verify_seconds: how long that takes.
        added_rtt: seconds of network to add to first token and end; NaN where unknown.
        matched, without_target: counts of requests that a lever names, and of those that stay
            because their region has no such deployment.
        moved: requests whose answer comes from elsewhere.
        said: what was done, in words.
    """

    deployments: Ints
    output_tokens: Ints
    second: Ints
    second_output_tokens: Ints
    verified: Mask
    verify_seconds: float
    added_rtt: Floats
    matched: int
    without_target: int
    moved: Mask
    said: tuple[str, ...]

    @property
    def attempts(self) -> Attempts:
        """Every attempt of every request."""
        return Attempts.of(self.deployments, self.second, self.second != NOWHERE)

    @property
    def attempt_outputs(self) -> Ints:
        """Output tokens of each attempt, in the order of `attempts`."""
        again = self.second != NOWHERE
        return np.concatenate([self.output_tokens, self.second_output_tokens[again]])


def decide(
    traffic: Traffic,
    fleet: Fleet,
    served_by: Ints,
    sections: tuple[TierRouting | None, RegionRouting | None],
    seed: int,
    side: Side,
) -> Decision:
    """Apply the sections `routing` and `regions`; without them everything stays.

    Args:
        traffic: the requests.
        fleet: the deployments.
        served_by: deployment of each request in history.
        sections: of the scenario; null where it has none.
        seed: of the scenario.
        side: scores, labels and series that the sections need.

    Returns:
        Where each request goes.
    """
    tiers, regions = sections
    route = Route.none(served_by)
    if tiers is not None:
        route = route_tiers(_given(traffic, fleet, served_by, tiers, seed, side), tiers)
    deployments, second, said = route.deployments, route.second, list(route.said)
    added = room(served_by.size, np.float64)
    if regions is not None:
        placed = route_regions(
            asked_columns(traffic, regions, "client_region"),
            fleet,
            deployments,
            regions,
            side.series,
            side.per_work,
        )
        deployments, added = placed.deployments, placed.added_rtt
        second = _beside(fleet, deployments, second)
        said += placed.said
    outputs = traffic.integers("output_total_tokens")
    wrote = outputs, outputs
    moved = kept((deployments != served_by) | (second != NOWHERE))
    if tiers is not None:
        wrote = _outputs(traffic, fleet, served_by, (deployments, second), tiers)
        said.append(SAID if tiers.output_tokens == "target" else _KEPT)
    verify = tiers.cascade.verifier.seconds if tiers is not None and tiers.cascade else 0.0
    return Decision(
        deployments=deployments,
        output_tokens=wrote[0],
        second=second,
        second_output_tokens=wrote[1],
        verified=route.verified,
        verify_seconds=verify,
        added_rtt=added,
        matched=int(route.matched.sum()),
        without_target=int(route.without_target.sum()),
        moved=moved,
        said=tuple(said),
    )


def _given(
    traffic: Traffic, fleet: Fleet, served_by: Ints, asked: TierRouting, seed: int, side: Side
) -> Given:
    scores = side.scores
    if scores is None and asked.score is not None and asked.score.column in traffic.columns.names:
        scores = traffic.numbers(asked.score.column)
    ran = traffic.numbers("e2e_seconds") - np.nan_to_num(traffic.numbers("queue_seconds"))
    return Given(
        frame=asked_columns(traffic, asked, *(_NAMES if _draws_lots(asked) else ())),
        fleet=fleet,
        served_by=served_by,
        arrivals=traffic.arrivals(),
        seconds=np.maximum(ran, 0.0),
        seed=seed,
        scores=scores,
        labelled=side.labelled,
        first_right=side.first_right,
    )


def _draws_lots(asked: TierRouting) -> bool:
    return asked.canary is not None or asked.cascade is not None


def _beside(fleet: Fleet, deployments: Ints, second: Ints) -> Ints:
    """Second attempts in the region where the first is answered, if their tier is there too."""
    found, tiers = second.copy(), np.array(fleet.tiers)
    for tier in sorted(set(fleet.tiers)):
        rows = (second != NOWHERE) & (tiers[second] == tier)
        near = serving(fleet, deployments, rows, tier)
        found = np.where(near != NOWHERE, near, found)
    return found


def _outputs(
    traffic: Traffic, fleet: Fleet, served_by: Ints, places: tuple[Ints, Ints], asked: TierRouting
) -> tuple[Ints, Ints]:
    outputs, inputs = (
        traffic.integers("output_total_tokens"),
        traffic.integers("input_total_tokens"),
    )
    if asked.output_tokens == "recorded":
        return outputs, outputs
    names = tuple(sorted(set(fleet.tiers)))
    tier = np.array([names.index(name) for name in fleet.tiers], dtype=np.int64)
    first, second = (np.where(where == NOWHERE, served_by, where) for where in places)
    before = tier[served_by]
    return (
        as_written_by(outputs, inputs, (before, tier[first]), names),
        as_written_by(outputs, inputs, (before, tier[second]), names),
    )
