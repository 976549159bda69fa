"""Results of llmperf, InferenceX and BurstGPT's own runs: what is unknown, and what dates them."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connectors.results import ANCHOR, SECRET, Land
from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.benchmark_runs import inferencex_agg, llmperf_summary
from tokenworks_sources.connectors.benchmarks import heads
from tokenworks_sources.connectors.requests import burstgpt_runs, llmperf
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

RESPONSE = {
    "error_code": None,
    "error_msg": "",
    "inter_token_latency_s": 0.03,
    "ttft_s": 0.8,
    "end_to_end_latency_s": 4.6,
    "number_total_tokens": 701,
    "number_output_tokens": 151,
    "number_input_tokens": 550,
}
REFUSED = RESPONSE | {
    "error_code": 429,
    "ttft_s": 0,
    "end_to_end_latency_s": 0,
    "number_output_tokens": 1,
    "error_msg": SECRET,
}
SHORT = RESPONSE | {"error_code": -100, "GEN_TEXT": SECRET, "number_output_tokens": 102}


def test_failures_are_unknown_when_llmperf_wrote_zeros(land: Land) -> None:
    bad = RESPONSE | {"ttft_s": -1}
    outcome = land(llmperf.CONNECTOR, [RESPONSE, REFUSED, SHORT, bad, "x"], ANCHOR + "model: m\n")
    found = outcome.frames["requests"]
    assert found["status"].to_list() == ["success", "failure", "failure"]
    assert found["error_type"].to_list() == [None, "429", "-100"]
    assert found["ttft_seconds"].to_list() == [0.8, None, 0.8]
    assert found["e2e_seconds"].to_list() == [4.6, None, 4.6]
    assert found["output_total_tokens"].to_list() == [151, None, 102]
    assert found["tpot_seconds"].is_null().all()
    assert set(found["started_at"]) == {datetime(2026, 5, 29, 11, 35, 48)}
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (4, "ttft_s: below 0"),
        (5, "not a response of llmperf"),
    ]
    assert SECRET not in found.write_json() + outcome.rejects.write_json()
    with pytest.raises(LandingFileError, match=r"no times, .* about\.yaml"):
        land(llmperf.CONNECTOR, [RESPONSE], "model: m\n", "other.json")


def test_requests_are_dated_when_a_fork_of_llmperf_says_when_they_began(land: Land) -> None:
    dated = RESPONSE | {"start_time": 1780000000.25, "end_time": 1780000004.85}
    bad = [dated | {"start_time": told} for told in ("now", 1e15)]
    outcome = land(llmperf.CONNECTOR, [dated, *bad], "model: m\n")
    row = outcome.frames["requests"].row(0, named=True)
    assert row["started_at"] == datetime(2026, 5, 28, 20, 26, 40, 250_000)
    assert row["clock"] == "utc"
    assert outcome.rejects["reason"].to_list() == [
        "start_time: not a number",
        "start_time: no such time",
    ]
    mixed = land(llmperf.CONNECTOR, [RESPONSE, dated], ANCHOR, "mixed.json")
    assert sorted(mixed.frames["requests"]["clock"]) == ["relative", "utc", "utc"]


def test_llmperf_summary_begins_before_its_timestamp_when_it_says_how_fast(
    shared_data: Path, ingest_file: Any
) -> None:
    path = shared_data / "llm_traces" / "llmperf_leaderboard" / "summary" / "lepton_70b.json"
    row = ingest_file(path, llmperf_summary.CONNECTOR).frames["benchmark_runs"].row(0, named=True)
    assert row["ended_at"] == datetime(2023, 12, 27, 0, 52, 16)
    assert (row["requests_total"], row["requests_succeeded"], row["requests_failed"]) == (
        150,
        20,
        130,
    )
    assert (row["model"], row["backend"], row["concurrency"]) == ("llama2-70b", "lepton", 5)
    assert row["ttft_p50_seconds"] == 0.9253247535
    assert row["e2e_mean_seconds"] == 4.4687493720500004
    assert row["itl_mean_seconds"] is None
    assert row["tpot_mean_seconds"] is None


AGG = {
    "hw": "b200",
    "infmax_model_prefix": "dsr1",
    "model": "m",
    "framework": "vllm",
    "precision": "fp4",
    "tp": 4,
    "ep": 4,
    "tput_per_gpu": 1427.4,
}


def test_latencies_mean_what_the_lake_means_when_aggregates_are_of_two_kinds(land: Land) -> None:
    fixed = AGG | {"conc": 4, "isl": 1024, "mean_tpot": 0.02, "mean_itl": 0.05, "mean_e2el": 16.2}
    agentic = AGG | {"users": 128, "mean_itl": 0.09, "mean_ttlt": 645.8, "num_requests_total": 271}
    row = land(inferencex_agg.CONNECTOR, fixed, ANCHOR).frames["benchmark_runs"].row(0, named=True)
    assert (row["concurrency"], row["input_length_tokens"]) == (4, 1024)
    assert (row["tpot_mean_seconds"], row["itl_mean_seconds"]) == (0.02, 0.05)
    assert (row["e2e_mean_seconds"], row["tokens_per_second_per_gpu"]) == (16.2, 1427.4)
    assert (row["tensor_parallel"], row["hardware"], row["clock"]) == (4, "b200", "relative")
    found = land(inferencex_agg.CONNECTOR, agentic, ANCHOR, "b.json").frames["benchmark_runs"]
    row = found.filter(concurrency=128).row(0, named=True)
    assert (row["tpot_mean_seconds"], row["itl_mean_seconds"]) == (0.09, None)
    assert (row["e2e_mean_seconds"], row["requests_failed"]) == (645.8, None)
    with pytest.raises(LandingFileError, match=r"no date, .* about\.yaml"):
        land(inferencex_agg.CONNECTOR, AGG, "{}", "c.json")


DETAIL = {
    "4": {
        "event_id": 4,
        "out_len": 9,
        "in_len": 20,
        "first_chunk_time": 0.25,
        "total_chunk_time": 1.0,
        "record_time": 1001.0,
    },
    "0": {
        "event_id": 0,
        "out_len": 3,
        "in_len": 10,
        "first_chunk_time": 0.5,
        "total_chunk_time": 2.5,
        "record_time": 1003.0,
    },
}


def server_log(*entries: tuple[float, str, str]) -> str:
    return "".join(
        json.dumps(
            {
                "0": {"event_name": "Query", "env_timestamp": reading},
                "model path": f"/models/{model}",
                "server_config": "{'stream': True}",
                "log time": time,
            }
        )
        for reading, time, model in entries
    )


def test_server_log_dates_requests_when_it_lies_beside_them(
    tmp_path: Path, ingest_file: Any
) -> None:
    path, log = tmp_path / "detail_log.json", tmp_path / "server_log.json.gz"
    path.write_text(json.dumps(DETAIL))
    said = server_log((500.0, "2024-10-27 11:00:00", "old"), (1010.0, "2024-10-27 11:10:00", "new"))
    log.write_bytes(gzip.compress(said.encode()))
    found = ingest_file(path, burstgpt_runs.CONNECTOR, (log,)).frames["requests"]
    assert found["started_at"].to_list() == [
        datetime(2024, 10, 27, 11, 9, 50),
        datetime(2024, 10, 27, 11, 9, 50, 500_000),
    ]
    assert found["first_token_at"][0] == datetime(2024, 10, 27, 11, 9, 50, 250_000)
    assert set(found["model_requested"]) == {"new"}
    assert found["input_total_tokens"].to_list() == [20, 10]
    outcome = ingest_file(log, burstgpt_runs.CONNECTOR)
    assert sum(outcome.manifest.skipped.values()) == 1


def test_anchor_is_the_first_request_when_no_server_log_lies_beside_it(land: Land) -> None:
    bad = {"7": {"record_time": "late"}, "8": {"in_len": 1}}
    outcome = land(burstgpt_runs.CONNECTOR, DETAIL | bad, ANCHOR)
    assert outcome.frames["requests"]["started_at"].to_list() == [
        datetime(2026, 5, 29, 11, 35, 48),
        datetime(2026, 5, 29, 11, 35, 48, 500_000),
    ]
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (3, "record_time: not a number"),
        (4, "record_time, total_chunk_time: missing"),
    ]
    with pytest.raises(LandingFileError, match=r"boot of a machine.*about\.yaml"):
        land(burstgpt_runs.CONNECTOR, DETAIL, "model: m\n", "other.json")


def test_published_runs_are_whole_when_ingested(shared_data: Path, ingest_file: Any) -> None:
    folder = shared_data / "llm_traces" / "burstgpt_vllm_runs"
    path, log = folder / "detail_log_scale1000_prompt500.json.gz", folder / "server_log.json.gz"
    found = ingest_file(path, burstgpt_runs.CONNECTOR, (log,)).frames["requests"]
    assert found.height == 500
    assert set(found["model_requested"]) == {"Llama-3.2-1B"}
    # The run of the server log: started 14604572.109577077, over at 14:49:20.345896.
    assert found["started_at"].min() >= datetime(2024, 10, 27, 14, 46, 51, 862_000)
    assert found["ended_at"].max() <= datetime(2024, 10, 27, 14, 49, 20, 346_000)


@pytest.mark.parametrize(
    ("text", "opening", "keys"),
    [
        ('{"a": {"b": 1}, "c": [{"d": 1}], "e\\"": 2', "{", {"a", "c", 'e\\"'}),
        ('[{"a": 1, "b": {"c": 2}}, {"d": 3}]', "[{", {"a", "b"}),
        ('{"0": {"a": 1, "b": [2]}, "1": {"c": 3}}', "{{", {"a", "b"}),
        ('[{"a": 1}]', "{", set()),
        ('[[{"a": 1}]]', "[{", set()),
        ('{"a": 1}', "[{", set()),
        ("", "{", set()),
        ('{"a', "{", set()),
    ],
)
def test_keys_are_those_of_one_level_when_a_head_is_cut(
    text: str, opening: str, keys: set[str]
) -> None:
    assert heads.keys_of(text, opening) == keys


def test_each_file_has_one_reader_when_formats_are_alike(tmp_path: Path) -> None:
    contents = {
        "llmperf": [RESPONSE],
        "inferencex_agg": AGG,
        "burstgpt_runs": DETAIL,
    }
    for name, content in contents.items():
        for indent in (None, 2):
            path = tmp_path / f"{name}{indent}.json"
            path.write_text(json.dumps(content, indent=indent))
            assert registry.recognise(preview_of(path)).connector.name == name
