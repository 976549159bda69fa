"""The step engine's rules, each by a case small enough to do by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tokenworks.replay.serving.steps import Limits, StepLaw, Work, simulate

ONE_SECOND = StepLaw(1.0)


def work(arrivals: list[float], prompt: list[int], output: list[int]) -> Work:
    """Requests of an open loop."""
    return Work(np.array(arrivals), np.array(prompt), np.array(output))


def test_every_term_of_the_law_counts_when_the_batch_has_it() -> None:
    # Step 1 at 0: two enter with 30 tokens: 1 + 2 x .1 + 30 x .01 + .5 = 2. The second ends.
    # Step 2: one runs, 10 tokens in KV, cut among 2 - 1/2 workers:
    # 1 + .1 + 10 x .02 + 10/1.5 x .03 = 1.5. The third, since 2.5, enters at 3.5:
    # 1 + .2 + 11 x .02 + 5 x .01 + .5 + 11 x .03 = 2.3.
    law = StepLaw(1.0, 0.1, 0.02, 0.01, 0.5, 0.03, longest_from=2)
    served = simulate(work([0, 0, 2.5], [10, 20, 5], [3, 1, 1]), law, Limits(max_num_seqs=4))
    assert served.first_token.tolist() == pytest.approx([2.0, 2.0, 5.8])
    assert served.ended.tolist() == pytest.approx([5.8, 2.0, 5.8])
    assert served.busy_seconds.tolist() == pytest.approx([5.8])
    assert served.running_seconds.tolist() == pytest.approx([2 * 2.0 + 1 * 1.5 + 2 * 2.3])
    assert served.kv_token_seconds.tolist() == pytest.approx([10 * 1.5 + 11 * 2.3])
    assert (served.steps.tolist(), served.prefill_steps.tolist()) == ([3], [2])
    assert served.prefill_tokens.tolist() == [35]


def test_a_prompt_is_cut_when_the_budget_does_not_hold_it() -> None:
    # Budget 4. Step 1: all 3 of the first, 1 of the second: 1.4 s. Step 2: 1 token for the first,
    # 3 of the second: 1.3 s. Step 3: 1 and the last 2: 1.2 s, with which both end.
    law = StepLaw(1.0, per_prefill_token=0.1)
    served = simulate(work([0, 0], [3, 6], [3, 1]), law, Limits(2, token_budget=4))
    assert served.first_token.tolist() == pytest.approx([1.4, 3.9])
    assert served.ended.tolist() == pytest.approx([3.9, 3.9])


def test_the_last_admitted_computes_again_when_kv_runs_out() -> None:
    # 4 blocks of 4 tokens. After step 5 both hold 8 tokens; the next needs a third block each, so
    # the second goes, with 5 tokens made. The first ends at 9; then 9 tokens are computed again,
    # which gives the sixth at 10, and three more steps follow.
    limits = Limits(2, kv_blocks=4, block_tokens=4)
    served = simulate(work([0, 0], [4, 4], [9, 9]), ONE_SECOND, limits)
    assert served.ended.tolist() == [9.0, 13.0]
    assert served.first_token.tolist() == [1.0, 1.0]
    assert served.preemptions.tolist() == [0, 1]
    assert served.prefill_tokens.tolist() == [4 + 4 + 9]


def test_the_queue_waits_when_its_head_does_not_fit() -> None:
    # 3 blocks of 4 tokens: the first holds 1, then 2; the second needs 2, so the third, which
    # would fit, waits behind it.
    limits = Limits(3, kv_blocks=3, block_tokens=4)
    served = simulate(work([0, 0.5, 0.6], [4, 8, 1], [4, 1, 1]), ONE_SECOND, limits)
    assert served.admitted.tolist() == [0.0, 4.0, 4.0]


@pytest.mark.parametrize(("lag", "admitted"), [(0, 4.0), (1, 5.0)])
def test_admission_is_a_step_later_when_the_engine_schedules_ahead(
    lag: int, admitted: float
) -> None:
    # Steps begin at 0, 1, 2 ...; the second request arrives in the step from 3 to 4. The third
    # finds nobody and is admitted at once.
    limits = Limits(4, admission_lag_steps=1 if lag else 0)
    served = simulate(work([0, 3.5, 20.5], [1, 1, 1], [9, 1, 1]), ONE_SECOND, limits)
    assert served.admitted.tolist() == [0.0, admitted, 20.5]


def test_a_slot_is_free_a_step_later_when_the_engine_schedules_ahead() -> None:
    # Two slots; the second request ends at 2, its slot is given away at 3.
    limits = Limits(2, admission_lag_steps=1)
    served = simulate(work([0, 0, 0.5], [1, 1, 1], [9, 2, 1]), ONE_SECOND, limits)
    assert served.admitted.tolist() == [0.0, 0.0, 3.0]


def test_nothing_happens_when_there_is_no_work() -> None:
    served = simulate(work([], [], []), ONE_SECOND, Limits(1), 2)
    assert served.ended.tolist() == []
    assert served.busy_seconds.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: StepLaw(-0.1), "base must be at least 0"),
        (lambda: StepLaw(float("nan")), "base must be at least 0"),
        (lambda: StepLaw(1, per_longest=-1), "per_longest must be at least 0"),
        (lambda: Limits(0), "max_num_seqs must be at least 1"),
        (lambda: Limits(8, token_budget=4), "token_budget must be at least 8"),
        (lambda: Limits(8, max_in_flight=0), "max_in_flight must be at least 1"),
    ],
)
def test_laws_and_limits_are_refused_when_a_bound_is_broken(make: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (work([0], [0], [1]), "prompt must be at least 1"),
        (work([0], [1], [-1]), "output must be at least 0"),
        (work([np.nan], [1], [1]), "arrivals must be finite"),
        (work([0], [10, 1], [1]), "prompt has 2 entries for 1 arrivals"),
        (work([0], [9], [9]), "cannot hold a request of 17 tokens"),
    ],
)
def test_work_is_refused_when_no_replica_could_serve_it(asked: Work, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        simulate(asked, ONE_SECOND, Limits(1, kv_blocks=4, block_tokens=4))
