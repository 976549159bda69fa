"""Runs in which much or all failed, of the tools whose runs the lake reads: nothing is fast that never came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connectors.results import Land
from tokenworks_sources.connectors.benchmark_runs import aiperf_summary
from tokenworks_sources.connectors.mapped import mapped
from tokenworks_sources.connectors.requests import aiperf, vllm_bench
from tokenworks_sources.landing import preview_of

REQUESTS = next(connector for connector in mapped.CONNECTORS if connector.table == "requests")
# Two answers, of three tokens and of one, and a request of which nothing came.
ARRAYS: dict[str, Any] = {
    "input_lens": [10, 20, 30],
    "output_lens": [3, 1, 0],
    "ttfts": [0.5, 0.25, 0.0],
    "itls": [[0.1, 0.2], [], []],
    "errors": ["", "", "ServerDisconnectedError"],
}
RUN = {
    "date": "20250711-120010", "model_id": "m", "num_prompts": 3, "duration": 10.0, "completed": 2,
}  # fmt: skip


def arrays_without(name: str) -> dict[str, Any]:
    return RUN | {key: values for key, values in ARRAYS.items() if key != name}


def test_last_token_is_unknown_when_vllm_wrote_no_gaps(land: Land) -> None:
    found = land(vllm_bench.CONNECTOR, arrays_without("itls")).frames["requests"]
    assert found["ttft_seconds"].to_list() == [0.5, 0.25, None]
    assert found["e2e_seconds"].to_list() == [None, 0.25, None]
    assert found["ended_at"].is_null().to_list() == [True, False, True]


def test_request_failed_when_nothing_came_and_vllm_wrote_no_errors(land: Land) -> None:
    found = land(vllm_bench.CONNECTOR, arrays_without("errors")).frames["requests"]
    assert found["status"].to_list() == ["success", "success", "failure"]
    assert found["e2e_seconds"].to_list() == [pytest.approx(0.8), 0.25, None]


def aiperf_failure(**about: Any) -> dict[str, Any]:
    metadata = {"request_start_ns": 1_759_813_207_531_990_596, "benchmark_phase": "profiling"}
    error = {"code": 499, "type": "RequestCancellationError", "message": "cancelled"}
    return {"metadata": metadata | about, "metrics": {}, "error": error}


def test_end_is_unknown_when_aiperf_read_another_clock(land: Land) -> None:
    failure = aiperf_failure(request_end_ns=4_440_670_232_134_296)
    found = land(aiperf.CONNECTOR, failure, None, "profile_export.jsonl").frames["requests"]
    assert found["ended_at"].to_list() == [None]
    assert found["started_at"][0].isoformat() == "2025-10-07T05:00:07.531990"


def test_request_is_cancelled_when_only_its_error_says_so(land: Land) -> None:
    found = land(aiperf.CONNECTOR, aiperf_failure(), None, "profile_export.jsonl")
    assert found.frames["requests"]["status"].to_list() == ["cancelled"]


def test_nothing_succeeded_when_an_aiperf_summary_has_failures_alone(
    land: Land, tmp_path: Path
) -> None:
    summary = {
        "schema_version": "1.2",
        "aiperf_version": "0.8.0",
        "error_request_count": {"unit": "requests", "avg": 60.0},
        "benchmark_duration": {"unit": "sec", "avg": 12.5},
        "error_summary": [{"error_details": {"code": 500, "type": "X"}, "count": 60}],
        "start_time": "2026-07-09T09:15:47.824596",
    }
    path = tmp_path / "profile_export_aiperf.json"
    path.write_text(json.dumps(summary))
    assert aiperf_summary.CONNECTOR.recognise(preview_of(path))
    row = land(aiperf_summary.CONNECTOR, summary, None, path.name).frames["benchmark_runs"]
    assert row["requests_succeeded"].to_list() == [0]
    assert row["requests_failed"].to_list() == [60]
    assert row["ttft_p50_seconds"].to_list() == [None]


APRIL = (
    "trace_id,user_id,request_type,input_tokens,output_tokens_actual,ttft,ttlt,itl,success,"
    "request_start_time,request_complete_time\n"
)


@pytest.mark.parametrize(
    ("latencies", "success", "status"),
    [
        ("0,0,0", "False", "failure"),
        (",,", "False", "failure"),
        ("nan,nan,nan", "false", "failure"),
        ("0,1.5,0", "True", "success"),
    ],
)
def test_first_token_is_unknown_when_an_agentic_request_has_none(
    latencies: str, success: str, status: str, land: Land
) -> None:
    text = f"{APRIL}t,u,streaming,100,0,{latencies},{success},1776760600.5,1776760668.9\n"
    outcome = land(REQUESTS, text, None, "detailed_results.csv")
    found = outcome.frames["requests"]
    assert outcome.rejects.is_empty()
    assert found["status"].to_list() == [status]
    assert found["ttft_seconds"].to_list() == found["first_token_at"].to_list() == [None]
    assert found["tpot_seconds"].to_list() == [None]
    assert found["e2e_seconds"].to_list() == [1.5 if status == "success" else None]


def test_latency_is_unknown_when_a_multi_turn_request_has_0(land: Land) -> None:
    header = (
        "start_time_ms,relative_time_sec,ttft_ms,tpot_ms,latency_ms,input_num_tokens,"
        "output_num_tokens,conversation_id\n"
    )
    rows = "10,0,250.5,20,300,5,3,a\n20,0.01,0.000,0.000,0.000,5,0,b\n"
    found = land(REQUESTS, header + rows, None, "metrics_client_metrics.csv").frames["requests"]
    assert found["ttft_seconds"].to_list() == [0.2505, None]
    assert found["tpot_seconds"].to_list() == [0.02, None]
    assert found["e2e_seconds"].to_list() == [0.3, None]


AIBRIX_ERROR = {
    "request_id": 0, "status": "error", "error_type": "APITimeoutError", "error_message": "x",
    "latency": 600.0, "start_time": 100.0, "end_time": 700.0, "target_pod": "",
}  # fmt: skip
AIBRIX_BATCH = {
    "request_id": 1, "status": "success", "prompt_tokens": 10, "output_tokens": 5, "latency": 1.5,
    "start_time": 101.0, "end_time": 102.5, "ttft": "Unknown", "tpot": "Unknown", "target_pod": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("records", "tokens"),
    [((AIBRIX_ERROR,), [None]), ((AIBRIX_ERROR, AIBRIX_BATCH), [None, 5])],
)
def test_aibrix_run_is_read_when_its_first_request_failed(
    records: tuple[dict[str, Any], ...], tokens: list[int | None], tmp_path: Path, ingest_file: Any
) -> None:
    path, said = tmp_path / "output.jsonl", tmp_path / "mapping.yaml"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    said.write_text("{extends: aibrix_client, anchor: 2026-05-29T11:35:48Z}")
    assert REQUESTS.recognise(preview_of(path)) == "mapping aibrix_client"
    outcome = ingest_file(path, REQUESTS, (said,))
    found = outcome.frames["requests"]
    assert outcome.rejects.is_empty()
    assert found["output_total_tokens"].to_list() == tokens
    assert found["status"].to_list() == ["failure", "success"][: len(records)]
    assert found["ttft_seconds"].is_null().all()
