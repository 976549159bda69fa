"""What operators and vendors published of a day or an hour, each with its source.

By hand: `python -m tests.e2e.published_figures HOME` lands them all.
"""

from __future__ import annotations

import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from tests.e2e.published_day import PublishedDay, write_landing

# The day from 2025-02-27 12:00 to 2025-02-28 12:00 (UTC+8) of DeepSeek-V3 and R1:
# github.com/deepseek-ai/open-infra-index (CC0),
# 202502OpenSourceWeek/day_6_one_more_thing_deepseekV3R1_inference_system_overview.md
DEEPSEEK = PublishedDay(
    operator="deepseek",
    begins=datetime(2025, 2, 27, 4),
    model="deepseek-r1",
    input_tokens=608_000_000_000,
    cached_tokens=342_000_000_000,
    output_tokens=168_000_000_000,
    node_hours=5_442,  # 226.75 nodes on average
    gpus_per_node=8,
    usd_per_gpu_hour=Decimal(2),
    prices={"input_cache_read": "0.14", "input_uncached": "0.55", "output": "2.19"},
    # 73.7 k input tokens a second and node, of which 266 of 608 were computed; 14.8 k output tokens.
    weights=(8 / (73_700 * 266 / 608), 8 / 14_800, 0.0),
)
# DeepSeek-V3 served by SGLang on 12 nodes of 8 H100, prefill and decode apart: 52.3 k tokens a second in and 22.3 k
# out per node of the phase, $0.20 a million tokens out. lmsys.org/blog/2025-05-05-large-scale-ep. An hour of it, at
# the $2 of the day above; how many of the nodes did which changes no cost per token.
SGLANG = PublishedDay(
    operator="sglang",
    begins=datetime(2025, 5, 5, 0),
    model="deepseek-v3",
    input_tokens=3 * 52_300 * 3600,
    cached_tokens=0,
    output_tokens=9 * 22_300 * 3600,
    node_hours=12,
    gpus_per_node=8,
    usd_per_gpu_hour=Decimal(2),
    prices={"input_cache_read": "0.07", "input_uncached": "0.27", "output": "1.10"},
    weights=(8 / 52_300, 8 / 22_300, 0.0),
    gpu_model="NVIDIA H100 80GB HBM3",
    hours=1,
    prefill_nodes=3,
)


def _one_gpu(
    operator: str, gpu_model: str, usd: str, tokens_per_second: int, busy: float = 1.0
) -> PublishedDay:
    """An hour of one GPU that is known by its price and the output tokens a second over the hour."""
    return PublishedDay(
        operator=operator,
        begins=datetime(2025, 5, 5, 1),
        model=f"on-{operator}",
        input_tokens=0,
        cached_tokens=0,
        output_tokens=tokens_per_second * 3600,
        node_hours=1,
        gpus_per_node=1,
        usd_per_gpu_hour=Decimal(usd),
        prices={"output": "2.19"},
        weights=(0.001, 1 / tokens_per_second, 0.0),
        gpu_model=gpu_model,
        hours=1,
        busy=busy,
    )


ONE_GPU = (
    # NVIDIA, “Rethinking AI TCO: Why Cost per Token Is the Only Metric That Matters”, April 2026, DeepSeek-R1: $4.20
    # and $0.12 a million.
    _one_gpu("h200", "NVIDIA H200", "1.41", 90),
    _one_gpu("gb300", "NVIDIA GB300", "2.65", 6_000),
    # GMI Cloud, “Cost Per Million Tokens Explained”, 28 May 2026, examples A to D: $6.54, $5.16, $4.63, $1.39.
    _one_gpu("gmi-a", "NVIDIA H100 80GB HBM3", "2.00", 85),
    _one_gpu("gmi-b", "NVIDIA H200", "2.60", 140),
    _one_gpu("gmi-c", "NVIDIA H100 80GB HBM3", "2.00", 120),
    _one_gpu("gmi-d", "NVIDIA H100 80GB HBM3", "2.00", 400),
    # dreaming.press, “Self-hosting LLM inference vs. API cost”: 700 a second while busy, a tenth of the time: $0.99
    # a million if it were always so.
    _one_gpu("tenth", "NVIDIA H100 80GB HBM3", "2.50", 70, busy=0.1),
)
# SemiAnalysis, InferenceX v2: a million tokens in and out cost $0.226 and $2.955 and sell for $1.35 and $5.40, margins
# of 83 % and 45 %. Two GPUs of $1.41, one of which prefills: 1.41 / 0.226 and 1.41 / 2.955 million tokens an hour.
INFERENCEX = PublishedDay(
    operator="inferencex",
    begins=datetime(2025, 5, 5, 2),
    model="inferencex",
    input_tokens=6_238_938,
    cached_tokens=0,
    output_tokens=477_157,
    node_hours=2,
    gpus_per_node=1,
    usd_per_gpu_hour=Decimal("1.41"),
    prices={"input_uncached": "1.35", "output": "5.40"},
    weights=(1 / 1733, 1 / 132.5, 0.0),
    gpu_model="NVIDIA H200",
    hours=1,
    prefill_nodes=1,
)
PUBLISHED = (DEEPSEEK, SGLANG, INFERENCEX, *ONE_GPU)

if __name__ == "__main__":
    write_landing(PUBLISHED, Path(sys.argv[1]) / "landing")
