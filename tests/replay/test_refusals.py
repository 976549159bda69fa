"""What a replay refuses, with the reason and what to log in future."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.replay.test_run import ROUTE, row, scenario
from tokenworks.replay.errors import LeverRefusedError, ReplayRefusedError
from tokenworks.replay.language.scenario import load_scenario
from tokenworks.replay.run import run_replay

PREFIX = "name: cache\nprefix_cache: {capacity_tokens: 400}"


def with_claim(folder: Path, judged: pl.DataFrame) -> Path:
    """A route with a required claim on quality, and its judgements beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    judged.write_parquet(folder / "judged.parquet")
    path = folder / "claim.yaml"
    path.write_text(ROUTE + "quality: {judged: judged.parquet, claim: required}\n")
    return path


def refused(path: Path, marts: Path, out: Path) -> str:
    with pytest.raises(LeverRefusedError) as caught:
        run_replay(path, marts, out, force=True)
    return str(caught.value)


def test_a_prefix_lever_is_refused_when_one_request_in_ten_is_logged(
    hand_world: Any, tmp_path: Path
) -> None:
    """The engines counted 1,630,000 input tokens; the log of every tenth request holds 163,000."""
    for request in hand_world.requests:
        request["prefix_block_hashes"] = [request["source_line"]]
        request["prefix_block_tokens"] = 100
    hand_world.hours.append(
        {
            "deployment_id": "large-a",
            "hour_start": hand_world.requests[0]["started_at"],
            "input_total_tokens": 163_000,
            "engine_input_tokens": 1_630_000,
        }
    )
    with pytest.raises(LeverRefusedError) as caught:
        run_replay(scenario(PREFIX), hand_world.publish(), tmp_path / "out", force=True)
    assert "the log holds 10.0% of the input tokens that the engines counted" in str(caught.value)
    assert "Log `prefix_block_hashes`" in str(caught.value)


def test_a_prefix_lever_is_refused_when_no_hashes_are_logged(
    hand_world: Any, tmp_path: Path
) -> None:
    with pytest.raises(LeverRefusedError) as caught:
        run_replay(scenario(PREFIX), hand_world.publish(), tmp_path / "out", force=True)
    assert "no request of the traffic has prefix hashes" in str(caught.value)
    assert "Log `prefix_block_hashes`" in str(caught.value)


def test_a_claim_is_refused_when_no_propensities_are_logged(
    hand_world: Any, tmp_path: Path
) -> None:
    names = [request["request_id"] for request in hand_world.requests]
    path = with_claim(tmp_path / "s", pl.DataFrame({"request_id": names, "score": [1.0] * 80}))
    said = refused(path, hand_world.publish(), tmp_path / "out")
    assert "no propensities" in said
    assert "log for every request the probability" in said


@pytest.mark.parametrize("file_has", ["nothing", "scores", "both"])
def test_chances_in_the_log_carry_a_claim_when_no_file_has_them(
    hand_world: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_has: str
) -> None:
    """Half went to each model; small answers score 0.2, large ones 1: all small loses 0.4.

    What a file says comes before the log: there the log says that large ones score 3, or that all
    was certain.
    """
    monkeypatch.setattr("tokenworks.replay.routing.quality.LEAST_ANSWERS", 40)
    ids = [one["request_id"] for one in hand_world.requests]
    scores = [1.0 if one["tier"] == "large" else 0.2 for one in hand_world.requests]
    for one, score in zip(hand_world.requests, scores, strict=True):
        one["quality_score"] = score if file_has == "nothing" else 3.0
        one["routing_propensity"] = 1.0 if file_has == "both" else 0.5
    judged = pl.DataFrame({"request_id": ids, "score": scores})
    if file_has == "both":
        judged = judged.with_columns(propensity=0.5)
    judged.write_parquet(tmp_path / "judged.parquet")
    named = "" if file_has == "nothing" else "judged: judged.parquet, "
    path = tmp_path / "claim.yaml"
    path.write_text(
        "name: small\nrouting: {rules: [{when: {tier: large}, to_tier: small}]}\n"
        f"quality: {{{named}claim: required}}\n"
    )
    result = run_replay(path, hand_world.publish(), tmp_path / "out", force=True)
    found = row(result, "quality_score")
    assert "off-policy" in found["definition"]
    assert found["delta"] == pytest.approx(-0.4, abs=0.02)


def test_a_claim_is_refused_when_nobody_judged_and_no_file_is_named(
    hand_world: Any, tmp_path: Path
) -> None:
    for one in hand_world.requests:
        one["routing_propensity"] = 0.5
    path = tmp_path / "claim.yaml"
    path.write_text(ROUTE + "quality: {claim: required}\n")
    assert "nobody judged an answer" in refused(path, hand_world.publish(), tmp_path / "out")


