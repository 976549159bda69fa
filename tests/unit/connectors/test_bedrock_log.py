"""Entries of Bedrock's model invocation log: counts beside the cache, failures, streams, privacy."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.requests import usage_bodies

SECRET = "canary-7f3a secret prompt ada@example.org"
ENTRY: dict[str, Any] = {
    "schemaType": "ModelInvocationLog",
    "schemaVersion": "1.0",
    "timestamp": "2026-10-01T00:05:00Z",
    "accountId": "111122223333",
    "region": "eu-central-1",
    "requestId": "req-1",
    "operation": "Converse",
    "modelId": "arn:aws:bedrock:eu-central-1:111122223333:inference-profile/eu.anthropic.claude-x",
    "identity": {"arn": "arn:aws:sts::111122223333:assumed-role/app/ada@example.org"},
    "requestMetadata": {"prompt": SECRET},
    "input": {
        "inputContentType": "application/json",
        "inputBodyJson": {"messages": [{"role": "user", "content": [{"text": SECRET}]}]},
        "inputTokenCount": 3,
        "cacheReadInputTokenCount": 13216,
        "cacheWriteInputTokenCount": 25,
    },
    "output": {
        "outputContentType": "application/json",
        "outputBodyJson": {
            "output": {"message": {"content": [{"text": SECRET}]}},
            "stopReason": "end_turn",
            "metrics": {"latencyMs": 1500},
            "usage": {"inputTokens": 3, "outputTokens": 12, "totalTokens": 13256},
        },
        "outputTokenCount": 12,
    },
    "inferenceRegion": "eu-west-1",
}
Ingest = Callable[..., Any]


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Any, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """Ingests entries as JSONL, as Bedrock delivers them to S3."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(*entries: dict[str, Any]) -> Any:
        path = tmp_path / "in" / "log.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
        chosen = registry.recognise(Preview(path, path.read_bytes()[:65_536]))
        assert chosen.connector is usage_bodies.CONNECTOR
        outcome = ingest_file(path, usage_bodies.CONNECTOR)
        texts = repr(outcome.frames["requests"].rows()) + repr(outcome.rejects.rows())
        for piece in ("canary", "secret", "ada@"):
            assert piece not in texts
        return outcome

    return run


def row_of(outcome: Any) -> dict[str, Any]:
    row: dict[str, Any] = outcome.frames["requests"].row(0, named=True)
    return row


def test_an_entry_is_a_request_when_the_cache_stands_beside_its_input(ingest: Ingest) -> None:
    row = row_of(ingest(ENTRY))
    assert (row["request_id"], row["provider"]) == ("req-1", "aws")
    assert row["model_requested"] == "eu.anthropic.claude-x"
    assert row["started_at"] == datetime(2026, 10, 1, 0, 5)
    assert (row["e2e_seconds"], row["region"]) == (1.5, "eu-west-1")
    # 3 beside 13,216 read and 25 written.
    assert row["input_total_tokens"] == 13244
    assert (row["input_cache_read_tokens"], row["input_cache_write_tokens"]) == (13216, 25)
    assert (row["output_total_tokens"], row["finish_reason"]) == (12, "end_turn")
    assert (row["status"], row["is_streaming"]) == ("success", False)
    assert len(row["user_pseudonym"]) == 32


def test_the_cache_is_read_from_the_answer_when_the_entry_does_not_count_it(
    ingest: Ingest,
) -> None:
    body = {"usage": {"input_tokens": 3, "cache_read_input_tokens": 100, "output_tokens": 12}}
    entry = {
        **ENTRY,
        "operation": "InvokeModel",
        "input": {"inputTokenCount": 3},
        "output": {"outputBodyJson": body, "outputTokenCount": 12},
    }
    row = row_of(ingest(entry))
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (103, 100)
    assert row["input_cache_write_tokens"] is None


def test_duration_is_that_of_the_last_chunk_when_the_answer_was_streamed(ingest: Ingest) -> None:
    chunks = [
        {"type": "content_block_delta", "delta": {"text": SECRET}},
        {"amazon-bedrock-invocationMetrics": {"invocationLatency": 2500, "firstByteLatency": 400}},
    ]
    entry = {
        **ENTRY,
        "operation": "InvokeModelWithResponseStream",
        "output": {"outputBodyJson": chunks, "outputTokenCount": 7},
    }
    row = row_of(ingest(entry))
    assert (row["e2e_seconds"], row["is_streaming"], row["output_total_tokens"]) == (2.5, True, 7)


def test_a_failure_has_no_tokens_when_the_entry_holds_an_error_code(ingest: Ingest) -> None:
    entry = {**ENTRY, "errorCode": "ThrottlingException", "input": {}, "output": {}}
    row = row_of(ingest(entry))
    assert (row["status"], row["error_type"]) == ("failure", "ThrottlingException")
    assert (row["input_total_tokens"], row["output_total_tokens"]) == (None, None)


def test_an_entry_is_rejected_when_it_succeeded_and_counts_nothing(ingest: Ingest) -> None:
    outcome = ingest(ENTRY, {**ENTRY, "input": {}, "output": {}})
    assert outcome.frames["requests"].height == 1
    assert outcome.rejects["source_line"].to_list() == [2]
