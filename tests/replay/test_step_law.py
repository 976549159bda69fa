"""The step law from logs: a planted law is found again, limits are read off plateaus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.replay.planted_runs import OVERHEAD, PLANTED, planted_run
from tokenworks.replay.calibration.limits import completed_limits
from tokenworks.replay.calibration.occupancy import Occupancy
from tokenworks.replay.calibration.predict import predict
from tokenworks.replay.calibration.regression import Evidence
from tokenworks.replay.calibration.runs import EngineLimits, RunLog
from tokenworks.replay.calibration.scrapes import fit_scrapes
from tokenworks.replay.calibration.step_law import StepCalibration, calibrate_steps, latest
from tokenworks.replay.calibration.terms import choose_terms
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.serving.steps import StepLaw


@pytest.fixture(scope="module")
def runs() -> list[RunLog]:
    return [planted_run(clients) for clients in (4, 16, 32, 64, 128)]


@pytest.fixture(scope="module")
def learnt(runs: list[RunLog]) -> StepCalibration:
    return calibrate_steps([runs[0], runs[1], runs[3], runs[4]], passes=2)


def test_a_planted_law_is_found_again_when_runs_differ_in_size(learnt: StepCalibration) -> None:
    law = learnt.law
    assert learnt.choice.longest_from in (30, 37, 45)
    assert law.base == pytest.approx(PLANTED.base, rel=0.05)
    assert law.per_longest == pytest.approx(PLANTED.per_longest, rel=0.15)
    assert law.per_prefill_token == pytest.approx(PLANTED.per_prefill_token, rel=0.15)
    assert learnt.overhead == pytest.approx(OVERHEAD, abs=0.003)
    # Requests and their tokens rise together, so that the two are sure only jointly: 64 requests
    # of 2,000 tokens cost 64 * 5e-5 + 128,000 * 5e-8 = 9.6 ms.
    joint = 64 * law.per_running + 128_000 * law.per_kv_token
    assert joint == pytest.approx(0.0096, rel=0.15)


def test_a_run_that_was_not_learnt_from_is_met_when_it_lies_between(
    runs: list[RunLog], learnt: StepCalibration
) -> None:
    told = learnt.predict(runs[2])
    assert told.closed_loop
    for metric in ("ttft", "tpot", "e2e"):
        observed = np.nanmean(getattr(runs[2], metric))
        assert np.nanmean(getattr(told, metric)) == pytest.approx(observed, rel=0.03)


def test_limits_are_read_off_plateaus_when_nobody_wrote_them_down(runs: list[RunLog]) -> None:
    unknown = [replace(run, limits=EngineLimits()) for run in runs]
    found, said = completed_limits(unknown)
    assert found[0].limits.kv_tokens == pytest.approx(400_000, rel=0.01)
    assert found[0].limits.token_budget == 8192
    assert "slope of tokens held" in said["kv_tokens"]


def test_kv_is_the_most_held_while_requests_wait_when_nothing_is_scraped() -> None:
    full = replace(planted_run(300, requests=1500), series=None)
    found, said = completed_limits([full])
    assert found[0].limits.kv_tokens == pytest.approx(400_000, rel=0.02)
    assert "while requests waited for room" in said["kv_tokens"]
    ample = replace(planted_run(64), series=None)
    assert completed_limits([ample])[0][0].limits.kv_tokens is None


def test_a_queue_that_no_law_can_tell_does_not_bend_the_law(runs: list[RunLog]) -> None:
    """The configuration names 25 times the KV that there is, so that no replay queues for it."""
    wrong = EngineLimits(max_num_seqs=300, token_budget=8192, kv_tokens=10_000_000)
    full = replace(planted_run(300, requests=1500), series=None, limits=wrong)
    learnt = calibrate_steps([runs[1], runs[3], full], passes=2)
    assert learnt.law.base == pytest.approx(PLANTED.base, rel=0.25)
    assert learnt.misfit > 3


def test_the_most_running_is_a_limit_only_when_others_waited(runs: list[RunLog]) -> None:
    run = replace(runs[1], limits=EngineLimits())
    assert completed_limits([run])[0][0].limits.max_num_seqs is None
    assert run.series is not None
    waiting = replace(run, series=replace(run.series, waiting=(run.series.running == 16) * 1.0))
    assert completed_limits([waiting])[0][0].limits.max_num_seqs == 16


def test_no_longest_context_is_chosen_when_the_law_has_none() -> None:
    plain = StepLaw(base=0.01, per_running=1e-4, per_kv_token=1e-7, per_prefill_token=5e-5)
    evidence = [Evidence.of(planted_run(clients, law=plain)) for clients in (8, 24, 72)]
    chosen, tried = choose_terms(evidence)
    assert "per_longest" not in chosen.terms
    assert chosen.left_out_error < 0.03
    assert len(tried) == 4


def test_the_cost_of_running_is_left_open_when_the_batch_never_varies() -> None:
    learnt = calibrate_steps([planted_run(1, requests=60)], passes=1)
    assert learnt.law.per_running == 0.0
    assert "base holds the cost of running requests too: the batch hardly varied" in learnt.unsure


@pytest.mark.parametrize(
    ("counted", "first", "last"), [([1, 1, 1, 0, 0, 0], 1, 2), ([1] * 6, 4, 5), ([0] * 6, 4, 5)]
)
def test_the_latest_that_may_be_learnt_from_are_taken_when_a_run_is_long(
    counted: list[int], first: int, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tokenworks.replay.calibration.step_law.MOST_REQUESTS", 2)
    whole = replace(planted_run(4, requests=6), counted=np.array(counted, dtype=np.bool_))
    assert latest(whole).arrivals.tolist() == whole.arrivals[[first, last]].tolist()


def test_occupancy_is_that_of_the_intervals_when_two_requests_overlap() -> None:
    # First tokens at 1 and 2 s, ends at 5 and 4 s; contexts grow from 100 to 140 and 50 to 60.
    log = RunLog(
        "two",
        np.array([0.0, 1.5]),
        np.array([1.0, 0.5]),
        np.array([5.0, 2.5]),
        np.array([100, 50]),
        np.array([40, 10]),
        np.array([0, 20]),
        np.array([0, 1]),
        np.zeros(2, dtype=np.bool_),
    )
    beside = Occupancy.of(log, None)
    start, end = np.array([2.0]), np.array([4.0])
    assert beside.mean(beside.running, start, end)[0] == pytest.approx(2.0)
    # Over [2, 4]: the first holds 110 to 130, mean 120; the second 50 to 60, mean 55.
    assert beside.mean(beside.kv, start, end)[0] == pytest.approx(175.0)
    assert beside.mean(beside.longest, start, end)[0] == pytest.approx(120.0)
    # From 1 s to 5 s one other request prefilled its 30 uncached tokens, in one step.
    tokens, steps = beside.prefill_within(np.array([1.0]), np.array([5.0]))
    assert (tokens[0], steps[0]) == (30.0, 1.0)
    # Below 6 requests two share the workers: 175 / (6 - 2 / 2) = 35.
    assert beside.mean(beside.spread_load(6), start, end)[0] == pytest.approx(35.0)


def test_an_open_replay_explodes_when_the_log_was_a_closed_loop(runs: list[RunLog]) -> None:
    """A law that is a tenth too slow costs a tenth in a closed loop, and no bound in an open one."""
    slow = StepLaw(0.013, 6e-5, 6e-8, 6e-5, 0.013, 1.3e-6, 37)
    run = completed_limits([runs[4]])[0][0]
    assert run.waits_for_answers
    closed = predict(run, slow, OVERHEAD)
    opened = predict(run, slow, OVERHEAD, closed_loop=False)
    assert closed.ttft.mean() < 1.5 * run.ttft.mean()
    assert opened.ttft.mean() > 5 * run.ttft.mean()


def test_days_are_groups_when_a_run_lasts_several() -> None:
    run = planted_run(16)
    days = replace(run, arrivals=run.arrivals + 86_400 * (np.arange(run.count) * 3 // run.count))
    learnt = calibrate_steps([replace(days, series=None)], passes=1)
    assert learnt.spreads["e2e"].groups == 3


def test_nothing_is_learnt_when_every_run_is_refused(runs: list[RunLog]) -> None:
    failed = replace(runs[0], failed=np.ones(runs[0].count, dtype=np.bool_))
    with pytest.raises(LeverRefusedError, match="600 of 600 requests failed"):
        calibrate_steps([failed])


def test_scrapes_alone_tell_the_pace_when_no_request_is_logged() -> None:
    logs = [planted_run(clients, requests=2000) for clients in (4, 12, 48, 24)]
    law = fit_scrapes(logs[:3])
    assert logs[3].series is not None
    error = law.error(logs[3].series)
    assert error is not None
    assert abs(error) < 0.10
