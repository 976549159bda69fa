"""How long another tier's answers are: examples by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.routing.output_lengths import as_written_by

LARGE, SMALL = 0, 1


def test_lengths_are_those_of_the_same_rank_when_another_tier_writes() -> None:
    """Large wrote 1 to 100, small 10 to 1,000 by tens: a large 30 becomes a small 300."""
    outputs = np.r_[np.arange(1, 101), np.arange(1, 101) * 10].astype(np.int64)
    inputs = np.full(200, 700, dtype=np.int64)
    before = np.repeat([LARGE, SMALL], 100)
    after = np.where(outputs == 30, SMALL, before)
    after[150] = LARGE
    found = as_written_by(outputs, inputs, (before, after), ("large", "small"))
    assert found[29] == 300
    assert found[150] == 51
    assert (np.delete(found, [29, 150]) == np.delete(outputs, [29, 150])).all()


def test_lengths_are_compared_among_inputs_alike_when_there_are_enough() -> None:
    """Large wrote 10 on short inputs and 100 on long ones, small 20 and 50."""
    outputs = np.repeat([10, 100, 20, 50], 40).astype(np.int64)
    inputs = np.repeat([20, 5_000, 20, 5_000], 40).astype(np.int64)
    before = np.repeat([LARGE, SMALL], 80)
    found = as_written_by(outputs, inputs, (before, np.full(160, SMALL)), ("large", "small"))
    assert found.tolist() == [20] * 40 + [50] * 40 + [20] * 40 + [50] * 40


def test_lengths_are_refused_when_the_target_has_hardly_written() -> None:
    outputs = np.full(60, 5, dtype=np.int64)
    before = np.where(np.arange(60) < 50, LARGE, SMALL)
    with pytest.raises(LeverRefusedError, match="tier small has 10 recorded outputs"):
        as_written_by(outputs, outputs, (before, np.full(60, SMALL)), ("large", "small"))
