"""The planted policy change of the sample fleet: the printed intervals hold what really happened.

`tests/benchmarks/bench_planted_truth.py` does this for 100 seeds and prints the shares.
"""

from __future__ import annotations

import pytest

from tests.replay.planted import METRICS, Planted, planted
from tokenworks.replay.estimates.comparison import Comparison
from tokenworks.replay.results.assumptions import assumptions
from tokenworks_sample.planted import LARGE, SMALL, simulate


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[Planted]:
    """Three small fleets of one day."""
    return [planted(seed, tmp_path_factory.mktemp("planted"), days=2) for seed in (1, 2, 3)]


def test_a_policy_moves_short_requests_and_nothing_else_when_planted() -> None:
    before, after = (simulate(5, days=1, scale=1.0, short_input=short) for short in (0, 1500))
    assert before.attempts.keys() == after.attempts.keys()
    moved = [
        key
        for key, attempt in before.attempts.items()
        if attempt.replica is not None
        and after.attempts[key].replica is not None
        and attempt.replica.deployment != after.attempts[key].replica.deployment
    ]
    assert moved
    for key in moved:
        old, new = before.attempts[key], after.attempts[key]
        assert old.turn.input_tokens < 1500
        assert (old.replica and old.replica.deployment) == LARGE
        assert (new.replica and new.replica.deployment) == SMALL
        assert old.generated == new.generated


def test_intervals_hold_the_true_effect_when_a_change_is_planted(seeds: list[Planted]) -> None:
    held = [one.holds(metric) for one in seeds for metric in METRICS]
    assert len(held) == 30
    assert sum(held) >= 25


def test_the_narrower_interval_holds_the_effect_on_the_very_requests(seeds: list[Planted]) -> None:
    held = [one.holds(metric, "delta_window") for one in seeds for metric in METRICS]
    assert len(held) == 30
    assert sum(held) >= 24
    for one in seeds:
        for metric in ("cost_active_usd", "e2e_mean_seconds", "busy_gpu_hours"):
            row = one.printed[metric]
            wide = row["delta_p90"] - row["delta_p10"]
            assert 0 < row["delta_window_p90"] - row["delta_window_p10"] < wide / 2


def test_the_change_of_cost_and_latency_is_within_five_per_cent_of_the_truth(
    seeds: list[Planted],
) -> None:
    energy = "energy_accelerator_joules"
    for metric in ("cost_active_usd", energy, "e2e_mean_seconds", "tpot_mean_seconds"):
        printed = sum(one.printed[metric]["delta"] for one in seeds)
        assert printed == pytest.approx(sum(one.truth[metric] for one in seeds), rel=0.05)


def test_what_stays_is_in_doubt_too_when_the_replay_chooses_its_replicas(
    seeds: list[Planted],
) -> None:
    """Two replicas of the small tier take what comes; the large one has a single replica."""
    for one in seeds:
        compared = Comparison.of(
            one.found.stage, (one.found.baseline, one.found.played), one.found.reported, 1, {}
        )
        assert one.found.fleet.ids == (LARGE, SMALL)
        assert compared.chosen_anew.tolist() == [False, True]


def test_energy_follows_a_law_of_power_when_its_hours_are_measured(seeds: list[Planted]) -> None:
    for one in seeds:
        laws = [said for said in assumptions(one.found) if "its law of power" in said]
        assert [said.partition(":")[0] for said in laws] == [LARGE, SMALL]
        power = one.found.stage.rates.power
        assert power is not None
        # An empty GPU of the large tier draws 84 W and one of the small tier 19 W.
        idle = [power.learnt[position].idle for position in (0, 1)]
        assert idle == pytest.approx([84.0, 19.0], rel=0.01)


def test_every_seed_is_replayed_in_a_closed_loop_when_sessions_wait(seeds: list[Planted]) -> None:
    assert all(one.found.stage.is_closed and one.found.stage.is_sticky for one in seeds)
