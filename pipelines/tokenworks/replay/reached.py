"""What a scenario asks of the laws beyond what they were learnt from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.hull import Range
from tokenworks.replay.calibration.laws import ServingLaw
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.serving.busy import Runs, peaks
from tokenworks.replay.serving.engines import held_tokens
from tokenworks.replay.stage import Played, Stage, runs_of

Ints = NDArray[np.int64]


def outside_hull(stage: Stage, laws: dict[int, ServingLaw], played: Played) -> list[str]:
    """Deployments that the scenario loads far beyond what their law was learnt from.

    Requests at once, tokens in KV and the longest prompt are each held against it. What history
    ever had on a replica counts as seen, however briefly.
    """
    found, seen = [], _seen(stage)
    longest = _longest(stage, played)
    for position, engines in played.timings.engines.items():
        hull = laws[position].hull
        reached = {
            "running": engines.running_p99,
            "kv_tokens": engines.kv_tokens_p99,
            "input_tokens": longest.get(position, 0.0),
        }
        for name, value in reached.items():
            known: Range = getattr(hull, name)
            high = max(known.high, seen[name].get(position, 0.0))
            if value <= high:
                continue
            wide = replace(hull, **{name: Range(known.low, high)})
            try:
                wide.require(stage.fleet.ids[position], {name: value})
            except LeverRefusedError as refused:
                found.append(str(refused))
    return found


def _seen(stage: Stage) -> dict[str, dict[int, float]]:
    """What history ever had on one replica, by deployment."""
    runs, history = runs_of(stage, stage.recorded), stage.history
    first = stage.arrivals + np.where(np.isnan(history.ttft), 0.0, history.ttft)
    decoding = Runs(runs.deployment, runs.replica, np.minimum(first, runs.ends), runs.ends)
    held = held_tokens(stage.input_tokens, stage.output_tokens)
    return {
        "running": peaks(stage.fleet, runs),
        "kv_tokens": peaks(stage.fleet, decoding, held),
        "input_tokens": _longest(stage, stage.recorded),
    }


def _longest(stage: Stage, played: Played) -> dict[int, float]:
    """Longest prompt that each deployment got."""
    request, deployment = np.arange(len(stage.arrivals)), played.deployment
    if played.ran is not None:
        request, deployment = played.ran.request, played.ran.runs.deployment
    most = np.zeros(stage.fleet.count, dtype=np.int64)
    np.maximum.at(most, deployment, stage.input_tokens[request])
    return {position: float(most[position]) for position in np.unique(deployment).tolist()}
