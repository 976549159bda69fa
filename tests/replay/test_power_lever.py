"""Tariffs, shifted work and power from load, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tokenworks.replay.language.power import Power
from tokenworks.replay.pricing.tariff import electricity_cost, hourly_prices, joules_by_hour
from tokenworks.replay.serving.draw import ByBusyTime, ByTokens
from tokenworks.replay.serving.shifting import shifted_arrivals
from tokenworks.replay.serving.steps import Limits, StepLaw, Work, simulate


def test_joules_are_idle_and_busy_time_when_power_follows_work() -> None:
    # Replica 0 works 5 of 9 s, replica 1 none: 100 W idle, 700 W at work.
    work = Work(np.array([0.0, 7.0]), np.ones(2, int), np.array([3, 2]), replica=np.zeros(2, int))
    served = simulate(work, StepLaw(1.0), Limits(max_num_seqs=1), 2)
    assert ByBusyTime(100, 700).joules(served).tolist() == [900 + 3000, 900]
    # 2 prompt tokens at 10 J, 5 output tokens at 20 J.
    by_tokens = ByTokens(100, 10, 20).joules(served, work.output)
    assert by_tokens.tolist() == [900 + 20 + 100, 900]


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


def test_energy_falls_into_the_hours_that_it_was_drawn_in() -> None:
    # 3,600 J from 0:30 to 2:00: a third in hour 0, two thirds in hour 1; 50 J at a moment of 1.
    drawn = joules_by_hour(
        np.array([1800.0, 4000.0]), np.array([7200.0, 4000.0]), np.array([3600.0, 50.0]), 3
    )
    assert drawn.tolist() == pytest.approx([1200.0, 2450.0, 0.0])


def test_cost_is_energy_at_the_price_of_its_hour() -> None:
    prices = hourly_prices(np.arange(24.0), 23, 3)
    assert prices.tolist() == [23.0, 0.0, 1.0]
    joules = np.array([3.6e6, 3.6e6, 1.8e6])
    assert electricity_cost(joules, prices) == pytest.approx(23.5)


def test_cost_is_unknown_when_a_price_is() -> None:
    assert np.isnan(electricity_cost(np.array([1.0]), np.array([np.nan])))
    assert electricity_cost(np.array([0.0]), np.array([np.nan])) == 0.0


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
    ],
)
def test_a_section_is_refused_when_it_is_incomplete(section: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Power.model_validate(section)
