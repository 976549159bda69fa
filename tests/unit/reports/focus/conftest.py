"""The month with every kind of row, as published and as exported."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tests.unit.reports.focus import every_kind
from tokenworks.reports.focus.build import focus_datasets
from tokenworks.reports.focus.columns import View
from tokenworks.reports.focus.inputs import Inputs, read_inputs
from tokenworks.reports.period import Period
from tokenworks_sources.settings import Settings

SEPTEMBER = Period(2026, 9)


@pytest.fixture(scope="session")
def focus_home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose published marts hold every kind of row."""
    settings = Settings.at(tmp_path_factory.mktemp("focus") / "home")
    every_kind.publish(settings.published_parquet)
    return settings


@pytest.fixture(scope="session")
def inputs(focus_home: Settings) -> Inputs:
    """What the export reads of it."""
    return read_inputs(focus_home.published_parquet, SEPTEMBER)


@pytest.fixture(scope="session")
def datasets(inputs: Inputs) -> dict[View, pl.DataFrame]:
    """Both views, FOCUS 1.3: all columns that there are but one."""
    return focus_datasets(inputs, SEPTEMBER, "1.3")


@pytest.fixture(scope="session")
def supply(datasets: dict[View, pl.DataFrame]) -> dict[str, dict[str, object]]:
    """Supply rows by the charge's line."""
    rows = datasets["supply"].iter_rows(named=True)
    return {" ".join(row["x_ChargeId"].split(" ")[1:]): row for row in rows}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder."""
    return tmp_path / "out"
