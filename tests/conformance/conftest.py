"""The validator, and the exports that it judges."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conformance.environment import NOT_IN_STOCK, Validator, install, interpreter
from tests.conformance.rules import write_corrected
from tests.e2e.running import tokenworks
from tests.unit.reports.focus import every_kind
from tokenworks.reports.focus.build import build_focus
from tokenworks_sources.settings import Settings

Files = list[Path]
REAL_FILE = "cloud_bills/focus_1.0_slice_ship.csv"


@pytest.fixture(scope="session")
def validator(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Validator:
    """The public validator; skips where it cannot run."""
    uv = os.environ.get("CONFORMANCE_UV")
    if not uv:
        pytest.skip(
            "the public FOCUS validator needs an environment of its own: `make conformance`"
        )
    python = interpreter(uv)
    if python is None:
        pytest.skip("the public FOCUS validator needs Python 3.12 or 3.13, and none was found")
    folder = root / ".conformance"
    install(uv, python, folder)
    return Validator(folder, tmp_path_factory.mktemp("validator"))


@pytest.fixture(scope="session")
def corrected_rules(validator: Validator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the corrected rules."""
    return write_corrected(validator.rules, tmp_path_factory.mktemp("rules"))


@pytest.fixture(scope="session")
def stock_criteria(validator: Validator) -> str:
    """All criteria but those whose stock rules no file can meet."""
    return ",".join(name for name in validator.criteria() if name not in NOT_IN_STOCK)


@pytest.fixture(scope="session")
def exports(
    validator: Validator,
    root: Path,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Files]:
    """Files of an export by name, each made once; the real one skips where its file is not there."""
    del validator
    made: dict[str, Files] = {}
    makers: dict[str, Callable[[Settings], str]] = {
        "sample": lambda home: _landed(home, root / "sample_data" / "landing", "2026-10"),
        "real": lambda home: _landed(
            home, request.getfixturevalue("shared_data") / REAL_FILE, "2024-09"
        ),
        "every_kind": _every_kind,
    }

    def files(name: str) -> Files:
        if name not in made:
            home = Settings.at(tmp_path_factory.mktemp(name) / "home")
            made[name] = [file.path for file in build_focus(home, makers[name](home))]
        return made[name]

    return files


def _landed(home: Settings, path: Path, month: str) -> str:
    for command in (("ingest", str(path)), ("build",)):
        run = tokenworks(home.home, *command)
        assert run.returncode == 0, run.stdout + run.stderr
    return month


def _every_kind(home: Settings) -> str:
    every_kind.publish(home.published_parquet)
    return every_kind.MONTH
