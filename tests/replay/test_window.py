"""The interval of the very requests that were replayed."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.estimates.estimate import at_least
from tokenworks.replay.estimates.exposure import together
from tokenworks.replay.estimates.window import draws_outcomes, relative_error
from tokenworks.replay.language.scenario import parse_scenario

NAN = float("nan")


def test_the_error_is_a_students_t_over_groups_when_there_are_several() -> None:
    # Beside the mean of both: -1 / 10.5, 1 / 19.5, 0; by weight their root mean square is 0.0494166.
    # Two degrees of freedom at 90 %: 1.885618, times sqrt(1 + 1/3) and sqrt(3/2) is 8/3.
    found = relative_error(
        np.array([[10.0, 20.0, 30.0]]),
        np.array([[11.0, 19.0, 30.0]]),
        np.array([[10.5, 19.5, 30.0]]),
    )
    assert found.tolist() == pytest.approx([0.1317776], abs=1e-6)


def test_one_group_tells_no_error_and_none_is_unknown_when_history_is_short() -> None:
    # Of runs in general: nine of ten within 5 %, so 5 % x 1.281552 / 1.644854 at p10 to p90.
    history = np.array([[10.0, NAN], [NAN, NAN]])
    found = relative_error(history, np.array([[9.0, 5.0], [1.0, 1.0]]), np.ones((2, 2)))
    assert found[0] == pytest.approx(0.0389564, abs=1e-5)
    assert np.isnan(found[1])


def test_what_is_replayed_as_it_was_has_no_error_when_all_groups_agree() -> None:
    table = np.array([[4.0, 0.0, 6.0]])
    assert relative_error(table, table, table).tolist() == [0.0]


def test_deployments_err_each_for_itself_when_put_together() -> None:
    assert together(np.array([0.1, 0.2]), np.array([3.0, 2.0])) == pytest.approx(0.5)
    assert together(np.array([0.1, NAN]), np.array([3.0, 2.0])) is None


def test_traffic_like_this_is_in_more_doubt_than_these_requests_when_both_are_told() -> None:
    assert at_least((-3.0, 1.0), (-2.0, 0.0, 2.0)) == (-3.0, 0.0, 2.0)
    assert at_least((None, None), (-2.0, 0.0, 2.0)) == (-2.0, 0.0, 2.0)
    assert at_least((-3.0, 1.0), (None, None, None)) == (None, None, None)


@pytest.mark.parametrize(
    ("levers", "is_drawn"),
    [
        ("routing: {rules: [{when: {tier: large}, to_tier: small}]}", False),
        ("prefix_cache: {capacity_factor: 2}", False),
        (
            (
                "semantic_cache: {threshold: 0.8, curve: "
                "[{threshold: 0.8, hit_ratio: 0.3, false_hit_ratio: 0.01}]}"
            ),
            True,
        ),
        (
            "routing: {output_tokens: target, rules: [{when: {tier: large}, to_tier: small}]}",
            True,
        ),
    ],
)
def test_no_interval_is_told_when_stated_rates_decide(levers: str, is_drawn: bool) -> None:
    assert draws_outcomes(parse_scenario(f"name: one\n{levers}\n", "one")) is is_drawn
