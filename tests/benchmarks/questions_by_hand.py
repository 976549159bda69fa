"""The analysts' questions as a person would tune them for bare Parquet; {mart} is its only file.

Where its SQL cannot be bettered, it is the question's own. Polars too reads the marts that the question reads,
where its answer in the tests starts from requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl

from tests.questions.by_polars import ANSWERS, Scan

Answer = tuple[list[str], list[tuple[object, ...]]]
Run = Callable[[str], Answer]
ANALYSES = Path(__file__).resolve().parents[2] / "dbt" / "analyses"

# The value of a bucket follows from the bucket, so it is looked up for two of them, not for all.
TIERS = """
with merged as (
    select tier, measure, bucket, sum(observation_count)::bigint as n, any_value(value_seconds) as seconds
    from {fct_latency_sketches} group by all
), ranked as (
    select *, sum(n) over (partition by tier, measure order by bucket) as reached,
        sum(n) over (partition by tier, measure) as total
    from merged
)
select tier, measure, any_value(total) as observation_count,
    min(seconds) filter (reached >= 0.50 * total) as p50_seconds,
    min(seconds) filter (reached >= 0.95 * total) as p95_seconds
from ranked group by all order by tier, measure
"""
LAST_DAY = "select max(event_date) from {rpt_unit_cost} where request_count > 0"
# A constant date lets row groups of other days be skipped; twenty rows are fetched late.
DEAREST = """
select request_id, tenant_id, model, input_total_tokens, output_total_tokens, e2e_seconds,
    cost_fully_loaded_usd
from {{fct_requests}} where event_date = date '{day}'
order by cost_fully_loaded_usd desc nulls last, emitter, request_id limit 20
"""


def _dearest(run: Run) -> Answer:
    ((day,),) = run(LAST_DAY)[1]
    return run(DEAREST.format(day=day).replace("{{", "{").replace("}}", "}"))


def _own(question: str) -> Callable[[Run], Answer]:
    text = (ANALYSES / f"{question}.sql").read_text(encoding="utf-8")
    return lambda run: run(re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"{\1}", text))


HAND: dict[str, Callable[[Run], Answer]] = {
    **{question: _own(question) for question in ANSWERS},
    "05_how_fast_is_each_tier": lambda run: run(TIERS),
    "08_which_requests_were_most_expensive": _dearest,
}


def tenant_days(scan: Scan) -> pl.LazyFrame:
    """Question 3 from the days of tenants."""
    return (
        scan("rpt_tenant_days")
        .group_by(
            pl.col("event_date").dt.truncate("1mo").cast(pl.Datetime).alias("event_month"),
            "tenant_id",
        )
        .agg(
            pl.col("request_count").sum(),
            pl.col("cost_active_usd").sum().alias("active_usd"),
            pl.col("cost_fully_loaded_usd").sum().alias("fully_loaded_usd"),
            pl.col("cost_list_usd").sum().alias("list_usd"),
        )
    )


def sketches(scan: Scan) -> pl.LazyFrame:
    """Question 5 from the sketches, as the warehouse answers it."""
    keys = ["tier", "measure"]

    def quantile(share: float) -> pl.Expr:
        return pl.col("value_seconds").filter(pl.col("reached") >= share * pl.col("total")).min()

    return (
        scan("fct_latency_sketches")
        .group_by(*keys, "bucket")
        .agg(pl.col("value_seconds").min(), pl.col("observation_count").sum())
        .sort("bucket")
        .with_columns(
            pl.col("observation_count").cum_sum().over(keys).alias("reached"),
            pl.col("observation_count").sum().over(keys).alias("total"),
        )
        .group_by(keys)
        .agg(
            pl.col("total").max().alias("observation_count"),
            quantile(0.5).alias("p50_seconds"),
            quantile(0.95).alias("p95_seconds"),
        )
    )


# As the questions order their rows; a minus is for descending. The others' frames are in order.
ORDER = {
    "01_what_does_a_million_tokens_cost": "-fully_loaded_usd_per_m_output model tier region",
    "02_where_did_every_dollar_go": "-cost_usd category cause",
    "03_what_did_each_tenant_cost": "event_month -fully_loaded_usd tenant_id",
    "04_when_is_the_fleet_idle": "utc_hour_of_day",
    "05_how_fast_is_each_tier": "tier measure",
    "07_what_did_caching_bring": "-cached_tokens model region",
    "09_how_much_energy_does_a_token_take": "-facility_joules_per_output_token model region",
    "10_what_limits_each_deployment": "deployment_id -hour_count limiting_factor",
    "11_what_is_wasted": "-waste_usd tenant_id",
    "12_what_does_the_next_100_ms_cost": "month model tier region p95_seconds",
}
FRAMES = {
    **ANSWERS,
    "03_what_did_each_tenant_cost": tenant_days,
    "05_how_fast_is_each_tier": sketches,
}


def by_frames(question: str, scan: Scan) -> pl.LazyFrame:
    """A question in Polars, its rows in the question's order."""
    keys = ORDER.get(question, "").split()
    frame = FRAMES[question](scan)
    if not keys:
        return frame
    falling = [key.startswith("-") for key in keys]
    return frame.sort([key.lstrip("-") for key in keys], descending=falling, nulls_last=True)
