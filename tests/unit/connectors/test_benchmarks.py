"""Benchmark results of vLLM and SGLang: clocks, failures, summaries."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from tests.unit.connectors.results import ANCHOR, SECRET, Land
from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.connectors.benchmark_runs import sglang_bench_runs, vllm_bench_runs
from tokenworks_sources.connectors.requests import sglang_bench, vllm_bench
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

RUN = {
    "date": "20250711-120010",
    "backend": "vllm",
    "model_id": "m",
    "tokenizer_id": "m",
    "num_prompts": 3,
    "request_rate": "inf",
    "max_concurrency": 8,
    "duration": 10.0,
    "completed": 2,
    "total_input_tokens": 30,
    "total_output_tokens": 4,
    "request_throughput": 0.2,
    "output_throughput": 0.4,
}
ARRAYS = {
    "input_lens": [10, 20, 30],
    "output_lens": [3, 1, 0],
    "ttfts": [0.5, 0.25, 0.0],
    "itls": [[0.1, 0.2], [], []],
    "generated_texts": [SECRET, "x", ""],
    "errors": ["", "", f"Traceback: {SECRET}"],
}


def test_requests_stand_at_the_begin_of_the_run_when_vllm_writes_no_start(land: Land) -> None:
    outcome = land(vllm_bench.CONNECTOR, RUN | ARRAYS)
    found = outcome.frames["requests"]
    # 12:00:10 less 10 s; a date without a zone is UTC.
    assert found["started_at"].to_list() == [datetime(2025, 7, 11, 12)] * 3
    assert found["ttft_seconds"].to_list() == [0.5, 0.25, None]
    assert found["decode_seconds"].to_list() == [pytest.approx(0.3), None, None]
    assert found["e2e_seconds"].to_list() == [pytest.approx(0.8), 0.25, None]
    assert found["ended_at"][0] == datetime(2025, 7, 11, 12, 0, 0, 800_000)
    assert found["status"].to_list() == ["success", "success", "failure"]
    assert found["input_total_tokens"].to_list() == [10, 20, 30]
    assert found["output_total_tokens"].to_list() == [3, 1, 0]
    assert set(found["clock"]) == {"relative"}
    assert (found["model_requested"][0], found["deployment_key"][0]) == ("m", "run")
    assert found["request_id"].n_unique() == 3
    assert SECRET not in found.write_json()


def test_figures_are_unknown_when_python_wrote_what_is_no_number(land: Land) -> None:
    text = json.dumps(RUN | ARRAYS | {"ttfts": [0.5, float("nan"), float("-inf")], "rtfx": 1})
    found = land(vllm_bench.CONNECTOR, text).frames["requests"]
    assert found["ttft_seconds"].to_list() == [0.5, None, None]
    with pytest.raises(LandingFileError, match="not JSON"):
        land(vllm_bench.CONNECTOR, "Infinity", name="b.json")


def test_starts_fall_on_the_begin_when_vllm_writes_them(land: Land) -> None:
    run = RUN | ARRAYS | {"start_times": [1000.5, 1002.0, 0.0]}
    found = land(vllm_bench.CONNECTOR, run, "zone: Europe/Berlin\n").frames["requests"]
    assert found["started_at"].to_list() == [
        datetime(2025, 7, 11, 10),
        datetime(2025, 7, 11, 10, 0, 1, 500_000),
        datetime(2025, 7, 11, 10),
    ]
    anchored = land(vllm_bench.CONNECTOR, run, ANCHOR, "b.json").frames["requests"]
    assert datetime(2026, 5, 29, 11, 35, 48) in anchored["started_at"].to_list()


def test_requests_are_rejected_alone_when_their_figures_are_wrong(land: Land) -> None:
    wrong = {"ttfts": [0.5, "x", 0.1], "itls": [[0.1, -1], [], ["a"]], "errors": ["", "", ""]}
    outcome = land(vllm_bench.CONNECTOR, RUN | ARRAYS | wrong | {"output_lens": [3, 1, 2.5]})
    assert outcome.frames["requests"].is_empty()
    assert outcome.rejects["reason"].to_list() == [
        "itls: below 0",
        "ttfts: not a number",
        "itls: not a list of numbers",
    ]


def test_file_is_refused_when_arrays_do_not_belong_together(land: Land) -> None:
    with pytest.raises(LandingFileError, match="ttfts has 1 values for 3 requests"):
        land(vllm_bench.CONNECTOR, RUN | ARRAYS | {"ttfts": [0.5]})


def test_runs_are_all_read_when_results_were_appended(land: Land) -> None:
    text = "\n".join(json.dumps(RUN | ARRAYS) for _ in range(2)) + '\n{"cut'
    outcome = land(vllm_bench.CONNECTOR, text)
    assert outcome.frames["requests"].height == 6
    assert outcome.frames["requests"]["source_line"].to_list() == [1, 2, 3, 4, 5, 6]
    assert outcome.rejects["reason"].to_list() == ["not a result of vLLM's benchmark"]
    summaries = "\n".join(json.dumps(RUN) for _ in range(3))
    assert land(vllm_bench_runs.CONNECTOR, summaries).frames["benchmark_runs"].height == 3


def test_summary_is_a_run_when_vllm_wrote_no_details(land: Land) -> None:
    figures = {"mean_ttft_ms": 370.5, "median_ttft_ms": 216.0, "p99_itl_ms": 145.0, "failed": 1}
    row = land(vllm_bench_runs.CONNECTOR, RUN | figures).frames["benchmark_runs"].row(0, named=True)
    assert row["started_at"] == datetime(2025, 7, 11, 12)
    assert row["ended_at"] == datetime(2025, 7, 11, 12, 0, 10)
    assert (row["ttft_mean_seconds"], row["ttft_p50_seconds"]) == (0.3705, 0.216)
    assert (row["itl_p99_seconds"], row["itl_p50_seconds"]) == (0.145, None)
    assert (row["requests_total"], row["requests_succeeded"], row["requests_failed"]) == (3, 2, 1)
    assert (row["concurrency"], row["request_rate_per_second"]) == (8, None)
    assert (row["model"], row["backend"]) == ("m", "vllm")


def test_latencies_are_unknown_when_every_request_of_a_run_failed(land: Land) -> None:
    failed = {f"{word}_{metric}_ms": 0.0 for word in ("mean", "p99") for metric in ("ttft", "e2el")}
    run = RUN | {"completed": 0, "mean_itl_ms": float("nan"), "request_rate": 2.5} | failed
    row = land(vllm_bench_runs.CONNECTOR, run).frames["benchmark_runs"].row(0, named=True)
    assert row["requests_succeeded"] == 0
    assert [name for name in row if name.endswith("_seconds") and row[name]] == ["duration_seconds"]
    assert row["request_rate_per_second"] == 2.5


def test_run_is_rejected_when_a_figure_is_none(land: Land) -> None:
    text = "\n".join(json.dumps(RUN) for _ in range(4))
    text = text.replace('"completed": 2', '"completed": 2.5', 1)
    text = text.replace('"completed": 2,', '"completed": 1e999,', 1)
    text = text.replace('"completed": 2,', '"completed": -2,', 1)
    outcome = land(vllm_bench_runs.CONNECTOR, text)
    assert outcome.frames["benchmark_runs"].height == 1
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (1, "completed: not a whole number"),
        (2, "not a result of vLLM's benchmark"),
        (3, "completed: below 0"),
    ]


def test_date_is_asked_for_when_a_run_has_none(land: Land) -> None:
    with pytest.raises(LandingFileError, match=r"no date of the form .* about\.yaml"):
        land(vllm_bench_runs.CONNECTOR, RUN | {"date": "yesterday"})
    with pytest.raises(LandingFileError, match="not JSON"):
        land(vllm_bench.CONNECTOR, json.dumps(RUN | ARRAYS)[:-40])


SAY_ONLY = "It may say zone, date_order, anchor, "


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("anchor: 2026-05-29T11:35:48", "anchor cannot be used. Write a time with its zone"),
        ("anchor: 1780054548", "anchor cannot be used. Write a time with its zone"),
        ("anchor: 0001-01-01T00:00:00+05:00", "anchor cannot be used. Write a time with its zone"),
        ("zone: Berlin", "zone cannot be used. Write UTC, -07:00 or a name such as Europe/Berlin"),
        ("zone: ../UTC", "zone cannot be used. Write UTC"),
        ("zone: +24:00", "zone cannot be used. Write UTC"),
        ("valid_from: 2026-13-01", "valid_from cannot be used. Write a day or a time"),
        ("valid_from: 20260901", "valid_from cannot be used. Write a day or a time"),
        ("currency: usd", "currency cannot be used. Write a code of ISO 4217"),
        ("date_order: DD/MM", "date_order cannot be used. Write day_first or month_first"),
        ("model: [a]", "model cannot be used. Write the name of a model"),
        ("when: now", f"when is no key of it. {SAY_ONLY}"),
        ("[1, 2", f"it is not YAML. {SAY_ONLY}"),
        ("[" * 5_000, f"it is not YAML. {SAY_ONLY}"),
        ("- a", f"it is no list of keys. {SAY_ONLY}"),
        ("# " + "a" * 70_000, f"it is no list of keys. {SAY_ONLY}"),
    ],
)
def test_sidecar_is_refused_when_it_says_something_wrong(
    said: str, message: str, land: Land
) -> None:
    with pytest.raises(LandingFileError, match=f"about.yaml: {re.escape(message)}"):
        land(vllm_bench_runs.CONNECTOR, RUN, said)


def test_version_changes_when_the_sidecar_does(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(RUN))
    file = LandingFile(path, "requests/vllm_bench/run.json", "d")
    versions = [registry.version_of(vllm_bench.CONNECTOR, file)]
    for said in ("zone: UTC\n", ANCHOR):
        (tmp_path / "about.yaml").write_text(said)
        versions.append(registry.version_of(vllm_bench.CONNECTOR, file))
    assert len(set(versions)) == 3


SGLANG = {
    "backend": "sglang",
    "request_rate": float("inf"),
    "max_concurrency": 4,
    "duration": 10.5,
    "completed": 2,
    "total_input_tokens": 30,
    "total_output_tokens": 4,
    "total_output_tokens_retokenized": 5,
    "mean_e2e_latency_ms": 525.0,
    "p99_ttft_ms": 500.0,
    "concurrency": 1.7,
}


def test_runs_follow_each_other_when_sglang_appended_them(land: Land) -> None:
    text = "\n".join(json.dumps(SGLANG) for _ in range(2))
    found = land(sglang_bench_runs.CONNECTOR, text, ANCHOR, "b.jsonl").frames["benchmark_runs"]
    assert found["started_at"].to_list() == [
        datetime(2026, 5, 29, 11, 35, 48),
        datetime(2026, 5, 29, 11, 35, 58, 500_000),
    ]
    row = found.row(0, named=True)
    assert (row["e2e_mean_seconds"], row["ttft_p99_seconds"]) == (0.525, 0.5)
    assert (row["concurrency"], row["request_rate_per_second"]) == (4, None)
    assert row["output_tokens"] == 4
    with pytest.raises(LandingFileError, match=r"no date, .* about\.yaml"):
        land(sglang_bench_runs.CONNECTOR, text, "model: m\n", "c.jsonl")


@pytest.mark.parametrize(
    ("data", "expected"), [("sharegpt", None), ("random", 512), ("random-ids", 512)]
)
def test_lengths_are_the_runs_when_sglang_drew_them(
    data: str, expected: int | None, land: Land
) -> None:
    text = json.dumps(SGLANG | {"dataset_name": data, "random_input_len": 512})
    found = land(sglang_bench_runs.CONNECTOR, text, ANCHOR, "b.jsonl").frames["benchmark_runs"]
    assert found["input_length_tokens"].to_list() == [expected]


def test_requests_are_read_when_sglang_wrote_details(land: Land) -> None:
    run = SGLANG | ARRAYS
    assert '"request_rate": Infinity' in json.dumps(run)
    text = "\n".join(json.dumps(run) for _ in range(2))
    outcome = land(sglang_bench.CONNECTOR, text, ANCHOR + "model: big\n", "b.jsonl")
    found = outcome.frames["requests"]
    assert found.height == 6
    assert found["started_at"][3] == datetime(2026, 5, 29, 11, 35, 58, 500_000)
    assert found["status"].to_list() == ["success", "success", "failure"] * 2
    assert set(found["model_requested"]) == {"big"}
    assert SECRET not in found.write_json()


def test_each_file_has_one_reader_when_formats_are_alike(tmp_path: Path) -> None:
    contents = {
        "vllm_bench": RUN | ARRAYS,
        "vllm_bench_runs": RUN,
        "sglang_bench": SGLANG | ARRAYS,
        "sglang_bench_runs": SGLANG,
    }
    for name, content in contents.items():
        for indent in (None, 2):
            path = tmp_path / f"{name}{indent}.json"
            path.write_text(json.dumps(content, indent=indent))
            assert registry.recognise(preview_of(path)).connector.name == name
