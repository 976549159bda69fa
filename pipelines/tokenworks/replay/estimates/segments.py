"""The rows of a result: every metric over everything, and over each tier, region and tenant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.estimates.backtest import Error
from tokenworks.replay.estimates.capacity import (
    CAPACITY_METRICS,
    Capacities,
    CapacityMetric,
    over_hours,
)
from tokenworks.replay.estimates.comparison import Comparison
from tokenworks.replay.estimates.estimate import (
    Drawn,
    Estimate,
    around,
    at_least,
    estimate,
    low_mid_high,
)
from tokenworks.replay.estimates.exposure import together
from tokenworks.replay.estimates.metrics import METRICS, POWER_METRICS, QUALITY, Metric
from tokenworks.replay.estimates.speaks_of import segments_of
from tokenworks.replay.routing.quality import Claim, Stated

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: Metrics by which segments other than the whole are told apart.
SEGMENT_METRICS = (
    "request_count",
    "input_total_tokens",
    "input_cache_read_tokens",
    "input_uncached_tokens",
    "output_total_tokens",
    "prefix_hit_ratio",
    "cost_active_usd",
    "cost_marginal_usd",
    "energy_accelerator_joules",
    "carbon_location_grams",
    "ttft_mean_seconds",
    "ttft_p95_seconds",
    "e2e_mean_seconds",
    "e2e_p95_seconds",
    "slo_attainment_ratio",
    "quality_score",
)
#: The error of which metric stands for that of one that history does not know.
JUDGED_BY = {
    "cost_idle_usd": "cost_active_usd",
    **{metric.name: "energy_facility_joules" for metric in POWER_METRICS},
}


def estimates(
    compared: Comparison, errors: list[Error], claim: Claim | Stated | None = None
) -> list[Estimate]:
    """All rows, the whole first.

    Args:
        compared: the two plays.
        errors: of the replay of no change.
        claim: what the scenario does to quality; null where nothing carries a claim and none is
            stated.
    """
    sizes = {error.metric: error.size for error in errors}
    asked = [metric for metric in POWER_METRICS if metric.part in compared.scenario.amounts]
    rows = _rows(compared, sizes, (*METRICS, *asked))
    if claim is not None:
        rows = [_claimed(row, claim) if row.metric == QUALITY else row for row in rows]
    if compared.has_selection:
        return rows
    tables = Capacities.of(compared.stage, compared.baseline, compared.scenario)
    for name, positions in _deployments(compared):
        for metric in CAPACITY_METRICS:
            if metric.above == "drawn_joules" and compared.scenario.draw is None:
                continue
            error = sizes.get(JUDGED_BY.get(metric.name, "e2e_mean_seconds"), 0.0)
            rows.append(_capacity(compared, tables, metric, error, name, positions))
    return sorted(rows, key=lambda row: row.segment != "all")


def _rows(
    compared: Comparison, sizes: Mapping[str, float], metrics: Sequence[Metric]
) -> list[Estimate]:
    """Metric after metric is worked out, and every row of a segment before the next is drawn."""
    segments = list(segments_of(compared))
    drawn: dict[tuple[str, str], Drawn] = {}
    for metric in metrics:
        error = sizes.get(JUDGED_BY.get(metric.name, metric.name), 0.0)
        over = segments if metric.name in SEGMENT_METRICS else segments[:1]
        for one in estimate(compared, metric, error, over):
            drawn[one.row.segment, metric.name] = one
    return [
        drawn[segment.name, metric.name].row_of(compared)
        for segment in segments
        for metric in metrics
        if (segment.name, metric.name) in drawn
    ]


def _claimed(row: Estimate, claim: Claim | Stated) -> Estimate:
    """The claim in place of the mean over the answers that happen to have labels."""
    if row.segment != "all":
        return row
    if isinstance(claim, Stated):
        definition = f"{row.definition}; {claim.words}"
        return replace(row, definition=definition, delta=claim.delta)
    value, mean = claim.delta, claim.history
    return replace(
        row,
        definition=f"{row.definition}; {claim.basis}: {claim.method}",
        history=mean,
        no_change=mean,
        scenario=mean + value.value,
        delta=value.value,
        delta_p10=value.p10,
        delta_p50=value.p50,
        delta_p90=value.p90,
        delta_window_p10=None,
        delta_window_p90=None,
    )


def _capacity(
    compared: Comparison,
    tables: Capacities,
    metric: CapacityMetric,
    error: float,
    name: str,
    positions: Mask,
) -> Estimate:
    """One capacity metric over some deployments, in the hours that the result speaks of."""
    hours, draws = compared.draws.hours, compared.draws.weights
    first = compared.first_hour
    history, old, new = (
        over_hours(metric, table, positions, first, draws)
        for table in (tables.history, tables.no_change, tables.scenario)
    )
    gains = _gains(metric, tables, positions, first, hours)
    exposure = float(np.sqrt(np.square(gains).sum()))
    shift = new[1:] - old[1:] + compared.doubt(error, exposure)
    delta = _known(new[0] - old[0])
    half = None if delta is None else _half(compared, metric, positions, gains)
    window = around(delta or 0.0, half)
    low, mid, high = at_least(window, low_mid_high(shift))
    return Estimate(
        segment=name,
        metric=metric.name,
        unit=metric.unit,
        definition=metric.definition,
        history=_known(history[0]),
        no_change=_known(old[0]),
        scenario=_known(new[0]),
        delta=delta,
        delta_p10=low,
        delta_p50=mid,
        delta_p90=high,
        delta_window_p10=window[0],
        delta_window_p90=window[1],
        request_count=int(positions[compared.scenario.deployment].sum()),
    )


def _gains(
    metric: CapacityMetric, tables: Capacities, positions: Mask, first: int, hours: int
) -> Floats:
    """Change at each deployment, which errs on its own; of a quotient the change as a whole."""
    once = np.ones((1, hours))
    every = np.eye(len(positions), dtype=np.bool_)[positions]
    sides = tables.scenario, tables.no_change
    new, old = (
        np.array([over_hours(metric, side, one, first, once)[0] for one in every])
        if metric.below is None
        else over_hours(metric, side, positions, first, once)
        for side in sides
    )
    change: Floats = new - old
    return change


def _half(
    compared: Comparison, metric: CapacityMetric, positions: Mask, gains: Floats
) -> float | None:
    """Distance from the delta of the very requests; of a quotient by the deployment most in doubt."""
    doubts = compared.doubts.get(metric.name)
    if doubts is None:
        return None
    asked = doubts[positions] if metric.below is None else doubts[positions].max(keepdims=True)
    counted = gains != 0
    return together(asked[counted], gains[counted])


def _known(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)


def _deployments(compared: Comparison) -> Iterator[tuple[str, Mask]]:
    fleet = compared.stage.fleet
    used = np.zeros(fleet.count, dtype=np.bool_)
    used[compared.baseline.deployment] = True
    used[compared.scenario.deployment] = True
    yield "all", used
    for kind, names in (("tier", np.array(fleet.tiers)), ("region", np.array(fleet.regions))):
        for name in sorted(set(names.tolist())):
            if (used & (names == name)).any():
                yield f"{kind}:{name}", used & (names == name)
