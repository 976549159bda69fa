"""History as a replay reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class History:
    """What calibration reads, one entry per replayed request.

    Attributes:
        arrivals, queue, ttft, e2e: seconds; NaN where unknown.
        uncached, output: tokens.
        deployment, replica: positions; replica -1 where unknown.
    """

    arrivals: Floats
    queue: Floats
    ttft: Floats
    e2e: Floats
    uncached: Ints
    output: Ints
    deployment: Ints
    replica: Ints
