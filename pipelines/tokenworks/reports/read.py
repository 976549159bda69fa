"""What a report reads from the published marts, and nothing else.

Here belongs the list of columns that reports rely on, and opening them read-only for one month.
No aggregation: that belongs to the modules that name a figure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import polars as pl

from tokenworks.reports.corrections import posted_in
from tokenworks.reports.ledger import CATEGORIES
from tokenworks.reports.period import NoDataError, Period
from tokenworks.reports.variance import EFFECTS, PARTS
from tokenworks_sources.errors import TokenworksError

MONEY = pl.Decimal(38, 12)
_TEXT, _DATE, _TIME = pl.String(), pl.Date(), pl.Datetime("us")
_COUNT, _REAL, _FLAG = pl.Int64(), pl.Float64(), pl.Boolean()

Columns: TypeAlias = Mapping[str, pl.DataType]

_SEGMENT: Columns = {"event_date": _DATE, "model": _TEXT, "tier": _TEXT, "region": _TEXT}
_PERIOD: Columns = {"calendar": _TEXT, "period": _TEXT, "month": _TEXT}
TOKEN_CLASSES = ("input_uncached", "input_cache_read", "output")
BASES = ("marginal", "active", "fully_loaded", "list")
RUNGS = ("allocation", "ready", "busy")
GAUGES = ("gpu_util", "sm_active", "tensor_active", "dram_active")
_UNKNOWN_KEY = "(unknown)"

COLUMNS: Mapping[str, Columns] = {
    "fct_requests": {
        **_SEGMENT,
        "started_at": _TIME,
        "ended_at": _TIME,
        "tenant_id": _TEXT,
        "deployment_id": _TEXT,
        "status": _TEXT,
        "input_total_tokens": _COUNT,
        "input_cache_read_tokens": _COUNT,
        "output_total_tokens": _COUNT,
        "queue_seconds": _REAL,
        "ttft_seconds": _REAL,
        "tpot_seconds": _REAL,
        "e2e_seconds": _REAL,
        "cost_active_usd": MONEY,
        "cost_list_usd": MONEY,
        "energy_accelerator_joules": _REAL,
    },
    "fct_cost_ledger": {
        **_SEGMENT,
        "hour_start": _TIME,
        "bill_id": _TEXT,
        "charge_line_id": _TEXT,
        "cost_source": _TEXT,
        "category": _TEXT,
        "cause": _TEXT,
        "deployment_id": _TEXT,
        "tenant_id": _TEXT,
        "component": _TEXT,
        "currency": _TEXT,
        "allocation_method": _TEXT,
        "is_accrued": _FLAG,
        "cost": MONEY,
        "cost_usd": MONEY,
    },
    "fct_charges": {
        "cost_source": _TEXT,
        "bill_id": _TEXT,
        "charge_line_id": _TEXT,
        "charge_description": _TEXT,
        "invoice_issuer_name": _TEXT,
        "period_start": _TIME,
        "period_end": _TIME,
    },
    "fct_cost_corrections": {
        "posted_from": _DATE,
        "posted_period": _TEXT,
        "corrected_period": _TEXT,
        "bill_id": _TEXT,
        "charge_line_id": _TEXT,
        "component": _TEXT,
        "category": _TEXT,
        "cause": _TEXT,
        "tenant_id": _TEXT,
        "currency": _TEXT,
        "cost": MONEY,
    },
    "fct_deployment_hours": {
        **_SEGMENT,
        "telemetry_coverage_ratio": _REAL,
        "gpu_hours_assigned": _REAL,
    },
    "rpt_unit_cost": {
        **_SEGMENT,
        "request_count": _COUNT,
        "input_uncached_tokens": _COUNT,
        "input_cache_read_tokens": _COUNT,
        "output_total_tokens": _COUNT,
        "input_total_tokens": _COUNT,
        "cost_marginal_usd": MONEY,
        "cost_active_usd": MONEY,
        "cost_idle_usd": MONEY,
        "cost_overhead_usd": MONEY,
        "cost_fully_loaded_usd": MONEY,
        "cost_list_usd": MONEY,
        **{f"usd_per_m_{token}_{basis}": _REAL for token in TOKEN_CLASSES for basis in BASES},
    },
    "rpt_utilization": {
        **_SEGMENT,
        **{f"{rung}_util_ratio": _REAL for rung in RUNGS},
        **{f"{rung}_util_den": _REAL for rung in RUNGS},
        "batch_fill_ratio": _REAL,
        "batch_fill_den": _REAL,
        **{f"mean_{gauge}_ratio": _REAL for gauge in GAUGES},
        **{f"mean_{gauge}_den": _REAL for gauge in GAUGES},
    },
    "rpt_energy": {
        **_SEGMENT,
        "accelerator_kwh": _REAL,
        "accelerator_busy_kwh": _REAL,
        "facility_kwh": _REAL,
        "carbon_location_grams": _REAL,
        "output_total_tokens": _COUNT,
        "served_count": _COUNT,
    },
    "rpt_chargeback": {
        **_PERIOD,
        "currency": _TEXT,
        "line_kind": _TEXT,
        "tenant_id": _TEXT,
        "cost_centre": _TEXT,
        "idle_policy": _TEXT,
        "overhead_policy": _TEXT,
        **{f"{category}_cost": MONEY for category in CATEGORIES},
        **{f"{category}_amount": MONEY for category in CATEGORIES},
        "total_amount": MONEY,
        "total_cost_usd": MONEY,
        "input_total_tokens": _COUNT,
        "output_total_tokens": _COUNT,
        "cost_list_usd": MONEY,
        "cost_contract_usd": MONEY,
    },
    "rpt_variance": {
        **_PERIOD,
        "base_period": _TEXT,
        "model": _TEXT,
        "tier": _TEXT,
        "region": _TEXT,
        "cost_base_usd": MONEY,
        "cost_usd": MONEY,
        **{f"{effect}_effect_usd": MONEY for effect in EFFECTS},
        "change_usd": MONEY,
        **{f"{effect}_{part}_usd": MONEY for effect, parts in PARTS.items() for part in parts},
        "tokens_base": _COUNT,
        "tokens": _COUNT,
        "usd_per_m_tokens_base": _REAL,
        "usd_per_m_tokens": _REAL,
    },
    "rpt_reconciliation": {
        "check_name": _TEXT,
        "subject": _TEXT,
        "period_start": _TIME,
        "currency": _TEXT,
        "expected": MONEY,
        "actual": MONEY,
        "difference": MONEY,
        "is_balanced": _FLAG,
        "unit": _TEXT,
    },
}


class MartError(TokenworksError):
    """A published mart that is missing, or lacks a column that the reports need."""


@dataclass(frozen=True)
class Marts:
    """The marts of one month, unread until somebody collects them."""

    requests: pl.LazyFrame
    ledger: pl.LazyFrame
    charges: pl.LazyFrame
    deployment_hours: pl.LazyFrame
    unit_cost: pl.LazyFrame
    utilization: pl.LazyFrame
    energy: pl.LazyFrame
    chargeback: pl.LazyFrame
    variance: pl.LazyFrame
    corrections: pl.LazyFrame
    reconciliation: pl.LazyFrame


def read_month(published_parquet: Path, period: Period) -> Marts:
    """Open the marts for one period.

    Raises:
        MartError: when a mart or a column is not there.
        NoDataError: when no request, ledger line or correction falls in it.
    """
    marts = {name: _scan(published_parquet, name) for name in COLUMNS}
    dated = (marts["fct_requests"], marts["fct_cost_ledger"])
    in_month = pl.col("event_date").is_between(period.start, period.end, closed="left")
    corrections = marts["fct_cost_corrections"].filter(posted_in(period))
    told = (*(frame.filter(in_month) for frame in dated), corrections)
    if not any(frame.limit(1).collect().height for frame in told):
        raise NoDataError(str(period), _fiscal_periods(marts, period) or _months(dated))
    ledger = marts["fct_cost_ledger"].filter(in_month)
    return Marts(
        requests=marts["fct_requests"].filter(in_month),
        ledger=ledger,
        charges=marts["fct_charges"],
        deployment_hours=marts["fct_deployment_hours"].filter(in_month),
        unit_cost=marts["rpt_unit_cost"].filter(in_month),
        utilization=marts["rpt_utilization"].filter(in_month),
        energy=marts["rpt_energy"].filter(in_month),
        chargeback=marts["rpt_chargeback"].filter(_is_of(period)),
        variance=marts["rpt_variance"].filter(_is_of(period)),
        corrections=corrections,
        reconciliation=_reconciliation(marts["rpt_reconciliation"], ledger, period),
    )


def _is_of(period: Period) -> pl.Expr:
    """Rows of a period in the marts that have periods of several calendars.

    A fiscal period that is a calendar month has the month's rows.
    """
    month = Period(period.start.year, period.start.month)
    if period.fiscal is None or (period.start, period.end) == (month.start, month.end):
        return pl.col("month") == str(month)
    fiscal = period.fiscal
    return (pl.col("calendar") == fiscal.calendar) & (pl.col("period") == fiscal.name)


def scan_mart(folder: Path, mart: str, columns: Columns) -> pl.LazyFrame:
    """One mart with some of its columns, in the types that are relied on.

    Raises:
        MartError: when the mart or a column is not there.
    """
    files = sorted((folder / mart).rglob("*.parquet"))
    if not files:
        raise MartError(
            f"{folder / mart}: the mart {mart} is not published. Run `tokenworks build`."
        )
    # Books of an earlier date lack the columns that came later: unknown, and empty.
    frame = pl.scan_parquet(
        files, hive_partitioning=False, missing_columns="insert", extra_columns="ignore"
    )
    missing = sorted(set(columns) - set(frame.collect_schema().names()))
    if missing:
        raise MartError(
            f"{folder / mart}: the mart {mart} has no column {', '.join(missing)}. "
            "It was published by another version: run `tokenworks build` again."
        )
    return frame.select(pl.col(name).cast(dtype) for name, dtype in columns.items())


def _scan(folder: Path, mart: str) -> pl.LazyFrame:
    """One mart with the columns that the reports need, unknown keys as null."""
    columns = COLUMNS[mart]
    typed = scan_mart(folder, mart, columns)
    # Marts keyed by segment name an unknown one; null joins and sorts the same everywhere.
    keys = [name for name in ("model", "tier", "region") if name in columns]
    return typed.with_columns(
        pl.when(pl.col(name) != _UNKNOWN_KEY).then(pl.col(name)).alias(name) for name in keys
    )


def _fiscal_periods(marts: Mapping[str, pl.LazyFrame], period: Period) -> list[str]:
    """Periods of a fiscal period's calendar in which somebody was charged."""
    if period.fiscal is None:
        return []
    of_calendar = pl.col("calendar") == period.fiscal.calendar
    found = marts["rpt_chargeback"].filter(of_calendar).select("period").unique().sort("period")
    return [str(name) for name in found.collect()["period"]]


def _months(frames: tuple[pl.LazyFrame, ...]) -> list[str]:
    """Months in which any of the frames has a row."""
    months = [
        frame.select(pl.col("event_date").dt.strftime("%Y-%m").alias("month")).unique()
        for frame in frames
    ]
    found = pl.concat(months).unique().drop_nulls().sort("month").collect()
    return [str(month) for month in found["month"]]


def _reconciliation(frame: pl.LazyFrame, ledger: pl.LazyFrame, period: Period) -> pl.LazyFrame:
    """Checks that start in the month, and those of bills that the month's ledger draws on.

    A utility bill of the 17th to the 16th starts in one month and is spent in two.
    """
    bills = ledger.select(pl.col("bill_id").unique().alias("subject"))
    starts = pl.col("period_start").dt.date().is_between(period.start, period.end, closed="left")
    of_month = frame.filter(starts)
    of_bills = frame.filter(~starts & (pl.col("check_name") == "bill_allocated")).join(
        bills, on="subject", how="semi"
    )
    return pl.concat([of_month, of_bills]).sort("check_name", "subject", "period_start")
