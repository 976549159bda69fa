"""Which replica a request goes to, and what that does to prefix caches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.caches.hit_ratio import hit_ratios, tokens_of_runs
from tokenworks.replay.serving.steps import (
    Limits,
    PrefixCaches,
    Routing,
    StepLaw,
    Work,
    simulate,
)
from tokenworks.replay.traffic.prompts import Prompts

LAW, LIMITS = StepLaw(1.0), Limits(max_num_seqs=4)


def work(arrivals: list[float], output: list[int], session: list[int] | None = None) -> Work:
    """Requests of one prompt token."""
    return Work(
        np.array(arrivals),
        np.ones(len(arrivals), dtype=np.int64),
        np.array(output),
        session=None if session is None else np.array(session),
    )


def prompts(blocks: list[list[int]], block_tokens: int = 10) -> Prompts:
    """Prompts of whole blocks."""
    counts = np.array([len(one) for one in blocks])
    ids = np.array([block for one in blocks for block in one], dtype=np.int32)
    return Prompts(
        ids=ids,
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        block_count=int(ids.max()) + 1,
        block_tokens=block_tokens,
        input_tokens=counts * block_tokens,
        known=counts > 0,
    )


def test_requests_take_turns_when_routed_round_robin() -> None:
    served = simulate(work([0, 1, 2, 3], [9] * 4), LAW, LIMITS, 3, routing=Routing("round_robin"))
    assert served.replica.tolist() == [0, 1, 2, 0]


def test_requests_go_to_the_least_loaded_when_no_policy_is_named() -> None:
    # 0 serves the first for long; the second and third go to 1; then they tie, 0 is next.
    served = simulate(work([0.0, 1.0, 3.5, 4.0], [9, 1, 9, 1]), LAW, LIMITS, 2)
    assert served.replica.tolist() == [0, 1, 1, 0]


def test_turns_stay_together_when_routed_by_session() -> None:
    served = simulate(
        work([0, 1, 2, 3, 4], [9] * 5, [5, 6, 5, -1, 6]),
        LAW,
        LIMITS,
        3,
        routing=Routing("session"),
    )
    assert served.replica.tolist() == [0, 1, 0, 2, 1]


def test_routing_by_session_is_refused_when_sessions_are_not_given() -> None:
    with pytest.raises(ValueError, match="needs the session"):
        simulate(work([0], [1]), LAW, LIMITS, 2, routing=Routing("session"))


def shared_prefixes(request_tokens: float) -> list[int]:
    """Six prompts of which five begin alike, on two replicas."""
    blocks = [[0, 1], [0, 2], [9, 8], [0, 3], [0, 4], [0, 5]]
    asked = Work(np.arange(6.0), np.full(6, 20), np.full(6, 50))
    served = simulate(
        asked,
        LAW,
        Limits(max_num_seqs=8),
        2,
        routing=Routing("prefix", request_tokens=request_tokens),
        caches=PrefixCaches(prompts(blocks), 100),
    )
    return [int(one) for one in served.replica]


def test_one_replica_gets_all_that_begins_alike_when_load_does_not_count() -> None:
    assert shared_prefixes(0.0) == [0, 0, 1, 0, 0, 0]


def test_load_outweighs_the_prefix_when_a_request_weighs_more_than_it() -> None:
    # A shared block is 10 tokens. At 6 tokens per request in flight:
    # 2nd: 0 costs 6-10, 1 costs 0. 3rd: 0 costs 12, 1 costs 0. 4th: 12-10 against 6 -> 0.
    # 5th: 18-10 against 6 -> 1, which now holds the block too. 6th: 18-10 against 12-10 -> 1.
    assert shared_prefixes(6.0) == [0, 0, 1, 0, 1, 1]


def test_routing_by_prefix_is_refused_when_there_are_no_caches() -> None:
    with pytest.raises(ValueError, match="needs prefix caches"):
        simulate(work([0], [1]), LAW, LIMITS, 2, routing=Routing("prefix"))


def test_the_less_loaded_of_two_is_taken_when_two_are_drawn() -> None:
    # Of two replicas both are always drawn: the same as least loaded, but for ties.
    one = simulate(work([0, 1, 2, 3], [9] * 4), LAW, LIMITS, 2, routing=Routing("power_of_two"))
    assert sorted(one.replica[:2].tolist()) == [0, 1]
    assert sorted(one.replica[2:].tolist()) == [0, 1]
    many = work(list(range(500)), [40] * 500)
    balanced = simulate(many, LAW, LIMITS, 8, routing=Routing("power_of_two", seed=1))
    again = simulate(many, LAW, LIMITS, 8, routing=Routing("power_of_two", seed=1))
    other = simulate(many, LAW, LIMITS, 8, routing=Routing("power_of_two", seed=2))
    assert np.array_equal(balanced.replica, again.replica)
    assert not np.array_equal(balanced.replica, other.replica)
    assert np.bincount(balanced.replica).min() > 40


def test_cached_tokens_are_not_computed_when_the_replica_holds_the_prefix() -> None:
    # 20 tokens cold: 3 s with 0.1 s each; the same again: one token of 20 is computed, 1.1 s.
    asked = Work(np.array([0.0, 10.0, 20.0]), np.array([20, 20, 30]), np.array([1, 1, 1]))
    blocks = prompts([[0, 1], [0, 1], [0, 1, 2]])
    served = simulate(
        asked,
        StepLaw(1.0, per_prefill_token=0.1),
        LIMITS,
        caches=PrefixCaches(blocks, 8),
    )
    assert served.e2e_seconds.tolist() == pytest.approx([3.0, 1.1, 2.0])
    assert served.cached_tokens.tolist() == [0, 19, 20]
    assert served.cached_blocks.tolist() == [0, 2, 2]


def test_the_least_recently_used_block_goes_when_the_cache_is_full() -> None:
    asked = Work(np.arange(5.0) * 10, np.full(5, 10), np.ones(5, dtype=np.int64))
    served = simulate(
        asked, LAW, LIMITS, caches=PrefixCaches(prompts([[0], [1], [0], [2], [1]]), 2)
    )
    # Block 1 was used before 0 was used again: 2 takes its place.
    assert served.cached_blocks.tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize(("replicas", "ratio"), [(1, 0.37362), (4, 0.19557), (8, 0.13899)])
def test_token_reuse_equals_the_known_ratio_when_a_trace_goes_round(
    shared_data: Path, replicas: int, ratio: float
) -> None:
    path = shared_data / "llm_traces" / "mooncake_conversation_trace.jsonl.gz"
    if not path.exists():
        pytest.skip(f"needs {path.name} among the shared public files")
    frame = pl.read_ndjson(path)
    distinct, ids = np.unique(frame["hash_ids"].explode().to_numpy(), return_inverse=True)
    counts = frame["hash_ids"].list.len().to_numpy().astype(np.int64)
    inputs = frame["input_length"].to_numpy()
    blocks = Prompts(
        ids=ids.astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        block_count=len(distinct),
        block_tokens=512,
        input_tokens=inputs,
        known=counts > 0,
    )
    served = simulate(
        Work(frame["timestamp"].to_numpy() / 1e3, inputs, frame["output_length"].to_numpy()),
        StepLaw(0.01, 0.0005, 1e-8, 5e-5),
        Limits(max_num_seqs=256, token_budget=8192),
        replicas,
        routing=Routing("round_robin"),
        caches=PrefixCaches(blocks, 400_000),
    )
    tokens = tokens_of_runs(served.cached_blocks, 512, inputs)
    found = hit_ratios(served.cached_blocks, counts, tokens, inputs)
    assert found.tokens_ratio == pytest.approx(ratio, abs=1e-5)
