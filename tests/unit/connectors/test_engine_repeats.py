"""Work that two series count: ranks, passed-on series, hosts; and when counters began."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from tests.unit.connectors.engine_cases import (
    NIM,
    IngestFile,
    given,
    histogram,
    ingested,
)


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
