"""The compiled project, shared by all property tests."""

from __future__ import annotations

import pytest

from tests.properties.compiled import Models, compile_models


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """All models, compiled once."""
    return compile_models(tmp_path_factory.mktemp("compiled") / "home")
