"""FOCUS CSV: line numbers among many damaged records, and headers as warehouses spell them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tokenworks_sources.connectors.charges.focus import CONNECTOR

HEADER = (
    "BilledCost,BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,"
    "ChargePeriodStart,ChargePeriodEnd,ChargeCategory,EffectiveCost"
)
RECORD = "{},a,USD,2026-10-01,2026-11-01,2026-10-01,2026-10-02,Usage,1.5"


def test_lines_stay_exact_when_every_fifth_record_and_a_run_are_damaged(
    tmp_path: Path, ingest_file: Callable
) -> None:
    damaged = {line for line in range(2, 20_002) if line % 5 == 2 or 10_000 <= line < 10_100}
    records = [
        RECORD.format(line) + (",extra" if line in damaged else "") for line in range(2, 20_002)
    ]
    path = tmp_path / "bill.csv"
    path.write_text("\n".join([HEADER, *records]) + "\n")
    outcome = ingest_file(path, CONNECTOR)
    found = outcome.frames["charges"].select("source_line", pl.col("billed_cost").cast(pl.Int64))
    assert found.height == 20_000 - 4_000 - 80
    assert all(line == cost for line, cost in found.rows())
    assert outcome.rejects.height == 4_080
    assert set(outcome.rejects["source_line"]) == damaged


def test_columns_at_the_end_are_unknown_when_no_record_has_them(
    tmp_path: Path, ingest_file: Callable
) -> None:
    path = tmp_path / "bill.csv"
    records = [RECORD.format(line) for line in (2, 3, 4)]
    path.write_text("\n".join([f"{HEADER},Tags,ListCost", *records]) + "\n")
    outcome = ingest_file(path, CONNECTOR)
    assert outcome.rejects.is_empty()
    assert outcome.frames["charges"].select("source_line", "tags", "list_cost").rows() == [
        (line, None, None) for line in (2, 3, 4)
    ]


def test_record_is_damaged_when_it_alone_lacks_columns(
    tmp_path: Path, ingest_file: Callable
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(f"{HEADER},ListCost\n{RECORD.format(2)}\n{RECORD.format(3)},7\n")
    outcome = ingest_file(path, CONNECTOR)
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (2, "CSV record: missing columns")
    ]
    assert outcome.frames["charges"]["source_line"].to_list() == [3]


@pytest.mark.parametrize(
    "spelt",
    [str.lower, str.upper, lambda name: re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()],
    ids=["small", "large", "snake_case"],
)
def test_columns_are_known_when_a_warehouse_spells_them_its_way(
    tmp_path: Path, ingest_file: Callable, spelt: Callable[[str], str]
) -> None:
    path = tmp_path / "bill.csv"
    names = ",".join(map(spelt, f"{HEADER},SkuId".split(",")))
    path.write_text(f"{names}\n{RECORD.format(2)},s\n")
    outcome = ingest_file(path, CONNECTOR)
    assert outcome.rejects.height == 0
    found = outcome.frames["charges"].select(
        pl.col("billed_cost", "effective_cost").cast(pl.Float64), "sku_id"
    )
    assert found.rows() == [(2.0, 1.5, "s")]


def test_columns_are_none_of_focus_when_only_some_letters_differ(
    tmp_path: Path, ingest_file: Callable
) -> None:
    path = tmp_path / "bill.csv"
    path.write_text(f"{HEADER},Skuid\n{RECORD.format(2)},s\n")
    assert ingest_file(path, CONNECTOR).frames["charges"]["sku_id"].to_list() == [None]
