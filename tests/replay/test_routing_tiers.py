"""Routing between tiers: small examples by hand, and what must hold whatever the traffic."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.base import Bounds, Match
from tokenworks.replay.language.routing import TierRouting
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.routing.cascade import Attempts, Verifier, cascade
from tokenworks.replay.routing.conditions import NOWHERE
from tokenworks.replay.routing.draws import luck
from tokenworks.replay.routing.frontier import (
    Ends,
    binned_thresholds,
    call_share_at,
    fit_to_share,
    gap_recovered,
    threshold_sweep,
)
from tokenworks.replay.routing.policy import route_tiers
from tokenworks.replay.routing.route import Given, Labelled, Route
from tokenworks.replay.routing.spill import UNLIMITED, spilled
from tokenworks.replay.traffic.fleet import deployments_of, fleet_of
from tokenworks.replay.traffic.requests import load_traffic

LARGE, SMALL = 0, 1


@pytest.fixture
def world(hand_world: Any) -> Given:
    """40 requests of large-a (10 of them short) and 40 of small-a, one at a time."""
    traffic = load_traffic(hand_world.publish(), Scenario(name="x"))
    fleet = fleet_of(traffic)
    assert fleet.tiers == ("large", "small")
    return Given(
        frame=traffic.columns.select(),
        fleet=fleet,
        served_by=deployments_of(traffic, fleet),
        arrivals=traffic.arrivals(),
        seconds=traffic.numbers("e2e_seconds"),
        seed=1,
    )


def routed(world: Given, **section: Any) -> Route:
    return route_tiers(world, TierRouting.model_validate(section))


def changed(world: Given, **facts: Any) -> Given:
    return Given(**{**world.__dict__, **facts})


SHORT = {"when": {"tier": "large", "input_total_tokens": {"below": 1000}}, "to_tier": "small"}


def test_the_first_rule_that_matches_decides_when_several_do(world: Given) -> None:
    """10 short ones of large: 3 arrive in the first hour UTC... and stay by the first rule."""
    early = {"when": {"hour_utc": {"below": 1}}, "keep": True}
    both = routed(world, rules=[SHORT])
    assert (both.deployments == SMALL).sum() == 50
    route = routed(world, rules=[early, SHORT])
    hours = world.frame["started_at"].dt.hour().to_numpy()
    assert hours.max() == 1
    assert (route.deployments[hours == 0] == world.served_by[hours == 0]).all()
    assert (route.deployments == SMALL).sum() == 41
    assert "Rule 2 names 1 requests for tier small." in route.said


def test_requests_stay_and_are_counted_when_their_region_lacks_the_tier(hand_world: Any) -> None:
    hand_world.deployments[1]["region"] = "region-b"
    traffic = load_traffic(hand_world.publish(), Scenario(name="x"))
    fleet = fleet_of(traffic)
    served_by = deployments_of(traffic, fleet)
    here = Given(
        traffic.columns.select(), fleet, served_by, traffic.arrivals(), np.ones(80), seed=1
    )
    route = routed(here, rules=[SHORT])
    assert (route.deployments == served_by).all()
    assert route.without_target.sum() == 10
    assert "10 stay, since their region has no such deployment." in route.said[0]


def test_a_share_goes_to_the_strong_tier_when_a_score_is_fitted(world: Given) -> None:
    """Inputs of the 80: 10 x 100, 20 x 200, 20 x 400, 30 x 5,000; a quarter allows none of 30."""
    score = {"column": "input_total_tokens", "weak_tier": "small", "strong_tier": "large"}
    scored = changed(world, scores=world.frame["input_total_tokens"].to_numpy().astype(float))
    half = routed(scored, score={**score, "share_to_strong": 0.5})
    assert (half.deployments == LARGE).sum() == 30
    assert "input_total_tokens from 5000 on goes to large: 30 of 80 requests." in half.said
    quarter = routed(scored, score={**score, "share_to_strong": 0.25})
    assert (quarter.deployments == LARGE).sum() == 0
    cut = routed(scored, score={**score, "threshold": 400})
    assert (cut.deployments == LARGE).sum() == 50


def test_requests_without_a_score_stay_when_a_score_decides(world: Given) -> None:
    scores = np.where(np.arange(80) < 5, np.nan, 1.0)
    score = {"column": "win", "weak_tier": "small", "strong_tier": "large", "threshold": 0.5}
    route = routed(changed(world, scores=scores), score=score)
    assert (route.deployments[:5] == world.served_by[:5]).all()
    assert (route.deployments[5:] == LARGE).all()
    assert "5 have no score and stay." in route.said[0]
    with pytest.raises(LeverRefusedError, match="none of 80 requests has a score"):
        routed(changed(world, scores=np.full(80, np.nan)), score=score)
    idle = routed(
        changed(world, scores=scores),
        rules=[{"when": {"tier": ["large", "small"]}, "keep": True}],
        score=score,
    )
    assert idle.said == ("win decides over no request.",)


def test_a_curve_has_eleven_points_when_it_is_cut_into_tenths() -> None:
    """Scores 1 to 10 cut at 1, 1.9, ... 9.1 and above all: the share falls by a tenth each.

    The weak model is right on 1 to 5, the strong on all but 1; they cost 1 and 10.
    """
    scores = np.arange(1.0, 11.0)
    weak, strong = (scores <= 5).astype(float), (scores > 1).astype(float)
    thresholds = binned_thresholds(scores)
    assert thresholds[1:3].tolist() == pytest.approx([1.9, 2.8])
    curve = threshold_sweep(scores, weak, strong, thresholds, (np.ones(10), np.full(10, 10.0)))
    assert curve.shares.tolist() == pytest.approx([tenth / 10 for tenth in range(11)])
    expected = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 0.9]
    assert curve.qualities.tolist() == pytest.approx(expected)
    assert curve.costs is not None
    assert curve.costs.tolist() == [10.0 + 9 * tenth for tenth in range(11)]
    ends = Ends.of(weak, strong)
    assert (ends.weak, ends.strong) == (0.5, 0.9)
    assert call_share_at(curve, ends, 0.5) == pytest.approx(0.2)
    assert gap_recovered(curve, ends) == pytest.approx((0.87 - 0.5) / 0.4)


def test_labels_set_the_threshold_when_a_quality_is_asked_for(world: Given) -> None:
    labelled = Labelled(np.array([100.0, 5000.0]), np.array([1.0, 0.0]), np.array([1.0, 1.0]))
    scores = world.frame["input_total_tokens"].to_numpy().astype(float)
    score = {"column": "x", "weak_tier": "small", "strong_tier": "large", "quality_at_least": 1}
    route = routed(changed(world, scores=scores, labelled=labelled), score=score)
    assert (route.deployments == LARGE).sum() == 30
    with pytest.raises(LeverRefusedError, match="no labels say how good"):
        routed(changed(world, scores=scores), score=score)


def test_a_share_is_never_exceeded_when_scores_tie() -> None:
    fitted = fit_to_share(np.array([1.0, 1, 1, 2, 2]), 0.5)
    assert (fitted.threshold, fitted.share) == (2.0, 0.4)
    assert fit_to_share(np.array([1.0, 1, 1, 2, 2]), 0.39).share == 0.0
    assert fit_to_share(np.array([1.0, 1, 1, 2, 2]), 1.0).threshold == 1.0


CASCADE = {"first_tier": "small", "second_tier": "large"}


def test_both_attempts_are_charged_when_a_cascade_never_accepts(world: Given) -> None:
    never = {**CASCADE, "verifier": {"hit_rate": 0, "false_accept_rate": 0, "seconds": 0.5}}
    route = routed(world, cascade=never)
    assert (route.deployments == SMALL).all()
    assert (route.second == LARGE).all()
    attempts = Attempts.of(route.deployments, route.second, route.escalated)
    amounts = np.where(attempts.deployment == LARGE, 10.0, 1.0)
    assert attempts.summed(amounts).tolist() == [11.0] * 80
    seconds = np.where(attempts.deployment == LARGE, 4.0, 2.0)
    ttft, e2e = attempts.latencies(seconds / 4, seconds, route.verified, 0.5)
    assert e2e.tolist() == [2.0 + 0.5 + 4.0] * 80
    assert ttft.tolist() == [2.0 + 0.5 + 1.0] * 80
    starts = attempts.arrivals(world.arrivals, np.full(80, 2.0), 0.5)
    assert (starts[80:] == world.arrivals + 2.5).all()


def test_a_first_answer_is_shown_whole_when_it_is_accepted(world: Given) -> None:
    always = {**CASCADE, "verifier": {"hit_rate": 1, "false_accept_rate": 1, "seconds": 0.5}}
    route = routed(world, cascade=always)
    assert not route.escalated.any()
    attempts = Attempts.of(route.deployments, route.second, route.escalated)
    ttft, e2e = attempts.latencies(np.ones(80), np.full(80, 2.0), route.verified, 0.5)
    assert ttft.tolist() == e2e.tolist() == [2.5] * 80


def test_a_cascade_is_refused_when_nothing_says_how_often_first_answers_are_good(
    world: Given,
) -> None:
    verifier = {"hit_rate": 0.9, "false_accept_rate": 0.1}
    with pytest.raises(LeverRefusedError, match="of 80 requests whether the first answer is good"):
        routed(world, cascade={**CASCADE, "verifier": verifier})
    share = routed(world, cascade={**CASCADE, "verifier": {**verifier, "first_answer_right": 0.5}})
    assert 20 < share.escalated.sum() < 60
    right = (np.arange(80) < 60).astype(float)
    perfect = {**CASCADE, "verifier": {"hit_rate": 1, "false_accept_rate": 0}}
    known = routed(changed(world, first_right=right), cascade=perfect)
    assert known.escalated.sum() == 20
    assert "a bound, not an estimate" in known.said[0]


def test_load_spills_by_hand_when_two_run_for_ten_seconds() -> None:
    """Arrivals every second, ten seconds each, at most two in flight: the third to tenth spill."""
    arrivals, seconds = np.arange(12.0), np.full(12, 10.0)
    away = spilled(arrivals, seconds, np.ones(12, dtype=np.bool_), UNLIMITED, 2)
    assert np.flatnonzero(away).tolist() == [2, 3, 4, 5, 6, 7, 8, 9]
    held = spilled(arrivals, seconds, np.arange(12) != 2, UNLIMITED, 2)
    assert np.flatnonzero(held).tolist() == [3, 4, 5, 6, 7, 8, 9, 10]


def test_waiting_counts_when_one_slot_serves_in_turn() -> None:
    """One slot, ten seconds each: 0 runs to 10, 1 waits and runs to 20, so three are too many."""
    arrivals, seconds = np.array([0.0, 1, 2, 11, 12, 21]), np.full(6, 10.0)
    away = spilled(arrivals, seconds, np.ones(6, dtype=np.bool_), 1, 2)
    assert away.tolist() == [False, False, True, False, True, False]


def test_a_busy_deployment_spills_when_a_limit_is_given(world: Given) -> None:
    """Large takes one each 100 s for up to 5.3 s: nothing waits; if each ran 250 s, 2 of 3 would."""
    spill = {"from_tier": "large", "to_tier": "small", "in_flight_per_replica": 1}
    assert (routed(world, spill=spill).deployments == world.served_by).all()
    slow = changed(world, seconds=np.full(80, 250.0))
    route = routed(slow, spill=spill)
    large = world.served_by == LARGE
    assert (route.deployments[large] == SMALL).sum() == 26
    assert (route.deployments[~large] == SMALL).all()
    assert route.said == ("26 requests spill from busy deployments of large.",)


def test_only_the_canary_moves_when_a_share_is_given(world: Given) -> None:
    every = {"when": {"tier": "large"}, "to_tier": "small"}
    none = routed(world, rules=[every], canary={"share": 0})
    assert (none.deployments == world.served_by).all()
    some = routed(world, rules=[every], canary={"share": 0.5})
    more = routed(world, rules=[every], canary={"share": 0.8})
    moved, more_moved = some.deployments != world.served_by, more.deployments != world.served_by
    assert 0 < moved.sum() < more_moved.sum() < 40
    assert (more_moved | ~moved).all()
    order = np.random.default_rng(1).permutation(80)
    shuffled = changed(world, frame=world.frame[order], served_by=world.served_by[order])
    again = routed(shuffled, rules=[every], canary={"share": 0.5})
    assert ((again.deployments != shuffled.served_by) == moved[order]).all()


def test_tenants_move_as_a_whole_when_a_canary_draws_them(world: Given) -> None:
    names = pl.Series([f"tenant-{number // 4}" for number in range(80)])
    of_many = changed(world, frame=world.frame.with_columns(names.alias("tenant_id")))
    every = {"when": {"tier": "large"}, "to_tier": "small"}
    route = routed(of_many, rules=[every], canary={"share": 0.5, "by": "tenant"})
    large = world.served_by == LARGE
    ends = [
        set(route.deployments[(names == name).to_numpy() & large].tolist())
        for name in names.unique()
    ]
    assert len(ends) == 20
    assert {LARGE} in ends
    assert {SMALL} in ends
    assert {LARGE, SMALL} not in ends


@given(st.lists(st.text(max_size=12), min_size=1, max_size=40), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_luck_is_the_names_own_when_the_order_changes(names: list[str], seed: int) -> None:
    there = luck(pl.Series(names), seed, "canary")
    back = luck(pl.Series(names[::-1]), seed, "canary")[::-1]
    assert (there == back).all()
    assert ((there >= 0) & (there < 1)).all()


def test_luck_is_even_when_many_are_drawn() -> None:
    drawn = luck(pl.Series([f"r{number}" for number in range(20_000)]), 7, "canary")
    counts = np.histogram(drawn, bins=10, range=(0, 1))[0]
    assert ((counts - 2_000) ** 2 / 2_000).sum() < 27.9
    other = luck(pl.Series([f"r{number}" for number in range(20_000)]), 7, "cascade")
    assert abs(np.corrcoef(drawn, other)[0, 1]) < 0.03


rates = st.floats(0, 1)


@given(rates, rates, rates, st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_a_cascade_costs_between_one_and_both_when_it_verifies(
    hit: float, better: float, false: float, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    scores = (generator.integers(0, 2, 50) * 1.0, generator.integers(0, 2, 50) * 1.0)
    costs, lots = (generator.random(50), generator.random(50)), generator.random(50)
    first = Verifier(min(hit, better), false).accepts(scores[0] == 1, lots)
    second = Verifier(max(hit, better), false).accepts(scores[0] == 1, lots)
    assert (second | ~first).all()
    low, high = cascade(second, scores, costs), cascade(first, scores, costs)
    assert costs[0].sum() <= low.cost + 1e-9 <= high.cost + 2e-9
    assert high.cost <= costs[0].sum() + costs[1].sum() + 1e-9
    bound = cascade(first, scores, costs, keep="better")
    assert bound.quality >= high.quality
    assert bound.is_bound


def test_a_share_is_accepted_when_half_of_the_first_answers_are_right() -> None:
    assert Verifier(0.9, 0.2).accept_rate(0.5) == pytest.approx(0.55)


SECTIONS = [
    ({}, "give at least one of rules, score, cascade, spill"),
    ({"rules": [{"when": {}, "to_tier": "s"}]}, "when: name at least one condition"),
    ({"rules": [{"when": {"tier": "l"}}]}, "give either to_tier or keep: true"),
    ({"score": {"column": "x", "weak_tier": "s", "strong_tier": "l"}}, "exactly one of threshold"),
    (
        {"score": {"column": "x", "weak_tier": "s", "strong_tier": "s", "threshold": 1}},
        "weak_tier and strong_tier are the same",
    ),
    (
        {"cascade": {**CASCADE, "verifier": {"hit_rate": 1.5, "false_accept_rate": 0}}},
        "less than or equal to 1",
    ),
    ({"spill": {"from_tier": "l", "to_tier": "s"}}, "exactly one of in_flight_per_replica"),
    ({"canary": {"share": 0.1}}, "give at least one of rules, score, cascade, spill"),
]


@pytest.mark.parametrize(("section", "said"), SECTIONS)
def test_a_section_is_refused_when_it_contradicts_itself(section: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TierRouting.model_validate(section)


def test_every_field_is_described_when_the_schema_is_read() -> None:
    schema = TierRouting.model_json_schema()
    inherited = {*Match.model_fields, *Bounds.model_fields}
    for model in (schema, *schema["$defs"].values()):
        own = {name: field for name, field in model["properties"].items() if name not in inherited}
        assert [name for name, field in own.items() if "description" not in field] == []


def test_unknown_tiers_are_refused_by_their_path_when_a_lever_names_them(world: Given) -> None:
    with pytest.raises(LeverRefusedError, match=r"routing\.rules\.0\.to_tier: no deployment"):
        routed(world, rules=[{"when": {"tier": "large"}, "to_tier": "tiny"}])
    assert NOWHERE == -1


def test_nothing_leaves_its_region_or_is_lost_when_levers_combine(hand_world: Any) -> None:
    """60 sections drawn at random over two regions, one of which has no medium tier."""
    large, small = hand_world.deployments
    hand_world.deployments[2:] = [
        {**large, "deployment_id": "large-b", "region": "region-b"},
        {**small, "deployment_id": "small-b", "region": "region-b"},
        {**small, "deployment_id": "medium-a", "tier": "medium"},
    ]
    for row in hand_world.requests[::3]:
        row["deployment_id"] = row["deployment_id"].replace("-a", "-b")
    traffic = load_traffic(hand_world.publish(), Scenario(name="x"))
    fleet = fleet_of(traffic)
    served_by, generator = deployments_of(traffic, fleet), np.random.default_rng(5)
    regions = np.array(fleet.regions)
    here = Given(
        traffic.columns.select(), fleet, served_by, traffic.arrivals(), np.full(80, 400.0), seed=1,
        scores=generator.random(80),
    )  # fmt: skip
    for _ in range(60):
        section = drawn_section(generator)
        route = routed(here, **section)
        assert (regions[route.deployments] == regions[served_by]).all()
        second = route.escalated
        assert (regions[route.second[second]] == regions[served_by[second]]).all()
        assert (route.verified | ~second).all()
        changed_at = route.deployments != served_by
        assert (route.matched | ~changed_at).all()
        attempts = Attempts.of(route.deployments, route.second, second)
        assert attempts.requests == 80
        assert attempts.summed(np.ones(len(attempts.request))).sum() == 80 + second.sum()
        whole = routed(here, **section, canary={"share": 1.0})
        assert (whole.deployments == route.deployments).all()


def drawn_section(generator: np.random.Generator) -> dict[str, Any]:
    weak, strong = generator.permutation(["large", "medium", "small"])[:2].tolist()
    tokens = int(generator.integers(1, 6000))
    levers: dict[str, Any] = {
        "rules": [{"when": {"input_total_tokens": {"below": tokens}}, "to_tier": weak}],
        "score": {"column": "win", "weak_tier": weak, "strong_tier": strong,
                  "share_to_strong": float(generator.random())},
        "spill": {"from_tier": strong, "to_tier": weak, "waiting_per_replica": 0},
        "cascade": {"first_tier": weak, "second_tier": strong, "verifier":
                    {"hit_rate": 0.8, "false_accept_rate": 0.2, "first_answer_right": 0.5}},
    }  # fmt: skip
    chosen = generator.permutation(list(levers))[: int(generator.integers(1, 5))]
    return {name: levers[name] for name in chosen}
