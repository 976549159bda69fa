"""Answers of providers: every envelope, times, failures, privacy, and what is no answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.requests import usage_bodies

CONNECTOR = usage_bodies.CONNECTOR
SECRET = "canary-7f3a secret prompt sk-canary ada@example.org"

CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_790_813_100,
    "model": "gpt-5-mini-2025-08-07",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"content": SECRET}}],
    "usage": {
        "prompt_tokens": 1_000,
        "completion_tokens": 300,
        "total_tokens": 1_300,
        "prompt_tokens_details": {"cached_tokens": 900},
        "completion_tokens_details": {"reasoning_tokens": 200},
    },
}
ANTHROPIC: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [{"type": "text", "text": SECRET}],
    "stop_reason": "end_turn",
    "usage": {
        "input_tokens": 5,
        "cache_read_input_tokens": 128_955,
        "cache_creation_input_tokens": 1_253,
        "output_tokens": 40,
    },
}
GEMINI: dict[str, Any] = {
    "responseId": "g-1",
    "modelVersion": "gemini-2.5-flash",
    "candidates": [{"finishReason": "STOP", "content": {"parts": [{"text": SECRET}]}}],
    "usageMetadata": {
        "promptTokenCount": 345,
        "cachedContentTokenCount": 191,
        "candidatesTokenCount": 70,
        "thoughtsTokenCount": 98,
        "totalTokenCount": 513,
    },
}

Ingest = Callable[..., Any]


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Any, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """Ingests records as JSONL, or as they are laid out by `form`."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(*records: Any, form: str = "lines") -> Any:
        path = tmp_path / "in" / "answers.json"
        path.parent.mkdir(exist_ok=True)
        texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
        if form == "array":
            path.write_text("[" + ",\n".join(texts) + "]")
        elif form == "pretty":
            path.write_text(json.dumps(records[0], indent=2))
        else:
            path.write_text("\n".join(texts) + "\n")
        assert CONNECTOR.recognise(Preview(path, path.read_bytes()[:65_536]))
        outcome = ingest_file(path, CONNECTOR)
        texts_of_lake = repr(outcome.frames["requests"].rows()) + repr(outcome.rejects.rows())
        for piece in ("canary", "secret", "ada@", "sk-"):
            assert piece not in texts_of_lake
        return outcome

    return run


@pytest.mark.parametrize("form", ["lines", "array", "pretty"])
def test_every_column_is_filled_when_a_chat_answer_is_logged_bare(
    form: str, ingest: Ingest
) -> None:
    row = ingest(CHAT, form=form).frames["requests"].row(0, named=True)
    assert (row["emitter"], row["request_id"]) == ("usage_bodies", "chatcmpl-1")
    assert row["started_at"] == datetime(2026, 10, 1, 0, 5)
    assert row["ended_at"] is None
    assert (row["operation"], row["model_served"]) == ("chat", "gpt-5-mini-2025-08-07")
    assert (row["model_requested"], row["provider"], row["is_streaming"]) == (None, None, None)
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (1_000, 900)
    assert row["input_cache_write_tokens"] is None
    assert (row["output_total_tokens"], row["output_reasoning_tokens"]) == (300, 200)
    assert (row["status"], row["finish_reason"], row["error_type"]) == ("success", "stop", None)


