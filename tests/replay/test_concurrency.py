"""How many ran at once, from intervals."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.serving.concurrency import Occupancy, inferred_admissions


def test_littles_law_is_an_identity_when_read_from_the_intervals() -> None:
    generator = np.random.default_rng(1)
    arrivals = np.cumsum(generator.exponential(0.2, 5000))
    ended = arrivals + generator.exponential(1.0, 5000)
    start, end = np.array([arrivals[0]]), np.array([ended.max()])
    mean = Occupancy.of(arrivals, ended).mean(start, end)[0]
    assert mean == pytest.approx((ended - arrivals).sum() / (end - start)[0], rel=1e-9)


def test_admission_is_inferred_when_all_slots_are_taken() -> None:
    # Two slots. The third arrives at 2 and waits for the end at 4; the fourth for the end at 5.
    arrivals = np.array([0.0, 1.0, 2.0, 3.0, 9.0])
    ends = np.array([5.0, 4.0, 7.0, 8.0, 10.0])
    assert inferred_admissions(arrivals, ends, 2).tolist() == [0.0, 1.0, 4.0, 5.0, 9.0]


def test_occupancy_counts_itself_and_its_neighbours_when_intervals_overlap() -> None:
    # 0-4, 1-3: one running for 2 s, two for 2 s.
    occupancy = Occupancy.of(np.array([0.0, 1.0]), np.array([4.0, 3.0]))
    assert occupancy.mean(np.array([0.0, 1.0]), np.array([4.0, 3.0])).tolist() == [1.5, 2.0]
    assert occupancy.at(np.array([0.0, 1.0, 3.0, 4.0])).tolist() == [1, 2, 1, 0]
    assert occupancy.busy_seconds() == 4.0
    assert occupancy.time_weighted_quantile(0.99) == 2.0
