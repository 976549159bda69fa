"""Answers of single providers and gateways, with what only they write: costs, streams, times."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.connectors.test_usage_bodies import ANTHROPIC, CHAT, GEMINI
from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.requests import usage_bodies

Ingest = Callable[..., Any]


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Any, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """Ingests records as JSONL."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", "a key of the tests")

    def run(*records: Any) -> Any:
        path = tmp_path / "in" / "answers.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        assert usage_bodies.CONNECTOR.recognise(Preview(path, path.read_bytes()[:65_536]))
        return ingest_file(path, usage_bodies.CONNECTOR)

    return run


def test_cost_is_the_total_when_an_answer_tells_its_parts(ingest: Ingest) -> None:
    cost = {"input_tokens_cost": 0.01, "request_cost": 0.005, "total_cost": 0.0251}
    answer = {**CHAT, "usage": {**CHAT["usage"], "cost": cost}}
    row = ingest(answer).frames["requests"].row(0, named=True)
    assert row["reported_cost_usd"] == Decimal("0.0251")


@pytest.mark.parametrize(
    ("is_byok", "upstream", "expected"),
    [
        # 5 % of what the provider charges to the caller's own key.
        (True, 0.02, Decimal("0.021")),
        (True, None, None),
        (False, 0.001, Decimal("0.001")),
    ],
)
def test_cost_holds_the_providers_when_openrouter_used_the_callers_key(
    ingest: Ingest, is_byok: bool, upstream: float | None, expected: Decimal | None
) -> None:
    cost = {
        "cost": 0.001,
        "is_byok": is_byok,
        "cost_details": {"upstream_inference_cost": upstream},
    }
    row = ingest({**CHAT, "usage": {**CHAT["usage"], **cost}}).frames["requests"]
    assert row["reported_cost_usd"].to_list() == [expected]


def test_an_event_of_a_stream_is_rejected_when_it_counts_a_part(ingest: Ingest) -> None:
    begun = {**ANTHROPIC, "usage": {"input_tokens": 5, "output_tokens": 1}, "stop_reason": None}
    time = {"timestamp": "2026-10-01T00:05:00Z"}
    outcome = ingest(
        {**time, "type": "message_start", "message": begun},
        {**time, "type": "message_delta", "delta": {}, "usage": {"output_tokens": 15}},
        {**time, "response": ANTHROPIC},
    )
    assert outcome.frames["requests"]["output_total_tokens"].to_list() == [40]
    assert outcome.rejects["source_line"].to_list() == [1, 2]
    assert set(outcome.rejects["reason"]) == {"type: an event of a stream, not a whole answer"}


def test_tokens_are_read_when_a_realtime_answer_has_no_model(ingest: Ingest) -> None:
    usage = {
        "input_tokens": 127,
        "output_tokens": 148,
        "total_tokens": 275,
        "input_token_details": {"cached_tokens": 64, "text_tokens": 119, "audio_tokens": 8},
        "output_token_details": {"text_tokens": 36, "audio_tokens": 112},
    }
    answer = {"object": "realtime.response", "id": "r-1", "status": "completed", "usage": usage}
    record = {"timestamp": "2026-10-01T00:05:00Z", "type": "response.done", "response": answer}
    row = ingest(record).frames["requests"].row(0, named=True)
    assert (row["request_id"], row["operation"]) == ("r-1", "chat")
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (127, 64)
    assert row["output_total_tokens"] == 148


def test_the_time_is_that_of_processing_when_vertex_answers_a_batch(ingest: Ingest) -> None:
    record = {"status": "", "processed_time": "2026-10-01T00:05:00.5+00:00", "response": GEMINI}
    row = ingest(record).frames["requests"].row(0, named=True)
    assert row["started_at"] == datetime(2026, 10, 1, 0, 5, 0, 500_000)
    assert (row["input_total_tokens"], row["output_total_tokens"]) == (345, 168)
