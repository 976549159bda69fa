"""Levers beside routing and prefix caches, on marts small enough to compute by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.replay.test_run import row, scenario, sides
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.run import run_replay


def test_repeated_prompts_cost_nothing_when_the_gateway_keeps_answers(
    hand_world: Any, tmp_path: Path
) -> None:
    """The ten short prompts are one prompt: nine of 0.4 s are answered, 159.4 s of 163 s remain."""
    for number, request in enumerate(hand_world.requests):
        short = request["input_total_tokens"] == 100
        request["prompt_fingerprint"] = "same" if short else f"own-{number}"
    asked = scenario("name: cache\nresponse_cache: {key: [prompt_fingerprint]}")
    result = run_replay(asked, hand_world.publish(), tmp_path / "out")
    cost = sides(result, "cost_active_usd", "tier:large")
    assert cost == pytest.approx([310.8, 310.8, 303.93570552, -6.86429448])
    assert sides(result, "output_total_tokens") == [880, 880, 781, -99]
    assert any("answers 9 of 80 requests" in said for said in result.assumptions)
    shared = result.summary["cache_sharing"]
    assert shared["prefix_cache"] is None
    assert shared["response_cache"]["tenants"] == [
        {"tenant": "acme", "filled": 9, "saved": 9, "both": 9}
    ]


def test_a_response_cache_is_refused_when_no_fingerprints_are_logged(
    hand_world: Any, tmp_path: Path
) -> None:
    asked = scenario("name: cache\nresponse_cache: {}")
    with pytest.raises(LeverRefusedError, match="Log `prompt_fingerprint`"):
        run_replay(asked, hand_world.publish(), tmp_path / "out", force=True)


def test_the_measured_share_is_answered_when_a_semantic_cache_has_a_curve(
    hand_world: Any, tmp_path: Path
) -> None:
    """At a hit ratio of 1 every request is answered: nothing is left to pay."""
    asked = scenario(
        "name: cache\nsemantic_cache: {curve: [{threshold: 0.8, hit_ratio: 1, "
        "false_hit_ratio: 0.25}], threshold: 0.8, when: {tier: small}}"
    )
    result = run_replay(asked, hand_world.publish(), tmp_path / "out")
    assert sides(result, "cost_active_usd", "tier:small") == pytest.approx([1.64, 1.64, 0.0, -1.64])
    assert any("answers 40 of 40 requests" in said for said in result.assumptions)


def test_idle_cost_grows_by_what_is_held_when_replicas_are_doubled(
    hand_world: Any, tmp_path: Path
) -> None:
    """One hour of large-a costs 10 served, 30 idle and 2 waste; twice the replicas, 42 more."""
    hand_world.hours.append(
        {
            "deployment_id": "large-a",
            "hour_start": hand_world.requests[0]["started_at"],
            "gpu_hours_assigned": 1.0,
            "cost_served_usd": 10,
            "cost_idle_usd": 30,
            "cost_waste_usd": 2,
        }
    )
    for request in hand_world.requests[40:]:
        request["deployment_id"] = "large-a"
        request.update(tier="large", model="model-large", replica_id="large-a-0")
    for number, request in enumerate(hand_world.requests):
        request["started_at"] = hand_world.requests[0]["started_at"].replace(minute=0)
        tokens = request["input_total_tokens"]
        request["ttft_seconds"] = 0.1 + 0.001 * tokens
        request["e2e_seconds"] = 0.3 + 0.001 * tokens
        request["started_at"] = request["started_at"].replace(
            minute=number // 2, second=30 * (number % 2)
        )
    asked = scenario("name: double\ncapacity: {tiers: large, replicas: 2}")
    result = run_replay(asked, hand_world.publish(), tmp_path / "out")
    assert sides(result, "cost_idle_usd", "tier:large") == pytest.approx([30, 30, 72, 42])
    assert row(result, "e2e_mean_seconds")["delta"] == pytest.approx(0.0)


def test_time_and_money_follow_the_factors_when_chips_are_twice_as_fast_and_dear(
    hand_world: Any, tmp_path: Path
) -> None:
    """Large: 4.075 s on average become 2.0375 s; half the busy time at twice the price."""
    asked = scenario(
        "name: fast\nchips: {tiers: large, factors: {base: 0.5, per_prefill_token: 0.5, "
        "with_prefill: 0.5}, price_factor: 2, watts_factor: 1.5}"
    )
    result = run_replay(asked, hand_world.publish(), tmp_path / "out")
    e2e = sides(result, "e2e_mean_seconds", "tier:large")
    assert e2e == pytest.approx([4.075, 4.075, 2.0375, -2.0375])
    cost = sides(result, "cost_active_usd", "tier:large")
    assert cost == pytest.approx([310.8, 310.8, 310.8, 0.0], abs=1e-6)
    energy = sides(result, "energy_accelerator_joules", "tier:large")
    assert energy == pytest.approx([1554.0, 1554.0, 1165.5, -388.5])


def test_the_first_request_waits_for_a_cold_start_when_scaled_to_zero(
    hand_world: Any, tmp_path: Path
) -> None:
    """Requests of the large tier come every 100 s and replicas go after 20 s: each one waits 7 s."""
    asked = scenario(
        "name: zero\ncapacity: {tiers: large, scale_to_zero: {idle_seconds: 20, "
        "cold_start_seconds: 7, interval_seconds: 1}}"
    )
    result = run_replay(asked, hand_world.publish(), tmp_path / "out", force=True)
    delta = row(result, "ttft_mean_seconds", "tier:large")["delta"]
    assert delta == pytest.approx(7.0, abs=1.0)


def test_a_lever_names_what_there_is_when_its_deployment_is_unknown(
    hand_world: Any, tmp_path: Path
) -> None:
    asked = scenario("name: x\ncapacity: {deployments: huge-a, replicas: 2}")
    with pytest.raises(LeverRefusedError) as caught:
        run_replay(asked, hand_world.publish(), tmp_path / "out")
    assert str(caught.value) == (
        "capacity.deployments: the fleet has no huge-a. There are: large-a, small-a."
    )


def test_requests_go_round_when_replicas_take_them_in_turn(hand_world: Any, tmp_path: Path) -> None:
    """Forty requests of the large tier, one at a time, over two replicas that history left idle."""
    hand_world.deployments[0].update(replica_count=2, gpu_count=2)
    asked = scenario("name: turn\nbalancing: {tiers: large, policy: round_robin}")
    result = run_replay(asked, hand_world.publish(), tmp_path / "out", force=True)
    told = pl.read_parquet(result.outcomes).filter(pl.col("scenario_tier") == "large")
    assert told.sort("started_at")["scenario_replica"].to_list() == [0, 1] * 20
    assert set(told["no_change_replica"].to_list()) == {0}
    assert any("by round_robin at large-a" in said for said in result.assumptions)


def test_one_replica_gets_all_when_a_prefix_policy_looks_at_no_load(
    hand_world: Any, tmp_path: Path
) -> None:
    """All prompts begin with one block: whoever holds it first gets every request."""
    hand_world.deployments[0].update(replica_count=2, gpu_count=2)
    for number, request in enumerate(hand_world.requests):
        request["prefix_block_hashes"] = [1, 1000 + number]
        request["prefix_block_tokens"] = 64
        cached = 0 if number in {0, 40} else 64
        request["input_cache_read_tokens"] = cached
    marts = hand_world.publish()
    balancing = "balancing: {tiers: large, policy: prefix, request_tokens: 0}"
    lever = "prefix_cache: {capacity_tokens: 6400}"
    asked = scenario(f"name: herd\n{balancing}\n{lever}")
    result = run_replay(asked, marts, tmp_path / "out", force=True)
    said = [one for one in result.assumptions if one.startswith("large-a: replica")]
    assert len(said) == 1
    assert "gets 100% of the load" in said[0]
    asked = scenario(
        f"name: pool\n{balancing}\nprefix_cache: {{capacity_tokens: 64, scope: global}}"
    )
    with pytest.raises(LeverRefusedError, match="no replica holds a prefix of its own"):
        run_replay(asked, marts, tmp_path / "out")


def test_a_prefix_policy_is_refused_when_no_hashes_are_logged(
    hand_world: Any, tmp_path: Path
) -> None:
    asked = scenario("name: p\nbalancing: {policy: prefix, request_tokens: 100}")
    with pytest.raises(LeverRefusedError, match="prefix_block_hashes"):
        run_replay(asked, hand_world.publish(), tmp_path / "out")


APART = """
name: apart
disaggregation:
  tiers: large
  prefill: {replicas: 1}
  decode: {replicas: 1}
  transfer_base_seconds: 0.5
  kv_bytes_per_token: 1000
  bytes_per_second: 10000000
