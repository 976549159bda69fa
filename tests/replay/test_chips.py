"""Other chips, precisions, models and drafters as changes of the step law, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tokenworks.replay.language.chips import ChipChange
from tokenworks.replay.serving.chips import (
    LawFactors,
    Speeds,
    factors_of,
    scaled,
    tokens_per_step,
    with_drafter,
)
from tokenworks.replay.serving.steps import Limits, StepLaw, Work, simulate

LAW = StepLaw(0.02, 0.001, 2e-7, 4e-5, 0.005, 1e-6, 8)


def test_memory_terms_halve_and_arithmetic_terms_third_when_the_chip_is_that_much_faster() -> None:
    now = Speeds(1e15, 2e12, 140e9, 320e3, 70e9)
    then = Speeds(3e15, 4e12, 140e9, 320e3, 70e9)
    found = factors_of(now, then)
    assert found.base == pytest.approx(1 / 2)
    assert found.per_kv_token == pytest.approx(1 / 2)
    assert found.per_longest == pytest.approx(1 / 2)
    assert found.per_running == pytest.approx(1 / 3)
    assert found.per_prefill_token == pytest.approx(1 / 3)
    assert found.with_prefill == 1.0


def test_only_the_weights_read_change_when_they_take_half_the_bytes() -> None:
    now = Speeds(1e15, 2e12, 140e9, 320e3, 70e9)
    found = factors_of(now, Speeds(1e15, 2e12, 70e9, 320e3, 70e9))
    assert found == LawFactors(base=0.5)


def test_a_distilled_model_computes_by_its_parameters_when_it_is_smaller() -> None:
    now = Speeds(1e15, 2e12, 140e9, 320e3, 70e9)
    found = factors_of(now, Speeds(1e15, 2e12, 16e9, 128e3, 8e9))
    assert found.per_prefill_token == pytest.approx(8 / 70)
    assert found.base == pytest.approx(16 / 140)
    assert found.per_kv_token == pytest.approx(0.4)


def test_a_law_keeps_its_threshold_when_it_is_scaled() -> None:
    found = scaled(LAW, LawFactors(base=0.5, per_longest=3.0))
    assert found == StepLaw(0.01, 0.001, 2e-7, 4e-5, 0.005, 3e-6, 8)


def test_a_request_ends_sooner_by_what_is_accepted_when_a_drafter_helps() -> None:
    # Alone: 0.1 s per step. With 2.5 tokens per step of 0.1 + 0.025 s: 0.05 s per token.
    # The first token takes a whole step, 0.125 s; the 20 others 1 s.
    law = with_drafter(StepLaw(0.1), tokens_per_step=2.5, draft_seconds=0.025)
    work = Work(np.zeros(1), np.array([10]), np.array([21]))
    served = simulate(work, law, Limits(max_num_seqs=1))
    assert served.first_token[0] == pytest.approx(0.125)
    assert served.ended[0] == pytest.approx(1.125)


def test_tokens_per_step_follow_the_geometric_sum_when_drafts_are_accepted_by_chance() -> None:
    # 1 + .5 + .25 + .125 of three drafts at one half; all four when every draft is accepted.
    assert tokens_per_step(0.5, 3) == pytest.approx(1.875)
    assert tokens_per_step(1.0, 3) == 4.0
    assert tokens_per_step(0.0, 3) == 1.0


def test_fewer_than_one_token_per_step_is_refused() -> None:
    with pytest.raises(ValueError, match="tokens_per_step must be at least 1"):
        with_drafter(LAW, 0.5)


def test_stated_factors_replace_those_of_facts_when_both_are_given() -> None:
    change = ChipChange.model_validate({"factors": {"base": 0.7}, "watts_factor": 1.2})
    derived = LawFactors(base=0.5, per_running=0.4)
    assert change.factors.over(derived) == LawFactors(base=0.7, per_running=0.4)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "change something"),
        ({"tiers": "small"}, "change something"),
        ({"tiers": "small", "deployments": "a", "watts_factor": 2}, "not both"),
        ({"speculative": {"draft_seconds": 1}}, "give either tokens_per_step"),
        ({"speculative": {"acceptance_rate": 0.5}}, "give either tokens_per_step"),
        ({"speculative": {"tokens_per_step": 0.5}}, "greater than or equal to 1"),
        ({"factors": {"base": 0}}, "greater than 0"),
        ({"factors": {"speed": 2}}, "Extra inputs"),
    ],
)
def test_a_section_is_refused_when_it_says_nothing_or_too_much(
    section: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        ChipChange.model_validate(section)


def test_the_acceptance_length_is_derived_when_a_rate_is_given() -> None:
    change = ChipChange.model_validate({"speculative": {"acceptance_rate": 0.5, "drafted": 3}})
    assert change.speculative is not None
    assert change.speculative.length() == pytest.approx(1.875)
