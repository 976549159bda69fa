"""What a route does to quality: estimates by hand, known values, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.routing.labels import paired_long, scores_of
from tokenworks.replay.routing.off_policy import Log, effective_size, evaluate
from tokenworks.replay.routing.quality import (
    Claim,
    NoClaim,
    off_policy_claim,
    paired_claim,
)

ACTIONS = 34


@pytest.fixture(scope="module")
def bandit(shared_data: Path) -> dict[str, pl.DataFrame]:
    files = {arm: shared_data / "replay/open_bandit_men" / arm for arm in ("bts", "random")}
    if not all(file.is_dir() for file in files.values()):
        pytest.skip("needs replay/open_bandit_men among the shared public files")
    return {arm: pl.read_csv(next(file.glob("men.csv*"))) for arm, file in files.items()}


def uniform(frame: pl.DataFrame) -> Log:
    return Log.of(
        frame["item_id"].to_numpy(),
        frame["click"].cast(pl.Float64).to_numpy(),
        frame["propensity_score"].to_numpy(),
        np.full((frame.height, ACTIONS), 1 / ACTIONS),
    )


def test_open_bandit_estimates_are_as_known_when_thompson_sampling_is_read_as_uniform(
    bandit: dict[str, pl.DataFrame],
) -> None:
    found = evaluate(uniform(bandit["bts"]), seed=1)
    assert found.rows == 10_000
    assert found.ips.value == pytest.approx(0.0030086, abs=1e-6)
    assert found.snips.value == pytest.approx(0.0031894, abs=1e-6)
    assert found.dr.value == pytest.approx(0.0032322, abs=1e-6)
    assert found.effective_size == pytest.approx(655.7, abs=0.05)
    assert found.largest_weight == pytest.approx(178.25312, abs=1e-5)
    truth = float(bandit["random"]["click"].cast(pl.Float64).to_numpy().mean())
    assert truth == pytest.approx(0.0046, abs=1e-12)
    for band in (found.ips, found.snips, found.dr):
        assert band.p10 < truth + 0.0007
        assert band.p90 > truth - 0.0007


def test_a_claim_is_made_when_thompson_sampling_overlaps_with_uniform(
    bandit: dict[str, pl.DataFrame],
) -> None:
    claim = off_policy_claim(uniform(bandit["bts"]), seed=1)
    assert isinstance(claim, Claim)
    assert claim.history == pytest.approx(0.0069, abs=1e-12)
    assert claim.delta.value == pytest.approx(0.0032322 - 0.0069, abs=1e-6)
    assert claim.delta.p10 < claim.delta.value < claim.delta.p90 < 0


def by_hand() -> Log:
    """Four answers; the other router always takes action 1."""
    return Log.of(
        np.array([0, 1, 1, 0]),
        np.array([1.0, 0.0, 1.0, 1.0]),
        np.array([0.5, 0.5, 0.25, 0.75]),
        np.tile([0.0, 1.0], (4, 1)),
    )


def test_estimates_are_those_of_hand_when_four_answers_are_weighed() -> None:
    """Weights 0, 2, 4, 0. DR: predictions 5/9, 1, 1/3, 5/9 of action 1, each without its own."""
    found = evaluate(by_hand(), seed=1, prior=1.0)
    assert found.ips.value == pytest.approx(1.0)
    assert found.snips.value == pytest.approx(4 / 6)
    assert found.dr.value == pytest.approx(7 / 9)
    assert found.effective_size == pytest.approx(1.8)
    assert found.largest_share == pytest.approx(4 / 6)
    assert found.mean_weight == pytest.approx(1.5)
    assert found.logged == pytest.approx(0.75)


def test_the_estimate_is_the_mean_when_nothing_would_change() -> None:
    generator = np.random.default_rng(3)
    chosen = generator.integers(0, 2, 500)
    score, odds = generator.random(500), np.where(chosen == 1, 0.3, 0.7)
    same = np.column_stack([np.full(500, 0.7), np.full(500, 0.3)])
    found = evaluate(Log.of(chosen, score, odds, same), seed=1)
    assert found.effective_size == pytest.approx(500)
    assert found.ips.value == pytest.approx(score.mean())
    assert found.gain.value == pytest.approx(0.0, abs=0.01)


def drawn(seed: int, count: int = 2_000) -> Log:
    """A log that sends 20 % to action 1 at random; action 0 scores 0.6 on average, 1 scores 0.8."""
    generator = np.random.default_rng(seed)
    chosen = (generator.random(count) < 0.2).astype(np.int64)
    score = (generator.random(count) < np.where(chosen == 1, 0.8, 0.6)).astype(np.float64)
    odds = np.where(chosen == 1, 0.2, 0.8)
    return Log.of(chosen, score, odds, np.tile([0.0, 1.0], (count, 1)))


def test_the_planted_value_is_found_when_logs_are_drawn_again_and_again() -> None:
    """40 logs: the mean error of each estimator is within three standard errors of none."""
    found = [evaluate(drawn(seed), seed) for seed in range(40)]
    for name in ("ips", "snips", "dr"):
        values = np.array([getattr(one, name).value for one in found])
        assert abs(values.mean() - 0.8) < 3 * values.std() / np.sqrt(40)
    inside = sum(one.dr.p10 <= 0.8 <= one.dr.p90 for one in found)
    assert 24 <= inside <= 39


def test_order_changes_nothing_when_the_log_is_shuffled() -> None:
    log, order = drawn(1), np.random.default_rng(2).permutation(2_000)
    shuffled = Log.of(log.action[order], log.score[order], log.propensity[order], log.policy[order])
    one, other = evaluate(log, seed=1), evaluate(shuffled, seed=1)
    for name in ("ips", "snips", "dr"):
        assert getattr(one, name).value == pytest.approx(getattr(other, name).value, rel=1e-12)


def refused(log: Log) -> NoClaim:
    found = off_policy_claim(log, seed=1)
    assert isinstance(found, NoClaim)
    with pytest.raises(LeverRefusedError, match="quality: "):
        raise found.refusal()
    return found


def test_a_claim_is_refused_when_the_log_has_no_propensities() -> None:
    log = drawn(1)
    found = refused(Log.of(log.action, log.score, np.full(2_000, np.nan), log.policy))
    assert "no propensities" in found.why
    assert "log for every request the probability" in found.log_in_future


def test_a_claim_is_refused_when_some_propensities_are_absent() -> None:
    log = drawn(1)
    log.propensity[:7] = np.nan
    assert "7 of 2,000 judged answers have no propensity" in refused(log).why


@pytest.mark.parametrize("odds", [0.0, -0.1, 1.5])
def test_a_claim_is_refused_when_a_propensity_is_no_probability(odds: float) -> None:
    log = drawn(1)
    log.propensity[3] = odds
    assert f"for example {odds:.6g}" in refused(log).why


def test_a_claim_is_refused_when_the_router_is_deterministic() -> None:
    log = drawn(1)
    found = refused(Log.of(log.action, log.score, np.ones(2_000), log.policy))
    assert "deterministic" in found.why
    assert "random share" in found.log_in_future


def test_a_claim_is_refused_when_part_of_the_route_was_never_tried() -> None:
    """Half of the requests always went to action 0, the others by lot; the route takes 1 for all."""
    log = drawn(1)
    log.action[:1_000], log.propensity[:1_000] = 0, 1.0
    assert "no overlap: for 50.0% of the answers" in refused(log).why


def test_a_claim_is_refused_when_an_action_is_absent_without_saying_so() -> None:
    """Action 1 was never possible for the first half, whose propensities say 0.8 and not 1."""
    log = drawn(1)
    log.action[:1_000], log.propensity[:1_000] = 0, 0.8
    assert "where full overlap gives 1" in refused(log).why


def test_a_claim_is_refused_when_two_answers_in_ten_thousand_carry_it() -> None:
    chosen = np.zeros(10_000, dtype=np.int64)
    chosen[[10, 20]] = 1
    odds = np.where(chosen == 1, 0.0002, 0.9998)
    log = Log.of(chosen, np.ones(10_000), odds, np.tile([0.0, 1.0], (10_000, 1)))
    assert effective_size(log.weights) == pytest.approx(2.0)
    assert "effective sample size is 2 in 10,000 answers" in refused(log).why


def test_a_claim_is_refused_when_one_answer_outweighs_the_rest() -> None:
    """600 weights of 10 and one of 1,000: 7,000 squared over 1,060,000."""
    chosen = np.r_[np.zeros(6_399), np.ones(601)].astype(np.int64)
    odds = np.where(chosen == 1, 0.1, 0.9)
    odds[-1] = 0.001
    log = Log.of(chosen, np.ones(7_000), odds, np.tile([0.0, 1.0], (7_000, 1)))
    assert evaluate(log, seed=1).largest_share == pytest.approx(1 / 7)
    assert "effective sample size is 46.2 in 7,000 answers" in refused(log).why


def test_paired_labels_change_the_mean_by_hand_when_half_of_the_requests_move() -> None:
    """100 of 200 move; each loses 0.5 where both answers are judged: -0.25 on all."""
    before, after = np.full(200, 1.0), np.full(200, 0.5)
    moved = np.arange(200) < 100
    claim = paired_claim(before, after, moved, seed=1)
    assert isinstance(claim, Claim)
    assert claim.delta.value == pytest.approx(-0.25)
    assert (claim.delta.p10, claim.delta.p90) == pytest.approx((-0.25, -0.25))
    assert claim.history == 1.0
    assert claim.answers == 100


def test_paired_labels_are_refused_when_too_few_answers_are_judged_for_both() -> None:
    before, after = np.full(200, 1.0), np.full(200, 0.5)
    after[30:] = np.nan
    found = paired_claim(before, after, np.arange(200) < 150, seed=1)
    assert isinstance(found, NoClaim)
    assert "of 150 requests whose answer changes, 30 have labels of both answers" in found.why
    assert "quality_labels" in found.log_in_future


LABELS = pl.DataFrame(
    {
        "request_id": ["a", "a", "a", "b", "b", "c"],
        "model": ["big", "big", "tiny", "big", "tiny", "big"],
        "score": [5.0, 3.0, 1.0, 4.0, 5.0, 2.0],
        "scale_minimum": [1.0] * 6,
        "scale_maximum": [5.0] * 6,
    }
)


def test_scores_are_shares_of_their_scale_when_judgements_are_averaged() -> None:
    """Big on a: (1 + 0.5) / 2; c has no answer by tiny and is counted as incomplete."""
    paired = paired_long(LABELS, prompt="request_id")
    assert paired.models == ("big", "tiny")
    assert paired.prompts == ("a", "b")
    assert paired.scores.tolist() == [[0.75, 0.0], [0.75, 1.0]]
    assert paired.incomplete == 1
    asked = (
        pl.Series(["b", "a", "c", "z", "a"]),
        pl.Series(["tiny", "big", "big", "big", "other"]),
    )
    found = scores_of(LABELS, *asked)
    assert found[:3].tolist() == [1.0, 0.75, 0.25]
    assert np.isnan(found[3:]).all()


def test_labels_are_refused_when_only_some_state_their_scale() -> None:
    mixed = LABELS.with_columns(
        pl.when(pl.col("model") == "big").then(pl.col("scale_maximum")).alias("scale_maximum")
    )
    with pytest.raises(LeverRefusedError, match="some labels state their scale"):
        paired_long(mixed, prompt="request_id")
