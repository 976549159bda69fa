"""Fixtures of the warehouse tests: one build of the small lake, shared by all of them."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tokenworks.publish import PublishedMart, publish
from tokenworks.published import query
from tokenworks.warehouse import BuildResult, build_warehouse
from tokenworks_sources.settings import Settings

Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture(scope="session")
def small_lake() -> ModuleType:
    """The module with the rows of the small lake."""
    path = Path(__file__).with_name("small_lake.py")
    spec = importlib.util.spec_from_file_location("small_lake", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small_home(small_lake: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home folder that holds the small lake."""
    settings = Settings.at(tmp_path_factory.mktemp("warehouse") / "home")
    small_lake.write_lake(settings.lake, small_lake.tables())
    return settings


@pytest.fixture(scope="session")
def build_result(small_home: Settings) -> BuildResult:
    """The one build, with its unit tests."""
    return build_warehouse(small_home, unit_tests=True, threads=1)


@pytest.fixture(scope="session")
def marts(small_home: Settings, build_result: BuildResult) -> list[PublishedMart]:
    """The marts of the build, published."""
    assert build_result.models > 0
    return publish(small_home)


@pytest.fixture
def ask(small_home: Settings, marts: list[PublishedMart]) -> Ask:
    """Rows of a query on the published marts."""
    assert marts
    return lambda sql: query(small_home, sql)[1]


@pytest.fixture
def copied_home(small_home: Settings, marts: list[PublishedMart], tmp_path: Path) -> Settings:
    """A copy of the built and published home, to break."""
    assert marts
    target = tmp_path / "home"
    shutil.copytree(small_home.home, target, symlinks=True)
    return Settings.at(target)
