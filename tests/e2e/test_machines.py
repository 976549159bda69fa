"""Utilisation, memory and batching of the sample fleet, each found a second time by plain Polars."""

from __future__ import annotations

import gzip
import re

import polars as pl
import pytest

from tests.e2e.running import Ask, Demo

pytestmark = pytest.mark.e2e

# Qwen3-8B by its config.json: 36 layers of 32 heads of 128, width 4,096, 151,936 tokens; 6.946e9 parameters
# without the embeddings. The small tier runs on L4: 121 TFLOP/s dense, 300 GB/s.
PARAMETERS = 6_946_075_648
ATTENTION = 4 * 36 * 32 * 128
UNEMBEDDING = 2 * 4096 * 151_936
KV_BYTES = 2 * 36 * 8 * 128 * 2
L4_TFLOPS = 121


def _mart(demo: Demo, name: str) -> pl.LazyFrame:
    return pl.scan_parquet(demo.settings.publish / "parquet" / name / "**/*.parquet")


def _work(demo: Demo, deployment: str) -> tuple[float, float]:
    """TFLOP and gigabytes of keys and values of a deployment, request by request."""
    prompt, output = pl.col("prompt"), pl.col("output")
    cached = prompt - pl.col("computed")
    attended = prompt * (prompt + 1) // 2 - cached * (cached + 1) // 2
    decoded = output * prompt + output * (output + 1) // 2
    requests = (
        _mart(demo, "fct_requests")
        .filter(
            pl.col("deployment_id") == deployment,
            pl.col("status") != "rejected",
            ~pl.col("is_gateway_cache_hit").fill_null(False),
        )
        .select(
            prompt=pl.col("input_total_tokens").fill_null(0),
            computed=pl.coalesce("input_uncached_tokens", "input_total_tokens", 0),
            output=pl.col("output_total_tokens").fill_null(0),
        )
        .select(
            flops=(pl.col("computed") + output).sum() * 2.0 * PARAMETERS
            + (attended + decoded).sum() * float(ATTENTION)
            + (output + (prompt > 0)).sum() * float(UNEMBEDDING),
            kv_bytes=decoded.sum() * float(KV_BYTES),
        )
        .collect()
    )
    flops, kv_bytes = requests.row(0)
    return flops / 1e12, kv_bytes / 1e9


def test_work_of_a_deployment_is_that_of_its_requests(demo: Demo, ask_demo: Ask) -> None:
    """Hours are rounded down to a GFLOP and a megabyte each, so their sum stays a little behind."""
    found = ask_demo(
        "select sum(work_tflop), sum(kv_read_share_ratio * kv_read_share_den) from rpt_roofline "
        "where deployment_id = 'small-us'"
    )
    assert found == [pytest.approx(_work(demo, "small-us"), rel=1e-4)]
    assert found[0][0] > 100


def test_mfu_of_a_day_is_its_work_over_the_peak_of_its_busy_time(demo: Demo, ask_demo: Ask) -> None:
    hours = pl.col("deployment_id") == "small-us"
    on_date = pl.col("event_date") == pl.date(2026, 10, 28)
    work = _mart(demo, "rpt_roofline").filter(hours, on_date).select(pl.col("work_tflop").sum())
    busy = (
        _mart(demo, "fct_deployment_hours")
        .filter(hours, on_date)
        .select(pl.col("gpu_hours_busy").sum())
    )
    expected = work.collect().item() / (busy.collect().item() * 3600 * L4_TFLOPS)
    found = ask_demo(
        "select mfu_ratio from rpt_utilization_days "
        "where deployment_id = 'small-us' and event_date = '2026-10-28'"
    )
    assert found == [(pytest.approx(expected, rel=1e-4),)]


def test_kv_cache_is_what_the_engine_says_it_reserved(demo: Demo, ask_demo: Ask) -> None:
    """Weights of Qwen3-8B in bf16: 8,190,735,360 × 2 bytes of the 24 GB of an L4."""
    scrapes = demo.settings.landing / "engine_samples" / "vllm_prometheus" / "small-us-0"
    text = gzip.decompress(min(scrapes.iterdir()).read_bytes()).decode()
    config = re.search(r'block_size="(\d+)",engine="0",num_gpu_blocks="(\d+)"', text)
    assert config is not None
    capacity = int(config[1]) * int(config[2]) * KV_BYTES
    found = ask_demo(
        "select distinct memory_bytes, weight_bytes, kv_capacity_bytes, other_bytes "
        "from rpt_roofline where deployment_id = 'small-us' and kv_capacity_bytes is not null"
    )
    weights = 16_381_470_720
    assert found == [(24e9, weights, capacity, pytest.approx(24e9 - weights - capacity))]


def test_calendar_of_idleness_agrees_with_hours_and_ledger(demo: Demo) -> None:
    held = (
        _mart(demo, "fct_deployment_hours")
        .group_by("event_date", "region")
        .agg(pl.col("gpu_hours_ready_empty", "gpu_hours_busy").sum())
    )
    billed = (
        _mart(demo, "fct_cost_ledger")
        .filter(pl.col("category") == "idle", pl.col("region").is_not_null())
        .group_by("event_date", "region")
        .agg(pl.col("cost_usd").sum())
    )
    rows = (
        _mart(demo, "rpt_idle_days")
        .join(held, on=["event_date", "region"])
        .join(billed, on=["event_date", "region"])
        .collect()
    )
    assert rows.height == 14 * 2
    for row in rows.iter_rows(named=True):
        paid = row["gpu_hours_paid"]
        assert row["ready_empty_share_ratio"] * paid == pytest.approx(row["gpu_hours_ready_empty"])
        assert row["busy_share_ratio"] * paid == pytest.approx(row["gpu_hours_busy"])
        assert row["idle_usd"] == row["cost_usd"]
        assert row["weekday"] == row["event_date"].strftime("%a")
        causes = ("ready_empty", "not_ready", "unallocated", "headroom", "unobserved")
        assert row["idle_usd"] == sum(row[f"{cause}_usd"] for cause in causes)


def test_decoding_batch_is_the_same_by_log_and_by_engine(demo: Demo) -> None:
    """The log knows when a request decodes; the engine sums the gaps between tokens. They never met."""
    both = (
        _mart(demo, "rpt_batching")
        .group_by("deployment_id")
        .agg(
            (pl.col("decode_batch") * pl.col("effective_batch_den")).sum().alias("log"),
            (pl.col("engine_decode_batch") * pl.col("effective_batch_den")).sum().alias("engine"),
        )
        .collect()
    )
    assert both.height == 6
    for row in both.iter_rows(named=True):
        assert row["engine"] == pytest.approx(row["log"], rel=0.02), row["deployment_id"]
