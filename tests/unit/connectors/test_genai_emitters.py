"""GenAI spans of emitters that name or count in a way of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.unit.connectors.spans import CHAT, Read, request, row_of, span, tokens_of

CLAUDE_CODE = {
    "span.type": "llm_request",
    "session.id": "s-1",
    "model": "claude-opus-4-5",
    "gen_ai.system": "anthropic",
    "gen_ai.request.model": "claude-opus-4-5",
    "input_tokens": 10,
    "output_tokens": 400,
    "cache_read_tokens": 20000,
    "cache_creation_tokens": 500,
    "ttft_ms": 800,
    "stop_reason": "tool_use",
    "request_id": "req_1",
}


def test_claude_code_is_counted_when_its_names_have_no_prefix(read: Read) -> None:
    outcome = read(request(span(CLAUDE_CODE, name="claude_code.llm_request")))
    # Beside 10 tokens 20,000 were read and 500 written.
    assert tokens_of(outcome) == (20510, 20000, 500, 400, None)
    row = row_of(outcome)
    assert (row["request_id"], row["ttft_seconds"]) == ("req_1", 0.8)
    assert (row["model_served"], row["finish_reason"]) == ("claude-opus-4-5", "tool_use")


def test_cached_stands_beside_the_input_when_claude_code_sent_more_new_than_cached(
    read: Read,
) -> None:
    given = {**CLAUDE_CODE, "input_tokens": 30000}
    outcome = read(request(span(given, name="claude_code.llm_request")))
    assert tokens_of(outcome)[:3] == (50500, 20000, 500)


def test_bare_names_are_no_usage_when_another_emitter_writes_them(read: Read) -> None:
    given = {"input_tokens": 10, "output_tokens": 5, "model": "cache"}
    outcome = read(request(span(given, name="cache.lookup")))
    assert outcome.manifest.skipped == {"not a GenAI span": 1}


def test_parts_are_read_when_langsmith_writes_them_as_json(read: Read) -> None:
    given = {
        **CHAT,
        "gen_ai.usage.input_token_details": '{"cache_read": 64, "cache_creation": 16, "audio": 0}',
        "gen_ai.usage.output_token_details": '{"reasoning": 12}',
    }
    assert tokens_of(read(request(span(given)))) == (100, 64, 16, 20, 12)


@pytest.mark.parametrize("details", ["", "a text", "[1]", '{"cache_read": null}', '{"cache_read"'])
def test_parts_are_unknown_when_langsmiths_details_say_nothing(read: Read, details: str) -> None:
    given = {**CHAT, "gen_ai.usage.input_token_details": details}
    assert tokens_of(read(request(span(given)))) == (100, None, None, 20, None)


MLFLOW = {
    "mlflow.spanType": '"CHAT_MODEL"',
    "mlflow.llm.model": '"gpt-4o"',
    "mlflow.llm.provider": '"openai"',
    "mlflow.chat.tokenUsage": '{"input_tokens": 120, "output_tokens": 4, "total_tokens": 124, '
    '"cache_read_input_tokens": 64}',
    "mlflow.spanInputs": '{"messages": "secret"}',
}


def test_usage_is_read_when_mlflow_writes_it_as_json(read: Read) -> None:
    outcome = read(request(span(MLFLOW)))
    assert tokens_of(outcome) == (120, 64, None, 4, None)
    row = row_of(outcome)
    assert (row["operation"], row["model_served"], row["provider"]) == ("chat", "gpt-4o", "openai")


@pytest.mark.parametrize("kind", ["AGENT", "CHAIN", "TOOL"])
def test_a_span_is_skipped_when_mlflow_says_that_it_only_frames_calls(
    read: Read, kind: str
) -> None:
    outcome = read(request(span({**MLFLOW, "mlflow.spanType": f'"{kind}"'})))
    assert outcome.manifest.skipped == {f"wrapper span: {kind.lower()}": 1}


def test_tokens_are_read_when_semantic_kernel_counts_them_with_the_response(read: Read) -> None:
    given = {
        "gen_ai.operation.name": "chat.completions",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.prompt_tokens": 16,
        "gen_ai.response.completion_tokens": 29,
    }
    outcome = read(request(span(given)))
    assert tokens_of(outcome) == (16, None, None, 29, None)
    assert row_of(outcome)["operation"] == "chat"


def test_a_failed_call_is_a_request_when_semantic_kernel_names_it_in_its_way(read: Read) -> None:
    given = {
        "gen_ai.operation.name": "text.completions",
        "gen_ai.system": "openai",
        "gen_ai.request.model": "gpt-4o",
        "error.type": "HttpOperationException",
    }
    row = row_of(read(request(span(given))))
    assert (row["operation"], row["status"]) == ("text_completion", "failure")


@pytest.mark.parametrize(
    ("provider", "reported", "expected"),
    [
        # Strands copies Bedrock's timeToFirstByteMs; the span lasts 2.5 seconds.
        ("strands-agents", 812, 0.812),
        ("strands-agents", 2, 0.002),
        # LangWatch does likewise, and names no provider of its own.
        ("openai", 650, 0.65),
        ("openai", 0.65, 0.65),
        # No unit makes sense of these: kept as it is reported, and no moment made of it.
        ("openai", 9.0, 9.0),
        ("openai", 4000, 4000.0),
    ],
)
def test_first_token_is_in_seconds_when_the_emitter_writes_milliseconds(
    read: Read, provider: str, reported: Any, expected: float
) -> None:
    given = {
        **CHAT,
        "gen_ai.provider.name": provider,
        "gen_ai.server.time_to_first_token": reported,
    }
    row = row_of(read(request(span(given))))
    assert row["ttft_seconds"] == expected
    if expected > 2.5:
        assert row["first_token_at"] is None
    elif expected == 0.812:
        assert row["first_token_at"] == datetime(2026, 9, 21, 14, 13, 20, 935456)
