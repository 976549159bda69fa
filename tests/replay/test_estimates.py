"""The bootstrap that intervals come from."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.estimates.bootstrap import (
    Draws,
    hour_counts,
    resampled_quantiles,
    resampled_quotients,
)


def test_every_draw_holds_as_many_hours_as_there_are_when_resampled() -> None:
    counts = hour_counts(50, seed=1, draws=20)
    assert counts.shape == (20, 50)
    assert (counts.sum(axis=1) == 50).all()
    assert (counts == hour_counts(50, seed=1, draws=20)).all()
    assert (counts != hour_counts(50, seed=2, draws=20)).any()


def test_sums_follow_the_drawn_hours_when_resampled() -> None:
    # Hour 0 holds 1 + 2, hour 1 holds 10. Drawn: both once; hour 0 twice; hour 1 twice.
    counts = np.array([[1, 1], [2, 0], [0, 2]])
    hour, part = np.array([0, 0, 1]), np.array([1.0, 2.0, 10.0])
    assert resampled_quotients(Draws(counts), hour, part, None).tolist() == [13.0, 6.0, 20.0]
    means = resampled_quotients(Draws(counts), hour, part, np.ones(3))
    assert means.tolist() == pytest.approx([13 / 3, 1.5, 10.0])


def test_quantiles_follow_the_drawn_hours_when_resampled() -> None:
    # The median of 1 2 10 is 2; of 1 1 2 2 the nearest rank is 1; of 10 10 it is 10.
    counts = np.array([[1, 1], [2, 0], [0, 2]])
    found = resampled_quantiles(Draws(counts), np.array([0, 0, 1]), np.array([1.0, 2.0, 10.0]), 0.5)
    assert found.tolist() == [2.0, 1.0, 10.0]


def test_the_spread_of_a_mean_is_that_of_theory_when_hours_are_independent() -> None:
    generator = np.random.default_rng(3)
    hours = 1000
    values = generator.normal(5.0, 1.0, hours)
    draws = resampled_quotients(
        Draws(hour_counts(hours, seed=4, draws=2000)), np.arange(hours), values, np.ones(hours)
    )
    assert draws.mean() == pytest.approx(values.mean(), abs=0.005)
    assert draws.std() == pytest.approx(1 / np.sqrt(hours), rel=0.15)


def test_quantiles_are_those_of_all_ranks_when_a_draw_lies_far_from_the_sample() -> None:
    # Hour 0 holds 1 to 9,000, hour 1 9,001 to 10,000. Drawn: both; hour 0 ten times; hour 1 alone.
    # The medians lie at ranks 5,000 of 10,000, 45,000 of 90,000 and 500 of 1,000.
    counts = np.array([[1, 1], [10, 0], [0, 1]])
    part = np.arange(1.0, 10_001.0)
    hour = (part > 9000).astype(np.int64)
    found = resampled_quantiles(Draws(counts), hour[::-1], part[::-1], 0.5)
    assert found.tolist() == [5000.5, 4500.5, 9500.5]


def test_quantiles_are_the_one_value_when_nearly_all_are_alike() -> None:
    counts, part = np.array([[1, 1], [0, 2]]), np.zeros(10_000)
    hour = np.arange(10_000) % 2
    assert resampled_quantiles(Draws(counts), hour, part, 0.95).tolist() == [0.0, 0.0]