def test_a_claim_is_refused_when_the_effective_sample_is_two_in_ten_thousand(
    hand_world: Any, tmp_path: Path
) -> None:
    """Of 10,000 logged choices two took the small tier, each with a chance of 1 in 5,000."""
    first = hand_world.requests[0]
    small = hand_world.requests[40]
    hand_world.requests[40:40] = [
        {
            **(small if number in (100, 7000) else first),
            "request_id": f"x{number:05d}",
            "source_line": 1000 + number,
            "input_total_tokens": 100,
            "started_at": first["started_at"] + timedelta(seconds=7000 + number),
        }
        for number in range(10_000)
    ]
    names = [f"x{number:05d}" for number in range(10_000)]
    chance = np.where(np.isin(np.arange(10_000), (100, 7000)), 1 / 5000, 4999 / 5000)
    judged = pl.DataFrame({"request_id": names, "score": 1.0, "propensity": chance})
    path = with_claim(tmp_path / "s", judged)
    assert load_scenario(path).quality is not None
    said = refused(path, hand_world.publish(), tmp_path / "out")
    assert "effective sample" in said
    assert "2" in said
    assert "random share" in said


def test_a_replay_is_refused_when_three_times_as_many_run_as_calibration_has_seen(
    hand_world: Any, tmp_path: Path
) -> None:
    """The small tier has seen one request at a time; three large ones at once go there."""
    large, small = hand_world.requests[:40], hand_world.requests[40:]
    hand_world.requests[:] = small + [
        {
            **request,
            "request_id": f"{request['request_id']}-{replica}",
            "replica_id": f"large-a-{replica}",
        }
        for number, request in enumerate(large)
        for replica in range(3)
        if number != replica
    ]
    for deployment in hand_world.deployments:
        if deployment["deployment_id"] == "large-a":
            deployment["replica_count"] = 3
    asked = "name: all\nrouting: {rules: [{when: {tier: large}, to_tier: small}]}"
    with pytest.raises(ReplayRefusedError) as caught:
        run_replay(scenario(asked), hand_world.publish(), tmp_path / "out")
    assert "small-a: running reaches 3, 3.0 times the 1 that calibration has seen" in str(
        caught.value
    )
    assert "calibrate again; log running requests beside it" in str(caught.value)


def test_a_route_is_refused_when_prompts_and_kv_leave_what_calibration_has_seen(
    hand_world: Any, tmp_path: Path
) -> None:
    """Small has seen prompts of 400 tokens, one at a time; long ones have 5,000: 12.5 times."""
    text = "name: far\nrouting: {rules: [{when: {tier: large}, to_tier: small}]}"
    with pytest.raises(ReplayRefusedError) as caught:
        run_replay(scenario(text), hand_world.publish(), tmp_path / "out")
    said = str(caught.value)
    assert "input_tokens reaches 5,000, 12.5 times the 400" in said
    assert "kv_tokens reaches 5,005" in said
    assert "running reaches" not in said


@pytest.mark.parametrize(
    ("levers", "said"),
    [
        (
            (
                "capacity: {max_in_flight: 3}\nrouting: {cascade: {first_tier: small, "
                "second_tier: large, verifier: {hit_rate: 1, false_accept_rate: 0, "
                "first_answer_right: 0.5}}}"
            ),
            "capacity.max_in_flight: a cascade",
        ),
        (
            "chips: {quality_score_change: -0.1}\nquality: {labels: labels.csv}",
            "chips.quality_score_change: it is stated",
        ),
        (
            (
                "power: {tariffs: [{region: region-a, price_per_kwh: 1}], shift: {when: "
                "{tier: large}, until: cheapest, most_delay_hours: 1}}\nrouting: {spill: "
                "{from_tier: large, to_tier: small, waiting_per_replica: 1}}"
            ),
            "power.shift: what spills",
        ),
    ],
)
def test_levers_are_refused_when_they_do_not_combine(
    levers: str, said: str, hand_world: Any, tmp_path: Path
) -> None:
    with pytest.raises(LeverRefusedError, match=said):
        run_replay(scenario(f"name: both\n{levers}"), hand_world.publish(), tmp_path / "out")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "routing: {rules: [{when: {tier: larg}, to_tier: small}]}",
            (
                "routing.rules.0.when.tier: neither the fleet nor its traffic has 'larg'. "
                "There are: large, small."
            ),
        ),
        (
            "report_on: {deployment_id: [large-a, large-z]}",
            (
                "report_on.deployment_id: neither the fleet nor its traffic has 'large-z'. "
                "There are: large-a, small-a."
            ),
        ),
        (
            (
                "loop: open\ndisaggregation: {tiers: [larg], prefill: {replicas: 1}, "
                "decode: {replicas: 1}, transfer_seconds_per_token: 0}"
            ),
            "disaggregation.tiers: the fleet has no larg. There are: large, small.",
        ),
    ],
)
def test_a_condition_is_refused_when_it_names_what_does_not_exist(
    hand_world: Any, tmp_path: Path, written: str, said: str
) -> None:
    path = tmp_path / "typo.yaml"
    path.write_text(f"name: typo\n{written}\n")
    assert refused(path, hand_world.publish(), tmp_path / "out") == f"{path}: {said}"
