"""The what-if notebook on a small replay result, and on none."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tokenworks.replay.language.scenario import ready_scenarios
from tokenworks.replay.run import run_replay


def cells(root: Path) -> list[Any]:
    """Outputs of the notebook's cells."""
    path = root / "notebooks" / "01_what_if.py"
    spec = importlib.util.spec_from_file_location("what_if", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    outputs, _ = module.app.run()
    return list(outputs)


@pytest.mark.filterwarnings("default")
def test_every_cell_shows_something_when_a_result_exists(
    root: Path, hand_world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = ready_scenarios()["route_short_requests"]
    run_replay(scenario, hand_world.publish(), tmp_path / "replay")
    monkeypatch.setenv("TOKENWORKS_HOME", str(tmp_path))
    assert sum(output is not None for output in cells(root)) == 6


@pytest.mark.filterwarnings("default")
def test_what_to_run_is_said_when_there_is_no_result(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENWORKS_HOME", str(tmp_path))
    shown = [output for output in cells(root) if output is not None]
    assert "tokenworks replay" in str(shown[0].text)
