"""Dumps of a Prometheus server: three containers, one row per instance and instant."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connectors.prometheus_cases import (
    AT,
    ENGINE,
    ROWS,
    IngestFile,
    answer,
    check_two_instants,
    ingested,
    matrix,
    two_instants,
)
from tokenworks_sources.connectors.engine_samples.prometheus_dump import CONNECTOR
from tokenworks_sources.connectors.prometheus import dump, query_elements, spool
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of


def ingested_text(ingest_file: IngestFile, tmp_path: Path, text: str) -> Any:
    """An answer in a folder named engine-0."""
    folder = tmp_path / "engine-0"
    folder.mkdir(exist_ok=True)
    path = folder / "answer.json"
    path.write_text(text)
    return ingested(ingest_file, path)


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


@pytest.mark.parametrize("part", ["sorted", "data", "result", "two results"])
def test_rows_are_the_same_when_a_client_saved_a_part_of_an_answer(
    ingest_file: IngestFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setattr(query_elements, "BLOCK_BYTES", 7)
    series = two_instants()
    whole = json.loads(answer(*series))
    # As long as real ones: the status of sorted keys stands behind all samples.
    whole["data"]["result"] += [matrix("up", {"job": "j"}, *((AT + s, "1") for s in range(99)))]
    data = whole["data"]
    texts = {
        "sorted": json.dumps(whole, sort_keys=True),
        "data": json.dumps(data),
        "result": json.dumps(data["result"], indent=1),
        "two results": json.dumps(data["result"][:7]) + "\n" + json.dumps(data["result"][7:]),
    }
    path = tmp_path / "part.json"
    path.write_text(texts[part])
    outcome = ingested(ingest_file, path)
    assert outcome.frames["engine_samples"]["output_tokens"].sort().to_list() == [100.0, 101.0]
    assert outcome.frames["gpu_samples"]["power_watts"].sort().to_list() == [412.5, 413.5]
    assert outcome.manifest.records_in == 119


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
    monkeypatch.setattr(spool, "SPOOLED_SAMPLES", 3)
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


def test_samples_are_rejected_with_a_remedy_when_a_query_is_a_function(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    rate = {"metric": ENGINE, "values": [[AT, "1.5"], [AT + 15, "2.5"]]}
    series = matrix("vllm:generation_tokens_total", ENGINE, (AT, "100"))
    outcome = ingested_text(ingest_file, tmp_path, answer(rate, series))
    assert outcome.frames["engine_samples"]["output_tokens"].to_list() == [100.0]
    assert outcome.manifest.rejects == {
        "metric: no name; query the metric itself, not a function of it": 2
    }


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


def test_only_the_series_is_rejected_when_a_label_is_not_utf8(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = answer(*two_instants()[:2]).encode().replace(b"10.0.0.1", b"10.0.\xb1.1", 1)
    path = tmp_path / "answer.json"
    path.write_bytes(text)
    outcome = ingest_file(path, CONNECTOR)
    assert outcome.manifest.rejects == {"series: not as the HTTP API writes it": 1}
    rows = outcome.frames["engine_samples"].sort("scraped_at")
    assert rows.select("requests_running", "output_tokens").rows() == [(None, 100.0), (None, 101.0)]


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


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(({"prometheus_replica": "a"}, {"prometheus_replica": "b"}), id="two servers"),
        pytest.param(({}, {"job": "kubernetes-pods", "pod": "vllm-0"}), id="two jobs"),
    ],
)
def test_parts_of_a_count_add_up_once_when_their_target_is_scraped_twice(
    ingest_file: IngestFile, tmp_path: Path, labels: tuple[dict[str, str], ...]
) -> None:
    counts = (("10", "1"), ("12", "1"))
    series = [
        matrix(
            "vllm:request_success_total",
            ENGINE | scraper | {"finished_reason": reason},
            (AT, value),
        )
        for scraper, values in zip(labels, counts, strict=True)
        for reason, value in zip(("stop", "length"), values, strict=True)
    ]
    rows = ingested_text(ingest_file, tmp_path, answer(*series)).frames["engine_samples"]
    # The larger count of each part: 12 that stopped and 1 that was cut.
    assert rows.select("instance", "requests_succeeded").rows() == [("10.0.0.1:8000", 13.0)]


@pytest.mark.parametrize("scraper", [{}, {"endpoint": "http"}], ids=["plain", "operator"])
def test_endpoints_of_a_dynamo_frontend_add_up_when_a_scraper_names_its_own(
    ingest_file: IngestFile, tmp_path: Path, scraper: dict[str, str]
) -> None:
    own = "exported_endpoint" if scraper else "endpoint"
    frontend = {"instance": "10.0.0.9:8000", "model": "m", "status": "success"} | scraper
    series = [
        matrix("dynamo_frontend_requests_total", frontend | {own: endpoint}, (AT, value))
        for endpoint, value in (("chat_completions", "5"), ("completions", "2"))
    ]
    rows = ingested_text(ingest_file, tmp_path, answer(*series)).frames["engine_samples"]
    assert rows["requests_succeeded"].to_list() == [7.0]


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
