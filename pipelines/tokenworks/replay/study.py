"""Replays a scenario at every point of its sweep, and finds the frontier.

Every point is a result of its own in a folder of its own, so a sweep that was killed goes on where
it stood, and points that another sweep has made are read back. A point that is refused stays in
the table with its reason, and off the frontier.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tokenworks.replay.beside import side_digest
from tokenworks.replay.errors import LeverRefusedError, ScenarioError
from tokenworks.replay.estimates.capacity import CAPACITY_METRICS
from tokenworks.replay.estimates.metrics import METRICS, POWER_METRICS
from tokenworks.replay.language.scenario import Scenario, load_scenario
from tokenworks.replay.language.sweep import Frontier, Point
from tokenworks.replay.results.frontier import RULE, frontier
from tokenworks.replay.results.html import sweep_page
from tokenworks.replay.results.summary import METHOD_VERSION
from tokenworks.replay.run import (
    ReplayResult,
    folder_of,
    new_partial,
    put_in_place,
    run_replay,
    write_json,
)
from tokenworks.replay.session import Session

SWEEP_FILE = "sweep.json"
SWEEP_TABLE = "sweep.parquet"
PAGE_FILE = "page.html"
#: What a point says of the change on each axis.
DELTAS = (
    "delta",
    "delta_p10",
    "delta_p50",
    "delta_p90",
    "delta_window_p10",
    "delta_window_p90",
)

#: Called with the point, its number and the number of points.
Told = Callable[[str, int, int], None]


@dataclass(frozen=True)
class SweepResult:
    """A finished sweep.

    Attributes:
        folder: where its files lie.
        document: content of sweep.json.
        made: points that were computed now, the others were known.
    """

    folder: Path
    document: dict[str, Any]
    made: int


def run_sweep(
    scenario: Scenario | Path,
    marts: Path | Session,
    out_dir: Path,
    told: Told | None = None,
) -> SweepResult:
    """Replay every point of a scenario's sweep.

    Args:
        scenario: the what-if with its sweep, or the file that holds it.
        marts: folder of published Parquet, or a session that has read it.
        out_dir: folder that gets one folder per point and one for the sweep.
        told: progress.

    Raises:
        ScenarioError: the scenario has no sweep, or its frontier names no metric.
    """
    asked = load_scenario(scenario) if isinstance(scenario, Path) else scenario
    origin = scenario if isinstance(scenario, Path) else asked.name
    if not asked.sweep:
        example = "`sweep: {prefix_cache.capacity_factor: [0.5, 1, 2]}`"
        raise ScenarioError(origin, [f"sweep: required here, but not given; such as {example}."])
    _check_axes(asked.frontier, origin)
    session = marts if isinstance(marts, Session) else Session(marts)
    beside = folder_of(scenario)
    points, made = asked.points(), 0
    rows: list[dict[str, Any]] = []
    for number, (point, one) in enumerate(points):
        if told:
            told(point.label, number, len(points))
        row, was_made = _point(point, one, asked.frontier, session, out_dir, beside)
        made += was_made
        rows.append(row)
    _mark(rows)
    folder = out_dir / sweep_name(asked, session.digest, side_digest(asked, beside))
    document = _document(asked, session, rows)
    _write(document, folder)
    if told:
        told("done", len(points), len(points))
    return SweepResult(folder, document, made)


def sweep_name(scenario: Scenario, digest: str, beside: str) -> str:
    """Name of a sweep: the scenario's name and twelve digits of what it is made from."""
    made_from = scenario.digest(), digest, beside, METHOD_VERSION, "sweep"
    return f"{scenario.name}-{hashlib.sha256(repr(made_from).encode()).hexdigest()[:12]}"


def _check_axes(axes: Frontier, origin: Path | str) -> None:
    asked = [one.name for one in (*METRICS, *POWER_METRICS)]
    known = [*asked, *(one.name for one in CAPACITY_METRICS)]
    problems = [
        f"frontier.{axis}: there is no metric {name!r}. Allowed here: {', '.join(known)}."
        for axis, name in axes.model_dump().items()
        if name not in known
    ]
    if problems:
        raise ScenarioError(origin, problems)


def _point(
    point: Point,
    scenario: Scenario,
    axes: Frontier,
    session: Session,
    out_dir: Path,
    beside: Path,
) -> tuple[dict[str, Any], bool]:
    """One row of the sweep, and whether it was computed now."""
    row: dict[str, Any] = {"label": point.label, "values": point.values}
    try:
        result = run_replay(scenario, session, out_dir, force=True, beside=beside)
    except LeverRefusedError as refused:
        return {**row, **_nothing(axes), "refusal": str(refused)}, False
    reasons = result.summary["refusal_reasons"]
    return {
        **row,
        **_axes(result, axes),
        "run_id": result.run_id,
        "refusal": " ".join(reasons) or None,
    }, not result.was_reused


def _axes(result: ReplayResult, axes: Frontier) -> dict[str, Any]:
    whole = {row["metric"]: row for row in result.summary["metrics"] if row["segment"] == "all"}
    found: dict[str, Any] = {}
    for axis, metric in axes.model_dump().items():
        row = whole.get(metric, {})
        found[axis] = row.get("scenario")
        for key in DELTAS:
            found[f"{axis}_{key}"] = row.get(key)
    return found


def _nothing(axes: Frontier) -> dict[str, Any]:
    keys = ("", *(f"_{key}" for key in DELTAS))
    return {f"{axis}{key}": None for axis in axes.model_dump() for key in keys} | {"run_id": None}


def _mark(rows: list[dict[str, Any]]) -> None:
    """Say which points are on the frontier; refused ones are not."""
    placed = [
        (None, None, None) if row["refusal"] else (row["cost"], row["latency"], row["quality"])
        for row in rows
    ]
    for row, is_on in zip(rows, frontier(placed), strict=True):
        row["is_on_frontier"] = is_on


def _document(scenario: Scenario, session: Session, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": scenario.name,
        "description": scenario.description,
        "scenario": json.loads(scenario.canonical()),
        "traffic_digest": session.digest,
        "method_version": METHOD_VERSION,
        "frontier": scenario.frontier.model_dump(),
        "rule": RULE,
        "refused_count": sum(row["refusal"] is not None for row in rows),
        "frontier_labels": [row["label"] for row in rows if row["is_on_frontier"]],
        "points": rows,
    }


def _write(document: dict[str, Any], folder: Path) -> None:
    partial = new_partial(folder)
    flat = [
        {
            **{key: value for key, value in row.items() if key != "values"},
            "values": json.dumps(row["values"]),
        }
        for row in document["points"]
    ]
    pl.DataFrame(flat, infer_schema_length=None).write_parquet(partial / SWEEP_TABLE)
    (partial / PAGE_FILE).write_text(sweep_page(document), encoding="utf-8", newline="\n")
    write_json(partial / SWEEP_FILE, document)
    put_in_place(partial, folder)
