"""Spans of the AI SDK: the provider's own usage, and input that was copied from who leaves the cache out."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.unit.connectors.spans import Read, request, row_of, span, tokens_of

ANTHROPIC = {
    "input_tokens": 7,
    "cache_creation_input_tokens": 2089,
    "cache_read_input_tokens": 16399,
    "cache_creation": {"ephemeral_5m_input_tokens": 2089, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 1,
}


def test_the_providers_own_usage_counts_when_the_ai_sdk_passes_it(read: Read) -> None:
    given = {
        "ai.operationId": "ai.streamText.doStream",
        "ai.model.provider": "anthropic.messages",
        "ai.model.id": "claude-sonnet-4-5",
        "ai.usage.inputTokens": 7,
        "ai.usage.outputTokens": 445,
        "ai.usage.cachedInputTokens": 16399,
        "ai.response.msToFirstChunk": 750.5,
        "ai.response.finishReason": "tool-calls",
        "ai.response.providerMetadata": json.dumps({"anthropic": {"usage": ANTHROPIC}}),
    }
    outcome = read(request(span(given), scope="ai"))
    assert tokens_of(outcome) == (18495, 16399, 2089, 445, None)
    row = row_of(outcome)
    assert (row["input_cache_write_5m_tokens"], row["input_cache_write_1h_tokens"]) == (2089, 0)
    assert (row["provider"], row["operation"], row["is_streaming"]) == ("anthropic", "chat", True)
    assert row["first_token_at"] == datetime(2026, 9, 21, 14, 13, 20, 873956)


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"ai.usage.cachedInputTokens": 400}, 1300),
        ({}, 900),
        (
            {
                "ai.usage.cachedInputTokens": 400,
                "ai.usage.inputTokenDetails.cacheReadTokens": 400,
            },
            900,
        ),
    ],
)
def test_input_is_exclusive_when_ai_sdk_5_copies_anthropic(
    read: Read, details: dict[str, int], expected: int
) -> None:
    given = {
        "ai.operationId": "ai.generateText.doGenerate",
        "gen_ai.system": "anthropic.messages",
        "ai.usage.inputTokens": 900,
        **details,
    }
    assert tokens_of(read(request(span(given))))[0] == expected
