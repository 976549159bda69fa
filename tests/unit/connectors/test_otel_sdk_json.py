"""Spans as SDKs print them: JavaScript's and Python's shape, and real ones of Vercel's AI SDK."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connectors.spans import request, span
from tokenworks_sources.connectors.requests import otel_sdk_json, otlp_json
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

CONNECTOR = otel_sdk_json.CONNECTOR
TRACE = "5b8efff798038103d269b633813fc60c"
CHAT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.usage.input_tokens": 50,
    "gen_ai.usage.output_tokens": 9,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.prompt": "canary-7f3a",
}

Read = Callable[..., Any]


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ingest_file: Any) -> Read:
    """Ingests a file of this text."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(text: str) -> Any:
        path = tmp_path / "in" / "spans.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return ingest_file(path, CONNECTOR)

    return run


def javascript(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "name": "chat",
        "kind": 2,
        "spanContext": {"traceId": TRACE, "spanId": f"{number:016x}"},
        "parentSpanId": "00000000000000ff",
        "attributes": CHAT,
        "status": {"code": 0},
        "startTime": [1770131992, 242000000],
        "endTime": [1770131994, 21415667],
        "events": [],
        "resource": {"attributes": {"service.name": "shop"}},
        "instrumentationScope": {"name": "ai"},
        **changes,
    }


def python(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "name": "chat",
        "context": {"trace_id": f"0x{TRACE}", "span_id": f"0x{number:016x}", "trace_state": "[]"},
        "kind": "SpanKind.CLIENT",
        "parent_id": "0x00000000000000ff",
        "start_time": "2026-02-03T15:19:52.242000Z",
        "end_time": "2026-02-03T15:19:54.021415Z",
        "status": {"status_code": "UNSET"},
        "attributes": CHAT,
        "events": [],
        "links": [],
        "resource": {"attributes": {"service.name": "shop"}, "schema_url": ""},
        **changes,
    }


@pytest.mark.parametrize("make", [javascript, python])
@pytest.mark.parametrize(
    "write",
    [
        json.dumps,
        lambda spans: json.dumps(spans, indent=2),
        lambda spans: json.dumps({"chat": spans[:1], "more": spans[1:]}),
        lambda spans: "\n".join(json.dumps(one) for one in spans),
        lambda spans: "\n".join(json.dumps(one, indent=4) for one in spans),
    ],
)
def test_all_spans_are_read_when_an_sdk_prints_them(read: Read, make: Any, write: Any) -> None:
    outcome = read(write([make(1), make(2), make(3)]))
    frame = outcome.frames["requests"]
    assert frame["span_id"].to_list() == [f"{number:016x}" for number in (1, 2, 3)]
    row = frame.row(0, named=True)
    assert row["emitter"] == ("otel:shop/ai" if make is javascript else "otel:shop")
    assert (row["trace_id"], row["parent_span_id"]) == (TRACE, "00000000000000ff")
    assert row["started_at"] == datetime(2026, 2, 3, 15, 19, 52, 242000)
    assert row["ended_at"] == datetime(2026, 2, 3, 15, 19, 54, 21415)
    assert (row["input_total_tokens"], row["finish_reason"]) == (50, "stop")
    assert row["status"] == "success"
    assert "canary" not in repr(frame.rows())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"startTime": [1]}, "startTime: not seconds and nanoseconds"),
        ({"startTime": "soon"}, "startTime: not a timestamp"),
        ({"endTime": [1770131990, 0]}, "endTimeUnixNano: before the start"),
        ({"attributes": []}, "span: not of the OTLP shape"),
        ({"spanContext": None}, "span: not of the OTLP shape"),
    ],
)
def test_a_span_is_rejected_when_it_cannot_be_read(
    read: Read, changes: dict[str, Any], reason: str
) -> None:
    outcome = read(json.dumps([javascript(1), javascript(2, **changes)]))
    assert outcome.rejects["reason"].to_list() == [reason]
    assert outcome.frames["requests"].height == 1


def test_status_and_kind_are_read_when_an_error_is_printed(read: Read) -> None:
    error = {"name": "exception", "attributes": {"exception.type": "APIError"}}
    failed = python(2, status={"status_code": "ERROR", "description": "x"}, events=[error])
    row = read(json.dumps([failed])).frames["requests"].row(0, named=True)
    assert (row["status"], row["error_type"]) == ("failure", "APIError")


def test_whole_spans_are_kept_when_the_file_ends_early(read: Read) -> None:
    text = json.dumps([javascript(1), javascript(2)])
    outcome = read(text[:-30])
    assert outcome.frames["requests"].height == 1
    assert outcome.rejects["reason"].to_list() == ["document: ends early or is damaged"]


@pytest.mark.parametrize("make", [javascript, python])
def test_a_span_is_the_same_call_when_it_is_exported_and_printed(
    make: Any, ingest_file: Any, tmp_path: Path, read: Read
) -> None:
    printed = read(json.dumps([make(0xABC)])).frames["requests"]
    moments = {"startTimeUnixNano": "1770131992242000000", "endTimeUnixNano": "1770131994021415667"}
    sent = span(CHAT, f"{0xABC:016x}", parentSpanId="00000000000000ff", **moments)
    path = tmp_path / "in" / "sent.json"
    path.write_text(json.dumps(request(sent, scope="ai")))
    both = ingest_file(path, otlp_json.CONNECTOR).frames["requests"]
    (exported,) = both.filter(both["source_file"].str.ends_with("sent.json")).to_dicts()
    (row,) = printed.to_dicts()
    # Python prints no scope. Who emitted it may differ: records of one request id at one time are one call.
    assert (row.pop("emitter"), exported.pop("emitter")) == (
        "otel:shop/ai" if make is javascript else "otel:shop",
        "otel:shop/ai",
    )
    assert row["request_id"] == "0000000000000abc"
    places = {"source_file", "source_digest", "source_line"}
    assert {name for name in row if row[name] != exported[name]} <= places


def test_the_file_is_refused_when_it_has_no_span(read: Read) -> None:
    with pytest.raises(LandingFileError, match="no span with its context"):
        read("[]")


@pytest.mark.parametrize("name", ["all-spans.json", "spans-by-operation.json"])
def test_each_step_counts_once_when_the_spans_are_real(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch, ingest_file: Any, name: str
) -> None:
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")
    path = shared_data / "llm_traces" / "openinference_vercel_spans" / name
    assert CONNECTOR.recognise(preview_of(path)) is not None
    outcome = ingest_file(path, CONNECTOR)
    frame = outcome.frames["requests"]
    # Ten spans, five of which only sum up a step.
    assert outcome.manifest.skipped == {"wrapper span: sum of AI SDK steps": 5}
    assert outcome.rejects.is_empty()
    assert frame.height == 5
    assert set(frame["operation"]) == {"chat", "embeddings"}
    assert set(frame["provider"]) == {"openai"}
    first = frame.row(0, named=True)
    assert (first["input_total_tokens"], first["output_total_tokens"]) == (14, 20)
    assert first["input_cache_read_tokens"] is None
    streamed = frame.filter(frame["is_streaming"])
    assert streamed["first_token_at"].null_count() == 0
