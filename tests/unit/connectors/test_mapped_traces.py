"""Built-in mappings of published traces, on small files of their shape and on the real ones."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.mapped import mapped
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

BY_TABLE = {connector.table: connector for connector in mapped.CONNECTORS}
REQUESTS = BY_TABLE["requests"]
SECRET = "the prompt that nobody may see"
Land = Callable[..., Any]


@pytest.fixture
def land(tmp_path: Path, ingest_file: Any) -> Land:
    def run(text: str, said: str | None = None, name: str = "trace.csv") -> Any:
        path, beside = tmp_path / name, tmp_path / "mapping.yaml"
        path.write_text(text)
        if said is None:
            return ingest_file(path, REQUESTS)
        beside.write_text(said)
        return ingest_file(path, REQUESTS, (beside,))

    return run


def test_azure_times_are_utc_when_they_name_a_zone_and_some_have_no_fraction(land: Land) -> None:
    text = (
        "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
        "2024-05-12 00:00:00.001234+00:00,100,10\r\n"
        "2024-05-12 02:00:01+02:00,200,20\r\n"
        "2023-11-16 18:17:03.9799600,300,30"
    )
    found = land(text).frames["requests"]
    assert set(found["started_at"]) == {
        datetime(2024, 5, 12, 0, 0, 0, 1234),
        datetime(2024, 5, 12, 0, 0, 1),
        datetime(2023, 11, 16, 18, 17, 3, 979960),
    }
    assert set(found["emitter"]) == {"azure_llm_inference"}
    assert set(found["status"]) == {"unknown"}


BURST = (
    "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
)


def test_burstgpt_request_failed_when_it_has_no_response(land: Land) -> None:
    rows = "5,s-1,43,GPT-4,906,446,1352,Conversation log\n61.5,,2,ChatGPT,36,0,36,API log\n"
    found = land(BURST + rows).frames["requests"]
    assert found["status"].to_list() == ["success", "failure"]
    assert found["started_at"].to_list() == [
        datetime(2023, 1, 1, 0, 0, 5),
        datetime(2023, 1, 1, 0, 1, 1, 500_000),
    ]
    assert found["ended_at"][0] == datetime(2023, 1, 1, 0, 0, 48)
    assert found["session_id"].to_list() == ["s-1", None]
    assert found["input_total_tokens"].to_list() == [906, 36]


def test_burstgpt_is_read_when_it_has_neither_sessions_nor_elapsed_time(land: Land) -> None:
    text = (
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
        "5,ChatGPT,472,18,490,Conversation log\n"
    )
    row = land(text).frames["requests"].row(0, named=True)
    assert (row["e2e_seconds"], row["session_id"], row["status"]) == (None, None, "success")


ALIBABA = (
    "gmt_create,predict_type,predict_status,exec_time_seconds,groupId,prompt_length,"
    "negative_prompt_length,num_images_per_prompt,num_inference_steps,checkpoint_model_version_id,"
    "num_lora\n"
)


def test_qwen_trace_is_no_mooncake_trace_when_it_has_the_same_columns(
    land: Land, tmp_path: Path
) -> None:
    lines = [
        {"chat_id": 4, "parent_chat_id": -1, "timestamp": 61.25, "input_length": 40}
        | {"output_length": 7, "type": "text", "turn": 1, "hash_ids": [5, 6, 7]},
        {"chat_id": 9, "parent_chat_id": 4, "timestamp": 90, "input_length": 50}
        | {"output_length": 2, "type": "text", "turn": 2, "hash_ids": [5, 6, 8, 9]},
    ]
    found = land("".join(json.dumps(line) + "\n" for line in lines), name="qwen.jsonl")
    frame = found.frames["requests"]
    assert set(frame["emitter"]) == {"qwen_bailian"}
    assert frame["started_at"].to_list() == [
        datetime(2024, 6, 1, 0, 1, 1, 250_000),
        datetime(2024, 6, 1, 0, 1, 30),
    ]
    assert set(frame["prefix_block_tokens"]) == {16}
    preview = preview_of(tmp_path / "qwen.jsonl")
    assert [c.name for c in registry.CONNECTORS if c.recognise(preview)] == ["mapped"]


def test_alibaba_duplicates_share_an_id_when_every_column_is_alike(land: Land) -> None:
    row = "2024-11-15 16:57:50,TXT_2_IMG,{status},{seconds},G0000,63.0,26.0,1.0,30.0,M0000,{lora}\n"
    rows = [
        row.format(status="SUCCEED", seconds="32.0", lora=0),
        row.format(status="SUCCEED", seconds="32.0", lora=0),
        row.format(status="SUCCEED", seconds="32.0", lora=1),
        row.format(status="PROCESSING", seconds="0.0", lora=0),
        row.format(status="FAILED", seconds="", lora=0),
        row.format(status="EXPLODED", seconds="1", lora=0),
    ]
    outcome = land(ALIBABA + "".join(rows))
    found = outcome.frames["requests"]
    assert found["status"].to_list() == ["success"] * 3 + ["unknown", "failure"]
    assert found["e2e_seconds"].to_list() == [32.0, 32.0, 32.0, None, None]
    ids = found["request_id"].to_list()
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    assert found["input_total_tokens"].is_null().all()
    assert "G0000" not in found.write_json()
    assert found["user_pseudonym"].str.len_chars().to_list() == [32] * 5
    (reason,) = outcome.rejects["reason"]
    assert reason.startswith("predict_status: not one of SUCCEED, ")


AIBRIX = "prompt_tokens,generation_tokens,ttft,generation_time,user_id,question_id,launch_time,finish_time\n"


def test_aibrix_counts_are_whole_when_they_are_written_as_floats(land: Land) -> None:
    rows = "21073.0,100.0,0.25,1.5,7,1,1742758063.5,1742758065.25\n21073.5,1,1,1,7,1,1742758063.5,1742758064\n"
    outcome = land(AIBRIX + rows)
    row = outcome.frames["requests"].row(0, named=True)
    assert (row["input_total_tokens"], row["output_total_tokens"]) == (21073, 100)
    assert row["started_at"] == datetime(2025, 3, 23, 19, 27, 43, 500_000)
    assert row["first_token_at"] == datetime(2025, 3, 23, 19, 27, 43, 750_000)
    assert (row["ttft_seconds"], row["decode_seconds"], row["e2e_seconds"]) == (0.25, 1.5, 1.75)
    assert row["user_pseudonym"] != "7"
    assert outcome.rejects["reason"].to_list() == ["prompt_tokens: not a whole number"]


def test_published_aibrix_runs_are_whole_when_ingested(
    shared_data: Path, ingest_file: Any, tmp_path: Path
) -> None:
    path = shared_data / "llm_traces" / "aibrix" / "benchmark_output_20250323.zip"
    rows = 0
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".csv")]
        names = [name for name in names if not name.startswith("__MACOSX")]
        for name in names[:3]:
            (tmp_path / Path(name).name).write_bytes(archive.read(name))
            rows += archive.read(name).count(b"\n") - 1
            outcome = ingest_file(tmp_path / Path(name).name, REQUESTS)
            assert outcome.rejects.is_empty()
    assert len(names) == 66
    found = outcome.frames["requests"]
    assert found.height == rows
    gap = (found["ended_at"] - found["started_at"]).dt.total_microseconds() / 1e6
    assert (gap - found["e2e_seconds"]).abs().max() < 0.02


def aibrix_line(**changed: Any) -> str:
    record = {
        "request_id": 0,
        "status": "success",
        "input": SECRET,
        "output": SECRET,
        "prompt_tokens": 20,
        "output_tokens": 5,
        "total_tokens": 25,
        "latency": 1.5,
        "throughput": 3.3,
        "start_time": 5001.25,
        "end_time": 5002.75,
        "ttft": 0.5,
        "tpot": 0.2,
        "target_pod": "pod-1",
        "session_id": None,
    }
    return json.dumps(record | changed) + "\n"


def test_anchor_is_asked_for_when_a_tool_counts_from_anywhere(land: Land) -> None:
    error = {
        "status": "error",
        "error_type": "APITimeoutError",
        "error_message": SECRET,
        "prompt_tokens": 0,
        "output_tokens": 0,
        "ttft": None,
        "start_time": 5000.25,
    }
    text = aibrix_line() + aibrix_line(**error)
    with pytest.raises(LandingFileError, match=r"no anchor .*extends: aibrix_client, anchor: "):
        land(text, name="a.jsonl")
    said = "{extends: aibrix_client, anchor: 2026-05-29T11:35:48Z}"
    outcome = land(text, said, "a.jsonl")
    found = outcome.frames["requests"]
    assert found["started_at"].to_list() == [
        datetime(2026, 5, 29, 11, 35, 49),
        datetime(2026, 5, 29, 11, 35, 48),
    ]
    assert found["status"].to_list() == ["success", "failure"]
    assert found["error_type"].to_list() == [None, "APITimeoutError"]
    assert found["ttft_seconds"].to_list() == [0.5, None]
    assert found["input_total_tokens"].to_list() == [20, None]
    assert SECRET not in found.write_json()


def test_published_vllm_log_is_dated_when_ingested(shared_data: Path, ingest_file: Any) -> None:
    folder = shared_data / "llm_traces" / "burstgpt_vllm_runs"
    path = folder / "vllm_log_scale100_prompt500.csv.gz"
    found = ingest_file(path, BY_TABLE["engine_samples"]).frames["engine_samples"]
    assert found.height == 538
    # 14592657.842332056 on the clock that 2024-10-27 11:35:18.234058 is 14593078.482001496 on.
    assert found["scraped_at"].min() == datetime(2024, 10, 27, 11, 28, 17, 594388)
    assert found["kv_cache_usage_ratio"].max() < 0.45


@pytest.mark.parametrize(
    ("column", "given", "kept"),
    [
        ("{from: n, unknown: [0]}", ["0", "0.0", "-0", "5", "x"], [None, None, None, 5]),
        ('{from: n, unknown: ["NULL", -1]}', ["NULL", "-1", "0", "5", "x"], [None, None, 0, 5]),
    ],
)
def test_values_are_null_when_they_stand_for_nothing(
    column: str, given: list[str], kept: list[int | None], land: Land
) -> None:
    said = f"""
