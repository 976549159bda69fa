"""The capacity lever: limits, scaling, presence; prefill and decode apart."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tokenworks.replay.language.capacity import Capacity
from tokenworks.replay.language.disaggregation import Disaggregation
from tokenworks.replay.serving.capacity import Presence, limits_under, replicas_under
from tokenworks.replay.serving.disaggregation import Pool, Transfer, serve_apart
from tokenworks.replay.serving.steps import Autoscale, Limits, StepLaw, Work, simulate

NOW = Limits(max_num_seqs=64, token_budget=2048, kv_blocks=1000)


def test_what_is_left_out_stays_when_limits_change() -> None:
    lever = Capacity(kv_blocks=500)
    assert limits_under(lever, NOW) == Limits(64, 2048, 500)


def test_the_budget_grows_with_the_batch_when_it_would_not_hold_its_tokens() -> None:
    assert limits_under(Capacity(max_num_seqs=4096), NOW) == Limits(4096, 4096, 1000)


def test_replicas_follow_the_lever_when_it_scales() -> None:
    assert replicas_under(Capacity(replicas=3), 2) == 3
    assert replicas_under(Capacity(kv_blocks=5), 2) == 2
    zero = Capacity.model_validate({"scale_to_zero": {"idle_seconds": 60}})
    assert replicas_under(zero, 2) == Autoscale(
        0, 2, 32.0, cold_start_seconds=60.0, scale_down_delay_seconds=60.0
    )
    scaled = Capacity.model_validate({"autoscale": {"lowest": 1, "highest": 9, "target": 8}})
    assert replicas_under(scaled, 2) == Autoscale(1, 9, 8.0, cold_start_seconds=60.0)


def test_idling_is_what_is_on_and_does_not_work() -> None:
    # One replica works 0 to 3 and 7 to 9 (1 s per token), the other never; both on for 9 s.
    work = Work(np.array([0.0, 7.0]), np.ones(2, int), np.array([3, 2]), replica=np.zeros(2, int))
    served = simulate(work, StepLaw(1.0), Limits(max_num_seqs=1), 2)
    assert Presence.of(served) == Presence(18.0, 5.0, 13.0, 0)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({}, "change something"),
        ({"tiers": ["a"], "deployments": ["b"], "replicas": 2}, "not both"),
        ({"replicas": 0}, "greater than or equal to 1"),
        ({"max_num_seqs": 64, "token_budget": 32}, "one token of each"),
        ({"autoscale": {"lowest": 3, "highest": 2, "target": 1}}, "lowest must not exceed"),
        (
            {"autoscale": {"lowest": 1, "highest": 2, "target": 1}, "replicas": 2},
            "autoscale excludes",
        ),
    ],
)
def test_a_section_is_refused_when_it_contradicts_itself(
    section: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        Capacity.model_validate(section)


def test_a_request_travels_between_the_pools_when_they_are_apart() -> None:
    # 20 prompt tokens: 1 + 20 x 0.1 = 3 s of prefill; 20 x 0.05 + 1 = 2 s of travel;
    # then 4 tokens of 2 s + 0.01 per token in KV: 2.20 + 2.21 + 2.22 + 2.23 = 8.86 s.
    # The second, of one token, arrives meanwhile, waits for the prefill pool and never travels.
    work = Work(np.array([0.0, 1.0]), np.array([20, 10]), np.array([5, 1]))
    apart = serve_apart(
        work,
        Pool(StepLaw(1.0, per_prefill_token=0.1), Limits(max_num_seqs=1)),
        Pool(StepLaw(2.0, per_kv_token=0.01), Limits(max_num_seqs=8)),
        Transfer(1.0, 0.05),
    )
    assert apart.first_token.tolist() == pytest.approx([3.0, 5.0])
    assert apart.transfer_seconds.tolist() == pytest.approx([2.0, 0.0])
    assert apart.ended.tolist() == pytest.approx([3 + 2 + 8.86, 5.0])
    assert apart.decode.prefill_tokens.tolist() == [0]


def test_a_handed_over_request_waits_when_its_blocks_do_not_fit() -> None:
    # Two requests of 8 prompt tokens in 5 blocks of 4: both hold 3 blocks from their next token
    # on, so the second to come waits until the first, with 8 more tokens, has ended.
    work = Work(
        np.array([0.0, 0.0]), np.array([8, 8]), np.array([8, 2]), prefilled=np.array([True, True])
    )
    served = simulate(work, StepLaw(1.0), Limits(max_num_seqs=2, kv_blocks=5, block_tokens=4))
    assert served.admitted.tolist() == [0.0, 8.0]
    assert served.ended.tolist() == [8.0, 10.0]


def test_pools_apart_are_refused_when_turns_wait_for_answers() -> None:
    work = Work(np.zeros(2), np.ones(2, int), np.ones(2, int), previous=np.array([-1, 0]))
    pool = Pool(StepLaw(1.0), Limits(max_num_seqs=1))
    with pytest.raises(ValueError, match="open loop only"):
        serve_apart(work, pool, pool, Transfer())


@pytest.mark.parametrize(
    ("travel", "said"),
    [
        ({}, "give transfer_seconds_per_token, or"),
        ({"kv_bytes_per_token": 1000}, "give transfer_seconds_per_token, or"),
        (
            {
                "transfer_seconds_per_token": 0,
                "kv_bytes_per_token": 1000,
                "bytes_per_second": 1e9,
            },
            "give transfer_seconds_per_token, or",
        ),
    ],
)
def test_pools_apart_say_how_a_prompt_travels_in_one_way_when_written(
    travel: dict[str, float], said: str
) -> None:
    section = {"prefill": {"replicas": 1}, "decode": {"replicas": 1}, **travel}
    with pytest.raises(ValidationError, match=said):
        Disaggregation.model_validate(section)