"""


def test_requests_wait_for_their_keys_and_values_when_pools_are_apart(
    hand_world: Any, tmp_path: Path
) -> None:
    """0.5 s and 0.0001 s per prompt token: ten wait 0.51 s, thirty 1 s, on average 0.8775 s.

    The other tokens take the same 0.2 s on a replica of their own: as much busy time as before.
    """
    result = run_replay(scenario(APART), hand_world.publish(), tmp_path / "out", force=True)
    e2e = sides(result, "e2e_mean_seconds", "tier:large")
    assert e2e == pytest.approx([4.075, 4.075, 4.9525, 0.8775])
    assert row(result, "ttft_mean_seconds", "tier:large")["delta"] == pytest.approx(0.0)
    assert sides(result, "busy_gpu_hours", "tier:large") == pytest.approx(
        [163 / 3600, 163 / 3600, 163 / 3600, 0.0]
    )
    cost = sides(result, "cost_active_usd", "tier:large")
    assert cost == pytest.approx([310.8, 310.8, 310.8, 0.0], abs=1e-6)
    assert any("prompts and first tokens on 1 replicas" in said for said in result.assumptions)


def test_a_pool_of_its_own_is_faster_when_a_factor_is_stated(
    hand_world: Any, tmp_path: Path
) -> None:
    """Decoding twice as fast: 0.1 s of the 0.2 s after the first token are saved."""
    asked = scenario(
        "name: apart\ndisaggregation: {tiers: large, prefill: {replicas: 1}, decode: {replicas: 1, "
        "factors: {base: 0.5}}, transfer_seconds_per_token: 0}"
    )
    result = run_replay(asked, hand_world.publish(), tmp_path / "out", force=True)
    e2e = sides(result, "e2e_mean_seconds", "tier:large")
    assert e2e == pytest.approx([4.075, 4.075, 3.975, -0.1])
    busy = row(result, "busy_gpu_hours", "tier:large")["delta"]
    assert busy == pytest.approx(-40 * 0.1 / 3600)


def test_pools_apart_are_refused_when_turns_wait_or_replicas_do_both(
    hand_world: Any, tmp_path: Path
) -> None:
    for number, request in enumerate(hand_world.requests):
        request["session_id"] = f"s{number // 40}"
    marts = hand_world.publish()
    with pytest.raises(LeverRefusedError, match="Write `loop: open`"):
        run_replay(scenario(APART), marts, tmp_path / "out", force=True)
    asked = scenario(f"{APART}loop: open\ncapacity: {{replicas: 2}}")
    with pytest.raises(LeverRefusedError, match="Replay one of them at a time"):
        run_replay(asked, marts, tmp_path / "out", force=True)


def test_one_tenant_saves_what_another_filled_when_prompts_begin_alike(
    hand_world: Any, tmp_path: Path
) -> None:
    """One block of 64 tokens begins all prompts; beta asks second on each of the two replicas.

    acme fills it twice; its own 38 later requests on each replica and beta's first save 64 each.
    """
    for number, request in enumerate(hand_world.requests):
        request["prefix_block_hashes"] = [1, 1000 + number]
        request["prefix_block_tokens"] = 64
        request["input_cache_read_tokens"] = 0 if number in {0, 40} else 64
        request["tenant_id"] = "beta" if number in {1, 41} else "acme"
    asked = scenario("name: shared\nprefix_cache: {capacity_tokens: 640000}")
    result = run_replay(asked, hand_world.publish(), tmp_path / "out", force=True)
    found = result.summary["cache_sharing"]["prefix_cache"]
    assert (found["unit"], found["hit_blocks_by_tier"]) == ("{token}", [])
    assert found["tenants"] == [
        {"tenant": "acme", "filled": 78 * 64, "saved": 76 * 64, "both": 76 * 64},
        {"tenant": "beta", "filled": 0, "saved": 2 * 64, "both": 0},
    ]
    page = (result.folder / "page.html").read_text(encoding="utf-8")
    assert "Who fills the caches, and who profits" in page
