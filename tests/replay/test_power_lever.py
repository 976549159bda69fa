"""Tariffs, shifted work and power from load, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tokenworks.replay.language.power import Power
from tokenworks.replay.pricing.tariff import electricity_costs, hourly_prices
from tokenworks.replay.serving.draw import ByBusyTime, ByTokens
from tokenworks.replay.serving.shifting import shifted_arrivals
from tokenworks.replay.serving.steps import Limits, StepLaw, Work, simulate


def test_joules_are_idle_and_busy_time_when_power_follows_work() -> None:
    # Replica 0 works 5 of 9 s, replica 1 none: 100 W idle, 700 W at work.
    work = Work(np.array([0.0, 7.0]), np.ones(2, int), np.array([3, 2]), replica=np.zeros(2, int))
    served = simulate(work, StepLaw(1.0), Limits(max_num_seqs=1), 2)
    on, busy = float(served.on_seconds.sum()), float(served.busy_seconds.sum())
    assert ByBusyTime(100, 700).joules(on, busy) == (1800, 3000)
    # 2 prompt tokens at 10 J, 5 output tokens at 20 J.
    prefilled, made = int(served.prefill_tokens.sum()), int(work.output.sum())
    assert ByTokens(100, 10, 20).joules(on, prefilled, made) == (1800, 20 + 100)


def test_work_waits_for_the_cheapest_hour_when_it_is_within_reach() -> None:
    hourly = np.array([5.0, 4.0, 3.0, 1.0, 3.0])
    # At 0:10 with 2 h of patience: hour 2. Without leave to wait: stays. At 3:00: the best.
    arrivals = np.array([600.0, 700.0, 10_800.0])
    may = np.array([True, False, True])
    moved = shifted_arrivals(arrivals, may, hourly, 7200.0)
    assert moved.tolist() == [7800.0, 700.0, 10_800.0]


def test_the_next_best_hour_is_taken_when_the_best_is_full() -> None:
    hourly = np.array([5.0, 4.0, 3.0])
    moved = shifted_arrivals(np.array([0.0, 1.0, 2.0]), np.ones(3, bool), hourly, 7200.0, 1)
    assert moved.tolist() == [7200.0, 3601.0, 2.0]


def test_nothing_waits_when_the_price_of_its_hour_is_unknown() -> None:
    hourly = np.array([np.nan, 1.0])
    assert shifted_arrivals(np.array([5.0]), np.ones(1, bool), hourly, 3600.0).tolist() == [5.0]


def test_an_unknown_hour_is_not_waited_for() -> None:
    hourly = np.array([2.0, np.nan, 2.0])
    assert shifted_arrivals(np.array([5.0]), np.ones(1, bool), hourly, 7200.0).tolist() == [5.0]


def test_energy_costs_what_its_hours_do_when_it_is_drawn_over_several() -> None:
    # 1 kWh from 0:30 to 2:00: a third at 3, two thirds at 6. 2 kWh at a moment of hour 1. Within
    # hour 2: at 9. Unknown energy stays unknown.
    starts = np.array([1800.0, 4000.0, 7300.0, 0.0])
    ends = np.array([7200.0, 4000.0, 7400.0, 1.0])
    kwh = np.array([1.0, 2.0, 1.0, np.nan])
    costs = electricity_costs(starts, ends, kwh * 3.6e6, np.array([3.0, 6.0, 9.0]))
    assert costs[:3].tolist() == pytest.approx([5.0, 12.0, 9.0])
    assert np.isnan(costs[3])


def test_prices_follow_the_hour_of_the_day() -> None:
    assert hourly_prices(np.arange(24.0), 23, 3).tolist() == [23.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "give at least one"),
        ({"from_load": {"idle_watts": 100}}, "give either peak_watts"),
        ({"from_load": {"idle_watts": 100, "joules_per_output_token": 1}}, "give either"),
        ({"from_load": {"idle_watts": 100, "peak_watts": 50}}, "must not be below"),
        ({"shift": {"when": {}, "until": "cheapest", "most_delay_hours": 2}}, "one condition"),
        (
            {"tariffs": [{"region": "a", "price_per_kwh": 1}, {"region": "a", "price_per_kwh": 2}]},
            "given twice",
        ),
        ({"tariffs": [{"region": "a", "price_per_kwh": [1, 2]}]}, "at least 24"),
        (
            {"shift": {"when": {"tier": "a"}, "until": "cheapest", "most_delay_hours": 2}},
            "cheapest needs tariffs",
        ),
        (
            {"shift": {"when": {"tier": "a"}, "until": "cleanest", "most_delay_hours": 2}},
            "cleanest needs carbon_grams_per_kwh",
        ),
    ],
)
def test_a_section_is_refused_when_it_is_incomplete(section: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Power.model_validate(section)
