"""Laws of models behind an API, where nothing is known of the engine.

    seconds = a + s * output + u * uncached input + v * cached input

per model, every coefficient at least 0, fitted for the mean on relative error: a fit of the
median under-counts sums, and cost and energy are sums. A quantile, as an SLO asks for, is the
mean times the quantile of observed over fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tokenworks.replay.calibration.least_squares import relative_fit
from tokenworks.replay.calibration.runs import Floats, Ints
from tokenworks.replay.estimates.conformal import Spread, spread_of

#: Fewest requests of a model with a law of its own.
LEAST_REQUESTS = 30
COEFFICIENTS = ("base", "per_output", "per_uncached", "per_cached")


@dataclass(frozen=True)
class HostedLaw:
    """Seconds of a request of one model.

    Attributes:
        base, per_output, per_uncached, per_cached: seconds, and seconds per token.
        ratios: percentiles 1 to 99 of observed over fitted.
        spread: of requests of a new session or day.
        requests: requests learnt from.
        output, input: most tokens that were seen.
    """

    model: str
    base: float
    per_output: float
    per_uncached: float
    per_cached: float
    ratios: tuple[float, ...]
    spread: Spread
    requests: int
    output: int
    input: int

    def seconds(self, output: Ints, uncached: Ints, cached: Ints) -> Floats:
        """Mean seconds of each request."""
        seconds: Floats = (
            self.base
            + self.per_output * output
            + self.per_uncached * uncached
            + self.per_cached * cached
        )
        return seconds

    def quantile(self, share: float, output: Ints, uncached: Ints, cached: Ints) -> Floats:
        """Seconds that a share of such requests stay within."""
        ratio = float(np.interp(100 * share, np.arange(1, 100), self.ratios))
        seconds: Floats = ratio * self.seconds(output, uncached, cached)
        return seconds

    @property
    def pinned(self) -> tuple[str, ...]:
        """Coefficients that the requests hold at 0."""
        return tuple(name for name in COEFFICIENTS if getattr(self, name) == 0)


def fit_hosted(
    models: Sequence[str], seconds: Floats, output: Ints, uncached: Ints, cached: Ints, group: Ints
) -> dict[str, HostedLaw]:
    """A law for every model with enough requests.

    Args:
        models: model of each request.
        seconds: observed; NaN where unknown.
        output: tokens made.
        uncached: input tokens that were computed.
        cached: input tokens that were read from a cache.
        group: session or day of each request, which are off together.
    """
    named = np.asarray(models)
    laws = {}
    for model in sorted(set(models)):
        rows = np.flatnonzero((named == model) & np.isfinite(seconds) & (seconds > 0))
        if len(rows) >= LEAST_REQUESTS:
            laws[model] = _fit(
                model, seconds[rows], output[rows], uncached[rows], cached[rows], group[rows]
            )
    return laws


def _fit(
    model: str, seconds: Floats, output: Ints, uncached: Ints, cached: Ints, group: Ints
) -> HostedLaw:
    design = np.column_stack([np.ones(len(seconds)), output, uncached, cached]).astype(np.float64)
    base, per_output, per_uncached, per_cached = relative_fit(design, seconds).tolist()
    fitted = design @ np.array([base, per_output, per_uncached, per_cached])
    told = fitted > 0
    ratios = seconds[told] / fitted[told]
    return HostedLaw(
        model=model,
        base=base,
        per_output=per_output,
        per_uncached=per_uncached,
        per_cached=per_cached,
        ratios=tuple(np.percentile(ratios, np.arange(1, 100)).tolist()),
        spread=spread_of(np.log(ratios), group[told]),
        requests=len(seconds),
        output=int(output.max()),
        input=int((uncached + cached).max()),
    )
