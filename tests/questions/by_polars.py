"""The analysts' questions of `dbt/analyses`, answered a second time by Polars from the published Parquet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import polars as pl

Scan: TypeAlias = Callable[[str], pl.LazyFrame]
SEGMENT = ("model", "tier", "region")


def _total(column: str) -> pl.Expr:
    """SQL's sum: null where nothing is known."""
    return pl.when(pl.col(column).count() > 0).then(pl.col(column).sum())


def _per_million(cost: str) -> pl.Expr:
    tokens = pl.col("output_total_tokens").sum()
    return _total(cost).cast(pl.Float64) / pl.when(tokens != 0).then(tokens) * 1e6


def unit_cost(scan: Scan) -> pl.LazyFrame:
    return (
        scan("rpt_unit_cost")
        .group_by(SEGMENT)
        .agg(
            _total("output_total_tokens").alias("output_tokens"),
            _per_million("cost_active_usd").alias("active_usd_per_m_output"),
            _per_million("cost_fully_loaded_usd").alias("fully_loaded_usd_per_m_output"),
            _per_million("cost_list_usd").alias("list_usd_per_m_output"),
        )
    )


def every_dollar(scan: Scan) -> pl.LazyFrame:
    return (
        scan("fct_cost_ledger")
        .group_by("category", "cause")
        .agg(_total("cost_usd"))
        .with_columns(
            (pl.col("cost_usd").cast(pl.Float64) / pl.col("cost_usd").cast(pl.Float64).sum()).alias(
                "cost_share"
            )
        )
    )


def tenants(scan: Scan) -> pl.LazyFrame:
    return (
        scan("fct_requests")
        .with_columns(
            pl.col("event_date").dt.truncate("1mo").cast(pl.Datetime).alias("event_month")
        )
        .group_by("event_month", "tenant_id")
        .agg(
            pl.len().alias("request_count"),
            _total("cost_active_usd").alias("active_usd"),
            _total("cost_fully_loaded_usd").alias("fully_loaded_usd"),
            _total("cost_list_usd").alias("list_usd"),
        )
    )


def idle_hours(scan: Scan) -> pl.LazyFrame:
    def share(state: str) -> pl.Expr:
        return pl.col(f"gpu_hours_{state}").sum() / pl.col("gpu_hours_assigned").sum()

    return (
        scan("fct_deployment_hours")
        .group_by(pl.col("hour_start").dt.hour().cast(pl.Int64).alias("utc_hour_of_day"))
        .agg(
            pl.col("gpu_hours_assigned").sum(),
            share("busy").alias("busy_share"),
            share("ready_empty").alias("ready_empty_share"),
            share("not_ready").alias("not_ready_share"),
            _total("cost_idle_usd"),
        )
    )


def tier_latency(scan: Scan) -> pl.LazyFrame:
    """From the requests themselves: the sketches have to come within 1 %."""
    measures = ("ttft", "tpot", "queue", "e2e")
    begun = scan("fct_requests").filter(pl.col("status").is_in(["success", "unknown", "cancelled"]))
    return pl.concat(
        [
            begun.filter(
                pl.col(f"{measure}_seconds").is_not_null(),
                (pl.col("status") != "cancelled") | (measure != "e2e"),
            )
            .group_by(pl.col("tier").fill_null("(unknown)"))
            .agg(
                pl.lit(measure).alias("measure"),
                pl.len().alias("observation_count"),
                pl.col(f"{measure}_seconds").quantile(0.5, "lower").alias("p50_seconds"),
                pl.col(f"{measure}_seconds").quantile(0.95, "lower").alias("p95_seconds"),
            )
            for measure in measures
        ]
    )


def missed_days(scan: Scan) -> pl.LazyFrame:
    return (
        scan("rpt_slo")
        .filter(pl.col("attainment_den") >= 20)
        .sort(
            "attainment_ratio", "usd_per_m_good_output_fully_loaded", "event_date", *SEGMENT,
            descending=[False, True] + [False] * 4, nulls_last=True,
        )
        .head(10)
        .select(
            "event_date", *SEGMENT, "attainment_ratio", "attainment_den",
            "usd_per_m_good_output_fully_loaded",
        )
    )  # fmt: skip


