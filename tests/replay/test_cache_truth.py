"""Caches on public data other than block traces, to their published values."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tokenworks.replay.caches.hit_ratio import ratio_by_group
from tokenworks.replay.caches.semantic import curve_of_pairs, exact_hits


def shared(folder: Path, name: str) -> Path:
    path = folder / "replay" / name
    if not path.exists():
        pytest.skip(f"needs {name} among the shared public files")
    return path


def test_sessions_hit_as_published_when_each_has_an_infinite_cache(shared_data: Path) -> None:
    """Published of 710 sessions: 61, 92, 96, 97 and 100 % at the quartiles, 93 % on the mean.

    The file has every second session, so 1.5 points are allowed.
    """
    calls = pl.read_parquet(shared(shared_data, "claude_code_sessions_half.parquet"))
    sessions = calls["trace"].rank("dense").cast(pl.Int64).to_numpy() - 1
    ratios = ratio_by_group(
        calls["prefix_hit_blocks"].to_numpy(), calls["blocks"].to_numpy(), sessions
    )
    assert len(ratios) == 355
    quartiles = np.quantile(ratios, [0, 0.25, 0.5, 0.75, 1])
    assert quartiles == pytest.approx([0.61, 0.92, 0.96, 0.97, 1.00], abs=0.015)
    assert ratios.mean() == pytest.approx(0.93, abs=0.015)


@pytest.fixture(scope="module")
def pairs(shared_data: Path) -> tuple[list[str], list[str]]:
    """GPTCache's 999 questions and the same in other words."""
    path = shared(shared_data, "gptcache_mock_data.json.gz")
    found = json.loads(gzip.decompress(path.read_bytes()))
    assert len(found) == 999
    return [pair["origin"] for pair in found], [pair["similar"] for pair in found]


def test_no_question_hits_exactly_when_it_is_put_in_other_words(
    pairs: tuple[list[str], list[str]],
) -> None:
    assert exact_hits(*pairs) == 0


def test_hits_and_false_hits_equal_the_known_ones_when_pairs_are_measured(
    pairs: tuple[list[str], list[str]],
) -> None:
    curve = curve_of_pairs(*pairs, thresholds=(0.8, 0.7, 0.6, 0.5))
    assert [point.hit_ratio for point in curve] == pytest.approx(
        [0.2973, 0.5415, 0.7487, 0.8799], abs=0.002
    )
    assert [point.false_hit_ratio for point in curve] == pytest.approx(
        [0.0060, 0.0220, 0.0410, 0.0601], abs=0.002
    )
