"""Non-negative least squares of a few coefficients on relative error.

The active-set method of Lawson and Hanson on the normal equations: columns enter one by one, the
one that promises most first, and leave where they would turn negative. It ends at the optimum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Passes of reweighting; coefficients settle to about 1e-6 after three.
PASSES = 5
#: Gain per column, of columns scaled to length 1, below which none enters.
LEAST_GAIN = 1e-10


def non_negative(design: Floats, target: Floats, weights: Floats) -> Floats:
    """Coefficients, all at least 0, that minimise the weighted squared error."""
    scale = np.sqrt((weights[:, None] * design**2).sum(axis=0))
    scale[scale == 0] = 1.0
    scaled = design / scale
    gram = scaled.T @ (weights[:, None] * scaled)
    moment = scaled.T @ (weights * target)
    least = LEAST_GAIN * float(np.abs(moment).max(initial=0.0))
    found = np.zeros(design.shape[1])
    inside = np.zeros(design.shape[1], dtype=np.bool_)
    for _ in range(3 * design.shape[1]):
        gain = np.where(inside, -np.inf, moment - gram @ found)
        entering = int(gain.argmax())
        if gain[entering] <= least:
            break
        inside[entering] = True
        _settle(gram, moment, found, inside)
    coefficients: Floats = found / scale
    return coefficients


def _settle(gram: Floats, moment: Floats, found: Floats, inside: NDArray[np.bool_]) -> None:
    """Solve for the columns inside, letting go of those that would turn negative."""
    while inside.any():
        chosen = np.flatnonzero(inside)
        part = gram[chosen][:, chosen]
        wanted = np.linalg.lstsq(part, moment[chosen], rcond=1e-13)[0]
        if (wanted > 0).all():
            found[chosen] = wanted
            return
        low = wanted <= 0
        steps = found[chosen][low] / (found[chosen][low] - wanted[low])
        found[chosen] += float(steps.min()) * (wanted - found[chosen])
        leaving = chosen[low][steps <= steps.min()]
        found[leaving] = 0.0
        inside[leaving] = False


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