def caching(scan: Scan) -> pl.LazyFrame:
    def price(token: str) -> pl.Expr:
        rate, tokens = pl.col(f"usd_per_m_{token}_active"), pl.col(f"{token}_tokens")
        return (rate * tokens).sum() / tokens.filter(rate.is_not_null()).sum()

    return (
        scan("rpt_unit_cost")
        .group_by("model", "region")
        .agg(
            _total("input_cache_read_tokens").alias("cached_tokens"),
            (pl.col("input_cache_read_tokens").sum() / pl.col("input_total_tokens").sum()).alias(
                "cached_share"
            ),
            price("input_cache_read").alias("cached_usd_per_m"),
            price("input_uncached").alias("uncached_usd_per_m"),
        )
    )


def dear_requests(scan: Scan) -> pl.LazyFrame:
    days = scan("rpt_unit_cost").filter(pl.col("request_count") > 0)
    last = days.select(pl.col("event_date").max())
    return (
        scan("fct_requests")
        .join(last, on="event_date", how="semi")
        .sort(
            "cost_fully_loaded_usd", "emitter", "request_id",
            descending=[True, False, False], nulls_last=True,
        )
        .head(20)
        .select(
            "request_id", "tenant_id", "model", "input_total_tokens", "output_total_tokens",
            "e2e_seconds", "cost_fully_loaded_usd",
        )
    )  # fmt: skip


def token_energy(scan: Scan) -> pl.LazyFrame:
    def joules(kwh: str) -> pl.Expr:
        known = pl.col(kwh).is_not_null()
        return pl.col(kwh).sum() * 3.6e6 / pl.col("output_total_tokens").filter(known).sum()

    return (
        scan("rpt_energy")
        .group_by("model", "region")
        .agg(
            joules("accelerator_kwh").alias("accelerator_joules_per_output_token"),
            joules("facility_kwh").alias("facility_joules_per_output_token"),
            (pl.col("carbon_location_grams").sum() / pl.col("facility_kwh").sum()).alias(
                "carbon_grams_per_kwh"
            ),
        )
    )


def limits(scan: Scan) -> pl.LazyFrame:
    known = pl.col("batch_fill_ratio").is_not_null()
    den = pl.col("batch_fill_den")
    return (
        scan("rpt_batching")
        .group_by("deployment_id", "limiting_factor")
        .agg(
            pl.len().alias("hour_count"),
            ((pl.col("batch_fill_ratio") * den).sum() / den.filter(known).sum()).alias(
                "batch_fill_ratio"
            ),
            _total("preemption_count"),
        )
    )


def waste(scan: Scan) -> pl.LazyFrame:
    def cost(category: str) -> pl.Expr:
        return pl.col("cost_usd").filter(pl.col("category") == category).sum()

    return (
        scan("fct_cost_ledger")
        .filter(pl.col("category").is_in(["served", "waste"]))
        .group_by("tenant_id")
        .agg(
            cost("served").alias("served_usd"),
            cost("waste").alias("waste_usd"),
            (cost("waste").cast(pl.Float64) / pl.col("cost_usd").sum().cast(pl.Float64)).alias(
                "waste_share"
            ),
        )
    )


def frontier(scan: Scan) -> pl.LazyFrame:
    return (
        scan("rpt_frontier")
        .filter(pl.col("is_on_frontier"), pl.col("measure") == "ttft")
        .select(
            "month", *SEGMENT, "output_tokens_per_gpu_second", "p95_seconds",
            "usd_per_m_output", "usd_per_m_output_for_100_ms",
        )
    )  # fmt: skip


ANSWERS: dict[str, Callable[[Scan], pl.LazyFrame]] = {
    "01_what_does_a_million_tokens_cost": unit_cost,
    "02_where_did_every_dollar_go": every_dollar,
    "03_what_did_each_tenant_cost": tenants,
    "04_when_is_the_fleet_idle": idle_hours,
    "05_how_fast_is_each_tier": tier_latency,
    "06_which_days_missed_their_objectives": missed_days,
    "07_what_did_caching_bring": caching,
    "08_which_requests_were_most_expensive": dear_requests,
    "09_how_much_energy_does_a_token_take": token_energy,
    "10_what_limits_each_deployment": limits,
    "11_what_is_wasted": waste,
    "12_what_does_the_next_100_ms_cost": frontier,
}
