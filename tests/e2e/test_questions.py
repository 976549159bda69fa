"""The analysts' questions of `dbt/analyses` on the sample fleet: typed out, and as Polars answers them."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from tests.e2e.running import Demo
from tests.questions.by_polars import ANSWERS
from tokenworks.published import query

pytestmark = pytest.mark.e2e

# What a reader would be told: question, the row that holds it, the column, the answer.
TOLD: list[tuple[str, dict[str, Any], str, float]] = [
    ("01_what_does_a_million_tokens_cost", {"tier": "small", "region": "us-east"}, "list_usd_per_m_output", 0.615),
    ("02_where_did_every_dollar_go", {"category": "served"}, "cost_usd", 438.40),
    ("03_what_did_each_tenant_cost", {"tenant_id": "delta", "event_month": "2026-10"}, "request_count", 4777),
    ("04_when_is_the_fleet_idle", {"utc_hour_of_day": 0}, "gpu_hours_assigned", 133),
    ("05_how_fast_is_each_tier", {"tier": "large", "measure": "ttft"}, "p95_seconds", 1.12),
    ("06_which_days_missed_their_objectives", {"event_date": "2026-11-01"}, "attainment_den", 79),
    ("07_what_did_caching_bring", {"model": "qwen3-8b", "region": "us-east"}, "cached_share", 0.531),
    ("08_which_requests_were_most_expensive", {"request_id": "chatcmpl-eu-large-797"}, "output_total_tokens", 9312),
    ("09_how_much_energy_does_a_token_take", {"model": "qwen3-8b", "region": "us-east"}, "carbon_grams_per_kwh", 379),
    ("10_what_limits_each_deployment", {"deployment_id": "small-us"}, "hour_count", 336),
    ("11_what_is_wasted", {"tenant_id": "delta"}, "waste_usd", 4.85),
    ("12_what_does_the_next_100_ms_cost", {"tier": "large", "region": "us-east"}, "usd_per_m_output_for_100_ms", 40.87),
]  # fmt: skip


def _answer(demo: Demo, question: str) -> pl.DataFrame:
    columns, rows = query(demo.settings, f"from q{question}")
    return pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)


def _is_close(left: object, right: object, tolerance: float) -> bool:
    if isinstance(left, float | Decimal) and isinstance(right, float | Decimal | int):
        return math.isclose(float(left), float(right), rel_tol=tolerance, abs_tol=1e-12)
    return left == right


@pytest.mark.parametrize("question", ANSWERS)
def test_answer_equals_what_polars_finds(demo: Demo, question: str) -> None:
    """Percentiles of the sketches may be off by their 1 %; everything else is equal."""
    tolerance = 0.011 if question.startswith("05") else 1e-9
    answer = _answer(demo, question)
    other = ANSWERS[question](
        lambda mart: pl.scan_parquet(demo.settings.publish / "parquet" / mart / "**/*.parquet")
    ).collect()
    assert set(other.columns) == set(answer.columns)
    keys = [c for c in answer.columns if answer[c].dtype not in (pl.Float64, pl.Decimal)]
    left, right = (frame.select(answer.columns).sort(keys) for frame in (answer, other))
    assert left.height == right.height > 0
    for one, two in zip(left.rows(named=True), right.rows(named=True), strict=True):
        different = [c for c in one if not _is_close(one[c], two[c], tolerance)]
        assert different == [], (one, two)


@pytest.mark.parametrize(("question", "row", "column", "told"), TOLD)
def test_answer_is_what_the_sample_holds(
    demo: Demo, question: str, row: dict[str, Any], column: str, told: float
) -> None:
    answer = _answer(demo, question)
    held = answer.filter(
        *(pl.col(name).cast(pl.String).str.starts_with(str(value)) for name, value in row.items())
    )
    assert held.height > 0
    assert any(
        math.isclose(float(value), told, rel_tol=0.01) for value in held[column].drop_nulls()
    )
