"""Runs from published traffic: what each replica of a deployment served in the window.

Where a log names no replica, or more of them than the fleet has, requests are taken to have been spread
as the least loaded replica would take them; the result says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.artefact import (
    StoredCalibration,
    read_calibration,
    write_calibration,
)
from tokenworks.replay.calibration.power_law import PowerLaw
from tokenworks.replay.calibration.report import write_report
from tokenworks.replay.calibration.runs import EngineLimits, RunLog
from tokenworks.replay.calibration.step_law import calibrate_steps
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.serving.in_flight import least_in_flight
from tokenworks.replay.stage import Stage

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LAW_SUFFIX, PAGE_SUFFIX = ".json", ".html"


@dataclass(frozen=True)
class Calibrated:
    """One deployment: its stored law, or why there is none.

    Attributes:
        deployment: its id.
        path: where the law lies; null where it was refused.
        stored: the law; null where it was refused.
        refusal: why it was refused; null where it was not.
    """

    deployment: str
    path: Path | None
    stored: StoredCalibration | None
    refusal: str | None


def runs_of(stage: Stage, position: int, learn: Mask | None = None) -> list[RunLog]:
    """One run per replica of a deployment, one in all where a request has a replica for its prompt
    and one for its tokens; failed and cancelled requests are load only.

    Args:
        stage: the traffic.
        position: the deployment.
        learn: requests that may be learnt from; null for all.
    """
    counted = stage.succeeded if learn is None else stage.succeeded & learn
    history, name = stage.history, stage.fleet.ids[position]
    at = stage.recorded.deployment == position
    place = np.zeros(int(at.sum()), dtype=np.int64)
    if not stage.fleet.apart[position]:
        place = spread_replicas(stage, position)
    found = []
    for replica in np.unique(place):
        rows = np.flatnonzero(at)[place == replica]
        found.append(
            RunLog(
                name=f"{name}-{max(0, int(replica))}",
                deployment=name,
                arrivals=history.arrivals[rows] - history.arrivals[rows][0],
                ttft=history.ttft[rows],
                e2e=history.e2e[rows],
                input=stage.input_tokens[rows],
                output=stage.output_tokens[rows],
                cached=stage.recorded.cached[rows],
                client=stage.session[rows],
                failed=np.zeros(len(rows), dtype=np.bool_),
                counted=counted[rows],
                limits=EngineLimits(max_num_seqs=int(stage.fleet.slots[position]) or None),
            )
        )
    return found


def spread_replicas(stage: Stage, position: int) -> Ints:
    """Replica of each request of a deployment; where unknown, the one with the fewest in flight."""
    rows = np.flatnonzero(stage.recorded.deployment == position)
    known = stage.replica[rows]
    if (known >= 0).all():
        return known
    ends = stage.arrivals[rows] + stage.history.e2e[rows]
    spread = least_in_flight(stage.arrivals[rows], ends, int(stage.fleet.replicas[position]))
    return np.where(known >= 0, known, spread)


def calibrate_fleet(stage: Stage, folder: Path, only: str | None = None) -> list[Calibrated]:
    """Learn, store and report the step law of every deployment that served something.

    Args:
        stage: the traffic.
        folder: gets a file and a page per deployment.
        only: one deployment; null for all.
    """
    window = stage.traffic.span
    served = [stage.fleet.ids[place] for place in np.unique(stage.recorded.deployment)]
    if only is not None and only not in served:
        raise LeverRefusedError(
            "calibration", f"{only} served nothing in this window.", f"There are: {served}."
        )
    return [_one(stage, name, folder, window) for name in served if only in (None, name)]


def _one(stage: Stage, name: str, folder: Path, window: tuple[datetime, datetime]) -> Calibrated:
    try:
        position = stage.fleet.ids.index(name)
        learnt = calibrate_steps(runs_of(stage, position))
    except LeverRefusedError as refused:
        return Calibrated(name, None, None, str(refused))
    path = write_calibration(
        folder / f"{name}{LAW_SUFFIX}", learnt, window, _power(stage, position)
    )
    stored = read_calibration(path)
    write_report(path.with_suffix(PAGE_SUFFIX), stored)
    return Calibrated(name, path, stored, None)


def _power(stage: Stage, position: int) -> PowerLaw | str:
    power = stage.rates.power
    return "no energy of any deployment is published" if power is None else power.laws[position]
