"""Reads what lies beside a scenario and brings it into the order of the requests.

The shell of this room: everything else in it takes columns and gives columns.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tokenworks.replay.language.regions import RegionRouting
from tokenworks.replay.language.routing import ByScore, Quality, TierRouting
from tokenworks.replay.routing.decision import Side, logged_scores
from tokenworks.replay.routing.judgement import JUDGED, Evidence
from tokenworks.replay.routing.labels import scores_of
from tokenworks.replay.routing.route import Labelled
from tokenworks.replay.routing.side_files import of_requests, side_table
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.requests import Traffic

Floats = NDArray[np.float64]

LABELS = ("request_id", "model", "score")
GIVEN = ("request_id", "score")


@dataclass(frozen=True)
class Sections:
    """The sections of a scenario that this room serves; null where it has none."""

    routing: TierRouting | None = None
    regions: RegionRouting | None = None
    quality: Quality | None = None


def evidence_of(quality: Quality | None, folder: Path) -> Evidence:
    """Labels and propensities of the section `quality`; paths are relative to the scenario's."""
    if quality is None:
        return Evidence()
    labels = quality.labels and side_table(folder / quality.labels, LABELS, "quality.labels")
    judged = quality.judged and side_table(folder / quality.judged, GIVEN, JUDGED)
    return Evidence(
        labels=labels if isinstance(labels, pl.DataFrame) else None,
        judged=judged if isinstance(judged, pl.DataFrame) else None,
    )


def side_of(
    traffic: Traffic, fleet: Fleet, sections: Sections, evidence: Evidence, folder: Path
) -> Side:
    """What the sections `routing` and `regions` need beside the traffic.

    Args:
        traffic: the requests.
        fleet: the deployments.
        sections: of the scenario.
        evidence: of its section `quality`.
        folder: folder of the scenario, from which paths count.

    Returns:
        Scores, labels and series; `per_work` is left to who knows prices.
    """
    side, asked = Side(), sections.routing
    if asked is not None and asked.score is not None:
        side = _scored(traffic, fleet, asked.score, evidence, folder)
    if asked is not None and asked.cascade is not None and evidence.labels is not None:
        score = _of_tier(traffic.frame, fleet, asked.cascade.first_tier, evidence.labels)
        right = (score >= asked.cascade.verifier.right_at).astype(np.float64)
        side = replace(side, first_right=np.where(np.isnan(score), np.nan, right))
    if sections.regions is not None and sections.regions.series_file is not None:
        path = folder / sections.regions.series_file
        series = side_table(path, ("region", "hour_start"), "regions.series_file")
        side = replace(side, series=series)
    return side


def _scored(
    traffic: Traffic, fleet: Fleet, asked: ByScore, evidence: Evidence, folder: Path
) -> Side:
    if asked.file is None:
        scores = logged_scores(traffic, asked)
    else:
        table = side_table(folder / asked.file, ("request_id", asked.column), "routing.score.file")
        scores = of_requests(table, asked.column, traffic.frame, "routing.score.file")
    if scores is None or evidence.labels is None:
        return Side(scores=scores)
    weak, strong = (
        _of_tier(traffic.frame, fleet, tier, evidence.labels)
        for tier in (asked.weak_tier, asked.strong_tier)
    )
    known = ~np.isnan(scores + weak + strong)
    labelled = Labelled(scores[known], weak[known], strong[known])
    return Side(scores=scores, labelled=labelled if known.any() else None)


def _of_tier(frame: pl.DataFrame, fleet: Fleet, tier: str, labels: pl.DataFrame) -> Floats:
    """Mean score of the labelled answers of a tier's models to each request; NaN without any."""
    models = sorted(
        {name for name, of in zip(fleet.models, fleet.tiers, strict=True) if of == tier}
    )
    if not models:
        return np.full(frame.height, np.nan)
    found = np.stack(
        [
            scores_of(labels, frame["request_id"], pl.Series([name] * frame.height))
            for name in models
        ]
    )
    known = ~np.isnan(found)
    counts = known.sum(axis=0)
    sums = np.where(known, found, 0.0).sum(axis=0)
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means
