"""Engine histograms of the small lake. The ones of large-eu-0 are those of a published SGLang sample.

large-eu-0   TTFT and TPOT of the sample in hour 10, after an empty scrape
small-us-0   two engines with other buckets, of which 0.1 and 1 are common; one of them restarts
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

Row = dict[str, Any]
START = datetime(2026, 9, 1, 10)
INF = float("inf")

# sgl-project/sglang, docs/references/production_metrics.md: Llama-3.1-8B.
TTFT_BOUNDS = [
    0.001,
    0.005,
    0.01,
    0.02,
    0.04,
    0.06,
    0.08,
    0.1,
    0.25,
    0.5,
    0.75,
    1,
    2.5,
    5,
    7.5,
    10,
    15,
    20,
    25,
    30,
    INF,
]
TTFT_COUNTS = [
    0,
    0,
    0,
    0,
    1,
    3,
    6,
    6,
    6,
    6,
    6,
    27,
    140,
    314,
    941,
    1330,
    1970,
    2326,
    2417,
    2513,
    11008,
]
TTFT_SUM = 2351897.9474117756
TPOT_BOUNDS = [
    0.005,
    0.01,
    0.015,
    0.02,
    0.025,
    0.03,
    0.04,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
    0.75,
    1,
    2.5,
    INF,
]
TPOT_COUNTS = [
    1,
    73,
    382,
    593,
    855,
    1035,
    1815,
    11685,
    433413,
    4950195,
    7039435,
    7171662,
    7266055,
    7296752,
    7312226,
    7339675,
    7357747,
    7389414,
    7400757,
]
TPOT_SUM = 866964.5791549598


def _row(
    minute: int,
    instance: str,
    metric: str,
    bounds: list[float],
    counts: list[int],
    total: float,
    engine_index: str = "0",
) -> Row:
    return {
        "scraped_at": START + timedelta(minutes=minute),
        "engine": "sglang",
        "instance": instance,
        "engine_index": engine_index,
        "model_name": "m",
        "metric": metric,
        "bucket_upper_bounds": bounds,
        "bucket_cumulative_counts": counts,
        "observation_sum": total,
        "observation_count": counts[-1],
    }


def histograms() -> list[Row]:
    """All rows of engine_histograms."""
    published = [
        ("time_to_first_token_seconds", TTFT_BOUNDS, TTFT_COUNTS, TTFT_SUM),
        ("request_time_per_output_token_seconds", TPOT_BOUNDS, TPOT_COUNTS, TPOT_SUM),
    ]
    rows = []
    for metric, bounds, counts, total in published:
        rows += [
            _row(0, "large-eu-0.internal:8000", metric, bounds, [0] * len(bounds), 0.0),
            _row(30, "large-eu-0.internal:8000", metric, bounds, counts, total),
        ]
    queue = "request_queue_time_seconds"
    for minute, engine_index, bounds, own, total in (
        (0, "0", [0.1, 0.5, 1, INF], [5, 5, 5, 5], 9.0),
        (10, "0", [0.1, 0.5, 1, INF], [9, 7, 5, 5], 12.0),
        # After a restart all of it is new.
        (20, "0", [0.1, 0.5, 1, INF], [2, 2, 2, 0], 2.0),
        (0, "1", [0.1, 0.2, 1, 2, INF], [0, 0, 0, 0, 0], 0.0),
        (20, "1", [0.1, 0.2, 1, 2, INF], [4, 1, 3, 2, 0], 6.0),
    ):
        counts = list(accumulate(own))
        rows.append(
            _row(minute, "small-us-0.internal:8000", queue, bounds, counts, total, engine_index)
        )
    return rows
