"""Logs that lack requests: found out, refused, or sampled so that reuse survives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.caches.hit_ratio import tokens_of_runs
from tokenworks.replay.caches.policies import runs_of
from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.prefix_cache import PrefixCache
from tokenworks.replay.language.scenario import Scenario
from tokenworks.replay.prepare import open_stage
from tokenworks.replay.traffic.blocks import check_blocks, prompts_in, why_no_blocks
from tokenworks.replay.traffic.columns import Columns
from tokenworks.replay.traffic.marts import REQUESTS
from tokenworks.replay.traffic.requests import load_traffic
from tokenworks.replay.traffic.sampling import (
    missing_numbers_ratio,
    prefix_roots,
    root_sample,
    unexplained_hits_ratio,
    why_sampled,
)

BLOCK = 512


def blocks_of(frame: pl.DataFrame) -> tuple[pl.Series, np.ndarray]:
    column = frame["prefix_block_hashes"]
    offsets = np.concatenate([[0], np.cumsum(column.list.len().to_numpy())])
    return column.explode(), offsets.astype(np.int64)


def hit_tokens(frame: pl.DataFrame) -> np.ndarray:
    """Tokens that an infinite cache holds of each prompt."""
    flat, offsets = blocks_of(frame)
    runs, _ = runs_of(~flat.is_first_distinct().to_numpy(), offsets)
    return tokens_of_runs(runs, BLOCK, frame["input_total_tokens"].to_numpy())


def hit_ratio(frame: pl.DataFrame) -> float:
    return float(hit_tokens(frame).sum() / frame["input_total_tokens"].sum())


@pytest.fixture(scope="module")
def conversations(shared_data: Path) -> pl.DataFrame:
    """The public Mooncake conversation trace as requests, with the hits of an infinite cache."""
    path = shared_data / "llm_traces" / "mooncake_conversation_trace.jsonl.gz"
    if not path.exists():
        pytest.skip(f"needs {path.name} among the shared public files")
    frame = pl.read_ndjson(path).select(
        prefix_block_hashes="hash_ids", input_total_tokens="input_length"
    )
    return frame.with_columns(recorded=pl.Series(hit_tokens(frame)))


def why(frame: pl.DataFrame, hashes: bool = True, are_roots_whole: bool = False) -> str | None:
    """The reason; with `hashes` false the numbers become hashes that count nothing."""
    if not hashes:
        scattered = pl.element().hash(7).reinterpret(signed=True)
        frame = frame.with_columns(pl.col("prefix_block_hashes").list.eval(scattered))
    frame = frame.with_columns(prefix_block_tokens=pl.lit(BLOCK))
    recorded = frame["recorded"].cast(pl.Float64).to_numpy()
    return why_sampled(*prompts_in(Columns.of(frame), BLOCK), recorded, are_roots_whole)


def test_reuse_is_lost_when_one_request_in_ten_is_kept(conversations: pl.DataFrame) -> None:
    """A hit ratio of 37.4 % becomes 11.1 %; it depends on which tenth is kept."""
    assert hit_ratio(conversations) == pytest.approx(0.3736, abs=1e-4)
    assert hit_ratio(conversations[3::10]) == pytest.approx(0.1108, abs=1e-4)
    assert hit_ratio(conversations[6::10]) == pytest.approx(0.1531, abs=1e-4)


def test_a_request_sample_is_refused_when_only_its_numbers_tell(
    conversations: pl.DataFrame,
) -> None:
    unrecorded = conversations.with_columns(recorded=None)
    assert why(unrecorded) is None
    assert "90.4% of the numbers never appear" in str(why(unrecorded[3::10]))


@pytest.mark.parametrize("step", [2, 10])
def test_a_request_sample_is_refused_when_only_recorded_hits_tell(
    conversations: pl.DataFrame, step: int
) -> None:
    assert why(conversations, hashes=False) is None
    assert "have no earlier prompt in the log" in str(why(conversations[::step], hashes=False))


def test_a_window_is_no_sample_when_it_starts_cold(conversations: pl.DataFrame) -> None:
    assert why(conversations[6_015:]) is None
    assert why(conversations[6_015:], hashes=False) is None


def test_reuse_survives_when_whole_roots_are_sampled(conversations: pl.DataFrame) -> None:
    """The mean over 20 samples of a tenth of the roots lies within a point of the whole."""
    flat, offsets = blocks_of(conversations)
    hits = tokens = 0
    for seed in range(20):
        kept = conversations.filter(pl.Series(root_sample(flat.to_numpy(), offsets, 0.1, seed)))
        assert 1_050 < kept.height < 1_350
        assert why(kept, are_roots_whole=True) is None
        hits += hit_tokens(kept).sum()
        tokens += kept["input_total_tokens"].sum()
    assert hits / tokens == pytest.approx(0.3736, abs=0.01)


def turns(lost: int) -> tuple[np.ndarray, np.ndarray]:
    """30 conversations of two turns, blocks numbered through; `lost` numbers between any two."""
    prompts: list[list[int]] = []
    free = 0
    for turn in range(2):
        for talk in range(30):
            held = prompts[talk] if turn else []
            prompts.append([*held, free, free + 1])
            free += 2 + lost
    offsets = np.concatenate([[0], np.cumsum([len(prompt) for prompt in prompts])])
    return np.array([block for prompt in prompts for block in prompt]), offsets


def test_numbers_are_missed_when_blocks_are_counted_through() -> None:
    """119 of 120 blocks are new after the first; 58 of 59 gaps of 2 count, not the widest."""
    assert missing_numbers_ratio(*turns(lost=0)) == 0.0
    assert missing_numbers_ratio(*turns(lost=2)) == pytest.approx(116 / (119 + 116))


def test_nothing_is_known_of_missing_numbers_when_hashes_count_nothing() -> None:
    scattered = np.random.default_rng(3).integers(-(2**62), 2**62, 400)
    assert missing_numbers_ratio(scattered, np.arange(0, 401, 4)) is None
    assert missing_numbers_ratio(np.zeros(0, dtype=np.int64), np.array([0])) is None
    # Each conversation has a thousand numbers of its own and counts through them.
    own = np.concatenate(
        [1_000 * talk + np.arange(length) for length in (2, 4) for talk in range(60)]
    )
    offsets = np.concatenate([np.arange(0, 121, 2), np.arange(124, 361, 4)])
    assert missing_numbers_ratio(own, offsets) is None


def test_recorded_hits_are_explained_when_an_earlier_prompt_had_the_blocks() -> None:
    """Blocks of 100. The last two of four prompts recorded 250 and 200: two blocks were there
    before, one more may be found in part, so 250 is explained. The other's 200 had one block of
    another prompt's at most in part: 100 of 450 have no source."""
    # The blocks 1 2, 3, 1 2 4 and 9 8.
    seen = np.array([False, False, False, True, True, False, False, False])
    offsets = np.array([0, 2, 3, 6, 8])
    inputs = np.array([200, 100, 300, 200])
    recorded = np.array([0.0, np.nan, 250.0, 200.0])
    found = unexplained_hits_ratio(seen, offsets, 100, inputs, recorded)
    assert found == pytest.approx(100 / 450)
    assert unexplained_hits_ratio(seen, offsets, 100, inputs, np.full(4, np.nan)) is None


