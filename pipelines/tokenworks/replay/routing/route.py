"""What a route between tiers is decided from, and what it is: one place per request."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.routing.conditions import NOWHERE
from tokenworks.replay.spool import kept
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Labelled:
    """Prompts whose score and whose answers by both tiers are known: what a threshold is fitted on.

    Attributes:
        scores: the router's score of each prompt.
        weak, strong: how good the answer of each tier was.
    """

    scores: Floats
    weak: Floats
    strong: Floats


@dataclass(frozen=True)
class Given:
    """What a route is decided from.

    Attributes:
        frame: the requests, in order of arrival.
        fleet: the deployments.
        served_by: deployment of each request in history.
        arrivals: seconds since the first arrival.
        seconds: how long each request ran once it had a slot; for spill.
        seed: of the scenario.
        scores: the score of each request, NaN where unknown; for the lever of that name.
        labelled: prompts to fit a threshold to a quality.
        first_right: 1 where the first tier's answer is known to be good, 0 where bad, else NaN.
    """

    frame: pl.DataFrame
    fleet: Fleet
    served_by: Ints
    arrivals: Floats
    seconds: Floats
    seed: int
    scores: Floats | None = None
    labelled: Labelled | None = None
    first_right: Floats | None = None

    @property
    def names(self) -> pl.Series:
        """What each request is called, for drawing lots."""
        return self.frame.select(pl.concat_str("emitter", pl.lit("|"), "request_id"))["emitter"]


@dataclass(frozen=True)
class Route:
    """Where each request goes.

    Attributes:
        deployments: position of the deployment of its first (or only) attempt.
        second: position of that of its second attempt; `NOWHERE` if it needs none.
        verified: requests whose first answer a verifier looks at.
        matched: requests that a lever names.
        without_target: of those, the ones whose region has no deployment of the tier.
        said: what was done, in words.
    """

    deployments: Ints
    second: Ints
    verified: Mask
    matched: Mask
    without_target: Mask
    said: tuple[str, ...]

    @property
    def escalated(self) -> Mask:
        """Requests that need a second attempt."""
        return np.asarray(self.second != NOWHERE)

    @classmethod
    def none(cls, served_by: Ints) -> Route:
        """Everything stays."""
        nobody = kept(np.zeros(served_by.size, dtype=np.bool_))
        nowhere = kept(np.full(served_by.size, NOWHERE, dtype=np.int64))
        return cls(served_by, nowhere, nobody, nobody, nobody, ())

    def sent(self, rows: Mask, targets: Ints, said: str) -> Route:
        """Some requests go to their targets; those without one stay where they are."""
        reached = rows & (targets != NOWHERE)
        lost = int((rows & ~reached).sum())
        missing = f" {lost:,} stay, since their region has no such deployment." if lost else ""
        return replace(
            self,
            deployments=kept(np.where(reached, targets, self.deployments)),
            matched=self.matched | rows,
            without_target=self.without_target | (rows & ~reached),
            said=(*self.said, said + missing),
        )
