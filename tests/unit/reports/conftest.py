"""A tiny published warehouse for the tests of the reports; its rows stand in `small_month.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.unit.reports import small_month
from tokenworks.reports.read import COLUMNS, Marts, read_month
from tokenworks.reports.tables import ReportTables, build_tables
from tokenworks_sources.settings import Settings

WriteMart = Callable[[str, Sequence[Mapping[str, Any]]], None]


@pytest.fixture
def write_mart(settings: Settings) -> WriteMart:
    """Writes one published mart from rows; columns that a row leaves out are null."""

    def write(mart: str, rows: Sequence[Mapping[str, Any]]) -> None:
        folder: Path = settings.published_parquet / mart
        folder.mkdir(parents=True, exist_ok=True)
        full = [{name: row.get(name) for name in COLUMNS[mart]} for row in rows]
        frame = pl.DataFrame(full, schema=dict(COLUMNS[mart]))
        frame.write_parquet(folder / "data.parquet")

    return write


@pytest.fixture
def home(settings: Settings, write_mart: WriteMart) -> Settings:
    """A home folder with a small published warehouse of September 2026."""
    write_mart("fct_cost_ledger", small_month.ledger())
    write_mart("fct_charges", small_month.charges())
    write_mart("rpt_unit_cost", small_month.unit_cost())
    write_mart("fct_requests", small_month.requests())
    write_mart("fct_deployment_hours", small_month.deployment_hours())
    write_mart("rpt_utilization", small_month.utilization())
    write_mart("rpt_energy", small_month.energy())
    write_mart("rpt_reconciliation", small_month.reconciliation())
    write_mart("rpt_chargeback", small_month.chargeback())
    write_mart("rpt_variance", small_month.variance())
    write_mart("fct_cost_corrections", small_month.corrections())
    return settings


@pytest.fixture
def marts(home: Settings) -> Marts:
    """The marts of September 2026."""
    return read_month(home.published_parquet, small_month.SEPTEMBER)


@pytest.fixture
def tables(marts: Marts) -> ReportTables:
    """The tables of September 2026."""
    return build_tables(marts, small_month.SEPTEMBER)
