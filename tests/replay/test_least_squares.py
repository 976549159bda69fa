"""Non-negative least squares, from numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.calibration.least_squares import non_negative, relative_fit


def test_a_coefficient_stays_at_zero_when_the_best_fit_would_be_negative() -> None:
    # y = 10 - x at x = 0, 1, 2: without a negative slope the best constant is the mean, 9.
    design = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    found = non_negative(design, np.array([10.0, 9.0, 8.0]), np.ones(3))
    assert found.tolist() == pytest.approx([9.0, 0.0])


def test_a_column_leaves_again_when_another_serves_better() -> None:
    # The sum of both columns promises most at first and is not needed: y is 2 a + b exactly.
    a, b = np.array([1.0, 0.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0, 1.0])
    design = np.column_stack([a + b + 0.1, a, b])
    found = non_negative(design, 2 * a + b, np.ones(4))
    assert found.tolist() == pytest.approx([0.0, 2.0, 1.0], abs=1e-9)


def test_equal_columns_share_nothing_below_zero() -> None:
    ones = np.ones(3)
    found = non_negative(np.column_stack([ones, 2 * ones]), 4 * ones, ones)
    assert (found >= 0).all()
    assert found[0] + 2 * found[1] == pytest.approx(4.0)


def test_the_mean_is_fitted_when_targets_spread_with_their_size() -> None:
    # Around 10 and around 1,000, each a tenth above and below: the slope of the mean is 1.
    design = np.array([[10.0], [10.0], [1000.0], [1000.0]])
    found = relative_fit(design, np.array([9.0, 11.0, 900.0, 1100.0]))
    assert found.tolist() == pytest.approx([1.0])


def test_rows_count_as_often_as_they_are_said_to() -> None:
    # One row of 1 counted three times beside one of 2: the constant is 5 / 4.
    found = relative_fit(np.ones((2, 1)), np.array([1.0, 2.0]), np.array([3.0, 1.0]))
    assert found.tolist() == pytest.approx([1.25])
