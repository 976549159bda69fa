"""Scrapes of every engine, shortened to one series per label set, and the way into the lake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.registry import recognise

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
FRONTEND_BEFORE = """\
nv_llm_http_service_inflight_requests{model="m"} 3
nv_llm_http_service_requests_total{endpoint="completions",model="m",request_type="unary",status="success"} 7
nv_llm_http_service_requests_total{endpoint="completions",model="m",request_type="unary",status="error"} 2
nv_llm_http_service_output_sequence_tokens_bucket{model="m",le="+Inf"} 9
nv_llm_http_service_output_sequence_tokens_sum{model="m"} 640
nv_llm_http_service_output_sequence_tokens_count{model="m"} 9
"""
FRONTEND_COUNTED = """\
dynamo_frontend_inflight_requests{model="m"} 0
dynamo_frontend_request_success_count{model="m"} 41
dynamo_frontend_disconnected_clients 2
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


def histogram(name: str, labels: str) -> str:
    """A histogram of three observations."""
    return (
        f'{name}_bucket{{{labels},le="0.1"}} 1\n{name}_bucket{{{labels},le="+Inf"}} 3\n'
        f"{name}_sum{{{labels}}} 1.5\n{name}_count{{{labels}}} 3\n"
    )
