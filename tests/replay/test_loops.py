"""Open and closed loops, told apart and rebuilt."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.serving.loops import clients_of, is_closed_loop, turns_of
from tokenworks.replay.serving.steps import Limits, StepLaw, Work, simulate

LAW, LIMITS = StepLaw(0.01, 0.002, per_prefill_token=1e-4), Limits(max_num_seqs=64)


def random_work(count: int, rate: float) -> Work:
    generator = np.random.default_rng(7)
    return Work(
        np.cumsum(generator.exponential(1 / rate, count)),
        generator.integers(10, 500, count),
        generator.integers(5, 200, count),
        think_seconds=np.full(count, 0.007),
    )


def test_a_loop_is_closed_when_its_clients_wait_for_answers() -> None:
    served = simulate(random_work(2000, 1000.0), LAW, LIMITS, clients=16)
    assert is_closed_loop(served.arrived, served.ended) is True


def test_a_loop_is_open_when_requests_come_by_chance() -> None:
    served = simulate(random_work(2000, 4.0), LAW, LIMITS)
    assert is_closed_loop(served.arrived, served.ended) is False


def test_a_loop_is_open_when_many_come_by_chance_and_vary_little() -> None:
    """About 400 in flight vary by 20 of themselves: within a tenth, as chance alone would."""
    generator = np.random.default_rng(7)
    arrivals = np.cumsum(generator.exponential(0.1, 20_000))
    ends = arrivals + generator.exponential(40.0, 20_000)
    assert is_closed_loop(arrivals, ends) is False


def test_a_request_follows_the_answer_that_ended_last_when_nobody_is_named() -> None:
    # A 0-4, B 1-3; at 4 both wait, and A ended last; at 5 B waits; at 5.5 nobody: a third client.
    arrivals = np.array([0.0, 1.0, 4.0, 5.0, 5.5])
    ends = np.array([4.0, 3.0, 9.0, np.nan, 6.0])
    assert clients_of(arrivals, ends).tolist() == [0, 1, 0, 1, 2]


def test_the_loop_is_unknown_when_few_requests_or_one_client_are_seen() -> None:
    served = simulate(random_work(20, 4.0), LAW, LIMITS)
    assert is_closed_loop(served.arrived, served.ended) is None
    served = simulate(random_work(200, 1000.0), LAW, LIMITS, clients=1)
    assert is_closed_loop(served.arrived, served.ended) is None


def test_turns_wait_for_the_one_before_when_it_had_ended() -> None:
    # Session 0: 0-2, 3-5, 4-6 (while the second runs). Session 1: 1-9. Alone: 2-3.
    sessions = np.array([0, 1, -1, 0, 0])
    arrivals = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    ends = np.array([2.0, 9.0, 3.0, 5.0, 6.0])
    previous, think = turns_of(sessions, arrivals, ends)
    assert previous.tolist() == [-1, -1, -1, 0, -1]
    assert think.tolist() == [0.0, 0.0, 0.0, 1.0, 0.0]


def test_a_turn_comes_later_when_the_answer_before_it_takes_longer() -> None:
    # 3 tokens of 1 s; the next turn 2 s after the end; its prompt's 3 cached tokens are free.
    work = Work(
        arrivals=np.array([0.0, 4.0]),
        prompt=np.array([1, 4]),
        output=np.array([3, 1]),
        cached=np.array([0, 3]),
        previous=np.array([-1, 0]),
        think_seconds=np.array([0.0, 2.0]),
    )
    served = simulate(work, StepLaw(1.0), LIMITS)
    assert served.arrived.tolist() == [0.0, 5.0]
    assert served.ended.tolist() == [3.0, 6.0]
    assert served.prefill_tokens.tolist() == [2]


def test_a_client_takes_the_next_session_when_its_last_turn_has_ended() -> None:
    # One client: session A of two turns, then B; one token of 1 s each, half a second between.
    work = Work(
        arrivals=np.array([0.0, 0.0, 0.0]),
        prompt=np.array([1, 1, 1]),
        output=np.array([1, 1, 1]),
        previous=np.array([-1, -1, 0]),
        think_seconds=np.array([0.5, 0.5, 0.5]),
    )
    served = simulate(work, StepLaw(1.0), LIMITS, clients=1)
    assert served.arrived.tolist() == [0.0, 3.0, 1.5]


def test_the_next_turn_comes_all_the_same_when_one_was_turned_away() -> None:
    # One place: the first runs 0 to 5. The second, at 1, is turned away; its next turn, 6 s
    # later, at 7, finds the place free.
    work = Work(
        arrivals=np.array([0.0, 1.0, 2.0]),
        prompt=np.ones(3, dtype=np.int64),
        output=np.array([5, 1, 1]),
        previous=np.array([-1, -1, 1]),
        think_seconds=np.array([0.0, 0.0, 6.0]),
    )
    served = simulate(work, StepLaw(1.0), Limits(max_num_seqs=1, max_in_flight=1))
    assert served.replica.tolist() == [0, -1, 0]
    assert served.ended[[0, 2]].tolist() == [5.0, 8.0]
    assert np.isnan(served.admitted[1])


def test_a_row_is_refused_when_it_waits_for_a_later_one() -> None:
    work = Work(np.zeros(2), np.ones(2, int), np.ones(2, int), previous=np.array([1, -1]))
    with pytest.raises(ValueError, match="previous must name an earlier row"):
        simulate(work, LAW, LIMITS)
