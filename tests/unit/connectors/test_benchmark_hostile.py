"""Damaged benchmark results: an error that says what to do, or every record accounted for."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors import registry
from tokenworks_sources.errors import LandingFileError

VARIANTS = 25
NUMBERS = (b"-1", b"1e999", b"9" * 40, b"NaN", b"Infinity", b"null", b'"x"', b"1e18", b"[]", b"{}")

ARRAYS = {
    "input_lens": [10, 20],
    "output_lens": [3, 0],
    "ttfts": [0.5, 0.0],
    "itls": [[0.1, 0.2], []],
    "errors": ["", "boom"],
}
VLLM = {
    "date": "20250711-120010",
    "model_id": "m",
    "num_prompts": 2,
    "duration": 10.0,
    "completed": 1,
    "mean_ttft_ms": 500.0,
}
SGLANG = {
    "backend": "sglang",
    "request_rate": float("inf"),
    "duration": 10.0,
    "completed": 1,
    "total_output_tokens_retokenized": 3,
    "p99_ttft_ms": 500.0,
}
RECORD = {
    "metadata": {
        "x_request_id": "r",
        "benchmark_phase": "profiling",
        "request_start_ns": 1759813207650730976,
        "request_end_ns": 1759813207838764604,
    },
    "metrics": {
        "time_to_first_token": {"value": 255.8, "unit": "ms"},
        "input_sequence_length": {"value": 550, "unit": "tokens"},
    },
}
DETAIL = {
    "event_id": 0,
    "out_len": 3,
    "in_len": 10,
    "first_chunk_time": 0.5,
    "total_chunk_time": 2.5,
    "record_time": 1003.0,
}
RESPONSE = {
    "error_code": None,
    "ttft_s": 0.8,
    "end_to_end_latency_s": 4.6,
    "number_output_tokens": 151,
    "number_input_tokens": 550,
}
CSV = "Metric,avg,min,max,p50\nRequest Latency (ms),5.0,1,9,4\n\nMetric,Value\nRequest Count,3\n"
SEEDS: dict[str, str] = {
    "aiperf": "\n".join([json.dumps(RECORD)] * 3),
    "vllm_bench": json.dumps(VLLM | ARRAYS),
    "sglang_bench": "\n".join([json.dumps(SGLANG | ARRAYS)] * 2),
    "llmperf": json.dumps([RESPONSE] * 3),
    "burstgpt_runs": json.dumps({"0": DETAIL, "1": DETAIL}),
    "aiperf_summary": CSV,
    "vllm_bench_runs": json.dumps(VLLM, indent=2),
    "sglang_bench_runs": "\n".join([json.dumps(SGLANG)] * 2),
    "llmperf_summary": json.dumps({"timestamp": 1703638336, "results_ttft_s_mean": 0.9}),
    "inferencex_agg": json.dumps({"hw": "b200", "users": 8, "mean_ttft": 397.5, "tp": 4}),
}


def damaged(whole: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(whole))
    kind = chance.randrange(5)
    if kind == 0:
        return whole[: place + 1]
    if kind == 1:
        flipped = bytearray(whole)
        for _ in range(chance.randrange(1, 10)):
            flipped[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        return bytes(flipped)
    if kind == 2:
        return whole[:place] + b"[" * chance.choice((10, 5_000)) + whole[place:]
    if kind == 3:
        return whole[:place] + b'"' + b"x" * 200_000 + whole[place:]
    number = chance.choice(list(re.finditer(rb"\d+(?:\.\d+)?", whole)))
    return whole[: number.start()] + chance.choice(NUMBERS) + whole[number.end() :]


@pytest.mark.parametrize("name", sorted(SEEDS))
def test_nothing_is_lost_and_nothing_crashes_when_a_result_is_damaged(
    name: str, tmp_path: Path, ingest_file: Any
) -> None:
    connector, chance = registry.by_name(name), random.Random(name)
    path, said = tmp_path / "run.json", tmp_path / "about.yaml"
    said.write_text("anchor: 2026-05-29T11:35:48Z\n")
    path.write_text(SEEDS[name])
    assert ingest_file(path, connector, (said,)).manifest.rejects == {}
    for _ in range(VARIANTS):
        path.write_bytes(damaged(SEEDS[name].encode(), chance))
        try:
            outcome = ingest_file(path, connector, (said,))
        except LandingFileError:
            continue
        rows = sum(table.rows for table in outcome.manifest.tables.values())
        told = sum(outcome.manifest.rejects.values()) + sum(outcome.manifest.skipped.values())
        assert rows + told > 0 or name in ("llmperf", "burstgpt_runs")
