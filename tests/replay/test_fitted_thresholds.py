"""Thresholds that are fitted to labels, and what they are worth on others."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.routing.frontier import fit_to_quality


def test_a_quality_is_kept_at_the_smallest_share_when_a_threshold_is_fitted_to_labels() -> None:
    """Scores 1 to 4; weak right on the two lowest, strong always: share 1/2 keeps all right."""
    scores, weak, strong = np.array([1.0, 2, 3, 4]), np.array([1.0, 1, 0, 0]), np.ones(4)
    assert fit_to_quality(scores, weak, strong, 1.0).threshold == 3.0
    three = fit_to_quality(scores, weak, strong, 0.75)
    assert (three.threshold, three.share, three.quality) == (4.0, 0.25, 0.75)
    with pytest.raises(LeverRefusedError, match=r"best mean score on the labels is 0\.5"):
        fit_to_quality(scores, weak, 1 - strong, 0.9)


def test_a_fitted_threshold_is_judged_on_other_labels_when_there_are_enough() -> None:
    """Scores 1 to 10; weak right up to 5, strong always. From 6 on keeps all right.

    Without 1 and 6 the threshold is 7, and 6 goes to the weak model, which is wrong: 9 of 10.
    """
    scores, weak = np.arange(1.0, 11.0), (np.arange(10) < 5).astype(float)
    found = fit_to_quality(scores, weak, np.ones(10), 1.0)
    assert (found.threshold, found.quality, found.quality_elsewhere) == (6.0, 1.0, 0.9)
    few = fit_to_quality(scores[:9], weak[:9], np.ones(9), 1.0)
    assert few.quality_elsewhere is None
