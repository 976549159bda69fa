"""Bands around predictions, from numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tokenworks.replay.calibration.hull import Hull, Range
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.estimates.conformal import spread_of, student_t, widening


def test_students_t_is_that_of_the_tables() -> None:
    assert student_t(0.95, 1) == pytest.approx(6.313752, abs=1e-5)
    assert student_t(0.95, 2) == pytest.approx(2.919986, abs=1e-5)
    assert student_t(0.975, 5) == pytest.approx(2.570582, abs=1e-5)
    assert student_t(0.95, 30) == pytest.approx(1.697261, abs=1e-5)
    assert student_t(0.05, 2) == pytest.approx(-2.919986, abs=1e-5)


def test_ranks_are_conformal_when_one_group_has_nineteen_residuals() -> None:
    # Mean 0. Of 19 and one to come, 5 % lies below rank floor(20 * 0.05) = 1, which is -0.9, and
    # 95 % up to rank ceil(20 * 0.95) = 19, which is 0.9.
    residuals = np.arange(-9, 10) / 10
    found = spread_of(residuals, np.zeros(19, dtype=np.int64))
    assert found.below == pytest.approx(0.9)
    assert found.above == pytest.approx(0.9)
    # One group shows no bias of its own, so that of nine runs in ten is taken.
    assert found.bias == pytest.approx(0.05)


def test_the_bias_is_a_t_interval_when_three_runs_are_off_by_ten_per_cent() -> None:
    # Group means -0.1, 0, 0.1: standard deviation 0.1, times sqrt(1 + 1/3) = 1.154701, times
    # t(0.95, 2) = 2.919986: 0.337171. Around their means the residuals are -0.01 and 0.01.
    residuals = np.array([-0.11, -0.09, -0.01, 0.01, 0.09, 0.11])
    found = spread_of(residuals, np.array([0, 0, 1, 1, 2, 2]))
    assert found.centre == pytest.approx(0.0)
    assert found.bias == pytest.approx(0.337171, abs=1e-5)
    assert found.below == pytest.approx(0.01)
    low, high = found.band(np.array([2.0]))
    # sqrt(0.337171^2 + 0.01^2) = 0.337319; 2 exp(-0.337319) and 2 exp(0.337319).
    assert low[0] == pytest.approx(1.427357, abs=1e-4)
    assert high[0] == pytest.approx(2.802378, abs=1e-4)
    assert found.mean_band(2.0) == pytest.approx((1.427568, 2.801963), abs=1e-4)


def test_a_band_is_too_narrow_when_runs_are_pooled_as_one() -> None:
    # The same residuals as one group of requests: half the width, though no run was in the middle.
    residuals = np.repeat([-0.1, 0.0, 0.1], 100)
    apart = spread_of(residuals, np.repeat([0, 1, 2], 100))
    pooled = spread_of(residuals, np.zeros(300, dtype=np.int64))
    assert math.hypot(apart.above, apart.bias) == pytest.approx(0.337, abs=1e-3)
    assert math.hypot(pooled.above, pooled.bias) == pytest.approx(0.1118, abs=1e-3)


def test_bands_are_as_much_wider_as_was_measured_at_twice_the_load() -> None:
    assert widening(1.0) == 1.0
    assert widening(0.5) == 1.0
    assert widening(2.0) == pytest.approx(2.857, abs=1e-3)
    assert widening(1.5) == pytest.approx(1.929, abs=1e-3)


def test_nothing_is_known_when_there_are_no_residuals() -> None:
    with pytest.raises(ValueError, match="no residuals"):
        spread_of(np.empty(0), np.empty(0, dtype=np.int64))


HULL = Hull(Range(4, 100), Range(1_000, 200_000), Range(50, 8_000))


def test_three_times_the_running_requests_are_refused_with_what_to_measure() -> None:
    with pytest.raises(LeverRefusedError) as caught:
        HULL.require("deployment d", {"running": 300.0, "kv_tokens": 150_000.0})
    said = str(caught.value)
    assert said.startswith("deployment d: running reaches 300, 3.0 times the 100")
    assert "Serve up to 250 requests at once for a while" in said


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [("kv_tokens", 600_000.0, "KV usage"), ("input_tokens", 24_000.0, "input tokens")],
)
def test_other_ranges_are_refused_when_left_by_three_times(
    name: str, value: float, advice: str
) -> None:
    with pytest.raises(LeverRefusedError, match=advice):
        HULL.require("d", {name: value})


def test_bands_widen_and_nothing_is_refused_when_the_hull_is_left_a_little() -> None:
    HULL.require("d", {"running": 200.0, "input_tokens": 8_000.0})
    assert HULL.widening({"running": 200.0, "input_tokens": 8_000.0}) == pytest.approx(
        2.857, abs=1e-3
    )
    assert HULL.widening({"running": 50.0}) == 1.0
    # Below: at half the lowest as far out as at one and a half times the highest.
    assert HULL.ratios({"running": 2.0}) == {"running": 1.5}
