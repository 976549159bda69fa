"""The demo, run once as a newcomer runs it, for all tests that read its result."""

from __future__ import annotations

import pytest

from tests.e2e.running import Ask, Demo, tokenworks
from tokenworks.published import query
from tokenworks_sources.settings import Settings


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """`tokenworks demo` in an empty home."""
    settings = Settings.at(tmp_path_factory.mktemp("demo") / "home")
    run = tokenworks(settings.home, "demo")
    assert run.returncode == 0, run.stdout + run.stderr
    return Demo(settings, run.stdout)


@pytest.fixture(scope="session")
def ask_demo(demo: Demo) -> Ask:
    """SQL on the demo's published marts."""
    return lambda statement: [tuple(row) for row in query(demo.settings, statement)[1]]
