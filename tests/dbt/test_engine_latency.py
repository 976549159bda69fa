"""Latency from the engines' histograms, against a published sample and numbers computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[[str], list[tuple[Any, ...]]]


def _quantiles(ask: Ask, model: str, metric: str) -> tuple[Any, ...]:
    rows = ask(
        "select observation_count, mean_seconds, p50_seconds, p50_is_censored, p90_seconds, "
        "p95_seconds, p95_is_censored, p99_seconds, is_low_n, bucket_count from rpt_engine_latency "
        f"where model = '{model}' and metric = '{metric}'"
    )
    assert len(rows) == 1
    return rows[0]


def test_quantile_is_censored_when_it_lies_in_the_unbounded_bucket(ask: Ask) -> None:
    """77 % of the published sample lies above 30 s: its median is unknown, its mean is not."""
    found = _quantiles(ask, "llama-large", "time_to_first_token_seconds")
    assert found[0] == 11008
    assert found[1] == pytest.approx(213.6535, abs=5e-5)
    assert found[2:5] == (30.0, True, 30.0)


def test_quantiles_equal_the_published_sample_when_they_lie_within_buckets(ask: Ask) -> None:
    found = _quantiles(ask, "llama-large", "request_time_per_output_token_seconds")
    assert found[0] == 7400757
    assert found[1] == pytest.approx(0.117145, abs=5e-7)
    assert found[2] == pytest.approx(0.0930824, abs=5e-8)
    assert found[3] is False
    assert found[7] == pytest.approx(0.6322765, abs=5e-8)


def test_layouts_merge_at_their_common_bounds_when_engines_have_other_buckets(ask: Ask) -> None:
    """4 + 2 gained and 6 after a restart beside 10 of another layout: 10 up to 0.1, 20 up to 1, 22."""
    found = _quantiles(ask, "llama-small", "request_queue_time_seconds")
    assert found[0] == 22
    assert found[1] == pytest.approx(0.5)
    assert found[2] == pytest.approx(0.19)
    assert found[4] == pytest.approx(0.982)
    assert found[5:7] == (1.0, True)
    assert found[7:] == (None, True, 2)
