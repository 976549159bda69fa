"""Scrapes of every engine: canonical columns, ranks, and work that two series count."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.registry import by_name, recognise

IngestFile = Callable[..., Any]

AT = "# scraped_at 1790813100\n"
PROVENANCE = {"source_file", "source_digest", "source_line", "event_date", "scraped_at", "instance"}

VLLM_V0 = """\
vllm:cache_config_info{block_size="16",cache_dtype="auto",num_gpu_blocks="2048"} 1.0
vllm:num_requests_running{model_name="m"} 4.0
vllm:num_requests_swapped{model_name="m"} 0.0
vllm:num_requests_waiting{model_name="m"} 1.0
vllm:gpu_cache_usage_perc{model_name="m"} 0.25
vllm:num_preemptions_total{model_name="m"} 2.0
vllm:prompt_tokens_total{model_name="m"} 900.0
vllm:generation_tokens_total{model_name="m"} 120.0
vllm:request_success_total{finished_reason="stop",model_name="m"} 3.0
vllm:spec_decode_num_accepted_tokens_total{model_name="m"} 30.0
vllm:spec_decode_num_draft_tokens_total{model_name="m"} 50.0
vllm:spec_decode_num_emitted_tokens_total{model_name="m"} 40.0
"""
VLLM_NEW = """\
vllm:num_requests_waiting{engine="0",model_name="m"} 5.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 3.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="deferred"} 2.0
vllm:prompt_tokens_by_source_total{engine="0",model_name="m",source="local_compute"} 70.0
vllm:prompt_tokens_by_source_total{engine="0",model_name="m",source="local_cache_hit"} 30.0
vllm:admission_rejections_total{model_name="m",reason="queue_full"} 4.0
vllm:admission_rejections_total{model_name="m",reason="too_long"} 1.0
"""
SGLANG = """\
sglang:cache_config_info{num_pages="11147",page_size="64"} 1.0
sglang:num_running_reqs{engine_type="unified",model_name="m",pp_rank="0",tp_rank="0"} 6.0
sglang:num_queue_reqs{engine_type="unified",model_name="m",pp_rank="0",tp_rank="0"} 2.0
sglang:token_usage{engine_type="unified",model_name="m",pp_rank="0",tp_rank="0"} 0.5
sglang:prompt_tokens_total{is_streaming="true",model_name="m"} 100.0
sglang:prompt_tokens_total{is_streaming="false",model_name="m"} 40.0
sglang:cached_tokens_total{cache_source="device",model_name="m"} 20.0
sglang:cached_tokens_total{cache_source="host",model_name="m"} 5.0
sglang:generation_tokens_total{is_streaming="true",model_name="m"} 11.0
sglang:realtime_tokens_total{mode="decode",model_name="m",pp_rank="0",tp_rank="0"} 13.0
sglang:realtime_tokens_total{mode="prefill_compute",model_name="m",pp_rank="0",tp_rank="0"} 115.0
sglang:realtime_tokens_total{mode="prefill_cache",model_name="m",pp_rank="0",tp_rank="0"} 25.0
sglang:num_retracted_requests_total{model_name="m",pp_rank="0",tp_rank="0"} 3.0
sglang:num_aborted_requests_total{model_name="m"} 1.0
sglang:gpu_execution_seconds_total{category="forward_decode",model_name="m",tp_rank="0"} 7.5
sglang:gpu_execution_seconds_total{category="forward_extend",model_name="m",tp_rank="0"} 2.5
sglang:scheduler_idle_seconds_total{model_name="m",tp_rank="0"} 4.0
sglang:dp_attention_tokens_total{kind="scheduled",model_name="m",tp_rank="0"} 90.0
sglang:dp_attention_tokens_total{kind="imbalance",model_name="m",tp_rank="0"} 10.0
"""
TRTLLM = """\
trtllm_request_success_total{engine_type="trtllm",finished_reason="stop",model_name="m"} 150.0
trtllm_request_success_total{engine_type="trtllm",finished_reason="length",model_name="m"} 5.0
trtllm_request_success_total{engine_type="trtllm",finished_reason="cancelled",model_name="m"} 2.0
trtllm_request_error_total{engine_type="trtllm",http_code="400",model_name="m"} 1.0
trtllm_request_error_total{engine_type="trtllm",http_code="500",model_name="m"} 2.0
trtllm_num_requests_running{engine_type="trtllm",model_name="m"} 8.0
trtllm_num_requests_waiting{engine_type="trtllm",model_name="m"} 3.0
trtllm_max_num_active_requests{engine_type="trtllm",model_name="m"} 2048.0
trtllm_kv_cache_utilization{engine_type="trtllm",model_name="m"} 0.62
trtllm_kv_cache_max_blocks{engine_type="trtllm",model_name="m"} 1000.0
trtllm_kv_cache_tokens_per_block{engine_type="trtllm",model_name="m"} 32.0
trtllm_kv_cache_reused_blocks_total{engine_type="trtllm",model_name="m"} 77.0
trtllm_prompt_tokens_total{engine_type="trtllm",model_name="m"} 5000.0
trtllm_prompt_cached_tokens_total{engine_type="trtllm",model_name="m"} 640.0
trtllm_generation_tokens_total{engine_type="trtllm",model_name="m"} 900.0
"""
TRITON = """\
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="waiting",version="1"} 3
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="context",version="1"} 1
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="scheduled",version="1"} 4
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="max",version="1"} 512
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="active",version="1"} 7
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction",model="tensorrt_llm",version="1"} 0.6
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="used",model="tensorrt_llm",version="1"} 3744
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="tokens_per",model="tensorrt_llm",version="1"} 64
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max",model="tensorrt_llm",version="1"} 6239
nv_inference_request_success{model="ensemble",version="1"} 9
nv_inference_request_success{model="preprocessing",version="1"} 9
nv_inference_request_success{model="tensorrt_llm",version="1"} 9
nv_inference_request_failure{model="tensorrt_llm",reason="OTHER",version="1"} 1
nv_inference_request_failure{model="tensorrt_llm",reason="BACKEND",version="1"} 2
nv_inference_request_failure{model="tensorrt_llm",reason="CANCELED",version="1"} 3
nv_inference_request_failure{model="tensorrt_llm",reason="REJECTED",version="1"} 4
nv_inference_request_duration_us{model="tensorrt_llm",version="1"} 25000000
nv_llm_input_token_len_bucket{model="tensorrt_llm",response_metric_type="total_input_tokens",version="1",le="10"} 2
nv_llm_input_token_len_bucket{model="tensorrt_llm",response_metric_type="total_input_tokens",version="1",le="+Inf"} 9
nv_llm_input_token_len_sum{model="tensorrt_llm",response_metric_type="total_input_tokens",version="1"} 720
nv_llm_input_token_len_count{model="tensorrt_llm",response_metric_type="total_input_tokens",version="1"} 9
nv_gpu_utilization{gpu_uuid="GPU-abc"} 0.78
"""
FRONTEND = """\
dynamo_frontend_inflight_requests{model="qwen/qwen3-0.6b"} 12
dynamo_frontend_queued_requests{model="qwen/qwen3-0.6b"} 5
dynamo_frontend_requests_total{endpoint="chat_completions",error_type="",model="qwen/qwen3-0.6b",request_type="stream",status="success"} 80
dynamo_frontend_requests_total{endpoint="completions",error_type="",model="qwen/qwen3-0.6b",request_type="unary",status="success"} 20
dynamo_frontend_requests_total{endpoint="completions",error_type="cancelled",model="qwen/qwen3-0.6b",request_type="unary",status="error"} 3
dynamo_frontend_requests_total{endpoint="completions",error_type="overload",model="qwen/qwen3-0.6b",request_type="unary",status="error"} 2
dynamo_frontend_requests_total{endpoint="completions",error_type="internal",model="qwen/qwen3-0.6b",request_type="unary",status="error"} 1
dynamo_frontend_output_tokens_total{model="qwen/qwen3-0.6b"} 4400
dynamo_frontend_input_sequence_tokens_bucket{model="qwen/qwen3-0.6b",le="210"} 100
dynamo_frontend_input_sequence_tokens_bucket{model="qwen/qwen3-0.6b",le="+Inf"} 100
dynamo_frontend_input_sequence_tokens_sum{model="qwen/qwen3-0.6b"} 10800
dynamo_frontend_input_sequence_tokens_count{model="qwen/qwen3-0.6b"} 100
dynamo_frontend_output_sequence_tokens_bucket{model="qwen/qwen3-0.6b",le="+Inf"} 100
dynamo_frontend_output_sequence_tokens_sum{model="qwen/qwen3-0.6b"} 4300
"""
NIM = """\
# TYPE num_requests_running gauge
num_requests_running{model_name="meta/llama-3.2-1b-instruct"} 1.0
num_requests_waiting{model_name="meta/llama-3.2-1b-instruct"} 2.0
num_request_max{model_name="meta/llama-3.2-1b-instruct"} 2048.0
gpu_cache_usage_perc{model_name="meta/llama-3.2-1b-instruct"} 0.125
prompt_tokens_total{model_name="meta/llama-3.2-1b-instruct"} 603.0
generation_tokens_total{model_name="meta/llama-3.2-1b-instruct"} 997.0
request_success_total{model_name="meta/llama-3.2-1b-instruct"} 34.0
request_finish_total{finished_reason="stop",model_name="meta/llama-3.2-1b-instruct"} 30.0
request_finish_total{finished_reason="length",model_name="meta/llama-3.2-1b-instruct"} 4.0
request_finish_total{finished_reason="abort",model_name="meta/llama-3.2-1b-instruct"} 1.0
"""
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


def ingested(ingest_file: IngestFile, tmp_path: Path, text: str) -> Any:
    """A scrape through the one connector that claims it, into a folder named engine-0."""
    folder = tmp_path / "engine-0"
    folder.mkdir(exist_ok=True)
    path = folder / "scrapes.prom"
    path.write_text(AT + text)
    connector = recognise(Preview(path, path.read_bytes())).connector
    outcome = ingest_file(path, connector)
    samples = sum(not line.startswith("#") for line in text.splitlines())
    assert outcome.manifest.records_in == samples
    return outcome


def given(row: dict[str, object]) -> dict[str, object]:
    """What a row says beside where it comes from."""
    return {
        name: value for name, value in row.items() if value is not None and name not in PROVENANCE
    }


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
    ("name", "text"),
    [
        ("vllm_prometheus", VLLM_V0),
        ("sglang_prometheus", SGLANG),
        ("trtllm_prometheus", TRTLLM),
        ("triton_prometheus", TRITON),
        ("dynamo_prometheus", FRONTEND),
        ("dynamo_prometheus", VLLM_V0 + FRONTEND),
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


def histogram(name: str, labels: str) -> str:
    """A histogram of three observations."""
    return (
        f'{name}_bucket{{{labels},le="0.1"}} 1\n{name}_bucket{{{labels},le="+Inf"}} 3\n'
        f"{name}_sum{{{labels}}} 1.5\n{name}_count{{{labels}}} 3\n"
    )


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


def test_each_data_parallel_rank_is_read_once_when_its_lowest_tensor_rank_is_not_zero(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = "".join(
        f'sglang:num_running_reqs{{dp_rank="{tp // 2}",model_name="m",tp_rank="{tp}"}} {tp}\n'
        for tp in range(16)
        if tp // 2 in (0, 1, 5)
    )
    outcome = ingested(ingest_file, tmp_path, text)
    rows = outcome.frames["engine_samples"].sort("engine_index")
    assert rows.select("engine_index", "requests_running").rows() == [
        ("0", 0.0),
        ("1", 2.0),
        ("5", 10.0),
    ]
    assert outcome.manifest.skipped == {"a further rank repeats the same counts": 3}


def test_data_parallel_engines_stay_apart_when_vllm_exports_several(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = "".join(
        f'vllm:generation_tokens_total{{engine="{engine}",model_name="m"}} {100 + engine}\n'
        for engine in range(2)
    )
    rows = ingested(ingest_file, tmp_path, text).frames["engine_samples"]
    assert rows.select("engine_index", "output_tokens").rows() == [("0", 100.0), ("1", 101.0)]


def test_work_counts_once_when_a_dynamo_worker_passes_its_engine_on(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    dynamo = (
        'dynamo_component="backend",dynamo_endpoint="generate",dynamo_namespace="d",model="Q/m"'
    )
    text = (
        f"dynamo_component_inflight_requests{{{dynamo}}} 3\n"
        f"dynamo_component_kvstats_gpu_cache_usage_percent{{{dynamo}}} 0.5\n"
        f'vllm:num_requests_running{{engine="0",{dynamo},model_name="Q/m"}} 2\n'
        f'vllm:generation_tokens_total{{engine="0",{dynamo},model_name="Q/m"}} 70\n'
        'dynamo_frontend_output_tokens_total{model="q/m"} 70\n'
    )
    outcome = ingested(ingest_file, tmp_path, text)
    (row,) = outcome.frames["engine_samples"].to_dicts()
    assert given(row) == {
        "engine": "vllm",
        "engine_index": "0",
        "model_name": "Q/m",
        "requests_running": 2.0,
        "output_tokens": 70.0,
    }
    assert outcome.manifest.skipped == {"counted by the series of the engine inside": 3}


def test_a_worker_is_read_when_its_engine_exports_nothing(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    dynamo = 'dynamo_component="backend",dynamo_endpoint="{}",dynamo_namespace="d",model="m"'
    text = (
        f"dynamo_component_inflight_requests{{{dynamo.format('generate')}}} 3\n"
        f"dynamo_component_inflight_requests{{{dynamo.format('clear_kv_blocks')}}} 1\n"
        f"dynamo_component_kvstats_gpu_cache_usage_percent{{{dynamo.format('generate')}}} 0.5\n"
        "dynamo_component_uptime_seconds 90\n"
    )
    (row,) = ingested(ingest_file, tmp_path, text).frames["engine_samples"].to_dicts()
    assert (row["engine"], row["requests_running"], row["kv_cache_usage_ratio"]) == (
        "dynamo",
        3.0,
        0.5,
    )


def test_start_is_the_earliest_when_counters_began_at_their_first_use(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = (
        'vllm:prompt_tokens_total{model_name="m"} 5\n'
        'vllm:prompt_tokens_created{model_name="m"} 1790800000.25\n'
        'vllm:request_success_total{finished_reason="stop",model_name="m"} 5\n'
        'vllm:request_success_created{finished_reason="stop",model_name="m"} 1790803600\n'
        + histogram("vllm:time_to_first_token_seconds", 'model_name="m"')
        + 'vllm:time_to_first_token_seconds_created{model_name="m"} 1790800001\n'
    )
    outcome = ingested(ingest_file, tmp_path, text)
    (row,) = outcome.frames["engine_samples"].to_dicts()
    (buckets,) = outcome.frames["engine_histograms"].to_dicts()
    assert row["counters_created_at"] == datetime(2026, 9, 30, 20, 26, 40, 250_000)
    assert buckets["counters_created_at"] == datetime(2026, 9, 30, 20, 26, 41)


def test_a_name_without_prefix_is_no_engines_when_it_has_no_model(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(ingest_file, tmp_path, NIM + 'request_success_total{path="/x"} 4\n')
    assert outcome.manifest.skipped["not a metric of an engine"] == 1
    assert outcome.frames["engine_samples"].height == 1
