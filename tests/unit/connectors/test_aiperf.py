"""AIPerf records: nanoseconds, units, phases, failures; and its two summaries of one run."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.benchmark_runs import aiperf_summary
from tokenworks_sources.connectors.requests import aiperf
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

START = 1759813207650730976  # 2025-10-07 05:00:07.650730976 UTC
SECRET = "the prompt that nobody may see"
Land = Callable[..., Any]


def record(metrics: dict[str, Any], error: Any = None, **metadata: Any) -> dict[str, Any]:
    about = {
        "session_num": 0,
        "x_request_id": "r-1",
        "x_correlation_id": "c-1",
        "conversation_id": "d-1",
        "request_start_ns": START,
        "request_end_ns": START + 297_525_000,
        "benchmark_phase": "profiling",
        "was_cancelled": False,
    }
    return {"metadata": about | metadata, "metrics": metrics, "error": error}


def metric(value: Any, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


WHOLE = {
    "time_to_first_token": metric(255.886, "ms"),
    "request_latency": metric(297.525, "ms"),
    "time_to_first_output_token": metric(281.5, "ms"),
    "inter_token_latency": metric(5.205, "ms"),
    "inter_chunk_latency": metric([4.898, 5.316], "ms"),
    "input_sequence_length": metric(550, "tokens"),
    "output_sequence_length": metric(9, "tokens"),
}


@pytest.fixture
def land(tmp_path: Path, ingest_file: Any) -> Land:
    def run(*records: Any, name: str = "profile_export.jsonl") -> Any:
        path = tmp_path / "run_a" / name
        path.parent.mkdir(exist_ok=True)
        lines = [item if isinstance(item, str) else json.dumps(item) for item in records]
        path.write_text("\n".join(lines) + "\n")
        return ingest_file(path, aiperf.CONNECTOR)

    return run


def test_times_are_exact_when_nanoseconds_are_too_long_for_a_float(land: Land) -> None:
    row = land(record(WHOLE)).frames["requests"].row(0, named=True)
    assert row["started_at"] == datetime(2025, 10, 7, 5, 0, 7, 650730)
    assert row["ended_at"] == datetime(2025, 10, 7, 5, 0, 7, 948255)
    assert row["ttft_seconds"] == pytest.approx(0.255886)
    # The answer began after some reasoning; (4.898 + 5.316) / 2 between chunks.
    assert row["ttfo_seconds"] == pytest.approx(0.2815)
    assert row["icl_seconds"] == pytest.approx(0.005107)
    assert row["tpot_seconds"] == pytest.approx(0.005205)
    assert row["e2e_seconds"] == pytest.approx(0.297525)
    assert (row["request_id"], row["session_id"]) == ("r-1", "c-1")
    assert (row["input_total_tokens"], row["output_total_tokens"]) == (550, 9)
    assert (row["status"], row["deployment_key"]) == ("success", "run_a")


@pytest.mark.parametrize(("gaps", "mean"), [([], None), (6.0, 0.006), ([4.0, None, 6.0], 0.005)])
def test_gap_between_chunks_is_their_mean_when_any_is_known(
    land: Land, gaps: Any, mean: float | None
) -> None:
    row = land(record(WHOLE | {"inter_chunk_latency": metric(gaps, "ms")})).frames["requests"]
    assert row["icl_seconds"].to_list() == [mean if mean is None else pytest.approx(mean)]


def first_release(metrics: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    about = {"x_request_id": "r-1", "timestamp_ns": START, "credit_phase": "profiling"}
    return {"metadata": about | metadata, "metrics": metrics, "error": None}


def test_names_of_the_first_releases_are_read_when_a_file_is_old(
    tmp_path: Path, land: Land
) -> None:
    measured = {
        "ttft": metric(255.886, "ms"),
        "request_latency": metric(297.525, "ms"),
        "max_response_timestamp": metric(START + 297_525_000, "ns"),
        "input_sequence_length": metric(550, "tokens"),
        "output_sequence_length": metric(193, "tokens"),
        "reasoning_token_count": metric(132, "tokens"),
    }
    outcome = land(first_release(measured), first_release(measured, credit_phase="warmup"))
    assert outcome.manifest.skipped == {"warm-up request": 1}
    row = outcome.frames["requests"].row(0, named=True)
    assert row["started_at"] == datetime(2025, 10, 7, 5, 0, 7, 650730)
    assert row["ended_at"] == datetime(2025, 10, 7, 5, 0, 7, 948255)
    assert row["ttft_seconds"] == pytest.approx(0.255886)
    assert (row["output_total_tokens"], row["output_reasoning_tokens"]) == (193, 132)
    path = tmp_path / "run_a" / "profile_export.jsonl"
    assert aiperf.CONNECTOR.recognise(preview_of(path)) == (
        "keys metadata and metrics, with credit_phase, timestamp_ns"
    )


def test_unknown_stays_unknown_when_a_single_token_has_no_metric(land: Land) -> None:
    row = land(record({"request_latency": metric(5, "ms")})).frames["requests"].row(0, named=True)
    for column in ("ttft_seconds", "tpot_seconds", "first_token_at", "input_total_tokens"):
        assert row[column] is None


def test_server_counts_are_taken_when_both_are_there(land: Land) -> None:
    usage = {
        "usage_prompt_tokens": metric(612, "tokens"),
        "usage_completion_tokens": metric(11, "tokens"),
        "usage_prompt_cache_read_tokens": metric(512, "tokens"),
        "usage_reasoning_tokens": metric(4, "tokens"),
    }
    row = land(record(WHOLE | usage)).frames["requests"].row(0, named=True)
    assert (row["input_total_tokens"], row["output_total_tokens"]) == (612, 11)
    assert (row["input_cache_read_tokens"], row["output_reasoning_tokens"]) == (512, 4)


def test_warm_up_is_skipped_and_counted_when_it_stands_among_the_others(land: Land) -> None:
    outcome = land(record(WHOLE, benchmark_phase="warmup"), record(WHOLE))
    assert outcome.manifest.skipped == {"warm-up request": 1}
    assert outcome.frames["requests"].height == 1


def test_failures_keep_their_class_and_no_text_when_requests_fail(land: Land) -> None:
    cancelled = {"code": 499, "type": "RequestCancellationError", "message": SECRET}
    refused = {"code": 400, "type": SECRET, "message": SECRET}
    outcome = land(
        record({"error_isl": metric(550, "tokens")}, cancelled, was_cancelled=True),
        record({}, refused, x_request_id="r-2"),
        record({}, None, x_request_id="r-3", context_overflow_skip=True),
        record({"request_latency": metric("x", "ms")}, refused),
    )
    found = outcome.frames["requests"]
    assert found["status"].to_list() == ["cancelled", "failure", "rejected"]
    assert found["error_type"].to_list() == ["RequestCancellationError", "400", "context_overflow"]
    assert found["input_total_tokens"].to_list() == [550, None, None]
    assert outcome.rejects["reason"].to_list() == ["request_latency: not a number"]
    assert SECRET not in found.write_json() + outcome.rejects.write_json()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ('{"metadata": {"request_start_ns": "soon"}, "metrics": {}}', "not a record of AIPerf"),
        ("[" * 100_000, "not a record of AIPerf"),
        (
            json.dumps(record({}, benchmark_phase="lunch")),
            "benchmark_phase: not warmup or profiling",
        ),
        (json.dumps(record({}, request_start_ns=2**62 * 10**9)), "request_start_ns: not a time"),
        (
            json.dumps(record({"time_to_first_token": metric(1, "fortnights")})),
            "time_to_first_token: of no known unit",
        ),
        (
            json.dumps(record({"output_sequence_length": metric(12.7, "tokens")})),
            "output_sequence_length: not a whole number",
        ),
    ],
)
def test_record_is_rejected_with_its_reason_when_it_is_wrong(
    line: str, reason: str, land: Land
) -> None:
    outcome = land(line, record(WHOLE))
    assert outcome.frames["requests"].height == 1
    assert outcome.rejects.select("source_line", "reason").rows() == [(1, reason)]


def test_records_are_recognised_when_the_first_line_is_longer_than_the_head(tmp_path: Path) -> None:
    long = record(WHOLE | {"inter_chunk_latency": metric([1.5] * 100_000, "ms")})
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(long) + "\n")
    assert aiperf.CONNECTOR.recognise(preview_of(path))
    path.write_text(json.dumps({"metadata": {}, "metrics": {}}))
    assert aiperf.CONNECTOR.recognise(preview_of(path)) is None


def test_json_and_csv_are_one_run_when_both_are_ingested(
    shared_data: Path, ingest_file: Any
) -> None:
    folder = shared_data / "llm_traces" / "inferencex_aiperf_mi355x" / "conc8"
    for name in ("profile_export_aiperf.json", "profile_export_aiperf.csv"):
        found = ingest_file(folder / name, aiperf_summary.CONNECTOR).frames["benchmark_runs"]
        row = found.filter(found["source_file"].str.ends_with(name)).row(0, named=True)
        assert row["run_id"] == "1783588065565795840"
        assert row["started_at"] == datetime(2026, 7, 9, 9, 7, 45, 565795)
        assert (row["tool"], row["requests_succeeded"]) == ("aiperf", 873)
    by_name = found.sort("source_file")
    assert by_name["model"].to_list() == [None, "amd/Kimi-K2.7-Code-MXFP4"]
    assert by_name["concurrency"].to_list() == [None, 8]
    assert by_name["requests_failed"].to_list() == [None, 0]


def test_published_summary_is_kept_when_json_is_ingested(
    shared_data: Path, ingest_file: Any
) -> None:
    folder = shared_data / "llm_traces" / "inferencex_aiperf_mi355x" / "conc1"
    path = folder / "profile_export_aiperf.json"
    row = ingest_file(path, aiperf_summary.CONNECTOR).frames["benchmark_runs"].row(0, named=True)
    assert row["ttft_p50_seconds"] == pytest.approx(2.148041658)
    assert row["tpot_p50_seconds"] == pytest.approx(0.013036789106)
    assert row["itl_p50_seconds"] == pytest.approx(0.0139792385)
    assert row["e2e_p99_seconds"] == pytest.approx(175.70526838124)
    assert (row["input_tokens"], row["output_tokens"]) == (18921176, 213017)
    assert row["duration_seconds"] == pytest.approx(3542.81860992)


GENAI_PERF = {
    "request_throughput": {"unit": "requests/sec", "avg": 2.0},
    "request_latency": {"unit": "ms", "avg": 500.0, "p99": 900.0},
    "time_to_first_token": {"unit": "ms", "avg": 0.0},
    "request_count": {"unit": "requests", "avg": 20.0},
    "input_config": {"endpoint": {"model_names": ["m"]}, "loadgen": {"concurrency": 4}},
}


def test_anchor_dates_the_run_when_a_summary_has_no_time(tmp_path: Path, ingest_file: Any) -> None:
    path, said = tmp_path / "profile_export_genai_perf.json", tmp_path / "about.yaml"
    path.write_text(json.dumps(GENAI_PERF, indent=2))
    with pytest.raises(LandingFileError, match=r"about\.yaml beside it"):
        ingest_file(path, aiperf_summary.CONNECTOR)
    said.write_text("anchor: 2026-05-29T13:35:48+02:00\n")
    found = ingest_file(path, aiperf_summary.CONNECTOR, (said,)).frames["benchmark_runs"]
    row = found.row(0, named=True)
    assert (row["tool"], row["clock"]) == ("genai_perf", "relative")
    assert row["started_at"] == datetime(2026, 5, 29, 11, 35, 48)
    assert (row["e2e_mean_seconds"], row["e2e_p99_seconds"]) == (0.5, 0.9)
    assert row["ttft_mean_seconds"] is None
    assert (row["model"], row["concurrency"], row["requests_failed"]) == ("m", 4, None)
