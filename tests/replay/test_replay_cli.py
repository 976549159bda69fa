"""`tokenworks replay` as a user types it, on the hand-made world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tokenworks.cli import main
from tokenworks_sources.settings import Settings

SWEEP = """
name: lengths
routing: {rules: [{when: {tier: large}, to_tier: small}]}
sweep: {routing.rules.0.when.input_total_tokens.below: [50, 150]}
"""


@pytest.fixture
def home(hand_world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home folder in which the hand-made marts are published, for the command line."""
    settings = Settings.at(tmp_path / "home")
    settings.publish.mkdir(parents=True)
    settings.published_parquet.symlink_to(hand_world.publish())
    monkeypatch.setenv("TOKENWORKS_HOME", str(settings.home))
    monkeypatch.setenv("COLUMNS", "200")
    return settings


def typed(*words: str) -> Result:
    return CliRunner().invoke(main.app, ["replay", *words])


def test_ready_scenarios_are_listed_when_no_command_is_given(home: Settings) -> None:
    shown = typed()
    assert shown.exit_code == 0
    assert "q1_latency_my_workflow_tolerates" in shown.stdout
    assert "tokenworks replay run" in shown.stdout


def test_a_result_is_shown_with_its_folder_when_run(home: Settings) -> None:
    shown = typed("run", "route_short_requests")
    assert shown.exit_code == 0
    assert "cost_active_usd" in shown.stdout
    assert "Replayed 80 requests" in shown.stdout
    assert "known already" in typed("run", "route_short_requests").stdout


def test_every_point_is_shown_when_swept(home: Settings, tmp_path: Path) -> None:
    path = tmp_path / "lengths.yaml"
    path.write_text(SWEEP)
    shown = typed("sweep", str(path))
    assert shown.exit_code == 0
    assert "below = 150" in shown.stdout
    assert "Replayed 2 points" in shown.stdout


def test_two_scenarios_are_compared_when_named(home: Settings) -> None:
    shown = typed("compare", "no_change", "route_short_requests", "--segment", "tier:large")
    assert shown.exit_code == 0
    assert "route_short_requests less no_change, tier:large" in shown.stdout
    assert "−7.63" in shown.stdout


def test_what_a_scenario_changes_and_lacks_is_explained_when_asked(home: Settings) -> None:
    shown = typed("explain", "route_short_requests")
    assert shown.exit_code == 0
    assert "requests with tier large, input_total_tokens below 2,000 go to the small tier" in (
        shown.stdout
    )
    assert "energy at the meter" in shown.stdout


def test_explain_exits_with_one_and_what_to_log_when_it_would_be_refused(home: Settings) -> None:
    shown = typed("explain", "bigger_prefix_cache")
    assert shown.exit_code == 1
    assert "Log `prefix_block_hashes`" in shown.stdout


def test_laws_are_stored_with_a_page_when_calibrated(home: Settings) -> None:
    shown = typed("calibrate", "--deployment", "large-a")
    assert shown.exit_code == 0
    assert {path.name for path in home.calibrations.iterdir()} == {"large-a.html", "large-a.json"}
