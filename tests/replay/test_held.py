"""A replay that outlasts a publish: one version from its first file to its last."""

from __future__ import annotations

import gc
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.replay.test_run import scenario
from tokenworks.held import Held, unless_held
from tokenworks.replay.run import run_replay
from tokenworks.replay.session import Session

SAME = "name: same"


def _published(hand_world: Any, home: Path) -> Path:
    """A link to the first of two versions; the second has the requests of the large tier alone."""
    shutil.copytree(hand_world.publish(), home / ".versions" / "one")
    del hand_world.requests[40:]
    shutil.copytree(hand_world.publish(), home / ".versions" / "two")
    _publish(home, "one")
    return home / "parquet"


def _publish(home: Path, version: str) -> None:
    (home / "next").symlink_to(Path(".versions") / version, target_is_directory=True)
    os.replace(home / "next", home / "parquet")


def _is_free(folder: Path) -> bool:
    gc.collect()
    with unless_held(folder) as is_free:
        return is_free


def test_a_replay_reads_the_version_it_began_with_when_another_is_published(
    hand_world: Any, tmp_path: Path
) -> None:
    marts = _published(hand_world, tmp_path)
    first, second = (tmp_path / ".versions" / name for name in ("one", "two"))
    session = Session(marts)
    before = session.digest
    _publish(tmp_path, "two")
    assert session.traffic(scenario(SAME)).count == 80
    assert not _is_free(first)
    assert _is_free(second)
    result = run_replay(scenario(SAME), session, tmp_path / "out")
    assert (result.summary["traffic"]["digest"], result.summary["traffic"]["replayed"]) == (
        before,
        80,
    )
    # The next one reads what is published by then, and is another result.
    again = run_replay(scenario(SAME), marts, tmp_path / "out")
    assert again.summary["traffic"]["replayed"] == 40
    assert again.run_id != result.run_id


def test_a_version_is_held_as_long_as_traffic_of_it_is(hand_world: Any, tmp_path: Path) -> None:
    marts = _published(hand_world, tmp_path)
    traffic = Session(marts).traffic(scenario(SAME))
    assert not _is_free(tmp_path / ".versions" / "one")
    assert traffic.series("request_id").len() == 80
    del traffic
    assert _is_free(tmp_path / ".versions" / "one")


def test_the_next_version_is_held_when_the_first_is_taken_away_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        (tmp_path / ".versions" / name).mkdir(parents=True)
    _publish(tmp_path, "one")
    opened = os.open

    def taken_away(path: Path, flags: int) -> int:
        descriptor = opened(path, flags)
        if path.name == "one":
            _publish(tmp_path, "two")
            path.rename(tmp_path / "removed")
        return descriptor

    monkeypatch.setattr(os, "open", taken_away)
    assert Held(tmp_path / "parquet").folder == tmp_path / ".versions" / "two"
