"""What the export reads from the published marts.

Here belongs opening the marts for one month or fiscal period and summing the ledger to days. What a row becomes
belongs to `supply` and `showback`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from tokenworks.reports.corrections import posted_in
from tokenworks.reports.period import NoDataError, Period
from tokenworks.reports.read import MONEY, Columns, scan_mart

# What stands as provider of showback rows where fleet.yaml names no operator.
UNNAMED_OPERATOR = "Operator"

LINE = ["cost_source", "bill_id", "charge_line_id"]
TARGET = [
    "event_date",
    "category",
    "cause",
    "deployment_id",
    "tenant_id",
    "component",
    "model",
    "tier",
    "site_id",
    "region",
    "currency",
    "allocation_method",
]

_TEXT, _DATE, _TIME, _COUNT = pl.String(), pl.Date(), pl.Datetime("us"), pl.Int64()
PERIODS: Columns = {"calendar": _TEXT, "period": _TEXT, "first_date": _DATE, "last_date": _DATE}
_LINE_TEXTS = [
    "cost_source",
    "bill_id",
    "charge_line_id",
    "bill_kind",
    "component",
    "site_id",
    "site_region",
    "currency",
    "billing_account_id",
    "billing_account_name",
    "billing_account_type",
    "charge_category",
    "charge_class",
    "charge_frequency",
    "pricing_unit",
    "pricing_category",
    "invoice_id",
    "provider_name",
    "publisher_name",
    "host_provider_name",
    "service_category",
    "service_subcategory",
    "service_name",
    "region_id",
    "region_name",
    "availability_zone",
    "resource_id",
    "resource_name",
    "resource_type",
    "sku_id",
    "sku_price_id",
    "sku_meter",
    "sub_account_id",
    "sub_account_name",
    "sub_account_type",
    "commitment_discount_id",
    "commitment_discount_status",
    "commitment_discount_category",
    "commitment_discount_name",
    "commitment_discount_type",
    "commitment_discount_unit",
    "capacity_reservation_id",
    "capacity_reservation_status",
    "tags",
    "charge_description",
    "invoice_issuer_name",
    "consumed_unit",
    "meter_id",
    "amortised_server_id",
]
_LINE_AMOUNTS = [
    "amount",
    "billed_amount",
    "list_cost",
    "contracted_cost",
    "list_unit_price",
    "contracted_unit_price",
    "pricing_quantity",
    "commitment_discount_quantity",
    "consumed_quantity",
    "book_rate",
]
_LINE_TIMES = ["period_start", "period_end", "billing_period_start", "billing_period_end"]

_CORRECTED = ["corrected_period", *LINE, *(name for name in TARGET if name != "allocation_method")]

COLUMNS: Mapping[str, Columns] = {
    "fct_charges": {
        **dict.fromkeys(_LINE_TEXTS, _TEXT),
        **dict.fromkeys(_LINE_AMOUNTS, MONEY),
        **dict.fromkeys(_LINE_TIMES, _TIME),
        "gpu_count": _COUNT,
    },
    "fct_cost_ledger": {
        **dict.fromkeys([*LINE, *TARGET], _TEXT),
        "event_date": _DATE,
        "cost": MONEY,
    },
    "rpt_token_usage": {
        "event_date": _DATE,
        "deployment_id": _TEXT,
        "tenant_id": _TEXT,
        "token_class": _TEXT,
        "currency": _TEXT,
        "model": _TEXT,
        "tier": _TEXT,
        "region": _TEXT,
        "token_count": _COUNT,
        "cost": MONEY,
        "list_price_per_million": MONEY,
        "contract_price_per_million": MONEY,
    },
    "fct_cost_corrections": {
        **dict.fromkeys(_CORRECTED, _TEXT),
        "posted_period": _TEXT,
        "posted_from": _DATE,
        "event_date": _DATE,
        "cost": MONEY,
    },
    "dim_tenants": {"tenant_id": _TEXT, "tenant_name": _TEXT},
    "dim_sites": {"site_id": _TEXT, "region": _TEXT, "operator_name": _TEXT},
}


@dataclass(frozen=True)
class Inputs:
    """The marts of one period.

    Attributes:
        lines: every charge line of all periods: what a service or SKU is called does not change
            from one to the next.
        ledger: cost of the period by charge line, day and target.
        corrections: what was posted in the period for closed ones, one row each.
        usage: tokens and served cost of the period by class.
        tenants: id and name.
        operator: who runs the fleet.
    """

    lines: pl.DataFrame
    ledger: pl.DataFrame
    corrections: pl.DataFrame
    usage: pl.DataFrame
    tenants: pl.DataFrame
    operator: str


def _with_data(days: set[date], published_parquet: Path, period: Period) -> list[str]:
    """Months that hold one of the days; for a fiscal period, those of its calendar."""
    if period.fiscal is None:
        return sorted({f"{day:%Y-%m}" for day in days})
    periods = scan_mart(published_parquet, "dim_fiscal_periods", PERIODS)
    of_calendar = periods.filter(pl.col("calendar") == period.fiscal.calendar).sort("first_date")
    return [
        name
        for _, name, first, last in of_calendar.collect().iter_rows()
        if any(first <= day <= last for day in days)
    ]


def read_inputs(published_parquet: Path, period: Period) -> Inputs:
    """Open the marts for one month or fiscal period.

    Raises:
        MartError: when a mart or a column is not there.
        NoDataError: when no ledger line, charge or correction falls in it.
    """
    marts = {name: scan_mart(published_parquet, name, kinds) for name, kinds in COLUMNS.items()}
    ledger, lines = marts["fct_cost_ledger"], marts["fct_charges"].collect()
    in_period = pl.col("event_date").is_between(period.start, period.end, closed="left")
    corrections = _corrections(marts["fct_cost_corrections"], period).collect()
    days = {
        *ledger.select("event_date").unique().collect()["event_date"],
        *lines["billing_period_start"].dt.date().drop_nulls(),
    }
    if corrections.is_empty() and not any(period.start <= day < period.end for day in days):
        raise NoDataError(str(period), _with_data(days, published_parquet, period))
    operators = marts["dim_sites"].select("operator_name").drop_nulls().unique().collect()
    return Inputs(
        lines=lines,
        ledger=ledger.filter(in_period)
        .group_by([*LINE, *TARGET])
        .agg(pl.col("cost").sum())
        .sort([*LINE, *TARGET], nulls_last=False)
        .collect(),
        corrections=corrections,
        usage=marts["rpt_token_usage"].filter(in_period).collect(),
        tenants=marts["dim_tenants"].collect(),
        operator=min(operators["operator_name"], default=UNNAMED_OPERATOR),
    )


def _corrections(posted: pl.LazyFrame, period: Period) -> pl.LazyFrame:
    """Corrections of closed periods that were posted in this one, with a name each."""
    keys = [pl.col(name).cast(pl.String).fill_null("-") for name in _CORRECTED]
    return posted.filter(posted_in(period) & (pl.col("cost") != 0)).with_columns(
        pl.concat_str(pl.lit("correction"), *keys, separator=" ").alias("x_ChargeId")
    )


def charge_id() -> pl.Expr:
    """The name of a charge line in the export; the same in every month and view."""
    return pl.concat_str(LINE, separator=" ")
