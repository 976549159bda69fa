"""Non-negative least squares of a few coefficients on relative error.

Exact for up to about five columns: every subset of columns is solved without constraint, and of
the solutions without a negative coefficient the best one is the constrained optimum.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Passes of reweighting; coefficients settle to about 1e-6 after three.
PASSES = 5


def non_negative(design: Floats, target: Floats, weights: Floats) -> Floats:
    """Coefficients, all at least 0, that minimise the weighted squared error."""
    scale = np.sqrt((weights[:, None] * design**2).sum(axis=0))
    scale[scale == 0] = 1.0
    scaled = design / scale
    gram = scaled.T @ (weights[:, None] * scaled)
    moment = scaled.T @ (weights * target)
    best, best_gain = np.zeros(design.shape[1]), 0.0
    for size in range(1, design.shape[1] + 1):
        for chosen in combinations(range(design.shape[1]), size):
            part = np.linalg.lstsq(gram[np.ix_(chosen, chosen)], moment[list(chosen)], rcond=1e-12)
            solution = part[0]
            gain = 2 * moment[list(chosen)] @ solution - solution @ (
                gram[np.ix_(chosen, chosen)] @ solution
            )
            if (solution >= 0).all() and gain > best_gain * (1 + 1e-12):
                best = np.zeros(design.shape[1])
                best[list(chosen)] = solution
                best_gain = float(gain)
    coefficients: Floats = best / scale
    return coefficients


def relative_fit(design: Floats, target: Floats, counts: Floats | None = None) -> Floats:
    """Coefficients for the mean of a target whose spread grows with its size.

    Weights are the inverse square of the fitted value, not of the observed one, which would
    pull the fit below the mean; `counts` says how much each row counts besides, 1 if absent.
    """
    fitted = np.full(len(target), max(float(target.mean()), 1e-12))
    coefficients = np.zeros(design.shape[1])
    for _ in range(PASSES):
        weights = 1.0 / fitted**2
        coefficients = non_negative(design, target, weights if counts is None else weights * counts)
        fitted = np.maximum(design @ coefficients, 1e-3 * max(float(target.mean()), 1e-9))
    return coefficients
