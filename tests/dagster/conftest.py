"""Fixtures of the Dagster tests: a prepared manifest, definitions, and a tiny landing folder."""

from __future__ import annotations

import json
import shutil
import warnings
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

with warnings.catch_warnings():
    # sqlglot, which dagster-dbt brings, warns at import about its own parser.
    warnings.simplefilter("ignore")
    import dagster_dbt  # noqa: F401

from tokenworks.build import Overrides, build_defs
from tokenworks.dbt_project import ensure_manifest
from tokenworks_sources.settings import Settings

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The real project's manifest, parsed once."""
    settings = Settings.at(tmp_path_factory.mktemp("manifest"))
    parsed: dict[str, Any] = json.loads(ensure_manifest(settings).read_text())
    return parsed


@pytest.fixture
def defs(settings: Settings, manifest: dict[str, Any]) -> dg.Definitions:
    """Everything, on an empty home folder."""
    return build_defs(Overrides(settings=settings, manifest=manifest, start=date(2026, 9, 1)))


@pytest.fixture
def landed(settings: Settings) -> Settings:
    """A home folder whose landing folder holds one `fleet.yaml`."""
    folder = settings.landing / "fleet" / "fleet_yaml"
    folder.mkdir(parents=True)
    shutil.copy(HERE / "fleet.yaml", folder / "fleet.yaml")
    return settings
