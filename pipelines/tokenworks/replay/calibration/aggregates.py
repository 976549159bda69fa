"""Laws from summaries alone: mean TPOT and TTFT by concurrency and lengths, without requests.

A benchmark's summary gives per cell (a concurrency c and mean lengths isl, osl) only means. A
step that runs c requests of mean context isl + osl / 2 and, once in osl / c steps, prefills isl
tokens takes on average

    TPOT = a + b c + g c (isl + osl / 2) + d c isl / osl
    TTFT = a' + p isl + q c isl + r c

with every coefficient at least 0, on relative error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.least_squares import relative_fit
from tokenworks.replay.calibration.runs import Floats

#: Fewest cells for a law of four coefficients whose left-out error means something.
LEAST_CELLS = 6


@dataclass(frozen=True)
class Cells:
    """Summaries of one deployment, one entry per cell.

    Attributes:
        concurrency: requests that run at once on one replica.
        isl, osl: mean input and output tokens.
        cached: share of the input that need not be computed.
        tpot, ttft: mean seconds; NaN where unknown.
    """

    concurrency: Floats
    isl: Floats
    osl: Floats
    cached: Floats
    tpot: Floats
    ttft: Floats

    def tpot_design(self) -> Floats:
        """Columns of a, b, g and d."""
        c, computed = self.concurrency, self.isl * (1 - self.cached)
        return np.column_stack(
            [np.ones(len(c)), c, c * (self.isl + self.osl / 2), c * computed / self.osl]
        )

    def ttft_design(self) -> Floats:
        """Columns of a', p, q and r."""
        c, computed = self.concurrency, self.isl * (1 - self.cached)
        return np.column_stack([np.ones(len(c)), computed, c * computed, c])


@dataclass(frozen=True)
class AggregateLaw:
    """Coefficients of a mean, and how well each cell was told from the others.

    Attributes:
        coefficients: in the order of the design.
        left_out: predicted over observed - 1 of each cell, from a fit on the others.
        concurrency: lowest and highest that was seen.
    """

    coefficients: Floats
    left_out: Floats
    concurrency: tuple[float, float]

    def seconds(self, design: Floats) -> Floats:
        """Mean seconds of cells."""
        seconds: Floats = design @ self.coefficients
        return seconds

    @property
    def median_error(self) -> float:
        """Median size of the left-out errors."""
        return float(np.median(np.abs(self.left_out)))


def fit_aggregates(cells: Cells) -> tuple[AggregateLaw, AggregateLaw]:
    """Laws of TPOT and TTFT.

    Raises:
        ValueError: with fewer cells than `LEAST_CELLS`.
    """
    return (
        _fit(cells.tpot_design(), cells.tpot, cells.concurrency, "TPOT"),
        _fit(cells.ttft_design(), cells.ttft, cells.concurrency, "TTFT"),
    )


def _fit(design: Floats, observed: Floats, concurrency: Floats, what: str) -> AggregateLaw:
    known = np.isfinite(observed) & (observed > 0)
    count = int(known.sum())
    if count < LEAST_CELLS:
        raise ValueError(f"{what} is known in {count} cells; a law needs {LEAST_CELLS}")
    columns, seconds = design[known], observed[known]
    left_out = np.empty(count)
    for row in range(count):
        others = np.arange(count) != row
        coefficients = relative_fit(columns[others], seconds[others])
        left_out[row] = columns[row] @ coefficients / seconds[row] - 1
    seen = concurrency[known]
    return AggregateLaw(
        relative_fit(columns, seconds), left_out, (float(seen.min()), float(seen.max()))
    )
