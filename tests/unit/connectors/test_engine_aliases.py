"""Scrapes of every engine: canonical columns, ranks, and work that two series count."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.unit.connectors.engine_cases import (
    FRONTEND,
    FRONTEND_BEFORE,
    FRONTEND_COUNTED,
    NIM,
    SGLANG,
    TRITON,
    TRTLLM,
    VLLM_NEW,
    VLLM_V0,
    IngestFile,
    given,
    histogram,
    ingested,
)
from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.registry import by_name, recognise

EXPECTED: dict[str, tuple[str, dict[str, object]]] = {
    "vllm v0": (
        VLLM_V0,
        {
            "engine": "vllm", "engine_index": "0", "model_name": "m", "requests_running": 4.0,
            "requests_waiting": 1.0, "kv_cache_usage_ratio": 0.25, "kv_cache_blocks": 2048.0,
            "kv_block_tokens": 16.0, "input_tokens": 900.0, "output_tokens": 120.0,
            "preemptions": 2.0, "requests_succeeded": 3.0, "spec_draft_tokens": 50.0,
            "spec_accepted_tokens": 30.0,
        },
    ),
    "vllm new": (
        VLLM_NEW,
        {
            "engine": "vllm", "engine_index": "0", "model_name": "m", "requests_waiting": 5.0,
            "requests_deferred": 2.0, "input_computed_tokens": 70.0, "requests_rejected": 5.0,
        },
    ),
    "sglang": (
        SGLANG,
        {
            "engine": "sglang", "engine_index": "0", "model_name": "m", "requests_running": 6.0,
            "requests_waiting": 2.0, "kv_cache_usage_ratio": 0.5, "kv_cache_blocks": 11147.0,
            "kv_block_tokens": 64.0, "input_tokens": 140.0, "input_cache_read_tokens": 25.0,
            "input_computed_tokens": 115.0, "output_tokens": 11.0, "output_realtime_tokens": 13.0,
            "preemptions": 3.0, "requests_aborted": 1.0, "busy_seconds": 10.0, "idle_seconds": 4.0,
            "dp_scheduled_tokens": 90.0, "dp_imbalance_tokens": 10.0,
        },
    ),
    "trtllm": (
        TRTLLM,
        {
            "engine": "trtllm", "engine_index": "0", "model_name": "m", "requests_running": 8.0,
            "requests_waiting": 3.0, "requests_max": 2048.0, "kv_cache_usage_ratio": 0.62,
            "kv_cache_blocks": 1000.0, "kv_block_tokens": 32.0, "input_tokens": 5000.0,
            "input_cache_read_tokens": 640.0, "output_tokens": 900.0, "requests_succeeded": 155.0,
            "requests_aborted": 2.0, "requests_failed": 3.0,
        },
    ),
    "trtllm as Dynamo 0.7 wrote it": (
        'trtllm:request_success_total{model_name="m",finished_reason="stop"} 3\n',
        {"engine": "trtllm", "engine_index": "0", "model_name": "m", "requests_succeeded": 3.0},
    ),
    "triton": (
        TRITON,
        {
            "engine": "triton", "engine_index": "0", "model_name": "tensorrt_llm",
            "requests_running": 4.0, "requests_waiting": 3.0, "requests_max": 512.0,
            "kv_cache_usage_ratio": 0.6, "kv_cache_blocks": 6239.0, "kv_block_tokens": 64.0,
            "input_tokens": 720.0, "requests_succeeded": 9.0, "requests_aborted": 3.0,
            "requests_failed": 3.0, "requests_rejected": 4.0,
        },
    ),
    "dynamo frontend": (
        FRONTEND,
        {
            "engine": "dynamo", "engine_index": "0", "model_name": "qwen/qwen3-0.6b",
            "requests_running": 12.0, "requests_waiting": 5.0, "input_tokens": 10800.0,
            "output_tokens": 4400.0, "requests_succeeded": 100.0, "requests_aborted": 3.0,
            "requests_rejected": 2.0, "requests_failed": 1.0,
        },
    ),
    "sglang without colons": (
        ('sglang_num_running_reqs{model_name="m",tp_rank="0"} 162\n'
        'sglang_generation_tokens_total{model_name="m"} 75\n'),
        {
            "engine": "sglang", "engine_index": "0", "model_name": "m",
            "requests_running": 162.0, "output_tokens": 75.0,
        },
    ),
    "vllm without colons": (
        'vllm_num_requests_running{engine="0",model_name="m"} 5\n',
        {"engine": "vllm", "engine_index": "0", "model_name": "m", "requests_running": 5.0},
    ),
    "dynamo frontend before 0.4": (
        FRONTEND_BEFORE,
        {
            "engine": "dynamo", "engine_index": "0", "model_name": "m", "requests_running": 3.0,
            "requests_succeeded": 7.0, "requests_failed": 2.0, "output_tokens": 640.0,
        },
    ),
    "dynamo frontend with one count": (
        FRONTEND_COUNTED,
        {
            "engine": "dynamo", "engine_index": "0", "model_name": "m", "requests_running": 0.0,
            "requests_succeeded": 41.0,
        },
    ),
    "nim": (
        NIM,
        {
            "engine": "nim", "engine_index": "0", "model_name": "meta/llama-3.2-1b-instruct",
            "requests_running": 1.0, "requests_waiting": 2.0, "requests_max": 2048.0,
            "kv_cache_usage_ratio": 0.125, "input_tokens": 603.0, "output_tokens": 997.0,
            "requests_succeeded": 34.0, "requests_aborted": 1.0,
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("engine", EXPECTED)
def test_row_is_canonical_when_an_engine_is_scraped(
    ingest_file: IngestFile, tmp_path: Path, engine: str
) -> None:
    text, expected = EXPECTED[engine]
    outcome = ingested(ingest_file, tmp_path, text)
    (row,) = outcome.frames["engine_samples"].to_dicts()
    assert given(row) == expected
    assert outcome.manifest.rejects == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            (
                'sglang_num_running_reqs{model_name="m",worker_addr="http://a:1"} 3\n'
                'sglang_num_running_reqs{model_name="m",worker_addr="http://b:1"} 4\n'
                'sglang_generation_tokens_total{model_name="m",worker_addr="http://a:1"} 70\n'
                'sglang_generation_tokens_total{model_name="m",worker_addr="http://b:1"} 90\n'
            ),
            [("http://a:1", 3.0, 70.0), ("http://b:1", 4.0, 90.0)],
        ),
        (
            (
                'ray_vllm_num_requests_running{ReplicaId="r1",WorkerId="w",engine="0",model_name="m"} 1\n'
                'ray_vllm_num_requests_running{ReplicaId="r2",WorkerId="x",engine="0",model_name="m"} 2\n'
                'ray_vllm_generation_tokens_total{ReplicaId="r2",WorkerId="x",engine="0",model_name="m"} 8\n'
            ),
            [("r1", 1.0, None), ("r2", 2.0, 8.0)],
        ),
    ],
)
def test_engines_stay_apart_when_one_endpoint_speaks_for_many(
    ingest_file: IngestFile,
    tmp_path: Path,
    text: str,
    expected: list[tuple[str, float, float | None]],
) -> None:
    outcome = ingested(ingest_file, tmp_path, text)
    rows = outcome.frames["engine_samples"].sort("instance")
    assert rows.select("instance", "requests_running", "output_tokens").rows() == expected
    assert outcome.manifest.rejects == {}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("vllm_prometheus", VLLM_V0),
        ("sglang_prometheus", SGLANG),
        ("trtllm_prometheus", TRTLLM),
        ("triton_prometheus", TRITON),
        ("dynamo_prometheus", FRONTEND),
        ("dynamo_prometheus", VLLM_V0 + FRONTEND),
        ("dynamo_prometheus", FRONTEND_BEFORE + VLLM_V0),
        ("nim_prometheus", NIM),
        ("nim_prometheus", VLLM_V0 + 'num_request_max{model_name="m"} 1024.0\n'),
        ("triton_prometheus", TRITON + 'vllm:prompt_tokens_total{model="vllm_model"} 5\n'),
        ("prometheus_dump", VLLM_V0 + 'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-1"} 5\n'),
    ],
)
def test_one_connector_claims_a_scrape_when_engines_stand_in_each_other(
    tmp_path: Path, name: str, text: str
) -> None:
    assert recognise(Preview(tmp_path / "x", text.encode())).connector is by_name(name)


@pytest.mark.parametrize(
    ("exported", "labels", "metric"),
    [
        ("vllm:time_per_output_token_seconds", 'model_name="m"', "inter_token_latency_seconds"),
        ("vllm:time_in_queue_requests", 'model_name="m"', "request_queue_time_seconds"),
        (
            "trtllm_time_per_output_token_seconds",
            'model_name="m",engine_type="trtllm"',
            "request_time_per_output_token_seconds",
        ),
        ("sglang:queue_time_seconds", 'model_name="m",tp_rank="0"', "request_queue_time_seconds"),
        (
            "dynamo_frontend_request_duration_seconds",
            'model="m"',
            "e2e_request_latency_seconds",
        ),
        ("nv_llm_output_token_len", 'model="m",version="1"', "request_generation_tokens"),
    ],
)
def test_histogram_has_its_canonical_name_when_an_engine_calls_it_otherwise(
    ingest_file: IngestFile, tmp_path: Path, exported: str, labels: str, metric: str
) -> None:
    (row,) = (
        ingested(ingest_file, tmp_path, histogram(exported, labels))
        .frames["engine_histograms"]
        .to_dicts()
    )
    assert row["metric"] == metric
    assert row["bucket_upper_bounds"] == [0.1, math.inf]
    assert row["bucket_cumulative_counts"] == [1, 3]
    assert (row["observation_sum"], row["observation_count"]) == (1.5, 3)


def test_tokens_per_output_of_nim_are_gaps_between_tokens_when_named_as_a_mean(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = NIM + histogram("time_per_output_token_seconds", 'model_name="m"')
    rows = ingested(ingest_file, tmp_path, text).frames["engine_histograms"]
    assert rows["metric"].to_list() == ["inter_token_latency_seconds"]
