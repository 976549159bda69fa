"""The what-if notebook on a small replay result, and on none."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from tokenworks.replay.language.scenario import parse_scenario, ready_scenarios
from tokenworks.replay.run import run_replay
from tokenworks.replay.study import run_sweep


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
    marts = hand_world.publish()
    run_replay(scenario, marts, tmp_path / "replay")
    monkeypatch.setenv("TOKENWORKS_HOME", str(tmp_path))
    shown = [output for output in cells(root) if output is not None]
    assert len(shown) == 9
    assert "tokenworks replay sweep" in str(shown[-1].text)
    swept = parse_scenario(
        "name: two\nchips: {tiers: large}\nsweep: {chips.price_factor: [1.5, 2]}\n", "two"
    )
    run_sweep(swept, marts, tmp_path / "replay")
    shown = [output for output in cells(root) if output is not None]
    assert len(shown) == 10
    assert "A point is on the frontier where" in str(shown[-1].text)


@pytest.mark.filterwarnings("default")
def test_what_to_run_is_said_when_there_is_no_result(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENWORKS_HOME", str(tmp_path))
    shown = [output for output in cells(root) if output is not None]
    assert "tokenworks replay" in str(shown[0].text)