table: requests
format: csv
columns:
  emitter: {{constant: own}}
  request_id: {{template: "{{line}}"}}
  started_at: {{from: at, time: iso}}
  clock: {{constant: utc}}
  status: {{constant: success}}
  input_total_tokens: {column}
"""
    rows = "".join(f"2026-09-01T12:00:00Z,{value}\n" for value in given)
    outcome = land(f"at,n\n{rows}", said)
    assert outcome.frames["requests"]["input_total_tokens"].to_list() == kept
    assert outcome.rejects["reason"].to_list() == ["n: not a whole number"]


FILTERED = """
table: requests
format: jsonl
columns:
  emitter: {constant: own}
  request_id: id
  started_at: {from: at, time: iso}
  clock: {constant: utc}
  status: {constant: success}
filters:
"""


def test_misspelt_filter_is_an_error_when_no_record_has_the_column(land: Land) -> None:
    text = '{"id": "a", "at": "2026-09-01T12:00:00Z"}\n{"id": "b", "at": "2026-09-01T12:00:01Z"}\n'
    wrong = FILTERED + "  - {column: knid, equals: health, reason: health check}\n"
    with pytest.raises(LandingFileError, match="no record has knid"):
        land(text, wrong, "a.jsonl")
    rare = FILTERED + "  - {column: kind, equals: health, reason: health check, optional: true}\n"
    assert land(text, rare, "a.jsonl").frames["requests"].height == 2
    last = text + '{"id": "c", "at": "2026-09-01T12:00:01Z", "knid": "health"}\n'
    assert land(last, wrong, "b.jsonl").manifest.skipped == {"health check": 1}
    csv = rare.replace("jsonl", "csv")
    assert land("id,at\nz,2026-09-01T12:00:00Z\n", csv, "c.csv").manifest.skipped == {}


def test_names_are_hashed_when_a_mapping_takes_them_as_they_are(land: Land) -> None:
    said = FILTERED.removesuffix("filters:\n") + (
        "  user_pseudonym: user\n  api_key_pseudonym: key\n  prompt_fingerprint: prompt\n"
    )
    record = {
        "id": "a",
        "at": "2026-09-01T12:00:00Z",
        "user": "ada@example.org",
        "key": "sk-1",
        "prompt": SECRET,
    }
    found = land(json.dumps(record), said, "a.jsonl").frames["requests"]
    assert not any(
        text in found.write_json() for text in (record["user"], record["key"], record["prompt"])
    )
    assert found.select(pl.col("^.*(pseudonym|fingerprint)$").str.len_chars()).row(0) == (
        32,
        32,
        32,
    )


def test_files_have_one_reader_when_all_real_traces_are_looked_at(shared_data: Path) -> None:
    claimed = {}
    for path in sorted((shared_data / "llm_traces").rglob("*")):
        if path.is_file() and path.suffix != ".zip":  # unpacked by ingest
            preview = preview_of(path)
            claims = [item.name for item in registry.CONNECTORS if item.recognise(preview)]
            assert len(claims) < 2, (path, claims)
            claimed[path.name] = claims
    assert claimed["azure2023_code.csv"] == ["mapped"]
    assert claimed["profile_export.jsonl.gz"] == ["aiperf"]
    assert claimed["server_log.json.gz"] == ["burstgpt_runs"]