@pytest.mark.parametrize(
    ("record", "identity", "total", "output"),
    [
        ({"timestamp": "2026-10-01T00:05:00Z", "response": ANTHROPIC}, "msg_1", 130_213, 40),
        ({"ts": 1_790_813_100_000, "response": {"body": GEMINI}}, "g-1", 345, 168),
        ({"started_at": "2026-10-01T02:05:00+02:00", "body": CHAT}, "chatcmpl-1", 1_000, 300),
        # The output file of OpenAI's batches.
        (
            {
                "id": "batch_req_1",
                "custom_id": "a",
                "response": {"status_code": 200, "request_id": "q", "body": CHAT},
                "error": None,
            },
            "chatcmpl-1",
            1_000,
            300,
        ),
        # A result of Anthropic's batches, with the time that it lacks.
        (
            {
                "timestamp": "2026-10-01T00:05:00Z",
                "custom_id": "a",
                "result": {"type": "succeeded", "message": ANTHROPIC},
            },
            "msg_1",
            130_213,
            40,
        ),
        # An entry of an agent's session log.
        (
            {
                "type": "assistant",
                "sessionId": "s-1",
                "timestamp": "2026-10-01T00:05:00.000Z",
                "message": ANTHROPIC,
            },
            "msg_1",
            130_213,
            40,
        ),
        ({**GEMINI, "createTime": "2026-10-01T00:05:00.000000Z"}, "g-1", 345, 168),
        (
            {
                "ResponseMetadata": {
                    "RequestId": "b-1",
                    "HTTPHeaders": {"date": "Thu, 01 Oct 2026 00:05:00 GMT"},
                },
                "stopReason": "end_turn",
                "metrics": {"latencyMs": 500},
                "usage": {"inputTokens": 22, "cacheReadInputTokens": 2_000, "outputTokens": 13},
            },
            "b-1",
            2_022,
            13,
        ),
        (
            {
                "id": "resp_1",
                "object": "response",
                "created_at": 1_790_813_100.0,
                "status": "completed",
                "model": "m",
                "output": [{"content": SECRET}],
                "usage": {
                    "input_tokens": 10,
                    "input_tokens_details": {"cached_tokens": 0},
                    "output_tokens": 6,
                },
            },
            "resp_1",
            10,
            6,
        ),
        # Gemini's Interactions: thoughts stand beside the output.
        (
            {
                "id": "v1_1",
                "object": "interaction",
                "created": "2026-10-01T00:05:00Z",
                "status": "completed",
                "model": "gemini-2.5-flash",
                "steps": [{"content": SECRET}],
                "usage": {
                    "total_input_tokens": 10,
                    "total_output_tokens": 20,
                    "total_thought_tokens": 30,
                    "total_tokens": 60,
                },
            },
            "v1_1",
            10,
            50,
        ),
        # Cohere names neither a model nor a kind.
        (
            {
                "timestamp": "2026-10-01T00:05:00Z",
                "response": {
                    "id": "c-1",
                    "finish_reason": "COMPLETE",
                    "message": {"role": "assistant", "content": SECRET},
                    "usage": {
                        "billed_units": {"input_tokens": 3, "output_tokens": 9},
                        "tokens": {"input_tokens": 7, "output_tokens": 9},
                    },
                },
            },
            "c-1",
            7,
            9,
        ),
    ],
)
def test_answer_lands_when_it_lies_in_an_envelope(
    record: dict[str, Any], identity: str, total: int, output: int, ingest: Ingest
) -> None:
    outcome = ingest(record)
    assert outcome.rejects.is_empty()
    row = outcome.frames["requests"].row(0, named=True)
    assert row["started_at"] == datetime(2026, 10, 1, 0, 5)
    assert row["request_id"] == identity
    assert (row["input_total_tokens"], row["output_total_tokens"]) == (total, output)


@pytest.mark.parametrize(
    ("answer", "operation", "finish"),
    [
        ({"generations": [], "finish_reason": "COMPLETE"}, "chat", "COMPLETE"),
        ({"embeddings": [[0.5]]}, "embeddings", None),
        ({"results": [], "meta": {"billed_units": {"search_units": 1}}}, "rerank", None),
    ],
)
def test_operation_is_told_by_what_an_answer_holds_when_it_names_none(
    answer: dict[str, Any], operation: str, finish: str | None, ingest: Ingest
) -> None:
    body = {"id": "c-1", "meta": {"billed_units": {"input_tokens": 7}}, **answer}
    outcome = ingest({"timestamp": "2026-10-01T00:05:00Z", "response": body})
    row = outcome.frames["requests"].row(0, named=True)
    assert (row["operation"], row["finish_reason"]) == (operation, finish)


def test_request_and_duration_are_kept_when_the_envelope_has_them(ingest: Ingest) -> None:
    record = {
        "timestamp": "2026-10-01T00:05:00.250Z",
        "provider": "groq",
        "duration_ms": 1_500,
        "request": {"model": "fast", "stream": True, "user": "ada@example.org", "messages": SECRET},
        "response": {
            **CHAT,
            "usage": {
                "prompt_tokens": 3,
                "completion_tokens": 4,
                "queue_time": 0.25,
                "prompt_time": 0.5,
                "completion_time": 0.125,
                "total_time": 0.625,
                "cost": 0.00000123,
            },
        },
    }
    row = ingest(record).frames["requests"].row(0, named=True)
    assert row["started_at"] == datetime(2026, 10, 1, 0, 5, 0, 250_000)
    assert row["ended_at"] == datetime(2026, 10, 1, 0, 5, 1, 750_000)
    assert row["e2e_seconds"] == 1.5
    assert (row["model_requested"], row["provider"], row["is_streaming"]) == ("fast", "groq", True)
    assert (row["queue_seconds"], row["prefill_seconds"], row["decode_seconds"]) == (
        0.25,
        0.5,
        0.125,
    )
    assert row["reported_cost_usd"] == Decimal("0.000001230000")
    assert len(row["user_pseudonym"]) == 32


