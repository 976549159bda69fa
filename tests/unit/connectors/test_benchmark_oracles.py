"""Published results of benchmarks against what the lake holds of their raw files.

The figures are read from the authors' own summaries; percentiles are linear interpolation.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tokenworks_sources.connectors.mapped import mapped
from tokenworks_sources.connectors.requests import aiperf, llmperf

REQUESTS = next(connector for connector in mapped.CONNECTORS if connector.table == "requests")
ANCHOR = "anchor: 2026-05-29T11:35:48Z\n"


def percentile(values: pl.Series, share: float) -> float:
    found = values.quantile(share, "linear")
    assert found is not None
    return float(found)


def statistics(values: pl.Series, shares: tuple[float, ...]) -> dict[str, float]:
    found = {"mean": float(values.mean())}  # type: ignore[arg-type]
    return found | {f"p{share * 100:g}": percentile(values, share) for share in shares}


def published_runs(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Raw file and summary of each run that has both."""
    found = []
    for path in sorted(folder.glob("agentic_*/detailed_results.csv.gz")):
        run = path.parent.name.removeprefix("agentic_").replace("_bs", "_users")
        summary = folder / "agg" / f"agg_{run}.json"
        if summary.is_file():
            found.append((path, json.loads(summary.read_text())))
    return found


def test_agentic_percentiles_are_the_authors_when_successes_alone_are_counted(
    shared_data: Path, ingest_file: Any
) -> None:
    """A success without a first token counts for the last token and not for the first."""
    runs = published_runs(shared_data / "llm_traces" / "inferencex_apr2026")
    assert len(runs) == 10
    for path, expected in runs:
        outcome = ingest_file(path, REQUESTS)
        found = outcome.frames["requests"].filter(deployment_key=path.parent.name)
        assert outcome.rejects.is_empty()
        assert found.height == expected["num_requests_total"]
        done = found.filter(status="success")
        assert done.height == expected["num_requests_successful"]
        failed = found.filter(status="failure")
        assert failed["ttft_seconds"].is_null().all()
        assert failed["e2e_seconds"].is_null().all()
        for metric, values in (
            ("ttft", done["ttft_seconds"].drop_nulls()),
            ("ttlt", done["e2e_seconds"]),
            ("itl", done["tpot_seconds"].drop_nulls()),
            ("input_tokens", done["input_total_tokens"]),
            ("output_tokens_actual", done["output_total_tokens"]),
        ):
            figures = statistics(values.cast(pl.Float64), (0.5, 0.9, 0.99))
            for name, value in figures.items():
                key = f"{name.replace('p50', 'median')}_{metric}"
                assert value == pytest.approx(expected[key], rel=1e-9), (path.parent.name, key)


def test_llmperf_percentiles_are_published_when_errors_are_left_out(
    shared_data: Path, ingest_file: Any, tmp_path: Path
) -> None:
    folder = shared_data / "llm_traces" / "llmperf_leaderboard"
    said = tmp_path / "about.yaml"
    said.write_text(ANCHOR)
    summaries = sorted((folder / "summary").glob("*.json"))
    assert len(summaries) == 13
    for summary in summaries:
        expected = json.loads(summary.read_text())
        raw = folder / "individual" / f"{summary.name}.gz"
        outcome = ingest_file(raw, llmperf.CONNECTOR, (said,))
        found = outcome.frames["requests"].filter(deployment_key=summary.stem)
        assert outcome.rejects.is_empty()
        assert found.height == expected["results_num_requests_started"], summary.stem
        failed = found.filter(status="failure")
        assert failed.height == expected["results_number_errors"]
        done = found.filter(status="success")
        assert done.height == expected["results_num_completed_requests"]
        for metric, column in (
            ("ttft_s", "ttft_seconds"),
            ("end_to_end_latency_s", "e2e_seconds"),
            ("number_input_tokens", "input_total_tokens"),
            ("number_output_tokens", "output_total_tokens"),
        ):
            values = done[column].cast(pl.Float64)
            for name, value in statistics(values, (0.25, 0.5, 0.75, 0.9, 0.95, 0.99)).items():
                published = "mean" if name == "mean" else f"quantiles_{name}"
                key = f"results_{metric}_{published}"
                assert value == pytest.approx(expected[key], rel=1e-9), (summary.stem, key)


def test_aiperf_figures_are_the_summary_when_warm_up_is_left_out(
    shared_data: Path, ingest_file: Any
) -> None:
    folder = shared_data / "llm_traces" / "inferencex_aiperf_mi355x" / "conc1"
    expected = json.loads((folder / "profile_export_aiperf.json").read_text())
    outcome = ingest_file(folder / "profile_export.jsonl.gz", aiperf.CONNECTOR)
    found = outcome.frames["requests"]
    assert outcome.rejects.is_empty()
    assert outcome.manifest.skipped == {"warm-up request": 1}
    assert found.height == expected["request_count"]["avg"] == 195
    assert set(found["status"]) == {"success"}
    assert found["input_total_tokens"].sum() == expected["total_isl"]["avg"]
    assert found["output_total_tokens"].sum() == expected["total_osl"]["avg"]
    for metric, column in (
        ("time_to_first_token", "ttft_seconds"),
        ("request_latency", "e2e_seconds"),
        ("inter_token_latency", "tpot_seconds"),
        ("time_to_first_output_token", "ttfo_seconds"),
    ):
        values = found[column].drop_nulls() * 1000
        published = expected[metric]
        for name, value in statistics(values, (0.05, 0.25, 0.5, 0.9, 0.95, 0.99)).items():
            key = "avg" if name == "mean" else name
            assert value == pytest.approx(published[key], rel=1e-9), (metric, key)
    span = (found["ended_at"].max() - found["started_at"].min()).total_seconds()
    assert span == pytest.approx(expected["benchmark_duration"]["avg"], abs=1e-5)
    # Throughput is over the phase and its grace period of 3,630 s, not over benchmark_duration.
    rate = found["output_total_tokens"].sum() / expected["output_token_throughput"]["avg"]
    assert rate == pytest.approx(3630, abs=0.01)
