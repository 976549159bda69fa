"""Whole replays on marts small enough to compute by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tokenworks.replay.errors import LeverRefusedError, ReplayRefusedError
from tokenworks.replay.language.scenario import Scenario, parse_scenario
from tokenworks.replay.run import ReplayResult, run_replay

ROUTE = """
name: route
routing:
  rules:
    - {when: {tier: large, input_total_tokens: {below: 2000}}, to_tier: small}
"""


def scenario(text: str) -> Scenario:
    return parse_scenario(text, "test.yaml")


def row(result: ReplayResult, metric: str, segment: str = "all") -> dict[str, Any]:
    [found] = [
        line
        for line in result.summary["metrics"]
        if (line["metric"], line["segment"]) == (metric, segment)
    ]
    return dict(found)


def sides(result: ReplayResult, metric: str, segment: str = "all") -> list[float]:
    found = row(result, metric, segment)
    return [found[side] for side in ("history", "no_change", "scenario", "delta")]


def test_costs_and_energy_are_those_by_hand_when_ten_requests_move(
    hand_world: Any, tmp_path: Path
) -> None:
    """Money and energy follow busy time.

    Large: 10 x 0.4 s + 30 x 5.3 s = 163 s cost 310.80; without the short ones 159 s remain: 303.17.
    Small: 20 x 0.05 s + 20 x 0.07 s = 2.4 s cost 1.64; with ten more of 0.04 s, 2.8 s: 1.9133.
    """
    result = run_replay(scenario(ROUTE), hand_world.publish(), tmp_path / "out")
    assert result.summary["traffic"]["rerouted"] == 10
    assert sides(result, "cost_active_usd") == pytest.approx(
        [312.44, 312.44, 305.08633947, -7.35366053]
    )
    assert sides(result, "cost_marginal_usd") == pytest.approx(
        [15.622, 15.622, 15.25431697, -0.36768303]
    )
    energy = sides(result, "energy_accelerator_joules")
    assert energy == pytest.approx([1562.2, 1562.2, 1525.431697, -36.768303])
    assert sides(result, "cost_active_usd", "tier:large") == pytest.approx(
        [310.8, 310.8, 303.17300613, -7.62699387]
    )
    assert sides(result, "cost_active_usd", "tier:small") == pytest.approx(
        [1.64, 1.64, 1.91333333, 0.27333333]
    )


def test_tokens_move_whole_when_requests_move(hand_world: Any, tmp_path: Path) -> None:
    result = run_replay(scenario(ROUTE), hand_world.publish(), tmp_path / "out")
    assert sides(result, "request_count", "tier:large") == [40, 40, 30, -10]
    assert sides(result, "request_count", "tier:small") == [40, 40, 50, 10]
    tokens = "input_total_tokens"
    assert sides(result, tokens, "tier:large") == [151_000, 151_000, 150_000, -1_000]
    assert sides(result, tokens, "tier:small") == [12_000, 12_000, 13_000, 1_000]
    assert sides(result, tokens) == [163_000, 163_000, 163_000, 0]
    assert sides(result, "output_total_tokens") == [880, 880, 880, 0]


def test_latency_follows_the_target_when_requests_move(hand_world: Any, tmp_path: Path) -> None:
    """A short request: first token after 0.02 s instead of 0.2 s, end after 0.04 s, not 0.4 s."""
    result = run_replay(scenario(ROUTE), hand_world.publish(), tmp_path / "out")
    assert sides(result, "ttft_mean_seconds") == pytest.approx([1.9575, 1.9575, 1.935, -0.0225])
    assert sides(result, "e2e_mean_seconds") == pytest.approx([2.0675, 2.0675, 2.0225, -0.045])
    queue = row(result, "queue_mean_seconds")
    assert (queue["history"], queue["no_change"], queue["scenario"]) == (None, 0.0, 0.0)
    # 10 x 0.4 s less on the large GPU, 10 x 0.04 s more on the small one.
    before, after = (result.summary["busy_gpu_hours"][side] for side in ("no_change", "scenario"))
    assert (after["large-a"] - before["large-a"]) * 3600 == pytest.approx(-4.0)
    assert (after["small-a"] - before["small-a"]) * 3600 == pytest.approx(0.4)


def test_these_requests_are_in_doubt_by_what_changes_where_when_money_has_one_day(
    hand_world: Any, tmp_path: Path
) -> None:
    """One day tells no error, so that of runs in general: 3.89564 % at p10 to p90.

    Large: 4.20 USD leave, what stays falls from 306.60 to 303.17301. Small: of 1.91333 come 0.21 /
    1.85 = 0.21719, what stays rises from 1.64 to 1.69614. 3.89564 % of the square root of
    4.2^2 + 3.42699^2 + 0.21719^2 + 0.05614^2 = 5.42534 is 0.21135.
    """
    cost = row(run_replay(scenario(ROUTE), hand_world.publish(), tmp_path), "cost_active_usd")
    ends = cost["delta_window_p10"], cost["delta_window_p90"]
    assert ends == pytest.approx((-7.35366 - 0.21135, -7.35366 + 0.21135), abs=2e-4)


def test_intervals_hold_the_delta_when_requests_move(hand_world: Any, tmp_path: Path) -> None:
    result = run_replay(scenario(ROUTE), hand_world.publish(), tmp_path / "out")
    cost = row(result, "cost_active_usd")
    assert cost["delta_p10"] < -7.35 < cost["delta_p90"]
    assert cost["delta_p10"] <= cost["delta_p50"] <= cost["delta_p90"] < 0


def test_nothing_differs_when_nothing_changes(hand_world: Any, tmp_path: Path) -> None:
    result = run_replay(scenario("name: same"), hand_world.publish(), tmp_path / "out")
    metrics = result.summary["metrics"]
    for line in metrics:
        known = 0.0 if line["no_change"] is not None else None
        assert {line["delta"], line["delta_p10"], line["delta_p90"]} == {known}
    # The hand-made marts have no deployment hours, components, objectives or labels.
    assert {line["metric"] for line in metrics if line["no_change"] is None} == {
        "busy_util_ratio",
        "cost_accelerator_usd",
        "cost_idle_usd",
        "cost_electricity_usd",
        "energy_facility_joules",
        "carbon_location_grams",
        "slo_attainment_ratio",
        "goodput_requests_per_second",
        "usd_per_m_good_output_active",
        "quality_score",
    }
    errors = {line["metric"]: line for line in result.backtest["metrics"]}
    assert errors["cost_active_usd"]["in_sample_ratio"] == pytest.approx(0, abs=1e-9)
    assert errors["e2e_p95_seconds"]["in_sample_ratio"] == pytest.approx(0, abs=1e-9)


def with_alternating_prompts(world: Any) -> Any:
    """Large tier: a prompt of two blocks of 100 tokens and one of one block in turn; no hits.

    First token after 0.1 s + 0.001 s per token, end 0.2 s later: 0.5 s and 0.4 s.
    """
    for number, request in enumerate(world.requests):
        large = request["deployment_id"] == "large-a"
        first = (1 if number % 2 == 0 else 3) if large else 10 * number + 10
        request["prefix_block_hashes"] = [first, first + 1]
        request["prefix_block_tokens"] = 100
        if large:
            blocks = 2 if number % 2 == 0 else 1
            request["prefix_block_hashes"] = [first, first + 1][:blocks]
            request["input_total_tokens"] = 100 * blocks
            request["ttft_seconds"] = 0.1 + 0.1 * blocks
            request["e2e_seconds"] = 0.3 + 0.1 * blocks
            # Weights 200 x 0.001 + 11 x 0.01 = 0.31 and 0.21, at 2 USD.
            request["cost_active_usd"] = 0.62 if blocks == 2 else 0.42
    return world


@pytest.mark.parametrize(
    ("capacity", "cached", "delta"),
    [(200, 0, 0.0), (300, 5_700, -6.54275556), (100_000, 5_700, -6.54275556)],
)
def test_hits_are_those_by_hand_when_a_cache_holds_both_prompts(
    hand_world: Any, tmp_path: Path, capacity: int, cached: int, delta: float
) -> None:
    """All but the first two hit whole, but for one token that is computed all the same.

    0.9 s + 38 x 0.301 s = 12.338 s instead of 18 s, which cost 20 x (0.62 + 0.42) = 20.80 USD.
    """
    marts = with_alternating_prompts(hand_world).publish()
    asked = scenario(f"name: cache\nprefix_cache: {{capacity_tokens: {capacity}}}")
    result = run_replay(asked, marts, tmp_path / "out", force=True)
    tokens = "input_cache_read_tokens"
    assert sides(result, tokens, "tier:large") == [0, 0, cached, cached]
    assert row(result, "cost_active_usd", "tier:large")["delta"] == pytest.approx(delta)
    hits = row(result, "prefix_hit_ratio", "tier:large")
    assert hits["scenario"] == pytest.approx(cached / 6_000)


def test_a_planted_cache_is_found_again_when_its_hits_are_recorded(
    busy_marts: Path, tmp_path: Path
) -> None:
    """300 and 200 blocks of 64 tokens per replica; the simulated hits are the recorded ones."""
    result = run_replay(scenario("name: same"), busy_marts, tmp_path)
    said = "tokens per replica: large-a 19,200, small-a 12,800."
    assert any(sentence.endswith(said) for sentence in result.assumptions)
    history, replayed, _, _ = sides(result, "input_cache_read_tokens")
    assert history == replayed > 0


def test_means_are_within_two_per_cent_when_half_of_history_is_held_out(
    busy_marts: Path, tmp_path: Path
) -> None:
    result = run_replay(scenario("name: same"), busy_marts, tmp_path)
    for line in result.backtest["metrics"]:
        if line["metric"].endswith("_mean_seconds") and line["history"] is not None:
            assert abs(line["held_out_ratio"]) < 0.02
        assert line["is_within_limit"] is not False


def test_bytes_are_the_same_when_a_replay_is_made_again(hand_world: Any, tmp_path: Path) -> None:
    marts = hand_world.publish()
    one = run_replay(scenario(ROUTE), marts, tmp_path / "one")
    two = run_replay(scenario(ROUTE), marts, tmp_path / "two")
    assert one.run_id == two.run_id
    names = sorted(path.name for path in one.folder.iterdir())
    assert names == [
        "backtest.json",
        "outcomes.parquet",
        "page.html",
        "scenario.yaml",
        "summary.json",
        "summary.parquet",
    ]
    for name in names:
        assert (one.folder / name).read_bytes() == (two.folder / name).read_bytes()


def test_a_result_is_read_back_when_it_exists(hand_world: Any, tmp_path: Path) -> None:
    marts = hand_world.publish()
    first = run_replay(scenario(ROUTE), marts, tmp_path / "out")
    again = run_replay(scenario(ROUTE), marts, tmp_path / "out")
    assert (first.was_reused, again.was_reused) == (False, True)
    assert first.summary == again.summary


def test_the_scenario_is_read_again_when_it_comes_from_the_result(
    hand_world: Any, tmp_path: Path
) -> None:
    marts = hand_world.publish()
    result = run_replay(scenario(ROUTE), marts, tmp_path / "out")
    assert run_replay(result.folder / "scenario.yaml", marts, tmp_path / "out").was_reused


def test_outcomes_hold_both_sides_when_a_request_moves(hand_world: Any, tmp_path: Path) -> None:
    result = run_replay(scenario(ROUTE), hand_world.publish(), tmp_path / "out")
    frame = pl.read_parquet(result.outcomes)
    assert frame.height == 80
    assert frame["is_rerouted"].sum() == 10
    first = frame.row(0, named=True)
    assert first["request_id"] == "r00000"
    assert (first["no_change_tier"], first["scenario_tier"]) == ("large", "small")
    assert first["no_change_cost_active_usd"] == pytest.approx(0.42)
    assert first["scenario_cost_active_usd"] == pytest.approx(0.021 / 1.85 * 1.91333333)
    assert first["scenario_ttft_seconds"] == pytest.approx(0.02)
    assert frame["started_at"].is_sorted()


def test_a_replay_is_refused_when_it_misses_history(busy_marts: Path, tmp_path: Path) -> None:
    asked = scenario("name: strict\nlimits: {p50_latency_ratio: 0}")
    with pytest.raises(ReplayRefusedError, match="ttft_p50_seconds: no change replays as"):
        run_replay(asked, busy_marts, tmp_path)
    assert list(tmp_path.iterdir()) == []
    forced = run_replay(asked, busy_marts, tmp_path, force=True)
    assert forced.summary["is_forced"]
    with pytest.raises(ReplayRefusedError):
        run_replay(asked, busy_marts, tmp_path)


def test_a_replay_is_refused_when_a_replica_is_loaded_beyond_history(
    hand_world: Any, tmp_path: Path
) -> None:
    """All 40 large requests go to small-a, which saw one at a time, and 20 come at once."""
    for deployment in hand_world.deployments:
        deployment["max_num_seqs"] = 64
    for request in hand_world.requests[:40]:
        request["started_at"] = hand_world.requests[0]["started_at"] + timedelta(
            seconds=100 * (request["source_line"] % 2)
        )
    asked = "name: all\nrouting: {rules: [{when: {tier: large}, to_tier: small}]}"
    with pytest.raises(ReplayRefusedError, match=r"small-a: running reaches 20, 20\.0 times"):
        run_replay(scenario(asked), hand_world.publish(), tmp_path / "out")


def test_a_cache_is_refused_when_no_hashes_are_logged(hand_world: Any, tmp_path: Path) -> None:
    asked = scenario("name: cache\nprefix_cache: {capacity_tokens: 400}")
    with pytest.raises(LeverRefusedError, match="Log `prefix_block_hashes`"):
        run_replay(asked, hand_world.publish(), tmp_path / "out", force=True)


def test_a_cache_is_refused_when_the_log_is_sampled(hand_world: Any, tmp_path: Path) -> None:
    world = with_alternating_prompts(hand_world)
    world.hours.append(
        {
            "deployment_id": "large-a",
            "hour_start": world.requests[0]["started_at"],
            "input_total_tokens": 6_000,
            "engine_input_tokens": 60_000,
        }
    )
    asked = scenario("name: cache\nprefix_cache: {capacity_tokens: 400}")
    with pytest.raises(LeverRefusedError, match=r"the log holds 10\.0% of the input tokens"):
        run_replay(asked, world.publish(), tmp_path / "out")


def test_a_cache_is_refused_when_the_block_size_differs(hand_world: Any, tmp_path: Path) -> None:
    marts = with_alternating_prompts(hand_world).publish()
    asked = scenario("name: cache\nprefix_cache: {capacity_tokens: 400, block_tokens: 64}")
    with pytest.raises(LeverRefusedError, match="blocks of 100 tokens, not 64"):
        run_replay(asked, marts, tmp_path / "out")


def test_routing_is_refused_when_the_tier_is_unknown(hand_world: Any, tmp_path: Path) -> None:
    asked = scenario("name: x\nrouting: {rules: [{when: {tier: large}, to_tier: tiny}]}")
    with pytest.raises(LeverRefusedError, match="Tiers of this fleet: large, small"):
        run_replay(asked, hand_world.publish(), tmp_path / "out")


def test_the_file_is_named_when_its_lever_is_refused(hand_world: Any, tmp_path: Path) -> None:
    path = tmp_path / "tiny.yaml"
    path.write_text(
        "name: x\nrouting: {rules: [{when: {tier: large}, to_tier: tiny}]}", encoding="utf-8"
    )
    with pytest.raises(LeverRefusedError) as caught:
        run_replay(path, hand_world.publish(), tmp_path / "out")
    assert str(caught.value) == (
        f"{path}: routing.rules.0.to_tier: no deployment has the tier 'tiny'. "
        "Tiers of this fleet: large, small."
    )


def test_an_effect_that_history_lacks_is_said_in_words_when_replayed(
    hand_world: Any, tmp_path: Path
) -> None:
    result = run_replay(scenario(ROUTE), hand_world.publish(), tmp_path / "out")
    said = [line for line in result.assumptions if line.startswith("small-a: ")]
    assert said == [
        (
            "small-a: its history shows no growth of a step with running requests and no growth "
            "with tokens held; the replay assumes none."
        )
    ]


def test_requests_stay_when_their_region_has_no_target(hand_world: Any, tmp_path: Path) -> None:
    far = {**hand_world.deployments[0], "deployment_id": "large-b", "region": "region-b"}
    hand_world.deployments.append(far)
    for request in hand_world.requests[0:40:8]:
        request.update(deployment_id="large-b", region="region-b", replica_id="large-b-0")
    result = run_replay(scenario(ROUTE), hand_world.publish(), tmp_path / "out")
    assert result.summary["traffic"]["rerouted"] == 5
    said = "Rule 1 names 10 requests for tier small. 5 stay, since their region has no such deployment."
    assert said in result.assumptions


def test_cost_is_unknown_when_no_request_is_priced(hand_world: Any, tmp_path: Path) -> None:
    for request in hand_world.requests:
        request["cost_active_usd"] = None
    result = run_replay(scenario(ROUTE), hand_world.publish(), tmp_path / "out")
    assert sides(result, "cost_active_usd") == [None, None, None, None]
    assert row(result, "energy_accelerator_joules")["delta"] == pytest.approx(-36.768303)


def test_only_the_asked_requests_are_shown_when_reporting_on_a_part(
    hand_world: Any, tmp_path: Path
) -> None:
    asked = scenario(ROUTE + "report_on: {input_total_tokens: {below: 150}}\n")
    result = run_replay(asked, hand_world.publish(), tmp_path / "out")
    assert result.summary["traffic"]["replayed"] == 80
    assert sides(result, "cost_active_usd") == pytest.approx([4.2, 4.2, 0.21718919, -3.98281081])
    assert pl.read_parquet(result.outcomes).height == 10


def test_progress_is_told_when_asked(hand_world: Any, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    run_replay(
        scenario("name: same"),
        hand_world.publish(),
        tmp_path / "out",
        progress=lambda step, number, steps: told.append((step, number, steps)),
    )
    assert told[0] == ("learn", 0, 5)
    assert told[-1] == ("done", 5, 5)


def test_a_cancelled_request_costs_but_has_no_end_when_it_had_begun(
    hand_world: Any, tmp_path: Path
) -> None:
    """The first long request, 5.1 s to its first token and 5.3 s to its end, is cancelled."""
    hand_world.requests[1]["status"] = "cancelled"
    result = run_replay(scenario("name: same"), hand_world.publish(), tmp_path / "out")
    assert row(result, "request_count")["scenario"] == 80
    assert row(result, "cost_active_usd")["scenario"] == pytest.approx(312.44)
    assert row(result, "ttft_mean_seconds")["scenario"] == pytest.approx(156.6 / 80)
    assert row(result, "e2e_mean_seconds")["scenario"] == pytest.approx((165.4 - 5.3) / 79)


def test_what_was_killed_halfway_is_cleared_when_made_again(
    hand_world: Any, tmp_path: Path
) -> None:
    marts, out = hand_world.publish(), tmp_path / "out"
    made = run_replay(scenario("name: same"), marts, out).folder
    # No process has this number: it is above the highest that the kernel gives.
    left = out / f".{made.name}.{1 << 30}.partial"
    made.rename(left)
    (left / "summary.json").unlink()
    again = run_replay(scenario("name: same"), marts, out)
    assert not again.was_reused
    assert [path.name for path in out.iterdir()] == [made.name]
