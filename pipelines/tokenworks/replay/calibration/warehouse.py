"""Runs from published traffic: what each replica of a deployment served in the window.

A replica that the log does not name, or names more of than the fleet has, cannot be told from its
siblings: its requests are left out, and where that leaves nothing the calibration is refused.
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
from tokenworks.replay.calibration.report import write_report
from tokenworks.replay.calibration.runs import EngineLimits, RunLog
from tokenworks.replay.calibration.step_law import calibrate_steps
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.stage import Stage

Mask = NDArray[np.bool_]

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
    """One run per replica of a deployment; failed and cancelled requests are load only.

    Args:
        stage: the traffic.
        position: the deployment.
        learn: requests that may be learnt from; null for all.
    """
    counted = stage.succeeded if learn is None else stage.succeeded & learn
    history, name = stage.history, stage.fleet.ids[position]
    at = stage.recorded.deployment == position
    alone = stage.fleet.replicas[position] == 1
    found = []
    for replica in np.unique(stage.replica[at]):
        if replica < 0 and not alone:
            continue
        rows = np.flatnonzero(at & (stage.replica == replica))
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


def calibrate_fleet(stage: Stage, folder: Path, only: str | None = None) -> list[Calibrated]:
    """Learn, store and report the step law of every deployment that served something.

    Args:
        stage: the traffic.
        folder: gets a file and a page per deployment.
        only: one deployment; null for all.
    """
    frame = stage.traffic.frame
    window = (frame["started_at"][0], frame["started_at"][-1])
    served = [stage.fleet.ids[place] for place in np.unique(stage.recorded.deployment)]
    if only is not None and only not in served:
        raise LeverRefusedError(
            "calibration", f"{only} served nothing in this window.", f"There are: {served}."
        )
    return [_one(stage, name, folder, window) for name in served if only in (None, name)]


def _one(stage: Stage, name: str, folder: Path, window: tuple[datetime, datetime]) -> Calibrated:
    try:
        learnt = calibrate_steps(runs_of(stage, stage.fleet.ids.index(name)))
    except LeverRefusedError as refused:
        return Calibrated(name, None, None, str(refused))
    path = write_calibration(folder / f"{name}{LAW_SUFFIX}", learnt, window)
    stored = read_calibration(path)
    write_report(path.with_suffix(PAGE_SUFFIX), stored)
    return Calibrated(name, path, stored, None)
