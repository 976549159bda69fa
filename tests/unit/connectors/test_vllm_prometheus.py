"""Engine scrapes through the lake: aliases, histograms, resets, accounting."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.base import Connector
from tokenworks_sources.connectors.engine_samples.sglang_prometheus import CONNECTOR as SGLANG
from tokenworks_sources.connectors.engine_samples.vllm_prometheus import CONNECTOR as VLLM
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

IngestFile = Callable[..., Any]

SCRAPE = """\
# scraped_at 2026-10-01T00:05:00Z
# instance small-us-0.fleet.internal:8000
# HELP python_info Python platform information
# TYPE python_info gauge
python_info{implementation="CPython",version="3.12.3"} 1.0
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="llama-3.1-8b"} 12.0
vllm:num_requests_waiting{engine="0",model_name="llama-3.1-8b"} 3.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="llama-3.1-8b",reason="capacity"} 3.0
vllm:kv_cache_usage_perc{engine="0",model_name="llama-3.1-8b"} 0.375
vllm:prompt_tokens_total{engine="0",model_name="llama-3.1-8b"} 6.63e+09
vllm:prompt_tokens_created{engine="0",model_name="llama-3.1-8b"} 1.7908e+09
vllm:prompt_tokens_cached_total{engine="0",model_name="llama-3.1-8b"} 1.2e+09
vllm:generation_tokens_total{model_name="llama-3.1-8b",engine="0"} 14926.0
vllm:generation_tokens_created{model_name="llama-3.1-8b",engine="0"} 1790800000.25
vllm:prefix_cache_queries_total{engine="0",model_name="llama-3.1-8b"} 500.0
vllm:prefix_cache_hits_total{engine="0",model_name="llama-3.1-8b"} 200.0
vllm:num_preemptions_total{engine="0",model_name="llama-3.1-8b"} 7.0
vllm:request_success_total{engine="0",finished_reason="stop",model_name="llama-3.1-8b"} 90.0
vllm:request_success_total{engine="0",finished_reason="length",model_name="llama-3.1-8b"} 8.0
vllm:request_success_total{engine="0",finished_reason="abort",model_name="llama-3.1-8b"} 4.0
vllm:request_success_total{engine="0",finished_reason="error",model_name="llama-3.1-8b"} 1.0
vllm:request_success_total{engine="0",finished_reason="novel",model_name="llama-3.1-8b"} 1.0
vllm:cache_config_info{block_size="16",cache_dtype="auto",engine="0",num_gpu_blocks="27913"} 1.0
vllm:iteration_tokens_total_bucket{engine="0",le="1.0",model_name="llama-3.1-8b"} 5.0
vllm:iteration_tokens_total_bucket{engine="0",le="8.0",model_name="llama-3.1-8b"} 9.0
vllm:iteration_tokens_total_bucket{engine="0",le="+Inf",model_name="llama-3.1-8b"} 10.0
vllm:iteration_tokens_total_sum{engine="0",model_name="llama-3.1-8b"} 512.0
vllm:iteration_tokens_total_count{engine="0",model_name="llama-3.1-8b"} 10.0
vllm:iteration_tokens_total_created{engine="0",model_name="llama-3.1-8b"} 1790800000.5
vllm:spec_decode_num_drafts_total{engine="0",model_name="llama-3.1-8b"} 3.0
vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="llama-3.1-8b"} 9.0
vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="llama-3.1-8b"} 5.0
"""
# The published TTFT histogram of a real Llama-3.1-8B run, as cumulative counts.
BOUNDS = [
    0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0,
    math.inf,
]  # fmt: skip
COUNTS = [0, 1, 3, 6, 6, 6, 6, 6, 27, 140, 314, 941, 1330, 1970, 2326, 2417, 2513, 11008]


def ingested(
    ingest_file: IngestFile, tmp_path: Path, text: str, connector: Connector = VLLM
) -> Any:
    """A file of that text in a folder named engine-0, through the lake."""
    folder = tmp_path / "engine-0"
    folder.mkdir(exist_ok=True)
    path = folder / "scrapes.prom"
    path.write_text(text)
    assert connector.recognise(preview_of(path))
    return ingest_file(path, connector)


def records_of(outcome: Any) -> int:
    """Skipped and rejected samples."""
    skipped: dict[str, int] = outcome.manifest.skipped
    rejects: dict[str, int] = outcome.manifest.rejects
    return sum(skipped.values()) + sum(rejects.values())


def test_every_column_is_filled_when_a_scrape_has_the_present_names(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(ingest_file, tmp_path, SCRAPE)
    (row,) = outcome.frames["engine_samples"].to_dicts()
    given = {name: value for name, value in row.items() if value is not None}
    for provenance in ("source_file", "source_digest", "event_date"):
        del given[provenance]
    assert given == {
        "scraped_at": datetime(2026, 10, 1, 0, 5),
        "engine": "vllm",
        "instance": "small-us-0.fleet.internal:8000",
        "engine_index": "0",
        "model_name": "llama-3.1-8b",
        "requests_running": 12.0,
        "requests_waiting": 3.0,
        "kv_cache_usage_ratio": 0.375,
        "kv_cache_blocks": 27913.0,
        "kv_block_tokens": 16.0,
        "input_tokens": 6_630_000_000.0,
        "input_cache_read_tokens": 1_200_000_000.0,
        "output_tokens": 14926.0,
        "prefix_cache_query_tokens": 500.0,
        "prefix_cache_hit_tokens": 200.0,
        "preemptions": 7.0,
        "requests_succeeded": 98.0,
        "requests_aborted": 4.0,
        "requests_failed": 1.0,
        "step_tokens": 512.0,
        "steps": 10.0,
        "spec_drafts": 3.0,
        "spec_draft_tokens": 9.0,
        "spec_accepted_tokens": 5.0,
        "counters_created_at": datetime(2026, 9, 30, 20, 26, 40),
        "source_line": 7,
    }
    (histogram,) = outcome.frames["engine_histograms"].to_dicts()
    assert histogram["metric"] == "iteration_tokens_total"
    assert histogram["bucket_upper_bounds"] == [1.0, 8.0, math.inf]
    assert histogram["bucket_cumulative_counts"] == [5, 9, 10]
    assert histogram["counters_created_at"] == datetime(2026, 9, 30, 20, 26, 40, 500_000)


def test_samples_add_up_when_some_are_used_skipped_and_rejected(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(ingest_file, tmp_path, SCRAPE + "vllm:prompt_tokens_total{ 5\n")
    assert outcome.manifest.skipped == {
        "not a metric of an engine": 1,
        "vllm:num_requests_waiting_by_reason of another reason": 1,
        "vllm:request_success of another finished_reason": 1,
    }
    assert outcome.manifest.rejects == {"not a sample line": 1}
    assert outcome.rejects["source_line"].to_list() == [34]


def test_newer_name_wins_when_a_release_exports_both(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = (
        "# scraped_at 1790813100\n"
        'vllm:gpu_cache_usage_perc{model_name="m"} 0.5\n'
        'vllm:kv_cache_usage_perc{model_name="m"} 0.25\n'
        "# scraped_at 1790813115\n"
        'vllm:gpu_cache_usage_perc{model_name="m"} 0.75\n'
        'vllm:gpu_prefix_cache_queries_total{model_name="m"} 9\n'
    )
    outcome = ingested(ingest_file, tmp_path, text)
    assert outcome.frames["engine_samples"]["kv_cache_usage_ratio"].to_list() == [0.25, 0.75]
    assert outcome.frames["engine_samples"]["instance"].to_list() == ["engine-0", "engine-0"]
    assert outcome.frames["engine_samples"]["engine_index"].to_list() == ["0", "0"]
    assert outcome.manifest.skipped == {
        "the same value under another name": 1,
        "vllm:gpu_prefix_cache_queries counts blocks, not tokens": 1,
    }


def histogram_text(metric: str, bounds: list[float], counts: list[int]) -> str:
    """Bucket lines of one metric."""
    return "".join(
        f'vllm:{metric}_bucket{{model_name="m",le="{"+Inf" if bound == math.inf else bound}"}} {count}.0\n'
        for bound, count in zip(bounds, counts, strict=True)
    )


def test_histogram_comes_back_whole_when_its_buckets_are_out_of_order(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = (
        "# scraped_at 1790813100\n"
        'vllm:time_to_first_token_seconds_sum{model_name="m"} 2351897.9474117756\n'
        + histogram_text("time_to_first_token_seconds", BOUNDS[::-1], COUNTS[::-1])
        + 'vllm:time_to_first_token_seconds_count{model_name="m"} 11008.0\n'
    )
    outcome = ingested(ingest_file, tmp_path, text)
    (row,) = outcome.frames["engine_histograms"].to_dicts()
    assert row["metric"] == "time_to_first_token_seconds"
    assert row["bucket_upper_bounds"] == BOUNDS
    assert row["bucket_cumulative_counts"] == COUNTS
    assert row["observation_sum"] == 2351897.9474117756
    assert row["observation_count"] == 11008
    assert round(row["observation_sum"] / row["observation_count"], 4) == 213.6535
    assert records_of(outcome) == 0


def test_histogram_has_its_present_name_when_an_old_release_exports_it(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = "# scraped_at 1790813100\n" + histogram_text(
        "time_per_output_token_seconds", [0.01, math.inf], [1, 2]
    )
    outcome = ingested(ingest_file, tmp_path, text)
    assert outcome.frames["engine_histograms"]["metric"].to_list() == [
        "inter_token_latency_seconds"
    ]


@pytest.mark.parametrize(
    ("bounds", "counts", "reason"),
    [
        ([0.1, 0.5], [1, 2], "histogram without a +Inf bucket"),
        ([0.1, math.inf], [3, 2], "histogram whose cumulative counts decrease"),
    ],
)
def test_histogram_is_rejected_when_its_buckets_contradict_each_other(
    ingest_file: IngestFile, tmp_path: Path, bounds: list[float], counts: list[int], reason: str
) -> None:
    text = "# scraped_at 1790813100\n" + histogram_text(
        "e2e_request_latency_seconds", bounds, counts
    )
    outcome = ingested(
        ingest_file, tmp_path, text + 'vllm:num_preemptions_total{model_name="m"} 1\n'
    )
    assert outcome.manifest.rejects == {reason: 2}
    assert outcome.frames["engine_histograms"].is_empty()
    assert outcome.frames["engine_samples"]["preemptions"].to_list() == [1.0]


def test_counters_are_stored_as_exported_when_the_engine_restarts(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = "".join(
        f"# scraped_at {1790813100 + 15 * step}\n"
        f'vllm:generation_tokens_total{{model_name="m"}} {value}\n'
        f'vllm:generation_tokens_created{{model_name="m"}} {created}\n'
        for step, (value, created) in enumerate(
            [
                (100, 1790800000),
                (160, 1790800000),
                (220, 1790800000),
                (15, 1790813140),
                (75, 1790813140),
            ]
        )
    )
    rows = ingested(ingest_file, tmp_path, text).frames["engine_samples"]
    assert rows["output_tokens"].to_list() == [100.0, 160.0, 220.0, 15.0, 75.0]
    assert rows["counters_created_at"].n_unique() == 2
    assert rows["counters_created_at"][3] == datetime(2026, 10, 1, 0, 5, 40)


def test_idle_scrape_is_zeros_and_not_null_when_all_samples_are_zero(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = (
        "# scraped_at 1790813100\n"
        'vllm:num_requests_running{model_name="m"} 0.0\nvllm:num_requests_waiting{model_name="m"} NaN\n'
    )
    rows = ingested(ingest_file, tmp_path, text).frames["engine_samples"]
    assert rows["requests_running"].to_list() == [0.0]
    assert rows["requests_waiting"].to_list() == [None]
    assert rows["input_tokens"].to_list() == [None]


def test_only_the_sample_is_rejected_when_a_value_is_out_of_range(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = (
        "# scraped_at 1790813100\n"
        'vllm:num_requests_running{model_name="m"} 4\n'
        'vllm:kv_cache_usage_perc{model_name="m"} 37.5\n'
        'vllm:prompt_tokens_total{model_name="m"} -1\n'
        'vllm:generation_tokens_total{model_name="m"} +Inf\n'
        "vllm:num_requests_waiting 2\n"
    )
    outcome = ingested(ingest_file, tmp_path, text)
    assert outcome.frames["engine_samples"]["requests_running"].to_list() == [4.0]
    assert outcome.manifest.rejects == {
        "kv_cache_usage_ratio: above 1.0": 1,
        "input_tokens: below 0.0": 1,
        "output_tokens: not a finite number": 1,
        "no model_name label": 1,
    }


def test_engines_and_instances_stay_apart_when_one_scrape_holds_several(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = "# scraped_at 1790813100\n" + "".join(
        f'vllm:num_requests_running{{engine="{engine}",instance="{host}:8000",model_name="m"}} {n}\n'
        for n, (engine, host) in enumerate([("0", "a"), ("1", "a"), ("0", "b")])
    )
    rows = ingested(ingest_file, tmp_path, text).frames["engine_samples"]
    assert rows.select("instance", "engine_index", "requests_running").rows() == [
        ("a:8000", "0", 0.0),
        ("a:8000", "1", 1.0),
        ("b:8000", "0", 2.0),
    ]


def test_repeated_series_count_once_when_equal_and_are_rejected_when_not(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = (
        "# scraped_at 1790813100\n"
        'vllm:num_requests_running{engine="0",model_name="m"} 4\n'
        'vllm:num_requests_running{model_name="m",engine="0"} 4\n'
        'vllm:num_requests_running{engine="0",model_name="m"} 5\n'
    )
    outcome = ingested(ingest_file, tmp_path, text)
    assert outcome.frames["engine_samples"]["requests_running"].to_list() == [4.0]
    assert outcome.manifest.skipped == {"the same sample again": 1}
    assert outcome.manifest.rejects == {
        "another value of the same sample came earlier in the scrape": 1
    }
    assert outcome.rejects["source_line"].to_list() == [4]


def test_a_file_without_instance_is_refused_when_it_lies_in_the_connector_folder(
    tmp_path: Path,
) -> None:
    from tokenworks_sources.connectors.base import LandingFile

    path = tmp_path / "x"
    path.write_text('vllm:num_requests_running{model_name="m"} 4\n')
    name = "engine_samples/vllm_prometheus/20261001T000500Z.prom"
    with pytest.raises(LandingFileError, match="nothing says which instance was scraped"):
        VLLM.read(LandingFile(path, name, "0"), _Refusing())


class _Refusing:
    """A sink that nothing may reach."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_other_ranks_are_skipped_when_sglang_repeats_itself(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = "# scraped_at 1790813100\n" + "".join(
        f'sglang:num_running_reqs{{model_name="m",tp_rank="{rank}",pp_rank="0"}} 6\n'
        f'sglang:generation_tokens_total{{model_name="m",tp_rank="{rank}",is_streaming="{way}"}} {n}\n'
        for rank in "01"
        for way, n in (("true", 10), ("false", 5))
        if (rank, way) != ("1", "false")
    ).replace('sglang:num_running_reqs{model_name="m",tp_rank="0",pp_rank="0"} 6\n', "", 1)
    outcome = ingested(ingest_file, tmp_path, text, SGLANG)
    rows = outcome.frames["engine_samples"]
    assert rows.select("engine", "requests_running", "output_tokens").rows() == [
        ("sglang", 6.0, 15.0)
    ]
    assert outcome.manifest.skipped == {"a further rank repeats the same counts": 2}


def test_compressed_scrapes_give_the_same_rows_when_gzipped(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "engine-0.20261001T000500Z.prom.gz"
    path.write_bytes(gzip.compress(b'vllm:num_requests_running{model_name="m"} 4\n'))
    assert VLLM.recognise(preview_of(path)) == "metrics named vllm:*"
    rows = ingest_file(path, VLLM).frames["engine_samples"]
    assert rows["scraped_at"].to_list() == [datetime(2026, 10, 1, 0, 5)]


def test_other_scrapes_are_not_claimed_when_they_only_mention_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    path.write_text('up{job="vllm:0"} 1\nDCGM_FI_DEV_GPU_UTIL{gpu="0"} 3\n')
    assert VLLM.recognise(preview_of(path)) is None
    assert SGLANG.recognise(preview_of(path)) is None
