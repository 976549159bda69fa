"""Real public traces through the mappings of the library: totals, and the authors' percentiles."""

from __future__ import annotations

import csv
import gzip
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokenworks_sources.connectors.mapped import mapped

BY_TABLE = {connector.table: connector for connector in mapped.CONNECTORS}
REQUESTS = BY_TABLE["requests"]


def test_azure_trace_is_whole_when_ingested(shared_data: Path, ingest_file: Any) -> None:
    outcome = ingest_file(shared_data / "llm_traces" / "azure2023_code.csv", REQUESTS)
    found = outcome.frames["requests"]
    assert found.height == 8819
    assert found["input_total_tokens"].sum() == 18059974
    assert found["output_total_tokens"].sum() == 245896
    assert found["started_at"][0] == datetime(2023, 11, 16, 18, 17, 3, 979960)
    assert outcome.rejects.is_empty()


def test_mooncake_trace_is_whole_when_ingested(shared_data: Path, ingest_file: Any) -> None:
    path = shared_data / "llm_traces" / "mooncake_conversation_trace.jsonl.gz"
    found = ingest_file(path, REQUESTS).frames["requests"]
    assert found.height == 12031
    assert found["input_total_tokens"].sum() == 144793823
    assert found["output_total_tokens"].sum() == 4122048
    assert found["prefix_block_hashes"][0].to_list() == list(range(14))
    assert found["started_at"].n_unique() == 1180


def inferencex_runs(shared_data: Path) -> list[dict[str, str]]:
    folder = shared_data / "llm_traces" / "inferencex_feb2026"
    with (folder / "experiment_summary_tp1_tp4.csv").open() as stream:
        runs = list(csv.DictReader(stream))
    assert len(runs) == 24
    return runs


@pytest.mark.slow
def test_inferencex_percentiles_are_the_authors_when_all_runs_are_ingested(
    shared_data: Path, ingest_file: Any
) -> None:
    """The summary was computed by its authors from the raw files beside it."""
    folder = shared_data / "llm_traces" / "inferencex_feb2026"
    for expected in inferencex_runs(shared_data):
        name = expected["exp_name"]
        path = folder / name / "metrics_client_metrics.csv.gz"
        with gzip.open(path, "rt") as stream:
            raw = list(csv.DictReader(stream))
        found = ingest_file(path, REQUESTS).frames["requests"].filter(deployment_key=name)
        assert found.height == len(raw) == int(expected["num_requests"])
        for column, source in (
            ("input_total_tokens", "input_num_tokens"),
            ("output_total_tokens", "output_num_tokens"),
        ):
            assert found[column].sum() == sum(int(row[source]) for row in raw)
        for metric, column in (
            ("ttft", "ttft_seconds"),
            ("tpot", "tpot_seconds"),
            ("latency", "e2e_seconds"),
        ):
            values = found[column].to_numpy() * 1000
            assert np.mean(values) == pytest.approx(float(expected[f"mean_{metric}_ms"]), rel=1e-6)
            for share in (50, 90, 99):
                published = float(expected[f"p{share}_{metric}_ms"])
                assert np.percentile(values, share) == pytest.approx(published, rel=1e-6)
        span = (found["started_at"].max() - found["started_at"].min()).total_seconds()
        rate = found.height / span
        assert rate == pytest.approx(float(expected["throughput_rps"]), rel=1e-6)
        assert found["input_total_tokens"].sum() / span == pytest.approx(
            float(expected["input_throughput_tps"]), rel=1e-6
        )


@pytest.mark.slow
def test_inferencex_scrapes_are_whole_when_all_runs_are_ingested(
    shared_data: Path, ingest_file: Any
) -> None:
    folder = shared_data / "llm_traces" / "inferencex_feb2026"
    for expected in inferencex_runs(shared_data):
        name = expected["exp_name"]
        path = folder / name / "metrics_server_metrics.csv.gz"
        with gzip.open(path, "rt") as stream:
            raw = list(csv.DictReader(stream))
        found = ingest_file(path, BY_TABLE["engine_samples"]).frames["engine_samples"]
        found = found.filter(instance=name)
        assert found.height == len(raw)
        assert found["output_tokens"][-1] == float(raw[-1]["generation_tokens_total"])
        usage = max(float(row["kv_cache_usage_pct"]) for row in raw)
        assert found["kv_cache_usage_ratio"].max() == pytest.approx(usage / 100, rel=1e-12)
        hits, queries = found["prefix_cache_hit_tokens"][-1], found["prefix_cache_query_tokens"][-1]
        assert 100 * hits / queries == pytest.approx(float(expected["gpu_hit_rate"]), rel=1e-6)
