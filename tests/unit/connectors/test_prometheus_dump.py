"""Dumps of a Prometheus server: three containers, one row per instance and instant."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokenworks_sources.connectors.engine_samples.prometheus_dump import CONNECTOR
from tokenworks_sources.connectors.prometheus import dump, query_elements, query_json
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

IngestFile = Callable[..., Any]

AT = 1_790_813_100
ENGINE = {"instance": "10.0.0.1:8000", "job": "vllm", "engine": "0", "model_name": "m"}
GPU = {"instance": "10.0.0.1:9400", "job": "dcgm", "UUID": "GPU-1", "gpu": "0", "Hostname": "h"}
ROWS = [
    ("vllm:num_requests_running", ENGINE, 4.0),
    ("vllm:generation_tokens_total", ENGINE, 100.0),
    ("vllm:generation_tokens_created", ENGINE, 1_790_800_000.25),
    ("vllm:time_to_first_token_seconds_bucket", ENGINE | {"le": "+Inf"}, 3.0),
    ("vllm:time_to_first_token_seconds_bucket", ENGINE | {"le": "0.1"}, 1.0),
    ("vllm:time_to_first_token_seconds_sum", ENGINE, 1.5),
    ("vllm:time_to_first_token_seconds_count", ENGINE, 3.0),
    ("DCGM_FI_DEV_GPU_UTIL", GPU, 87.0),
    ("DCGM_FI_DEV_POWER_USAGE", GPU, 412.5),
    ("node_load1", {"instance": "10.0.0.1:9100", "job": "node"}, 7.0),
]


def answer(*series: Mapping[str, object], kind: str = "matrix") -> str:
    """What the HTTP API writes, in the order of its keys."""
    body = {"status": "success", "data": {"resultType": kind, "result": list(series)}}
    return json.dumps(body, separators=(",", ":"))


def matrix(name: str, labels: dict[str, str], *values: tuple[float, str]) -> dict[str, object]:
    """One series of a matrix."""
    return {"metric": {"__name__": name} | labels, "values": [list(pair) for pair in values]}


def two_instants() -> list[dict[str, object]]:
    """Every series at two instants, the second one higher by one."""
    return [
        matrix(name, labels, (AT, f"{value}"), (AT + 15, f"{value + 1}"))
        for name, labels, value in ROWS
    ]


def ingested(ingest_file: IngestFile, path: Path) -> Any:
    """A file through the one connector that claims it."""
    assert recognise(preview_of(path)).connector is CONNECTOR
    return ingest_file(path, CONNECTOR)


def ingested_text(ingest_file: IngestFile, tmp_path: Path, text: str) -> Any:
    """An answer in a folder named engine-0."""
    folder = tmp_path / "engine-0"
    folder.mkdir(exist_ok=True)
    path = folder / "answer.json"
    path.write_text(text)
    return ingested(ingest_file, path)


def check_two_instants(outcome: Any) -> None:
    """All three tables hold both instants."""
    engines = outcome.frames["engine_samples"].sort("scraped_at")
    columns = (
        "scraped_at",
        "engine",
        "instance",
        "model_name",
        "requests_running",
        "output_tokens",
    )
    first, second = datetime(2026, 10, 1, 0, 5), datetime(2026, 10, 1, 0, 5, 15)
    assert engines.select(columns).rows() == [
        (first, "vllm", "10.0.0.1:8000", "m", 4.0, 100.0),
        (second, "vllm", "10.0.0.1:8000", "m", 5.0, 101.0),
    ]
    assert engines["counters_created_at"][0] == datetime(2026, 9, 30, 20, 26, 40, 250_000)
    buckets = outcome.frames["engine_histograms"].sort("scraped_at")
    assert buckets["metric"].to_list() == ["time_to_first_token_seconds"] * 2
    assert buckets["bucket_upper_bounds"].to_list() == [[0.1, math.inf]] * 2
    assert buckets["bucket_cumulative_counts"].to_list() == [[1, 3], [2, 4]]
    assert buckets["observation_count"].to_list() == [3, 4]
    gpus = outcome.frames["gpu_samples"].sort("sampled_at")
    assert gpus.select("sampled_at", "gpu_uuid", "gpu_util_ratio", "power_watts").rows() == [
        (first, "GPU-1", 0.87, 412.5),
        (second, "GPU-1", 0.88, 413.5),
    ]
    assert outcome.manifest.skipped == {"neither a metric of an engine nor a DCGM field": 2}
    assert outcome.manifest.rejects == {}
    assert outcome.manifest.records_in == 20


def test_both_tables_hold_their_series_when_a_matrix_has_engines_and_gpus(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    check_two_instants(ingested_text(ingest_file, tmp_path, answer(*two_instants())))


def test_rows_are_the_same_when_an_answer_is_indented_sorted_and_gzipped(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = json.dumps(json.loads(answer(*two_instants())), indent=2, sort_keys=True)
    path = tmp_path / "answer.json.gz"
    path.write_bytes(gzip.compress(text.encode()))
    outcome = ingest_file(path, CONNECTOR)
    check_two_instants(outcome)


@pytest.mark.parametrize("join", ["\n", "", " , "])
def test_all_answers_are_read_when_a_file_holds_one_per_metric(
    ingest_file: IngestFile, tmp_path: Path, join: str
) -> None:
    texts = [answer(series) for series in two_instants()] + [answer()]
    text = join.join(texts)
    check_two_instants(ingested_text(ingest_file, tmp_path, f"[{text}]" if "," in join else text))


def test_rows_are_the_same_when_blocks_and_spools_are_tiny(
    ingest_file: IngestFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_elements, "BLOCK_BYTES", 7)
    monkeypatch.setattr(query_json, "SPOOLED_SAMPLES", 3)
    monkeypatch.setattr(dump, "BATCH_SAMPLES", 4)
    check_two_instants(ingested_text(ingest_file, tmp_path, answer(*two_instants())))


def test_one_instant_is_read_when_the_answer_is_a_vector(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    series = {
        "metric": {"__name__": "vllm:num_requests_running"} | ENGINE,
        "value": [AT + 0.781, "2"],
    }
    rows = ingested_text(ingest_file, tmp_path, answer(series, kind="vector")).frames
    assert rows["engine_samples"].select("scraped_at", "requests_running").rows() == [
        (datetime(2026, 10, 1, 0, 5, 0, 781_000), 2.0)
    ]


def test_values_that_are_no_numbers_stay_out_when_an_answer_has_them(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    values = [(AT, "NaN"), (AT + 15, "+Inf"), (AT + 30, "1_0"), (7, "4"), (AT + 45, "4")]
    outcome = ingested_text(
        ingest_file,
        tmp_path,
        answer(
            matrix("vllm:num_requests_waiting", ENGINE, (AT, "1")),
            matrix("vllm:num_requests_running", ENGINE, *values),
        ),
    )
    rows = outcome.frames["engine_samples"].sort("scraped_at")
    assert rows.select("requests_waiting", "requests_running").rows() == [(1.0, None), (None, 4.0)]
    assert outcome.manifest.rejects == {
        "requests_running: not a finite number": 1,
        "value: not a number": 1,
        "timestamp: no time between 2000 and 2100": 1,
    }
    assert outcome.rejects["source_line"].to_list() == [2, 2, 2]


def test_only_what_is_wrong_is_rejected_when_samples_have_another_form(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    odd: dict[str, object] = {
        "metric": {"__name__": "vllm:num_requests_running"} | ENGINE,
        "values": [[AT, "3"], [AT, 3], [AT], "x", [[[[]]]]],
    }
    native: dict[str, object] = {
        "metric": {"__name__": "vllm:e2e_request_latency_seconds"} | ENGINE,
        "histograms": [[AT, {"count": "5", "sum": "1", "buckets": [[1, "0", "1", "5"]]}]] * 2,
    }
    outcome = ingested_text(
        ingest_file, tmp_path, answer(odd, {"metric": 5, "values": []}, native, *two_instants()[:1])
    )
    assert outcome.manifest.rejects == {
        "sample: no pair of a time and a text": 4,
        "series: not as the HTTP API writes it": 1,
        "histogram: native histograms are not read, store classic buckets": 2,
    }
    rows = outcome.frames["engine_samples"].sort("scraped_at")
    assert rows["requests_running"].to_list() == [4.0, 5.0]
    assert outcome.manifest.skipped == {
        "the same sample by another scraper, which saw a smaller value": 1
    }


def test_brackets_in_a_label_end_nothing_when_a_series_has_them(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    labels = ENGINE | {"model_name": 'a]}]]}"\\'}
    outcome = ingested_text(
        ingest_file,
        tmp_path,
        answer(matrix("vllm:num_requests_running", labels, (AT, "1")), *two_instants()[:1]),
    )
    rows = outcome.frames["engine_samples"].sort("scraped_at", "model_name")
    assert rows["model_name"].to_list() == ['a]}]]}"\\', "m", "m"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (answer(*two_instants())[:400], "ends within a series"),
        (answer(*two_instants())[:-3], "ends within a list of series"),
        ('{"status":"error","errorType":"bad_data","error":"x"}', "a failed query"),
        (
            '{"status":"success","data":{"resultType":"scalar","result":[1790813100,"1"]}}',
            "no list of series",
        ),
        (
            '{"status":"success","data":{"resultType":"matrix","result":[{"metric":'
            + "[" * 100_000,
            "ends within a series",
        ),
    ],
)
def test_a_clear_error_names_the_file_when_an_answer_is_cut_or_none(
    ingest_file: IngestFile, tmp_path: Path, text: str, error: str
) -> None:
    path = tmp_path / "answer.json"
    path.write_text(text)
    assert CONNECTOR.recognise(preview_of(path))
    with pytest.raises(LandingFileError, match=error):
        ingest_file(path, CONNECTOR)


def test_memory_is_bounded_when_one_series_never_ends(
    ingest_file: IngestFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query_elements, "LARGEST_SERIES_BYTES", 1000)
    monkeypatch.setattr(query_elements, "BLOCK_BYTES", 100)
    text = answer(matrix("vllm:num_requests_running", ENGINE, *[(AT, "1")] * 500))
    with pytest.raises(LandingFileError, match="one series is over"):
        ingested_text(ingest_file, tmp_path, text)


def test_the_larger_value_counts_when_two_servers_scrape_one_target(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    series = [
        matrix(
            "vllm:generation_tokens_total", ENGINE | {"prometheus_replica": replica}, (AT, value)
        )
        for replica, value in (("a", "100"), ("b", "104"))
    ]
    outcome = ingested_text(ingest_file, tmp_path, answer(*series))
    assert outcome.frames["engine_samples"]["output_tokens"].to_list() == [104.0]
    assert outcome.manifest.rejects == {}


def test_an_engine_counts_once_when_it_and_its_dynamo_worker_are_targets(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    own = ENGINE | {"pod": "worker-0"}
    passed = own | {
        "instance": "10.0.0.1:8081",
        "job": "dynamo",
        "dynamo_component": "backend",
        "dynamo_namespace": "d",
        "model": "m",
    }
    frontend = {"instance": "10.0.0.9:8000", "model": "m"}
    outcome = ingested_text(
        ingest_file,
        tmp_path,
        answer(
            matrix("vllm:generation_tokens_total", passed, (AT, "100")),
            matrix("vllm:generation_tokens_total", own, (AT, "100")),
            matrix("dynamo_frontend_output_tokens_total", frontend, (AT, "100")),
            matrix("vllm:num_requests_running", passed, (AT, "2")),
        ),
    )
    rows = outcome.frames["engine_samples"].sort("instance")
    assert rows.select("instance", "output_tokens", "requests_running").rows() == [
        ("10.0.0.1:8000", 100.0, None),
        ("10.0.0.1:8081", None, 2.0),
    ]
    assert outcome.manifest.skipped == {
        "passed on by a Dynamo worker, and read from the engine itself": 1,
        "counted by the series of the engine inside": 1,
    }


@pytest.mark.parametrize(
    ("labels", "instance"),
    [
        ({"instance": "a:8000", "pod": "p"}, "a:8000"),
        ({"instance": "federated:9090", "exported_instance": "a:8000"}, "a:8000"),
        ({"pod": "p-0", "job": "j"}, "p-0"),
        ({"job": "j"}, "j"),
        ({}, "engine-0"),
    ],
)
def test_instance_is_the_most_exact_label_when_a_series_has_several(
    ingest_file: IngestFile, tmp_path: Path, labels: dict[str, str], instance: str
) -> None:
    series = matrix("sglang:num_queue_reqs", labels | {"model_name": "m"}, (AT, "1"))
    rows = ingested_text(ingest_file, tmp_path, answer(series)).frames["engine_samples"]
    assert rows["instance"].to_list() == [instance]


def test_histograms_are_read_when_the_server_labels_all_series_of_a_target(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    series = [
        matrix(name, labels | {"app": "chat", "team": "x"}, (AT, "1"))
        for name, labels, _ in ROWS
        if name.startswith("vllm:")
    ] + [
        matrix(
            "vllm:request_queue_time_seconds_bucket",
            ENGINE | {"app": "chat", "team": "x", "phase": phase, "le": "+Inf"},
            (AT, "1"),
        )
        for phase in ("a", "b")
    ]
    outcome = ingested_text(ingest_file, tmp_path, answer(*series))
    assert outcome.frames["engine_histograms"]["metric"].to_list() == [
        "time_to_first_token_seconds"
    ]
    assert outcome.manifest.skipped == {"histogram by phase": 2}


def long_rows() -> list[tuple[int, str, dict[str, str], float]]:
    """Every series at two instants, one row per sample, in milliseconds."""
    return [
        ((AT + 15 * step) * 1000, name, labels, value + step)
        for name, labels, value in ROWS
        for step in range(2)
    ]


def as_map(rows: list[dict[str, str]]) -> pa.Array:
    """Labels as a map."""
    return pa.array([list(row.items()) for row in rows], pa.map_(pa.string(), pa.string()))


def parquet_of(shape: str) -> pa.Table:
    """The same samples in one of the usual shapes."""
    times, names, labels, values = (list(column) for column in zip(*long_rows(), strict=True))
    named = [{"__name__": name} | row for name, row in zip(names, labels, strict=True)]
    keys = sorted({key for row in labels for key in row})
    moments = [datetime.fromtimestamp(time / 1000, UTC) for time in times]
    text = [",".join(f'{key}="{value}"' for key, value in row.items()) for row in labels]
    tables: dict[str, dict[str, object]] = {
        "map": {"timestamp": times, "value": values, "__name__": names, "labels": as_map(labels)},
        "map of all": {
            "timestamp": pa.array(moments, pa.timestamp("us", "UTC")),
            "value": values,
            "labels": as_map(named),
        },
        "struct": {
            "timestamp": pa.array(
                [moment.replace(tzinfo=None) for moment in moments], pa.timestamp("ms")
            ),
            "value": values,
            "metric": pa.array([dict.fromkeys(keys) | row for row in named]),
        },
        "json": {
            "time": [time / 1000 for time in times],
            "value": [str(value) for value in values],
            "__name__": names,
            "labels": [json.dumps(row) for row in labels],
        },
        "text": {
            "ts": [time * 1_000_000 for time in times],
            "value": values,
            "__name__": [f"{name}{{{row}}}" for name, row in zip(names, text, strict=True)],
        },
        "list": {
            "timestamp": times,
            "value": values,
            "labels": [[{"name": k, "value": v} for k, v in row.items()] for row in named],
        },
        "columns": {
            "timestamp": times,
            "value": values,
            "__name__": pa.array(names).dictionary_encode(),
            **{key: [row.get(key) for row in labels] for key in keys},
        },
    }
    return pa.table(tables[shape])


@pytest.mark.parametrize(
    "shape", ["map", "map of all", "struct", "json", "text", "list", "columns"]
)
def test_rows_are_the_same_when_samples_lie_in_parquet(
    ingest_file: IngestFile, tmp_path: Path, shape: str
) -> None:
    path = tmp_path / "samples.parquet"
    pq.write_table(parquet_of(shape), path, row_group_size=3)
    check_two_instants(ingested(ingest_file, path))


def test_rows_are_rejected_by_their_number_when_a_table_has_bad_ones(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "samples.parquet"
    good = json.dumps(ENGINE)
    table = pl.DataFrame(
        {
            "timestamp": [AT * 1000, AT * 1000, None, AT * 1000, 5, AT * 1000],
            "value": ["4", "x", "4", None, "4", "4"],
            "__name__": ["vllm:num_requests_running"] * 6,
            "labels": [good, good, good, good, good, "[" * 5000],
        }
    )
    table.write_parquet(path)
    outcome = ingested(ingest_file, path)
    assert outcome.frames["engine_samples"]["requests_running"].to_list() == [4.0]
    found = outcome.rejects.sort("source_line").select("source_line", "reason").rows()
    assert found == [
        (2, "value: not a number"),
        (3, "timestamp: no time between 2000 and 2100"),
        (4, "value: not a number"),
        (5, "timestamp: no time between 2000 and 2100"),
        (6, "labels: not readable"),
    ]


def test_a_clear_error_names_the_file_when_parquet_is_damaged(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "samples.parquet"
    pq.write_table(parquet_of("map"), path)
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    assert CONNECTOR.recognise(preview_of(path)) is None
    with pytest.raises(LandingFileError, match="damaged"):
        ingest_file(path, CONNECTOR)
    content[20:400] = b"\xff" * 380
    path.write_bytes(content)
    with pytest.raises(LandingFileError, match="cannot be read"):
        ingest_file(path, CONNECTOR)


def test_other_tables_are_not_claimed_when_they_hold_times_and_values(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"timestamp": [1], "value": [2.0], "meter": ["m"]}).write_parquet(path)
    assert CONNECTOR.recognise(preview_of(path)) is None
    for text in ('{"status":"success","data":[]}', '{"result":[{"metric":{}}]}', "[1]"):
        path.write_text(text)
        assert CONNECTOR.recognise(preview_of(path)) is None


def test_both_tables_hold_their_series_when_a_server_federates(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = ""
    for step in range(2):
        for name, labels, value in ROWS[:-1]:
            inside = ",".join(f'{key}="{label}"' for key, label in labels.items())
            text += f"{name}{{{inside}}} {value + step} {(AT + 15 * step) * 1000}\n"
    path = tmp_path / "federate.prom"
    path.write_text(text + 'node_load1{instance="x"} 1 1790813115000\n' * 2)
    outcome = ingested(ingest_file, path)
    assert outcome.frames["engine_samples"].height == 2
    assert outcome.frames["gpu_samples"]["power_watts"].to_list() == [412.5, 413.5]
    assert outcome.manifest.skipped == {"not a metric of an engine": 2}
