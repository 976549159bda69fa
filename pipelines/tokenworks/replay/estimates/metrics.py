"""The numbers of a replay result: names, units and definitions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tokenworks.replay.pricing.rates import CARBON
from tokenworks.replay.pricing.tariff import AT_INTENSITY, AT_TARIFF, NEW_TARIFF

Family = Literal["volume", "cost", "energy", "carbon", "hits", "latency", "goodput", "quality"]
#: Percentiles of every latency.
SHARES = (0.5, 0.95, 0.99)
QUALITY = "quality_score"


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
        is_rate: whether the sum is divided by the seconds of the window.
    """

    name: str
    unit: str
    family: Family
    definition: str
    part: str
    per: str | None = None
    scale: float = 1.0
    quantile: float | None = None
    is_rate: bool = False


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
        for share in SHARES:
            name = f"{stem}_p{share * 100:.0f}_seconds"
            text = f"{share:.0%} quantile (interpolated) over requests of: {meaning}"
            found.append(Metric(name, "s", "latency", text, part, quantile=share))
    return tuple(found)


METRICS: tuple[Metric, ...] = (
    _sum("request_count", "{request}", "volume", "replayed requests"),
    Metric(
        "turned_away_count",
        "{request}",
        "volume",
        "requests refused at capacity.max_in_flight: not served, no cost, no latency",
        part="turned_away",
    ),
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
        "cost_accelerator_usd",
        "USD",
        "cost",
        "the part of cost_active_usd that is leases and amortisation",
    ),
    _sum(
        "cost_electricity_usd",
        "USD",
        "cost",
        "the part of cost_active_usd that is electricity and demand charges",
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
    _sum(
        "energy_facility_joules",
        "J",
        "energy",
        "the same energy at the facility boundary (meter, else PUE)",
    ),
    _sum(
        CARBON,
        "g",
        "carbon",
        "energy_facility_joules at the grid intensity of the deployment's days (location-based)",
    ),
    *_latencies(),
    Metric(
        "slo_attainment_ratio",
        "1",
        "goodput",
        "requests within every objective of the deployment that served them in history, over all "
        "but the cancelled; deployments without an objective are left out",
        part="good",
        per="known",
    ),
    Metric(
        "goodput_requests_per_second",
        "{request}/s",
        "goodput",
        "requests within their objectives over the seconds from first to last arrival",
        part="good",
        is_rate=True,
    ),
    Metric(
        "usd_per_m_good_output_active",
        "USD/1e6{token}",
        "goodput",
        "cost_active_usd per million output tokens of requests within their objectives",
        part="judged_cost_usd",
        per="good_output_tokens",
        scale=1e6,
    ),
    Metric(
        QUALITY,
        "1",
        "quality",
        "mean score of the answers; null unless labels or logged propensities carry the claim",
        part="quality",
        per="known",
    ),
)
#: Metrics of a scenario's section `power`.
POWER_METRICS: tuple[Metric, ...] = (
    _sum(
        AT_TARIFF,
        "USD",
        "cost",
        "energy_facility_joules of the requests at power.tariffs in the hours that they ran in, on "
        "all sides; regions without a tariff and demand charges are left out",
    ),
    _sum(
        NEW_TARIFF,
        "USD",
        "cost",
        "history and no change: cost_electricity_usd as recorded, demand charges included; "
        "scenario: energy at power.tariffs; regions without a tariff are left out",
    ),
    _sum(
        AT_INTENSITY,
        "g",
        "carbon",
        "energy_facility_joules of the requests at power.carbon_grams_per_kwh in the hours that "
        "they ran in, on all sides; regions without an intensity are left out",
    ),
)
