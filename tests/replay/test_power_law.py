"""Energy by the load of GPUs: the law of a deployment, the hours that tell it, what it prices."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.replay.conftest import START
from tests.replay.test_run import scenario
from tokenworks.replay.calibration.power_hours import learn_fleet_power
from tokenworks.replay.calibration.power_law import Power, PowerHours, PowerLaw, learn_power
from tokenworks.replay.prepare import open_stage
from tokenworks.replay.pricing.load import loads_of
from tokenworks.replay.pricing.rates import Effort, Rates, price
from tokenworks.replay.serving.busy import doublings
from tokenworks.replay.session import Session

Floats = NDArray[np.float64]
LAW = {"idle": 50.0, "busy": 200.0, "running": 0.0, "doublings": 30.0, "prefill_tokens": 0.5}


def _hours(count: int, seed: int = 3) -> tuple[Floats, Floats]:
    """Empty GPU-seconds of so many hours, and their load."""
    generator = np.random.default_rng(seed)
    busy = generator.uniform(600.0, 3000.0, count)
    batch = generator.uniform(1.0, 30.0, count)
    tokens = generator.uniform(1e4, 3e5, count)
    return 3600.0 - busy, np.stack([busy, busy * batch, busy * np.log2(1 + batch), tokens])


def test_the_law_is_found_when_hours_follow_it() -> None:
    idle, load = _hours(72)
    joules = 50.0 * idle + 200.0 * load[0] + 30.0 * load[2] + 0.5 * load[3]
    law = learn_power(idle, load, joules)
    assert isinstance(law, PowerLaw)
    assert law.choice.terms == ("idle", "busy", "doublings", "prefill_tokens")
    assert {name: getattr(law, name) for name in LAW} == pytest.approx(LAW, rel=1e-6)
    assert law.hours == 72
    assert len(law.rejected) == 5
    assert math.isnan(law.standard_errors["running"])
    # 1 GPU-second with three requests: 200 + 30 x 2, and 0.5 J for each of 4 prompt tokens.
    load_of_one = np.array([[1.0], [3.0], [2.0], [4.0]])
    assert law.joules(load_of_one).tolist() == pytest.approx([262.0])
    assert law.above_idle(load_of_one).tolist() == pytest.approx([212.0])


def test_a_plainer_law_is_kept_when_more_terms_tell_no_more() -> None:
    idle, load = _hours(72)
    luck = np.random.default_rng(5).lognormal(0.0, 0.02, 72)
    law = learn_power(idle, load, (50.0 * idle + 300.0 * load[0]) * luck)
    assert isinstance(law, PowerLaw)
    assert law.choice.terms == ("idle", "busy")
    assert law.choice.left_out_error == pytest.approx(0.02, abs=0.005)
    for name, true in (("idle", 50.0), ("busy", 300.0)):
        assert abs(getattr(law, name) - true) < 4 * law.standard_errors[name] < 0.2 * true


def test_no_law_is_told_when_hours_are_few_or_do_not_follow_the_load() -> None:
    idle, load = _hours(23)
    assert learn_power(idle, load, 50.0 * idle) == (
        "23 hours tell its energy and all that ran in them; 24 are needed"
    )
    idle, load = _hours(72)
    refused = learn_power(idle, load, np.where(np.arange(72) % 2, 1e5, 9e5))
    assert isinstance(refused, str)
    assert "load does not tell them" in refused


def test_a_batch_counts_by_its_doublings() -> None:
    assert doublings(np.array([0, 1, 3, 7])).tolist() == [0.0, 1.0, 2.0, 3.0]


def _hour(name: str, hour: int, **facts: Any) -> dict[str, Any]:
    return {
        "deployment_id": name,
        "hour_start": START + timedelta(hours=hour),
        "gpu_hours_assigned": 1.0,
        "gpu_hours_busy": 0.04075,
        "gpu_hours_not_ready": 0.0,
        "gpu_energy_joules": 200_000.0,
        **facts,
    }


def _power_of(world: Any) -> Power | None:
    asked = scenario("name: same")
    return learn_fleet_power(open_stage(asked, Session(world.publish()).traffic(asked)))


def test_an_hour_tells_power_when_it_is_measured_and_whole(hand_world: Any) -> None:
    """Large in hour 0: 9 x 0.4 s and 27 x 5.3 s, 9 x 100 and 27 x 5,000 prompt tokens, one GPU."""
    unmeasured = _hour("large-a", 1, gpu_energy_joules=None)
    hand_world.hours.extend([_hour("large-a", 0), unmeasured])
    power = _power_of(hand_world)
    assert power is not None
    large = [table[0] for table in power.hours.load[:, :, 0]]
    assert large == pytest.approx([146.7, 146.7, 146.7, 135_900.0])
    assert power.hours.idle[0, 0] == pytest.approx(3453.3)
    assert power.hours.told.tolist() == [[True, False], [False, False]]
    assert power.laws[0] == "1 hours tell its energy and all that ran in them; 24 are needed"
    assert power.learnt == {}


@pytest.mark.parametrize(
    "facts",
    [{"gpu_hours_busy": 0.5}, {"gpu_hours_not_ready": 0.2}, {"gpu_energy_joules": 0.0}],
    ids=["more ran than is logged", "the engine was not up", "the meter stood still"],
)
def test_an_hour_tells_nothing_of_power_when(hand_world: Any, facts: dict[str, float]) -> None:
    hand_world.hours.append(_hour("large-a", 0, **facts))
    power = _power_of(hand_world)
    assert power is not None
    assert not power.hours.told.any()


def test_power_is_unknown_when_no_hour_tells_energy(hand_world: Any) -> None:
    hand_world.hours.append(_hour("large-a", 0, gpu_energy_joules=None))
    assert _power_of(hand_world) is None


def _effort(weights: list[float], loads: dict[str, float]) -> Effort:
    place = np.zeros(len(weights), dtype=np.int64)
    tables = {name: np.array([[load]]) for name, load in loads.items()}
    return Effort(place, place, np.array(weights), tables)


def test_energy_follows_joules_and_money_busy_time_when_a_law_is_known() -> None:
    """Recorded per unit of 10 weights: 10 USD of which 2 for electricity, 1 marginal, 100 J.

    Busy time grows from 20 to 30 s, joules from 5,000 to 6,000, those above idle from 3,000 to
    3,300. Of 8 weights the first attempt has 2.
    """
    recorded = {
        "cost_active_usd": 10.0,
        "cost_accelerator_usd": 8.0,
        "cost_electricity_usd": 2.0,
        "cost_marginal_usd": 1.0,
        "energy_accelerator_joules": 100.0,
        "energy_facility_joules": 130.0,
    }
    rates = Rates(
        {name: np.array([[amount / 10]]) for name, amount in recorded.items()},
        np.zeros(1, dtype=np.int64),
        np.array([[0.001]]),
    )
    before = _effort([4.0, 6.0], {"busy": 20.0, "drawn": 5000.0, "above_idle": 3000.0})
    after = _effort([2.0, 6.0], {"busy": 30.0, "drawn": 6000.0, "above_idle": 3300.0})
    assert price(rates, before, None)["cost_active_usd"].tolist() == pytest.approx([4.0, 6.0])
    found = price(rates, after, before)
    sums = {name: float(found[name].sum()) for name in recorded}
    assert sums == pytest.approx(
        {
            "cost_active_usd": 14.4,
            "cost_accelerator_usd": 12.0,
            "cost_electricity_usd": 2.4,
            "cost_marginal_usd": 1.1,
            "energy_accelerator_joules": 120.0,
            "energy_facility_joules": 156.0,
        }
    )
    assert found["energy_accelerator_joules"].tolist() == pytest.approx([30.0, 90.0])
    assert found["carbon_location_grams"].tolist() == pytest.approx([0.039, 0.117])


def test_energy_follows_busy_time_when_a_deployment_has_no_law() -> None:
    idle, load = _hours(72)
    law = learn_power(idle, load, 50.0 * idle + 200.0 * load[0] + 30.0 * load[2])
    hours = PowerHours(idle[None], load[:, None], idle[None], idle[None] > 0)
    two = np.array([[[10.0], [10.0]], [[30.0], [30.0]], [[20.0], [20.0]], [[0.0], [0.0]]])
    found = loads_of(two, Power(hours, {0: law, 1: "too few hours"}))
    assert found["busy"].tolist() == [[10.0], [10.0]]
    assert found["drawn"].ravel().tolist() == pytest.approx([2600.0, 10.0])
    assert found["above_idle"].ravel().tolist() == pytest.approx([2100.0, 10.0])
    assert loads_of(two, None)["drawn"].tolist() == [[10.0], [10.0]]