def test_prompts_part_at_their_first_rare_block_when_all_begin_alike() -> None:
    """Of 200 prompts all begin with 7; each pair shares a second block; the last has 7 alone."""
    prompts = [[7, 100 + number // 2, 1_000 + number] for number in range(199)] + [[7]]
    hashes = np.array([block for prompt in prompts for block in prompt])
    offsets = np.concatenate([[0], np.cumsum([len(prompt) for prompt in prompts])])
    roots = prefix_roots(hashes, offsets)
    assert roots[:5].tolist() == [100, 100, 101, 101, 102]
    assert roots[199] == 7


def kept_part(marts: Path, folder: Path, kept: pl.Expr) -> Path:
    """Published marts with a part of their requests."""
    for mart in marts.iterdir():
        (folder / mart.name).mkdir()
        frame = pl.read_parquet(mart / "data.parquet")
        if mart.name == REQUESTS:
            frame = frame.sort("started_at").filter(kept)
        frame.write_parquet(folder / mart.name / "data.parquet")
    return folder


@pytest.mark.parametrize("are_roots_whole", [False, True])
def test_the_lever_is_refused_when_the_published_log_is_a_request_sample(
    busy_marts: Path, tmp_path: Path, are_roots_whole: bool
) -> None:
    """Every tenth request of a fleet whose recorded hits came from all of them, said or not."""
    scenario = Scenario(name="sampled")
    assert why_no_blocks(load_traffic(busy_marts, scenario)) is None
    sampled = kept_part(busy_marts, tmp_path, pl.int_range(pl.len()) % 10 == 0)
    with pytest.raises(LeverRefusedError, match=r"requests are missing.*sampled_roots_ratio"):
        check_blocks(load_traffic(sampled, scenario), are_roots_whole=are_roots_whole)


def test_the_lever_is_carried_when_a_sample_of_whole_roots_says_so(
    busy_marts: Path, tmp_path: Path
) -> None:
    """Every third conversation, by its first block: refused unless it is said to be such."""
    root = pl.col("prefix_block_hashes").list.first()
    sampled = kept_part(busy_marts, tmp_path, root % 3 == 0)
    traffic = load_traffic(sampled, Scenario(name="sampled"))
    with pytest.raises(LeverRefusedError, match="numbers never appear"):
        check_blocks(traffic)
    check_blocks(traffic, are_roots_whole=True)
    lever = PrefixCache(capacity_tokens=64_000, sampled_roots_ratio=0.33)
    stage = open_stage(Scenario(name="sampled", prefix_cache=lever), traffic)
    assert stage.prompts is not None
    assert open_stage(Scenario(name="sampled"), traffic).prompts is None
