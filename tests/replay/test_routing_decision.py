"""Both routing sections together, attempts that follow each other, and files beside a scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.regions import RegionRouting
from tokenworks.replay.language.routing import Quality, TierRouting
from tokenworks.replay.language.scenario import Scenario, parse_scenario
from tokenworks.replay.routing.cascade import Attempts
from tokenworks.replay.routing.conditions import NOWHERE
from tokenworks.replay.routing.decision import Decision, Side, decide
from tokenworks.replay.routing.judgement import Evidence, Judgement, judge
from tokenworks.replay.routing.quality import Claim, NoClaim
from tokenworks.replay.routing.settle import settle
from tokenworks.replay.routing.side_files import of_requests, side_table
from tokenworks.replay.traffic.fleet import Fleet, deployments_of, fleet_of
from tokenworks.replay.traffic.requests import Traffic, load_traffic

SHORT = {"when": {"tier": "large", "input_total_tokens": {"below": 1000}}, "to_tier": "small"}
NEVER = {"first_tier": "small", "second_tier": "large",
         "verifier": {"hit_rate": 0, "false_accept_rate": 0, "seconds": 0.25}}  # fmt: skip


@pytest.fixture
def traffic(hand_world: Any) -> Traffic:
    """40 requests of large-a and 40 of small-a; each tier also stands in region-b."""
    large, small = hand_world.deployments
    hand_world.deployments[2:] = [
        {**large, "deployment_id": "large-b", "region": "region-b"},
        {**small, "deployment_id": "small-b", "region": "region-b"},
    ]
    for number, row in enumerate(hand_world.requests):
        row["client_region"] = "near-b" if number % 2 else "near-a"
        row["output_total_tokens"] = 10 if row["tier"] == "large" else 7
    return load_traffic(hand_world.publish(), Scenario(name="x"))


def decided(traffic: Traffic, side: Side | None = None, **sections: Any) -> Decision:
    fleet = fleet_of(traffic)
    asked = (
        TierRouting.model_validate(sections["routing"]) if "routing" in sections else None,
        RegionRouting.model_validate(sections["regions"]) if "regions" in sections else None,
    )
    return decide(traffic, fleet, deployments_of(traffic, fleet), asked, 1, side or Side())


def ids(fleet: Fleet, positions: np.ndarray) -> list[str]:
    return [fleet.ids[position] for position in positions]


def test_everything_stays_when_no_section_is_given(traffic: Traffic) -> None:
    found = decided(traffic)
    assert not found.moved.any()
    assert (found.second == NOWHERE).all()
    assert (found.output_tokens == traffic.integers("output_total_tokens")).all()
    assert (found.added_rtt == 0).all()
    assert found.said == ()
    assert found.attempts.request.tolist() == list(range(80))


def test_short_requests_go_to_the_small_tier_nearby_when_both_sections_are_given(
    traffic: Traffic,
) -> None:
    """10 short ones of large (every fourth, so near a); clients near b are 20 of each tier."""
    rtt = {"near-a": {"region-a": 0.01, "region-b": 0.05},
           "near-b": {"region-a": 0.05, "region-b": 0.01}}  # fmt: skip
    found = decided(
        traffic, routing={"rules": [SHORT]}, regions={"choose": "latency", "rtt_seconds": rtt}
    )
    names = ids(fleet_of(traffic), found.deployments)
    counts = {name: names.count(name) for name in sorted(set(names))}
    assert counts == {"large-a": 10, "large-b": 20, "small-a": 30, "small-b": 20}
    assert found.moved.sum() == 50
    assert found.added_rtt.sum() == pytest.approx(40 * -0.04)
    assert "Output tokens stay as recorded" in found.said[-1]


def test_moved_requests_write_what_the_target_writes_when_asked(traffic: Traffic) -> None:
    found = decided(traffic, routing={"rules": [SHORT], "output_tokens": "target"})
    recorded = traffic.integers("output_total_tokens")
    assert set(recorded[found.moved].tolist()) == {10}
    assert set(found.output_tokens[found.moved].tolist()) == {7}
    assert (found.output_tokens[~found.moved] == recorded[~found.moved]).all()
    assert found.said[-1].startswith("Requests that another tier answers take the output length")


def test_second_answers_come_from_beside_the_first_when_both_move(traffic: Traffic) -> None:
    rtt = {"near-a": {"region-a": 0.01, "region-b": 0.05},
           "near-b": {"region-a": 0.05, "region-b": 0.01}}  # fmt: skip
    found = decided(
        traffic,
        routing={"cascade": NEVER, "output_tokens": "target"},
        regions={"choose": "latency", "rtt_seconds": rtt},
    )
    fleet = fleet_of(traffic)
    pairs = set(zip(ids(fleet, found.deployments), ids(fleet, found.second), strict=True))
    assert pairs == {("small-a", "large-a"), ("small-b", "large-b")}
    assert found.verified.all()
    assert found.verify_seconds == 0.25
    assert found.attempt_outputs.tolist() == [7] * 80 + [10] * 80


def test_a_column_of_the_traffic_is_the_score_when_no_file_is_given(traffic: Traffic) -> None:
    score = {"column": "input_total_tokens", "weak_tier": "small", "strong_tier": "large",
             "threshold": 5000}  # fmt: skip
    found = decided(traffic, routing={"score": score})
    assert found.moved.sum() == 10
    with pytest.raises(LeverRefusedError, match="the requests have no scores"):
        decided(traffic, routing={"score": {**score, "column": "win_rate"}})
    given = decided(
        traffic, Side(scores=np.full(80, 9999.0)), routing={"score": {**score, "column": "win"}}
    )
    assert given.moved.sum() == 40


def test_second_attempts_start_when_first_ones_end_when_played_until_settled() -> None:
    """A server that takes one at a time for 2 s (first) or 3 s (second attempts), in order.

    Requests at 0 and 1; the first escalates. Guess 0 s: the second attempt at 0.5 delays request
    1. Settled: first answers 0-2 and 2-4, second attempt asked at 2.5, served 4-7.
    """
    attempts = Attempts.of(np.array([0, 0]), np.array([0, 0]), np.array([True, False]))

    def play(which: np.ndarray, starts: np.ndarray) -> np.ndarray:
        free, found = 0.0, np.empty(which.size)
        for at, (one, start) in enumerate(zip(which, starts, strict=True)):
            free = max(free, start) + (2.0 if attempts.is_first[one] else 3.0)
            found[at] = free - start
        return found

    done = settle(attempts, np.array([0.0, 1.0]), np.zeros(2), 0.5, play, lambda e2e: e2e)
    assert done.starts.tolist() == [0.0, 1.0, 2.5]
    assert done.played[done.place].tolist() == [2.0, 3.0, 4.5]
    assert done.unsettled_seconds == 0.0
    ttft, e2e = attempts.latencies(
        done.played[done.place], done.played[done.place], np.array([True, True]), 0.5
    )
    assert e2e.tolist() == [7.0, 3.5]
    assert ttft.tolist() == [7.0, 3.5]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_scores_are_found_by_request_when_they_lie_in_a_file(
    traffic: Traffic, tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"scores.{suffix}"
    rows = pl.DataFrame({"request_id": ["r00003", "r00001", "r99999"], "win": [0.3, 0.1, 0.9]})
    {"parquet": rows.write_parquet, "csv": rows.write_csv, "jsonl": rows.write_ndjson}[suffix](path)
    table = side_table(path, ("request_id", "win"), "routing.score.file")
    found = of_requests(table, "win", traffic.columns.select(), "routing.score.file")
    known = ~np.isnan(found)
    by_name = dict(
        zip(traffic.series("request_id").filter(pl.Series(known)), found[known], strict=True)
    )
    assert by_name == {"r00001": 0.1, "r00003": 0.3}


def test_a_file_is_refused_with_its_name_when_it_does_not_serve(
    traffic: Traffic, tmp_path: Path
) -> None:
    path = tmp_path / "scores.csv"
    with pytest.raises(
        LeverRefusedError, match=r"routing.score.file: .*scores\.csv does not exist"
    ):
        side_table(path, (), "routing.score.file")
    with pytest.raises(LeverRefusedError, match=r"Give \.parquet, \.csv or \.jsonl"):
        side_table(tmp_path / "scores.xlsx", (), "routing.score.file")
    path.write_text("request_id,win\na,1\na,2\n")
    with pytest.raises(
        LeverRefusedError, match=r"lacks hardness\. Its columns are request_id, win"
    ):
        side_table(path, ("hardness",), "routing.score.file")
    table = side_table(path, ("win",), "routing.score.file")
    with pytest.raises(LeverRefusedError, match="request_id a stands there twice"):
        of_requests(table, "win", traffic.columns.select(), "routing.score.file")
    with pytest.raises(LeverRefusedError, match="no request_id of the file is one of"):
        of_requests(table[:1], "win", traffic.columns.select(), "routing.score.file")


def judged(traffic: Traffic, found: Decision, **evidence: Any) -> Judgement:
    fleet = fleet_of(traffic)
    served_by = deployments_of(traffic, fleet)
    return judge(traffic.columns.select(), fleet, served_by, found, Evidence(**evidence), seed=1)


def labels_of(traffic: Traffic) -> pl.DataFrame:
    """The large model is right on all, the small one on requests of over 1,000 input tokens."""
    names, tokens = traffic.series("request_id"), traffic.series("input_total_tokens")
    large = pl.DataFrame({"request_id": names, "model": "model-large", "score": 1.0})
    right = (tokens > 1000).cast(pl.Float64)
    return pl.concat(
        [large, pl.DataFrame({"request_id": names, "model": "model-small", "score": right})]
    )


def test_labels_tell_each_score_when_requests_move_to_another_model(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """40 of 80 move from large: 10 short ones become wrong: -1/8 on all."""
    monkeypatch.setattr("tokenworks.replay.routing.quality.LEAST_ANSWERS", 40)
    rule = {"when": {"tier": "large"}, "to_tier": "small"}
    found = judged(traffic, decided(traffic, routing={"rules": [rule]}), labels=labels_of(traffic))
    assert isinstance(found.claim, Claim)
    assert found.claim.basis == "paired labels"
    assert found.claim.delta.value == pytest.approx(-0.125)
    assert np.nanmean(found.before) == pytest.approx(40 / 80)
    assert np.nanmean(found.after) == pytest.approx(30 / 80)
    again = {**NEVER, "first_tier": "small", "when": {"tier": "large"}}
    both = judged(traffic, decided(traffic, routing={"cascade": again}), labels=labels_of(traffic))
    assert isinstance(both.claim, NoClaim)
    assert "of 0 requests whose answer changes" in both.claim.why
    assert (both.after == both.before).all()


def test_nothing_is_claimed_when_nobody_judged(traffic: Traffic) -> None:
    claim = judged(traffic, decided(traffic, routing={"rules": [SHORT]})).claim
    assert isinstance(claim, NoClaim)
    assert claim.why == "nobody judged an answer."
    assert "propensity" in claim.log_in_future


def test_chances_are_asked_for_when_answers_are_judged_without_them(traffic: Traffic) -> None:
    rows = pl.DataFrame({"request_id": traffic.series("request_id"), "score": [1.0] * 80})
    found = decided(traffic, routing={"rules": [SHORT]})
    claim = judged(traffic, found, judged=rows).claim
    assert isinstance(claim, NoClaim)
    assert "the log has no propensities" in claim.why
    certain = judged(traffic, found, judged=rows.with_columns(pl.lit(1.0).alias("propensity")))
    assert isinstance(certain.claim, NoClaim)
    assert "deterministic" in certain.claim.why
    cascade = judged(
        traffic, decided(traffic, routing={"cascade": NEVER}),
        judged=rows.with_columns(pl.lit(0.5).alias("propensity")),
    )  # fmt: skip
    assert isinstance(cascade.claim, NoClaim)
    assert "a cascade keeps an answer for how good it is" in cascade.claim.why


def test_chances_carry_a_claim_when_a_coin_chose_between_models(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half went to each model; small answers score 0.2, large ones 1: all small loses 0.4."""
    monkeypatch.setattr("tokenworks.replay.routing.quality.LEAST_ANSWERS", 40)
    rows = traffic.columns.select(
        "request_id",
        pl.when(pl.col("tier") == "large").then(1.0).otherwise(0.2).alias("score"),
        pl.lit(0.5).alias("propensity"),
    )
    rule = {"when": {"tier": "large"}, "to_tier": "small"}
    claim = judged(traffic, decided(traffic, routing={"rules": [rule]}), judged=rows).claim
    assert isinstance(claim, Claim)
    assert claim.basis == "off-policy"
    assert claim.off_policy is not None
    assert claim.off_policy.ips.value == pytest.approx(0.2)
    assert claim.history == pytest.approx(0.6)
    assert claim.answers == pytest.approx(40)
    assert claim.delta.value == pytest.approx(-0.4, abs=0.02)


def test_the_sections_of_the_page_are_valid_when_read(root: Path) -> None:
    page = (root / "docs" / "scenarios.md").read_text(encoding="utf-8")
    block = (
        page.split("## Routing between tiers and regions")[1].split("```yaml")[1].split("```")[0]
    )
    document = yaml.safe_load(block)
    sections = {"routing": TierRouting, "regions": RegionRouting, "quality": Quality}
    assert list(document) == list(sections)
    for name, section in sections.items():
        section.model_validate(document[name])
    parse_scenario(page.split("```yaml")[1].split("```")[0], "docs/scenarios.md")
