"""The numbers of a replay result: names, units, definitions, and each request's part in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokenworks.replay.play import Played, Stage

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Family = Literal["volume", "cost", "energy", "hits", "latency"]


@dataclass(frozen=True)
class Metric:
    """One number of the result.

    Attributes:
        name: name with its unit or `_ratio`.
        unit: unit as UCUM or ISO code.
        family: group that shares a limit.
        definition: how it is made.
        part: per-request quantity that is summed, averaged or ranked.
        per: per-request quantity that divides the sum; null for a plain sum.
        scale: factor on the quotient.
        quantile: share for a percentile; null otherwise.
    """

    name: str
    unit: str
    family: Family
    definition: str
    part: str
    per: str | None = None
    scale: float = 1.0
    quantile: float | None = None


def _sum(name: str, unit: str, family: Family, definition: str) -> Metric:
    return Metric(name, unit, family, definition, part=name)


def _latencies() -> tuple[Metric, ...]:
    meanings = {
        "queue": "arrival until a slot is free; an engine may count waits for other prefills too",
        "ttft": "arrival until first output token",
        "tpot": "first until last output token, per output token after the first, if it succeeded",
        "e2e": "arrival until last output token, if it succeeded",
    }
    found: list[Metric] = []
    for stem, meaning in meanings.items():
        part = f"{stem}_seconds"
        mean = f"mean over requests of: {meaning}"
        found.append(Metric(f"{stem}_mean_seconds", "s", "latency", mean, part, per="known"))
        for share in (0.5, 0.95):
            name = f"{stem}_p{share * 100:.0f}_seconds"
            text = f"{share:.0%} quantile (interpolated) over requests of: {meaning}"
            found.append(Metric(name, "s", "latency", text, part, quantile=share))
    return tuple(found)


METRICS: tuple[Metric, ...] = (
    _sum("request_count", "{request}", "volume", "replayed requests"),
    _sum("input_total_tokens", "{token}", "volume", "input tokens, cached included"),
    _sum("input_cache_read_tokens", "{token}", "hits", "input tokens read from a prefix cache"),
    _sum("input_uncached_tokens", "{token}", "volume", "input tokens computed"),
    _sum("output_total_tokens", "{token}", "volume", "output tokens, as recorded"),
    Metric(
        "prefix_hit_ratio",
        "1",
        "hits",
        "cached input tokens / input tokens (definition T, whole window, flat eviction)",
        part="input_cache_read_tokens",
        per="input_total_tokens",
    ),
    _sum(
        "cost_active_usd",
        "USD",
        "cost",
        "allocated cost of busy capacity at the day's recorded rate per phase weight, idle excluded",
    ),
    _sum(
        "cost_marginal_usd",
        "USD",
        "cost",
        "energy above idle at the day's recorded rate per phase weight: saved at once",
    ),
    Metric(
        "usd_per_m_total_active",
        "USD/1e6{token}",
        "cost",
        "cost_active_usd per million input and output tokens",
        part="cost_active_usd",
        per="total_tokens",
        scale=1e6,
    ),
    _sum(
        "energy_accelerator_joules",
        "J",
        "energy",
        "accelerator energy allocated to requests (boundary accelerator, idle excluded)",
    ),
    Metric(
        "joules_per_output_token_accelerator",
        "J/{token}",
        "energy",
        "energy_accelerator_joules per output token",
        part="energy_accelerator_joules",
        per="output_total_tokens",
    ),
    *_latencies(),
)


def part_of(stage: Stage, played: Played, name: str) -> Floats:
    """A per-request quantity under one play; NaN where unknown."""
    timings, ones = played.timings, np.ones(len(stage.arrivals))
    quantities = {
        "request_count": ones,
        "known": ones,
        "input_total_tokens": stage.input_tokens,
        "input_cache_read_tokens": played.cached,
        "input_uncached_tokens": stage.input_tokens - played.cached,
        "output_total_tokens": stage.output_tokens,
        "total_tokens": stage.input_tokens + stage.output_tokens,
        "queue_seconds": timings.queue,
        "ttft_seconds": timings.ttft,
        "tpot_seconds": np.where(stage.succeeded, timings.tpot, np.nan),
        "e2e_seconds": np.where(stage.succeeded, timings.e2e, np.nan),
        **played.amounts,
    }
    return quantities[name].astype(np.float64)


def comparable_rows(stage: Stage, metric: Metric, plays: list[Played]) -> Mask:
    """Requests that count: known under every play, and in history unless it knows none."""
    rows = np.ones(len(stage.arrivals), dtype=np.bool_)
    for played in plays:
        rows &= ~np.isnan(part_of(stage, played, metric.part))
    recorded = ~np.isnan(part_of(stage, stage.recorded, metric.part))
    return rows & recorded if (rows & recorded).any() else rows


def value_of(stage: Stage, played: Played, metric: Metric, rows: Mask) -> float | None:
    """The metric over some requests; null where none is known."""
    part = part_of(stage, played, metric.part)[rows]
    part_known = part[~np.isnan(part)]
    if part_known.size == 0 or part_known.size < part.size:
        return None
    if metric.quantile is not None:
        return float(np.quantile(part, metric.quantile))
    if metric.per is None:
        return float(part.sum())
    divisor = float(part_of(stage, played, metric.per)[rows].sum())
    return metric.scale * float(part.sum()) / divisor if divisor else None
