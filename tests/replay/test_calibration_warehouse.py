"""Runs from published traffic, where replicas are known and where they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.replay.test_run import row, scenario
from tokenworks.replay.calibration.warehouse import calibrate_fleet, runs_of
from tokenworks.replay.prepare import open_stage
from tokenworks.replay.run import run_replay
from tokenworks.replay.serving.in_flight import least_in_flight
from tokenworks.replay.session import Session


def test_requests_go_to_the_replica_with_the_fewest_in_flight_when_none_is_named() -> None:
    # The third waits for nobody: replica 0 is free again at 2; at 2.5 both serve one.
    arrivals, ends = np.array([0.0, 1.0, 2.0, 2.5]), np.array([2.0, 9.0, 9.0, 9.0])
    assert least_in_flight(arrivals, ends, 2).tolist() == [0, 1, 0, 1]


def test_every_request_is_in_a_run_when_the_log_names_no_replica(
    hand_world: Any, tmp_path: Path
) -> None:
    for request in hand_world.requests:
        request["replica_id"] = None
    for deployment in hand_world.deployments:
        deployment["replica_count"] = 2
    marts = hand_world.publish()
    asked = scenario("name: same")
    stage = open_stage(asked, Session(marts).traffic(asked))
    runs = runs_of(stage, 0)
    assert [run.count for run in runs] == [20, 20]
    refused = calibrate_fleet(stage, tmp_path / "laws")[0]
    assert refused.refusal is not None
    assert "only 20 requests have known times" in refused.refusal


def test_no_change_meets_history_when_one_replica_is_not_named(
    hand_world: Any, tmp_path: Path
) -> None:
    for request in hand_world.requests:
        request["replica_id"] = None
    result = run_replay(scenario("name: same"), hand_world.publish(), tmp_path / "out")
    found = row(result, "e2e_mean_seconds")
    assert abs(found["no_change"] / found["history"] - 1) < 1e-6
