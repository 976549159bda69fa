"""What money and energy follow: busy GPU-seconds, and the joules of the power laws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.calibration.power_law import Power
from tokenworks.replay.serving.busy import Runs, busy, busy_tables, doublings, requests
from tokenworks.replay.traffic.fleet import Fleet

Floats = NDArray[np.float64]


def load_of(fleet: Fleet, runs: Runs, edges: Floats, computed: Floats) -> Floats:
    """Load by term of `power_law.LOAD`, deployment and stretch of time.

    Args:
        fleet: the deployments.
        runs: the requests.
        edges: bounds of the stretches.
        computed: prompt tokens computed, table (deployment, stretch).
    """
    gpus = (fleet.gpus / fleet.replicas)[:, None]
    tables = busy_tables(fleet, runs, edges, (busy, requests, doublings))
    return np.stack([*(table * gpus for table in tables), computed])


def loads_of(load: Floats, power: Power | None) -> dict[str, Floats]:
    """What the amounts follow, as `rates.Effort` says; busy GPU-seconds without a law."""
    gpu_seconds = load[0]
    drawn, above_idle = gpu_seconds.copy(), gpu_seconds.copy()
    for position, law in (power.learnt if power is not None else {}).items():
        drawn[position] = law.joules(load[:, position])
        above_idle[position] = law.above_idle(load[:, position])
    return {"busy": gpu_seconds, "drawn": drawn, "above_idle": above_idle}
