"""Samples of one engine and one GPU, for the tests of dumps: as an answer and as rows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tokenworks_sources.connectors.engine_samples.prometheus_dump import CONNECTOR
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.landing import preview_of

IngestFile = Callable[..., Any]

AT = 1_790_813_100
ENGINE = {"instance": "10.0.0.1:8000", "job": "vllm", "engine": "0", "model_name": "m"}
GPU = {"instance": "10.0.0.1:9400", "job": "dcgm", "UUID": "GPU-1", "gpu": "0", "Hostname": "h"}
ROWS = [
    ("vllm:num_requests_running", ENGINE, 4.0),
    ("vllm:generation_tokens_total", ENGINE, 100.0),
    ("vllm:generation_tokens_created", ENGINE, 1_790_800_000.25),
    ("vllm:time_to_first_token_seconds_bucket", ENGINE | {"le": "+Inf"}, 3.0),
    ("vllm:time_to_first_token_seconds_bucket", ENGINE | {"le": "0.1"}, 1.0),
    ("vllm:time_to_first_token_seconds_sum", ENGINE, 1.5),
    ("vllm:time_to_first_token_seconds_count", ENGINE, 3.0),
    ("DCGM_FI_DEV_GPU_UTIL", GPU, 87.0),
    ("DCGM_FI_DEV_POWER_USAGE", GPU, 412.5),
    ("node_load1", {"instance": "10.0.0.1:9100", "job": "node"}, 7.0),
]


def answer(*series: Mapping[str, object], kind: str = "matrix") -> str:
    """What the HTTP API writes, in the order of its keys."""
    body = {"status": "success", "data": {"resultType": kind, "result": list(series)}}
    return json.dumps(body, separators=(",", ":"))


def matrix(name: str, labels: dict[str, str], *values: tuple[float, str]) -> dict[str, object]:
    """One series of a matrix."""
    return {"metric": {"__name__": name} | labels, "values": [list(pair) for pair in values]}


def two_instants() -> list[dict[str, object]]:
    """Every series at two instants, the second one higher by one."""
    return [
        matrix(name, labels, (AT, f"{value}"), (AT + 15, f"{value + 1}"))
        for name, labels, value in ROWS
    ]


def ingested(ingest_file: IngestFile, path: Path) -> Any:
    """A file through the one connector that claims it."""
    assert recognise(preview_of(path)).connector is CONNECTOR
    return ingest_file(path, CONNECTOR)


def check_two_instants(outcome: Any) -> None:
    """All three tables hold both instants."""
    engines = outcome.frames["engine_samples"].sort("scraped_at")
    columns = (
        "scraped_at",
        "engine",
        "instance",
        "model_name",
        "requests_running",
        "output_tokens",
    )
    first, second = datetime(2026, 10, 1, 0, 5), datetime(2026, 10, 1, 0, 5, 15)
    assert engines.select(columns).rows() == [
        (first, "vllm", "10.0.0.1:8000", "m", 4.0, 100.0),
        (second, "vllm", "10.0.0.1:8000", "m", 5.0, 101.0),
    ]
    assert engines["counters_created_at"][0] == datetime(2026, 9, 30, 20, 26, 40, 250_000)
    buckets = outcome.frames["engine_histograms"].sort("scraped_at")
    assert buckets["metric"].to_list() == ["time_to_first_token_seconds"] * 2
    assert buckets["bucket_upper_bounds"].to_list() == [[0.1, math.inf]] * 2
    assert buckets["bucket_cumulative_counts"].to_list() == [[1, 3], [2, 4]]
    assert buckets["observation_count"].to_list() == [3, 4]
    gpus = outcome.frames["gpu_samples"].sort("sampled_at")
    assert gpus.select("sampled_at", "gpu_uuid", "gpu_util_ratio", "power_watts").rows() == [
        (first, "GPU-1", 0.87, 412.5),
        (second, "GPU-1", 0.88, 413.5),
    ]
    assert outcome.manifest.skipped == {"neither a metric of an engine nor a DCGM field": 2}
    assert outcome.manifest.rejects == {}
    assert outcome.manifest.records_in == 20


def long_rows() -> list[tuple[int, str, dict[str, str], float]]:
    """Every series at two instants, one row per sample, in milliseconds."""
    return [
        ((AT + 15 * step) * 1000, name, labels, value + step)
        for name, labels, value in ROWS
        for step in range(2)
    ]
