"""Power, refusals at the door and stated quality, on marts small enough to compute by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.replay.conftest import LARGE, money, request
from tests.replay.test_run import row, scenario, sides
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.run import run_replay

TARIFF = "{tariffs: [{region: region-a, price_per_kwh: 0.36}]"


def _metered(world: Any) -> None:
    """One kWh at the meter for each request, and a hundredth of a dollar for it."""
    for one in world.requests:
        one["energy_facility_joules"] = 3.6e6
        one["cost_electricity_usd"] = money(0.01)


def test_energy_is_priced_anew_beside_what_was_recorded_when_a_tariff_is_given(
    hand_world: Any, tmp_path: Path
) -> None:
    """80 kWh at 0.36 are 28.80; recorded were 0.80."""
    _metered(hand_world)
    result = run_replay(scenario(f"name: t\npower: {TARIFF}}}"), hand_world.publish(), tmp_path)
    assert sides(result, "cost_energy_new_tariff_usd") == pytest.approx([0.8, 0.8, 28.8, 28.0])
    assert sides(result, "cost_energy_at_tariff_usd") == pytest.approx([28.8, 28.8, 28.8, 0.0])
    new = row(result, "cost_energy_new_tariff_usd")
    assert new["delta_p10"] <= 28.0 <= new["delta_p90"]
    assert sides(result, "cost_active_usd") == pytest.approx([312.44, 312.44, 312.44, 0.0])


def test_requests_wait_for_the_cheaper_hour_when_they_may(hand_world: Any, tmp_path: Path) -> None:
    """Hour 0 costs 0.4 and hour 1 costs 0.1: the 36 large requests before 3,600 s move.

    Those of 0, 100, 200, 300 s meet the like of them at 3,600 s and on; two together spare 0.1 s of
    a first step and 0.2 s of decoding, so 163 s of busy time become 161.8 and 40 kWh 39.7055, all
    at 0.1. Small stays: 36 kWh at 0.4, 4 at 0.1. 14.8 + 3.97055 = 18.77055.
    """
    _metered(hand_world)
    hours = "[0.4, 0.1" + ", 0.5" * 22 + "]"
    asked = scenario(
        f"name: s\npower: {{tariffs: [{{region: region-a, price_per_kwh: {hours}}}], "
        "shift: {when: {tier: large}, until: cheapest, most_delay_hours: 3}}"
    )
    result = run_replay(asked, hand_world.publish(), tmp_path, force=True)
    assert any("36 requests wait for the cheapest hour" in said for said in result.assumptions)
    assert row(result, "cost_active_usd", "tier:small")["delta"] == pytest.approx(0.0)
    assert sides(result, "cost_energy_at_tariff_usd") == pytest.approx(
        [29.6, 29.6, 18.77055, -10.82945], abs=1e-5
    )


@pytest.mark.parametrize(
    ("power", "said"),
    [
        (TARIFF + "}", "no request has energy at the meter"),
        ("{tariffs: [{region: moon, price_per_kwh: 1}]}", "no deployment is in moon"),
        (
            "{carbon_grams_per_kwh: {moon: 1}}",
            "power.carbon_grams_per_kwh: no deployment is in moon",
        ),
    ],
)
def test_a_tariff_is_refused_when_the_traffic_cannot_carry_it(
    power: str, said: str, hand_world: Any, tmp_path: Path
) -> None:
    with pytest.raises(LeverRefusedError, match=said):
        run_replay(scenario(f"name: t\npower: {power}"), hand_world.publish(), tmp_path)


def test_the_column_to_log_is_named_when_nobody_can_wait(hand_world: Any, tmp_path: Path) -> None:
    _metered(hand_world)
    asked = scenario(
        f"name: s\npower: {TARIFF}, shift: {{when: {{client_region: eu}}, until: cheapest, "
        "most_delay_hours: 1}}"
    )
    with pytest.raises(LeverRefusedError, match=r"80 requests meets it\. Log client_region"):
        run_replay(asked, hand_world.publish(), tmp_path)


def test_power_follows_the_load_when_watts_are_stated(hand_world: Any, tmp_path: Path) -> None:
    """880 output tokens of 2 J each, and nothing for being on."""
    asked = scenario(
        "name: l\npower: {from_load: {idle_watts: 0, joules_per_prefill_token: 0, "
        "joules_per_output_token: 2}}"
    )
    result = run_replay(asked, hand_world.publish(), tmp_path)
    found = row(result, "energy_drawn_joules")
    assert found["history"] is None
    assert [found[side] for side in ("no_change", "scenario", "delta")] == [1760, 1760, 0]


def test_requests_are_turned_away_when_the_door_is_shut(hand_world: Any, tmp_path: Path) -> None:
    """The last large request, of 5.3 s, starts at 3,900 s; one more at 3,901 s finds the only place
    taken. It costs nothing: of its cost the large tier saves all, and its latency counts nowhere.
    """
    late = dict(hand_world.requests[39])
    timing = {name: late[name] for name in ("ttft_seconds", "e2e_seconds", "input_total_tokens")}
    extra = {
        name: late[name]
        for name in ("cost_active_usd", "cost_marginal_usd", "energy_accelerator_joules")
    }
    hand_world.requests.append(
        request(
            80, LARGE, 3901.0, input_cache_read_tokens=0, output_total_tokens=11, **timing, **extra
        )
    )
    asked = scenario("name: door\ncapacity: {tiers: large, max_in_flight: 1}")
    result = run_replay(asked, hand_world.publish(), tmp_path, force=True)
    assert sides(result, "turned_away_count") == [0, 0, 1, 1]
    assert sides(result, "output_total_tokens") == [891, 891, 880, -11]
    assert row(result, "e2e_mean_seconds", "tier:large")["request_count"] == 40
    assert any("1 requests are turned away" in said for said in result.assumptions)
    outcomes = pl.read_parquet(result.outcomes).filter(pl.col("request_id") == "r00080")
    assert outcomes["scenario_e2e_seconds"].to_list() == [None]
    assert outcomes["scenario_cost_active_usd"].to_list() == [0.0]
    assert outcomes["scenario_replica"].to_list() == [-1]
    assert outcomes["no_change_cost_active_usd"][0] > 0


def test_quality_is_told_as_stated_when_chips_state_it(hand_world: Any, tmp_path: Path) -> None:
    """-0.04 on half of the answers: -0.02 over all, without an interval."""
    asked = scenario("name: q\nchips: {tiers: large, quality_score_change: -0.04}")
    result = run_replay(asked, hand_world.publish(), tmp_path)
    found = row(result, "quality_score")
    assert found["delta"] == pytest.approx(-0.02)
    assert [found[name] for name in ("history", "scenario", "delta_p10")] == [None, None, None]
    assert "as stated in chips.quality_score_change" in found["definition"]


def test_clients_are_told_when_the_number_in_flight_is_constant(
    hand_world: Any, tmp_path: Path
) -> None:
    """Four clients, each sending at the end of its last answer; no session is logged."""
    rows, free = [], np.array([0.0, 0.001, 0.002, 0.003])
    for number in range(80):
        client = int(free.argmin())
        tokens = 100 if number % 4 else 500
        seconds = 0.3 + 0.001 * tokens
        rows.append(
            request(
                number,
                LARGE,
                float(free[client]),
                input_total_tokens=tokens,
                input_cache_read_tokens=0,
                output_total_tokens=11,
                ttft_seconds=0.1 + 0.001 * tokens,
                e2e_seconds=seconds,
                cost_active_usd=money(1.0),
                cost_marginal_usd=money(0.1),
                energy_accelerator_joules=1.0,
            )
        )
        free[client] += seconds + 0.002
    hand_world.requests[:] = rows
    marts = hand_world.publish()
    result = run_replay(scenario("name: x"), marts, tmp_path, force=True)
    assert result.summary["loop"] == "closed"
    assert any(said.startswith("Closed loop with 4 clients") for said in result.assumptions)
    result = run_replay(scenario("name: x\nloop: open"), marts, tmp_path, force=True)
    assert result.summary["loop"] == "open"