def test_failure_lands_without_tokens_when_the_envelope_has_a_time(ingest: Ingest) -> None:
    error = {"type": "rate_limit_error", "code": None, "message": SECRET}
    failed = {
        "timestamp": "2026-10-01T00:05:00Z",
        "response": {"status_code": 429, "body": {"error": error}},
    }
    rows = ingest(CHAT, failed).frames["requests"]
    row = rows.filter(status="failure").row(0, named=True)
    assert (row["error_type"], row["input_total_tokens"]) == ("rate_limit_error", None)
    assert row["request_id"].endswith("-2")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (ANTHROPIC, "time: none in the record or in the answer"),
        (
            {**CHAT, "created": "2026-10-01 00:05:00"},
            "created: not an epoch and not a time with a zone",
        ),
        ({**CHAT, "created": 17}, "created: no time between 2000 and 2099"),
        ({**CHAT, "created": True}, "created: not a number"),
        ({**CHAT, "usage": None}, "usage: none in the record"),
        ({**CHAT, "usage": {"prompt_tokens": 12.7}}, "prompt_tokens: not a whole number"),
        (
            {**CHAT, "usage": {"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2}}},
            "input_total_tokens: less than cache read + cache write",
        ),
        ({"created": 1_790_813_100, "foo": SECRET}, "usage: none in the record"),
        ("{broken " + SECRET, "not JSON: the file ends inside the record"),
        ("[1]", "not a JSON object"),
    ],
)
def test_record_is_rejected_when_it_cannot_be_placed_or_counted(
    record: Any, reason: str, ingest: Ingest
) -> None:
    outcome = ingest(CHAT, record)
    assert outcome.rejects["reason"].to_list() == [reason]
    assert outcome.rejects["source_line"].to_list() == [2]
    assert outcome.frames["requests"].height == 1


def test_records_are_skipped_when_they_are_known_to_hold_nothing(ingest: Ingest) -> None:
    chunk = {**CHAT, "object": "chat.completion.chunk", "usage": None}
    prompt = {"type": "user", "sessionId": "s", "timestamp": "2026-10-01T00:05:00Z", "message": {}}
    outcome = ingest(CHAT, chunk, prompt)
    assert outcome.rejects.is_empty()
    assert outcome.frames["requests"].height == 1


def test_batch_is_claimed_when_its_first_request_failed(ingest: Ingest) -> None:
    error = {"code": "rate_limit_exceeded", "message": SECRET}
    failed = {"id": "batch_req_2", "custom_id": "b", "response": None, "error": error}
    answer = {"status_code": 200, "request_id": "q", "body": CHAT}
    answered = {"id": "batch_req_1", "custom_id": "a", "response": answer, "error": None}
    outcome = ingest(failed, answered)
    assert outcome.frames["requests"]["request_id"].to_list() == ["chatcmpl-1"]
    assert outcome.manifest.rejects == {"time: none in the record or in the answer": 1}


@pytest.mark.parametrize(
    "record",
    [
        {"trace_id": "t", "call_type": "acompletion", "startTime": 1.5, "response": CHAT},
        {"id": "o", "traceId": "t", "usageDetails": {"input": 1}, "output": CHAT},
        {"request_id": "h", "request_created_at": "2026-10-01", "response_body": CHAT},
        {"file": "x", "usage": {"prompt_tokens": 1}},
        {"object": "page", "data": [{"object": "bucket"}]},
        {"object": "list", "data": []},
        {"model": "m", "created": "soon", "usage": {"prompt_tokens": 1}},
        [],
    ],
)
def test_file_is_not_claimed_when_it_is_of_another_format(record: Any, tmp_path: Path) -> None:
    assert CONNECTOR.recognise(Preview(tmp_path / "x", json.dumps(record).encode())) is None


def test_file_is_claimed_when_its_first_answer_passes_the_head(tmp_path: Path) -> None:
    text = json.dumps({**CHAT, "choices": [{"message": {"content": "x" * 100_000}}]})
    assert CONNECTOR.recognise(Preview(tmp_path / "x", text.encode()[:65_536]))
