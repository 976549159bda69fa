"""Two plays of one traffic, held against each other over some of its requests."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.estimates.bootstrap import Draws
from tokenworks.replay.estimates.capacity import hours_of
from tokenworks.replay.estimates.window import Doubts
from tokenworks.replay.spool import kept
from tokenworks.replay.stage import Played, Stage

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

Column = TypeVar("Column", Floats, Ints)

LEAST_FREEDOM = 3


@dataclass(frozen=True)
class Comparison:
    """Two plays of one traffic and the draws that both share.

    Attributes:
        stage: the traffic.
        baseline, scenario: the plays.
        reported: requests that the result speaks of.
        first_hour: UTC hour of the first of them, counted from the first of the traffic.
        hour: hour of each request, counted from `first_hour`; 0 for the hours of warm-up.
        draws: of hours.
        generator: further draws.
        doubts: relative error of each metric in the hours replayed, by deployment; none where
            history has no like of what the scenario does.
    """

    stage: Stage
    baseline: Played
    scenario: Played
    reported: Mask
    first_hour: int
    hour: Ints
    draws: Draws
    generator: np.random.Generator
    doubts: Doubts

    @classmethod
    def of(
        cls,
        stage: Stage,
        plays: tuple[Played, Played],
        reported: Mask,
        seed: int,
        doubts: Doubts,
    ) -> Comparison:
        """Prepare the draws for a seed, of no change and the scenario."""
        hour = hours_of(stage)
        first = int(hour[np.argmax(reported)])
        hour = kept(np.maximum(hour - first, 0))
        draws = Draws.of(int(hour.max()) + 1, seed)
        generator = np.random.default_rng([seed, 1])
        return cls(stage, *plays, reported, first, hour, draws, generator, doubts)

    @property
    def has_selection(self) -> bool:
        """Whether the result leaves out requests beside those that only warm up."""
        return not bool(self.reported[int(np.argmax(self.reported)) :].all())

    @cached_property
    def moved(self) -> Mask:
        """Requests that change deployment."""
        changed: Mask = self.baseline.deployment != self.scenario.deployment
        return kept(changed)

    @cached_property
    def moves_any(self) -> bool:
        """Whether any request changes deployment."""
        return bool(self.moved.any())

    def apart(self, values: Column, rows: Ints) -> tuple[Column, Column]:
        """Values of some requests: of those that change deployment, and of those that stay."""
        if not self.moves_any:
            return values[:0], values
        moved = self.moved[rows]
        return values[moved], values[~moved]

    @cached_property
    def changed_load(self) -> Floats:
        """Share by which the request-seconds of each deployment change, of the larger."""
        old, new = (
            np.bincount(
                played.deployment,
                weights=np.nan_to_num(played.timings.e2e),
                minlength=self.stage.fleet.count,
            )
            for played in (self.baseline, self.scenario)
        )
        most = np.maximum(old, new)
        share: Floats = np.divide(np.abs(new - old), most, out=np.zeros(most.size), where=most > 0)
        return share

    @cached_property
    def chosen_anew(self) -> Mask:
        """Deployments where requests that stay leave the replica that history gave them.

        The replay of no change has them where they were, the scenario where the replay puts them.
        """
        given = self.stage.replica
        anew = (given >= 0) & ~self.moved & (self.scenario.timings.replica != given)
        found = np.bincount(self.baseline.deployment[anew], minlength=self.stage.fleet.count)
        changed: Mask = found > 0
        return changed

    def doubt(self, error: float, exposure: float) -> Floats:
        """The model's error on what the scenario changes, drawn from a Student t."""
        freedom = max(LEAST_FREEDOM, int(self.hour.max()) // 24)
        drawn: Floats = self.generator.standard_t(freedom, size=len(self.draws.counts))
        return error * exposure * drawn


@dataclass(frozen=True)
class Segment:
    """Requests that one row speaks of, as rows: in the no-change replay, and in the scenario."""

    name: str
    before: Ints
    after: Ints
