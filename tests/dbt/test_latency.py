"""Latency of the small lake's requests by hour, and sketches that merge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[[str], list[tuple[Any, ...]]]


def test_hours_hold_each_tenant_when_two_share_a_deployment(ask: Ask) -> None:
    """r1: 101 tokens in 600 s, the first after half a second; r2: 200 in 900 s, after two."""
    found = ask(
        "select tenant_id, request_count, ttft_p50_seconds, tpot_p50_seconds, e2e_p95_seconds, "
        "normalized_p50_seconds, ttft_p99_seconds from rpt_latency_hours "
        "where model = 'llama-small' and hour_start = '2026-09-01 10:00' order by 1"
    )
    assert found[0][:3] == ("acme", 1, 0.5)
    assert found[0][3] == pytest.approx(5.995)
    assert found[0][4:] == (600.0, pytest.approx(5.9405940594), None)
    assert found[1][:3] == ("beta", 1, 2.0)
    assert found[1][3] == pytest.approx(898 / 199)
    assert found[1][4:] == (900.0, 4.5, None)


def test_sketches_merge_within_one_percent_when_hours_add_up(ask: Ask) -> None:
    """Durations of 600, 900, 3600, 3600 and 0.1 s that did not fail: the third largest is 900."""
    found = ask(
        "with merged as (select bucket, value_seconds, sum(observation_count) as n "
        "from fct_latency_sketches where model = 'llama-small' and measure = 'e2e' group by all) "
        "select value_seconds, n from merged order by bucket"
    )
    values = [value for value, n in found for _ in range(int(n))]
    assert len(values) == 5
    for value, exact in zip(values, [0.1, 600, 900, 3600, 3600], strict=True):
        assert value == pytest.approx(exact, rel=0.01)


def test_interactivity_is_the_inverse_of_the_time_per_token(ask: Ask) -> None:
    found = ask(
        "select tpot_p50_seconds * interactivity_p50_tokens_per_second, "
        "tpot_p90_seconds * interactivity_p10_tokens_per_second "
        "from rpt_latency where model = 'llama-small'"
    )
    assert found == [(pytest.approx(1.0), pytest.approx(1.0))]
