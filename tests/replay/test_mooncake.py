"""The cache kernels on the public Mooncake conversation trace, to its known values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.caches.hit_ratio import hit_ratios, last_half, tokens_of_runs
from tokenworks.replay.caches.policies import leading_hits
from tokenworks.replay.caches.prefix import CachePlan, Places, cached_tokens
from tokenworks.replay.caches.reuse import reuse_by_owner
from tokenworks.replay.caches.stack_distance import hits_by_capacity, required_capacities
from tokenworks.replay.caches.trie import TriePolicy, prefix_nodes, trie_runs
from tokenworks.replay.traffic.fleet import Fleet
from tokenworks.replay.traffic.prompts import Prompts


@dataclass(frozen=True)
class Trace:
    ids: np.ndarray
    offsets: np.ndarray
    distinct: int
    inputs: np.ndarray
    outputs: np.ndarray


@pytest.fixture(scope="module")
def trace(shared_data: Path) -> Trace:
    path = shared_data / "llm_traces" / "mooncake_conversation_trace.jsonl.gz"
    if not path.exists():
        pytest.skip(f"needs {path.name} among the shared public files")
    frame = pl.read_ndjson(path)
    distinct, ids = np.unique(frame["hash_ids"].explode().to_numpy(), return_inverse=True)
    counts = frame["hash_ids"].list.len().to_numpy().astype(np.int64)
    return Trace(
        ids.astype(np.int32),
        np.concatenate([[0], np.cumsum(counts)]),
        len(distinct),
        frame["input_length"].to_numpy(),
        frame["output_length"].to_numpy(),
    )


def test_counts_are_exact_when_the_trace_is_read(trace: Trace) -> None:
    assert len(trace.inputs) == 12_031
    assert trace.inputs.sum() == 144_793_823
    assert trace.outputs.sum() == 4_122_048
    assert len(trace.ids) == 288_500
    assert trace.distinct == 182_790


def test_ratios_equal_the_known_ones_when_the_cache_is_infinite(trace: Trace) -> None:
    runs, _ = leading_hits(trace.ids, trace.offsets, trace.distinct, trace.distinct, "lru")
    blocks = np.diff(trace.offsets)
    tokens = tokens_of_runs(runs, 512, trace.inputs)
    whole = hit_ratios(runs, blocks, tokens, trace.inputs)
    assert whole.blocks_ratio == pytest.approx(0.36641, abs=1e-5)
    assert whole.tokens_ratio == pytest.approx(0.37362, abs=1e-5)
    assert whole.request_mean_ratio == pytest.approx(0.40938, abs=1e-5)
    half = last_half(len(runs))
    late = hit_ratios(runs[half], blocks[half], tokens[half], trace.inputs[half])
    assert late.blocks_ratio == pytest.approx(0.38996, abs=1e-5)
    assert late.tokens_ratio == pytest.approx(0.39811, abs=1e-5)
    assert (late.hit_tokens, late.input_tokens) == (27_038_068, 67_915_607)


def test_the_ratio_is_low_when_the_cache_starts_cold(trace: Trace) -> None:
    runs, _ = leading_hits(trace.ids, trace.offsets, trace.distinct, trace.distinct, "lru")
    tokens = tokens_of_runs(runs, 512, trace.inputs)
    assert tokens[:1_000].sum() / trace.inputs[:1_000].sum() == pytest.approx(0.216, abs=5e-4)


def test_larger_blocks_hit_less_when_the_traffic_is_the_same(trace: Trace) -> None:
    """Whole blocks of 4,096 tokens, each named by the last of its eight: 0.374 becomes 0.291."""
    counts = np.diff(trace.offsets) // 8
    offsets = np.concatenate([[0], np.cumsum(counts)])
    order = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    ids = trace.ids[np.repeat(trace.offsets[:-1], counts) + order * 8 + 7]
    runs, _ = leading_hits(ids, offsets, trace.distinct, trace.distinct, "lru")
    tokens = tokens_of_runs(runs, 4_096, trace.inputs)
    assert tokens.sum() / trace.inputs.sum() == pytest.approx(0.291, abs=5e-4)


CURVE = [(1_000, 0.0445), (10_000, 0.2112), (30_000, 0.3257), (50_000, 0.3546), (100_000, 0.3637)]


@pytest.mark.parametrize(("capacity", "ratio"), CURVE)
def test_lru_equals_the_known_ratio_when_the_capacity_is_given(
    trace: Trace, capacity: int, ratio: float
) -> None:
    runs, _ = leading_hits(trace.ids, trace.offsets, trace.distinct, capacity, "lru")
    assert runs.sum() / len(trace.ids) == pytest.approx(ratio, abs=1e-4)


def test_one_pass_equals_lru_exactly_when_read_at_the_same_capacities(trace: Trace) -> None:
    required = required_capacities(trace.ids, trace.offsets, trace.distinct)
    steps, hits = hits_by_capacity(required, np.ones(len(trace.ids), dtype=np.int64))
    for capacity, _ in CURVE:
        runs, _ = leading_hits(trace.ids, trace.offsets, trace.distinct, capacity, "lru")
        assert hits[np.searchsorted(steps, capacity, side="right") - 1] == runs.sum()


def test_belady_hits_no_less_when_compared_with_lru(trace: Trace) -> None:
    for capacity in (1_000, 10_000):
        lru = leading_hits(trace.ids, trace.offsets, trace.distinct, capacity, "lru")[1].sum()
        bound = leading_hits(trace.ids, trace.offsets, trace.distinct, capacity, "belady")[1].sum()
        assert bound >= lru


def test_hit_tokens_equal_the_known_ones_when_leaves_alone_are_evicted(trace: Trace) -> None:
    """8,192 blocks, tokens of the last half; FIFO is flat, and the bound reaches the ceiling."""
    nodes, parents = prefix_nodes(trace.ids, trace.offsets)
    assert len(parents) == trace.distinct
    half = last_half(len(trace.inputs))
    known: dict[TriePolicy, int] = {"lru": 12_781_765, "belady": 27_038_068}
    for policy, expected in known.items():
        runs = trie_runs(nodes, parents, trace.offsets, 8_192, policy)
        assert tokens_of_runs(runs, 512, trace.inputs)[half].sum() == expected
    runs, _ = leading_hits(trace.ids, trace.offsets, trace.distinct, 8_192, "fifo")
    assert tokens_of_runs(runs, 512, trace.inputs)[half].sum() == 11_210_017


@pytest.mark.parametrize(("replicas", "ratio"), [(4, 0.19557), (8, 0.13899)])
def test_token_reuse_equals_the_known_ratio_when_replicas_take_turns(
    trace: Trace, replicas: int, ratio: float
) -> None:
    """Round robin over replicas of 400,000 blocks; Dynamo 1.3.1 has 0.19551 and 0.13896."""
    count = len(trace.inputs)
    prompts = Prompts(
        ids=trace.ids,
        offsets=trace.offsets,
        block_count=trace.distinct,
        block_tokens=512,
        input_tokens=trace.inputs,
        known=np.ones(count, dtype=np.bool_),
    )
    places = Places(np.zeros(count, dtype=np.int64), np.arange(count) % replicas)
    names, ones, weights = ("a",), np.ones(1, dtype=np.int64), np.ones(1)
    facts = (ones, ones, ones, weights, weights, weights, 0 * ones, 0 * ones)
    fleet = Fleet(names, names, names, names, *facts)
    plan = CachePlan(np.array([400_000]), "lru", "replica")
    tokens, runs = cached_tokens(prompts, plan, places, np.zeros(count, dtype=np.int64), fleet)
    assert tokens.sum() / trace.inputs.sum() == pytest.approx(ratio, abs=1e-5)
    owners = np.arange(count) % 3
    reuse = reuse_by_owner(prompts, places.streams, runs, owners, ["a", "b", "c"])
    assert reuse.saved.sum() == tokens.sum()
