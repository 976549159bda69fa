"""Quality of a decision on the user's own traffic: labels and propensities in, a claim out.

The one door to `quality` for a play. Paired labels come first; a log of a router that chose at
random second; otherwise there is no claim, with the reason and what to log.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.routing.conditions import NOWHERE
from tokenworks.replay.routing.decision import Decision
from tokenworks.replay.routing.labels import scores_of
from tokenworks.replay.routing.off_policy import Log
from tokenworks.replay.routing.quality import (
    LOG_CHOICES,
    LOG_LABELS,
    Claim,
    NoClaim,
    off_policy_claim,
    paired_claim,
)
from tokenworks.replay.routing.side_files import of_requests
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

JUDGED = "quality.judged"


@dataclass(frozen=True)
class Evidence:
    """What is known of quality; null where the scenario gives nothing.

    Attributes:
        labels: request_id, model and score: answers of several models to the same requests.
        judged: request_id, score and propensity: answers that were given, and by what chance.
    """

    labels: pl.DataFrame | None = None
    judged: pl.DataFrame | None = None


@dataclass(frozen=True)
class Judgement:
    """What a decision does to quality.

    Attributes:
        claim: the change of the mean score, or why none is claimed.
        before, after: score of each request's answer in history and under the decision, from
            labels; NaN where unknown.
    """

    claim: Claim | NoClaim
    before: Floats
    after: Floats


def judge(
    frame: pl.DataFrame,
    fleet: Fleet,
    served_by: Ints,
    decision: Decision,
    evidence: Evidence,
    seed: int,
) -> Judgement:
    """Claim what the decision does to quality, by the best evidence that there is.

    Args:
        frame: the requests.
        fleet: the deployments.
        served_by: deployment of each request in history.
        decision: where each request goes.
        evidence: labels and propensities.
        seed: of the scenario.

    Returns:
        The claim, with each request's scores where labels say.
    """
    final = np.where(decision.second != NOWHERE, decision.second, decision.deployments)
    before, after = (
        _labelled(frame, fleet, where, evidence.labels) for where in (served_by, final)
    )
    moved = _models(fleet, served_by) != _models(fleet, final)
    claim: Claim | NoClaim = NoClaim("nobody judged an answer.", f"{LOG_LABELS} Or: {LOG_CHOICES}")
    if evidence.labels is not None:
        claim = paired_claim(before, after, moved, seed)
    if isinstance(claim, NoClaim) and evidence.judged is not None:
        claim = _by_chance(frame, fleet, served_by, decision, evidence.judged, seed)
    return Judgement(claim, before, after)


def _models(fleet: Fleet, where: Ints) -> NDArray[np.str_]:
    return np.array(fleet.models)[where]


def _labelled(
    frame: pl.DataFrame, fleet: Fleet, where: Ints, labels: pl.DataFrame | None
) -> Floats:
    if labels is None:
        return np.full(frame.height, np.nan)
    return scores_of(labels, frame["request_id"], pl.Series(_models(fleet, where)))


def _by_chance(
    frame: pl.DataFrame,
    fleet: Fleet,
    served_by: Ints,
    decision: Decision,
    judged: pl.DataFrame,
    seed: int,
) -> Claim | NoClaim:
    """From propensities: the action is the model that answers."""
    if (decision.second != NOWHERE).any():
        return NoClaim(
            "a cascade keeps an answer for how good it is, which the chances of a router do not "
            "tell.",
            LOG_LABELS,
        )
    if "propensity" not in judged.columns:
        return NoClaim(
            "the log has no propensities: nothing says with which probability a model was chosen.",
            LOG_CHOICES,
        )
    score = of_requests(judged, "score", frame, JUDGED)
    chance = of_requests(judged, "propensity", frame, JUDGED)
    known = ~np.isnan(score)
    names, models = np.unique(np.array(fleet.models), return_inverse=True)
    taken, asked = models[served_by][known], models[decision.deployments][known]
    hours = (frame["started_at"].dt.epoch("s") // 3600).to_numpy()[known]
    return off_policy_claim(
        Log.of(
            action=taken.astype(np.int64),
            score=score[known],
            propensity=chance[known],
            policy=np.eye(names.size)[asked],
            group=hours,
        ),
        seed,
    )
