"""The results as two tables for SQL: what a row is, and what each column says.

The files are those of the results themselves, `outcomes.parquet` and `summary.parquet` of every
folder below `replay/`; nothing is copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REQUESTS_TABLE, SUMMARY_TABLE = "fct_replay_requests", "rpt_replay_summary"

_SIDES = {"no_change": "replay of no change", "scenario": "scenario"}
_PER_SIDE = {
    "deployment_id": "Deployment that gave the answer",
    "model": "Model that gave it",
    "tier": "Tier of that deployment",
    "region": "Region of that deployment",
    "replica": "Replica, counted within the deployment from 0; -1 where a response cache answered",
    "input_cache_read_tokens": "Input tokens read from a prefix cache, over all attempts",
    "input_total_tokens": "Input tokens, over all attempts",
    "output_total_tokens": "Output tokens, over all attempts",
    "queue_seconds": "Arrival until a slot was free",
    "ttft_seconds": "Arrival until the first token that was shown",
    "tpot_seconds": "Seconds per output token after the first",
    "e2e_seconds": "Arrival until the last token",
    "cost_active_usd": "Busy time at its price, shared by phase weight",
    "cost_accelerator_usd": "The part of it that is leases and amortisation",
    "cost_electricity_usd": "The part of it that is electricity and demand charges",
    "cost_marginal_usd": "Energy above idle: what is saved at once",
    "energy_accelerator_joules": "Energy of the accelerators while busy",
    "energy_facility_joules": "The same at the facility boundary",
    "carbon_location_grams": "Facility energy at the grid intensity of the day",
}


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        file: name of its file in the folder of a result.
        description: what a row is.
        columns: what each column says.
    """

    file: str
    description: str
    columns: Mapping[str, str]


TABLES: dict[str, Table] = {
    REQUESTS_TABLE: Table(
        "outcomes.parquet",
        "Requests under no change and under a scenario. One row per replay result and request.",
        {
            "run_id": "Result: the scenario's name and twelve digits of what it was made from.",
            "scenario": "Name of the scenario.",
            "emitter": "Program that logged the request.",
            "request_id": "Id of the attempt in fct_requests.",
            "started_at": "Arrival, UTC.",
            "tenant_id": "Tenant; null is unknown.",
            "event_date": "UTC date of the arrival.",
            "is_rerouted": "Whether another deployment gives the answer than in history.",
            "input_total_tokens": "Input tokens of the request.",
            "output_total_tokens": "Output tokens as recorded.",
            **{
                f"{side}_{column}": f"{said}, {words}."
                for side, words in _SIDES.items()
                for column, said in _PER_SIDE.items()
            },
        },
    ),
    SUMMARY_TABLE: Table(
        "summary.parquet",
        "Metrics of the replay results. One row per result, segment and metric.",
        {
            "run_id": "Result: the scenario's name and twelve digits of what it was made from.",
            "scenario_name": "Name of the scenario.",
            "is_forced": "Whether the result would have been refused.",
            "loop": "open: arrivals as recorded. closed: a turn waits for the answer before it.",
            "segment": "all, or tier:, region: or tenant: and its name.",
            "metric": "Name with its unit or _ratio.",
            "unit": "Unit as UCUM or ISO code.",
            "definition": "How the metric is made.",
            "history": "As recorded; null where history does not know it.",
            "no_change": "As replayed without a change.",
            "scenario": "As replayed under the scenario.",
            "delta": "Scenario less no change.",
            "delta_p10": "10th percentile of the change in traffic like this.",
            "delta_p50": "Median of the change in traffic like this.",
            "delta_p90": "90th percentile of the change in traffic like this.",
            "delta_window_p10": "10th percentile of the change to the very requests replayed: the "
            "model's error alone is in doubt. Null where history does not tell it.",
            "delta_window_p90": "90th percentile of the same.",
            "request_count": "Requests that the row speaks of.",
        },
    ),
}
