"""Routing played to the end: what attempts cost and take, by hand, and what quality is claimed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.answer import Answer, answer
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.scenario import parse_scenario
from tokenworks.replay.traffic.requests import load_traffic

CASCADE = """
name: cascade
limits: {mean_latency_ratio: 9, p50_latency_ratio: 9, p95_latency_ratio: 9}
routing:
  cascade:
    when: {tier: large}
    first_tier: small
    second_tier: large
    verifier: {hit_rate: 0, false_accept_rate: 0, seconds: 0.25}
"""


def played(world: Any, text: str, folder: Path = Path()) -> Answer:
    scenario = parse_scenario(text, "test")
    traffic = load_traffic(world.publish(), scenario)
    return answer(scenario, traffic, lambda *_: None, folder=folder)


def test_both_attempts_are_paid_and_waited_for_when_a_cascade_never_accepts(
    hand_world: Any,
) -> None:
    """Large as ever: 0.42 USD for a short and 10.22 for a long one.

    Small was busy for 2.4 s and cost 1.64 USD; now it is for 18.7 s, so 12.778 USD are shared by a
    weight of 17.18: 0.74379 USD for each unit, of which a short one has 0.021 and a long one 0.511.
    Small takes 0.03 + 0.0001 s per input token, large 0.3 + 0.001 s.
    """
    found = played(hand_world, CASCADE)
    large = found.baseline.deployment == found.fleet.ids.index("large-a")
    short = large & (found.stage.input_tokens == 100)
    cost = found.played.amounts["cost_active_usd"]
    assert cost[short] == pytest.approx(np.full(10, 0.4356196), rel=1e-6)
    assert cost[large & ~short] == pytest.approx(np.full(30, 10.6000773), rel=1e-6)
    e2e = found.played.timings.e2e
    assert e2e[short] == pytest.approx(np.full(10, 0.04 + 0.25 + 0.4), rel=0.02)
    assert e2e[large & ~short] == pytest.approx(np.full(30, 0.53 + 0.25 + 5.3), rel=0.02)
    ttft = found.played.timings.ttft
    assert ttft[short] == pytest.approx(np.full(10, 0.04 + 0.25 + 0.2), rel=0.02)


def test_the_network_is_added_when_a_request_moves_to_another_region(hand_world: Any) -> None:
    large, _ = hand_world.deployments
    hand_world.deployments[2:] = [{**large, "deployment_id": "large-b", "region": "region-b"}]
    for row in hand_world.requests:
        row["client_region"] = "b"
    found = played(
        hand_world,
        """
        name: near
        limits: {mean_latency_ratio: 9, p50_latency_ratio: 9, p95_latency_ratio: 9}
        regions: {choose: latency, rtt_seconds: {b: {region-a: 0.15, region-b: 0.05}}}
        """,
    )
    moved = found.played.deployment != found.baseline.deployment
    assert moved.sum() == 40
    assert set(np.array(found.fleet.ids)[found.played.deployment[moved]].tolist()) == {"large-b"}
    for name in ("ttft", "e2e"):
        saved = getattr(found.played.timings, name) - getattr(found.baseline.timings, name)
        assert saved[moved] == pytest.approx(np.full(40, -0.1), abs=1e-6)


ROUTED = """
name: routed
limits: {mean_latency_ratio: 9, p50_latency_ratio: 9, p95_latency_ratio: 9}
routing: {rules: [{when: {tier: large}, to_tier: small}]}
quality: {FILE: labels.csv, claim: CLAIM}
"""


def labelled(folder: Path) -> None:
    """Large is always right, small on every second request."""
    rows = [
        {"request_id": f"r{number:05d}", "model": f"model-{tier}", "score": score}
        for number in range(80)
        for tier, score in (("large", 1.0), ("small", float(number % 2)))
    ]
    pl.DataFrame(rows).write_csv(folder / "labels.csv")


def test_quality_is_claimed_from_labels_when_they_lie_beside_the_scenario(
    hand_world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 of 80 move and half of those become wrong: a quarter less on all."""
    monkeypatch.setattr("tokenworks.replay.routing.quality.LEAST_ANSWERS", 40)
    labelled(tmp_path)
    text = ROUTED.replace("FILE", "labels").replace("CLAIM", "required")
    found = played(hand_world, text, tmp_path)
    rows = [
        one for one in found.estimates if one.metric == "quality_score" and one.segment == "all"
    ]
    assert len(rows) == 1
    assert rows[0].delta == pytest.approx(-0.25)
    assert rows[0].delta_p10 is not None
    assert rows[0].delta_p90 is not None
    assert rows[0].delta_p10 < -0.25 < rows[0].delta_p90


def test_a_required_claim_is_refused_when_nothing_carries_it(
    hand_world: Any, tmp_path: Path
) -> None:
    labelled(tmp_path)
    text = ROUTED.replace("FILE", "judged").replace("CLAIM", "required")
    with pytest.raises(LeverRefusedError, match="the log has no propensities"):
        played(hand_world, text, tmp_path_with_one_row_each(tmp_path))
    found = played(hand_world, text.replace("required", "if_possible"), tmp_path)
    scores = [one for one in found.estimates if one.metric == "quality_score"]
    assert all(one.delta is None for one in scores)


def tmp_path_with_one_row_each(folder: Path) -> Path:
    pl.DataFrame(
        {"request_id": [f"r{number:05d}" for number in range(80)], "score": [1.0] * 80}
    ).write_csv(folder / "labels.csv")
    return folder
