"""What stands beside a scenario: files of scores, labels and series, and rates of the fleet.

Paths in a scenario are relative to its own file. A lever that names a file which is not there, or
lacks a column, is refused with both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import xxhash
from numpy.typing import NDArray

from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.pricing.carbon import JOULES_PER_KWH
from tokenworks.replay.routing.conditions import NOWHERE, serving
from tokenworks.replay.routing.decision import Side
from tokenworks.replay.routing.judgement import Evidence
from tokenworks.replay.routing.labels import scores_of
from tokenworks.replay.routing.route import Labelled
from tokenworks.replay.routing.side_files import of_requests, side_table
from tokenworks.replay.stage import Stage

Floats = NDArray[np.float64]

_LABELS = ("request_id", "model", "score")


@dataclass(frozen=True)
class Beside:
    """Side data of one scenario."""

    side: Side
    evidence: Evidence


def side_files(scenario: Scenario, folder: Path) -> dict[str, Path]:
    """Files that a scenario names, by their path in it."""
    named: dict[str, str | None] = {}
    if scenario.routing is not None and scenario.routing.score is not None:
        named["routing.score.file"] = scenario.routing.score.file
    if scenario.regions is not None:
        named["regions.series_file"] = scenario.regions.series_file
    if scenario.quality is not None:
        named["quality.labels"] = scenario.quality.labels
        named["quality.judged"] = scenario.quality.judged
    return {lever: folder / name for lever, name in named.items() if name is not None}


def side_digest(scenario: Scenario, folder: Path) -> str:
    """Digest of the files that a scenario names; one that is absent counts as empty."""
    digest = xxhash.xxh3_128()
    for lever, path in sorted(side_files(scenario, folder).items()):
        digest.update(f"|{lever}|".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def read_beside(scenario: Scenario, folder: Path, stage: Stage) -> Beside:
    """Read the files that a scenario names, for the requests of this traffic."""
    files = side_files(scenario, folder)
    labels = judged = series = scores = None
    if path := files.get("quality.labels"):
        labels = side_table(path, _LABELS, "quality.labels")
    if path := files.get("quality.judged"):
        judged = side_table(path, ("request_id", "score"), "quality.judged")
    if scenario.quality is not None:
        judged = _judged(stage, judged)
    if path := files.get("regions.series_file"):
        series = side_table(path, ("region", "hour_start"), "regions.series_file")
    if scenario.routing is not None and scenario.routing.score is not None:
        column = scenario.routing.score.column
        if path := files.get("routing.score.file"):
            table = side_table(path, ("request_id", column), "routing.score.file")
            asked = stage.traffic.columns.select("request_id")
            scores = of_requests(table, column, asked, "routing.score.file")
        elif column in stage.traffic.columns.names:
            scores = stage.traffic.numbers(column)
    return Beside(
        Side(
            scores=scores,
            labelled=_labelled(scenario, stage, labels, scores),
            first_right=_first_right(scenario, stage, labels),
            series=series,
            per_work=_per_work(scenario, stage),
        ),
        Evidence(labels, judged),
    )


def _judged(stage: Stage, given: pl.DataFrame | None) -> pl.DataFrame | None:
    """Scores and propensities of the log; those of a file come before them, field by field."""
    if given is not None and "propensity" in given.columns:
        return given
    logged = stage.traffic.columns.select(
        "request_id",
        pl.col("quality_score").alias("score"),
        pl.col("routing_propensity").alias("propensity"),
    )
    known = logged.drop_nulls("propensity")
    if given is not None:
        chances = known.select("request_id", "propensity").unique("request_id", keep="first")
        return given.join(chances, on="request_id", how="left") if known.height else given
    scored = logged.drop_nulls("score").unique("request_id", keep="first", maintain_order=True)
    if not scored.height:
        return None
    return scored if known.height else scored.drop("propensity")


def _answers(stage: Stage, tier: str, labels: pl.DataFrame) -> Floats:
    """Score of the answer that a tier of each request's own region gave or would have given."""
    fleet, served_by = stage.fleet, stage.recorded.deployment
    everybody = np.ones(len(served_by), dtype=np.bool_)
    where = serving(fleet, served_by, everybody, tier)
    models = np.array([*fleet.models, ""])[np.where(where == NOWHERE, fleet.count, where)]
    return scores_of(labels, stage.traffic.series("request_id"), pl.Series(models))


def _labelled(
    scenario: Scenario, stage: Stage, labels: pl.DataFrame | None, scores: Floats | None
) -> Labelled | None:
    score = scenario.routing.score if scenario.routing is not None else None
    if labels is None or scores is None or score is None:
        return None
    weak, strong = (_answers(stage, tier, labels) for tier in (score.weak_tier, score.strong_tier))
    known = ~(np.isnan(weak) | np.isnan(strong) | np.isnan(scores))
    return Labelled(scores[known], weak[known], strong[known]) if known.any() else None


def _first_right(scenario: Scenario, stage: Stage, labels: pl.DataFrame | None) -> Floats | None:
    cascade = scenario.routing.cascade if scenario.routing is not None else None
    if labels is None or cascade is None:
        return None
    first = _answers(stage, cascade.first_tier, labels)
    return np.where(
        np.isnan(first), np.nan, (first >= cascade.verifier.right_at).astype(np.float64)
    )


def _per_work(scenario: Scenario, stage: Stage) -> Floats | None:
    """Recorded price, or facility kWh, of a unit of phase weight at each deployment."""
    regions = scenario.regions
    if regions is None or regions.choose == "latency":
        return None
    by_price = regions.choose == "price" and not (regions.price_per_kwh or regions.series_file)
    column = "cost_active_usd" if by_price else "energy_facility_joules"
    amounts = stage.recorded.amounts[column]
    known = ~np.isnan(amounts)
    where = stage.recorded.deployment[known]
    count = stage.fleet.count
    total = np.bincount(where, weights=amounts[known], minlength=count)
    work = np.bincount(where, weights=stage.recorded_weights[known], minlength=count)
    if not work.any():
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        rate: Floats = np.where(work > 0, total / work, np.nan)
    return rate if by_price else rate / JOULES_PER_KWH
