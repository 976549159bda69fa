"""Replays and calibration as assets, on marts small enough to compute by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tests.replay.conftest import hand_world
from tokenworks.assets.replay import CALIBRATION_KEY, KEY, calibration_asset, replay_asset
from tokenworks.partitions import DAY, SCENARIO, days, replays
from tokenworks.resources import SettingsResource
from tokenworks_sources.settings import Settings

__all__ = ["hand_world"]
PUBLISHED = dg.AssetKey(["publish", "warehouse"])


@pytest.fixture
def home(hand_world: Any, tmp_path: Path) -> Settings:
    """A home folder in which the hand-made marts are published."""
    settings = Settings.at(tmp_path / "home")
    settings.publish.mkdir(parents=True)
    settings.published_parquet.symlink_to(hand_world.publish())
    return settings


def test_a_day_of_a_scenario_is_replayed_when_its_partition_is_materialised(
    home: Settings,
) -> None:
    asset = replay_asset(PUBLISHED, replays(days(date(2026, 9, 1)), ["route_short_requests"]))
    key = dg.MultiPartitionKey({DAY: "2026-09-01", SCENARIO: "route_short_requests"})
    result = dg.materialize(
        [asset], partition_key=key, resources={"settings": SettingsResource.of(home)}
    )
    [event] = result.asset_materializations_for_node(KEY.to_python_identifier())
    assert event.metadata["requests"].value == 80
    assert event.metadata["rerouted"].value == 10
    [folder] = home.replay.iterdir()
    assert (folder / "page.html").is_file()


def test_every_deployment_is_named_with_its_law_or_refusal_when_calibrated(
    home: Settings,
) -> None:
    result = dg.materialize(
        [calibration_asset(PUBLISHED)], resources={"settings": SettingsResource.of(home)}
    )
    [event] = result.asset_materializations_for_node(CALIBRATION_KEY.to_python_identifier())
    shown = str(event.metadata["laws"].value)
    assert "large-a" in shown
    assert "small-a" in shown
