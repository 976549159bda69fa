"""Token classes of usage that gateways and SDKs rewrote: one provider's meaning under another's names.

Real bodies of the adapters' own tests and issues, or as their documentation defines the counts.
"""

from __future__ import annotations

from typing import Any

import pytest

from tokenworks_sources.connectors.requests.usage import TokenClasses, of_usage_body


@pytest.mark.parametrize(
    ("body", "classes"),
    [
        pytest.param(
            {
                "prompt_tokens": 1_000,
                "completion_tokens": 12,
                "total_tokens": 1_762,
                "prompt_tokens_details": {"cached_tokens": 700},
                "cache_read_input_tokens": 700,
                "cache_creation_input_tokens": 50,
            },
            TokenClasses(1_750, 700, 50, None, None, 12, None),
            id="Portkey: Anthropic's cache is in the total, not in the prompt",
        ),
        pytest.param(
            {
                "prompt_tokens": 1_750,
                "completion_tokens": 12,
                "total_tokens": 1_762,
                "cache_read_input_tokens": 700,
                "cache_creation_input_tokens": 50,
            },
            TokenClasses(1_750, 700, 50, None, None, 12, None),
            id="LiteLLM: the same call, the cache in the prompt",
        ),
        pytest.param(
            {
                "prompt_tokens": 29_719,
                "completion_tokens": 435,
                "total_tokens": 30_154,
                "completion_tokens_details": {"reasoning_tokens": 382, "text_tokens": 435},
                "prompt_tokens_details": {
                    "cached_tokens": 0,
                    "cache_creation": {"ephemeral_5m_input_tokens": 29_713},
                    "cache_creation_input_tokens": 29_713,
                    "cache_type": "ephemeral",
                },
            },
            TokenClasses(29_719, 0, 29_713, 29_713, None, 435, 382),
            id="DashScope's explicit cache, written at another price",
        ),
        pytest.param(
            {
                "total_tokens": 276,
                "input_tokens": 239,
                "output_tokens": 37,
                "input_token_details": {
                    "text_tokens": 239,
                    "audio_tokens": 0,
                    "cached_tokens": 192,
                    "cached_tokens_details": {"text_tokens": 192, "audio_tokens": 0},
                },
                "output_token_details": {"text_tokens": 37, "audio_tokens": 0},
            },
            TokenClasses(239, 192, None, None, None, 37, None),
            id="OpenAI's Realtime",
        ),
        pytest.param(
            {
                "input_tokens": 350,
                "output_tokens": 240,
                "total_tokens": 590,
                "input_token_details": {"audio": 10, "cache_creation": 200, "cache_read": 100},
                "output_token_details": {"audio": 10, "reasoning": 200},
            },
            TokenClasses(350, 100, 200, None, None, 240, 200),
            id="LangChain",
        ),
        pytest.param(
            {
                "input_tokens": 26_701,
                "cache_creation_input_tokens": 0,
                "cached_input_tokens": 2_048,
                "output_tokens": 283,
                "reasoning_output_tokens": 211,
                "total_tokens": 26_984,
            },
            TokenClasses(26_701, 2_048, 0, None, None, 283, 211),
            id="the Codex CLI: Anthropic's names, OpenAI's meaning",
        ),
        pytest.param(
            {
                "input_tokens": 5,
                "cache_read_input_tokens": 1_000,
                "output_tokens": 10,
                "total_tokens": 15,
            },
            TokenClasses(1_005, 1_000, None, None, None, 10, None),
            id="Anthropic with a total that its client added up without the cache",
        ),
        pytest.param(
            {
                "inputTokens": 120,
                "outputTokens": 30,
                "totalTokens": 150,
                "reasoningTokens": 20,
                "cachedInputTokens": 100,
            },
            TokenClasses(120, 100, None, None, None, 30, 20),
            id="Vercel's AI SDK 5",
        ),
        pytest.param(
            {
                "inputTokens": 5,
                "outputTokens": 30,
                "totalTokens": 35,
                "cachedInputTokens": 1_000,
            },
            TokenClasses(1_005, 1_000, None, None, None, 30, None),
            id="Vercel's AI SDK 5 before Anthropic",
        ),
        pytest.param(
            {
                "inputTokens": 1_055,
                "inputTokenDetails": {
                    "noCacheTokens": 5,
                    "cacheReadTokens": 1_000,
                    "cacheWriteTokens": 50,
                },
                "outputTokens": 30,
                "outputTokenDetails": {"textTokens": 10, "reasoningTokens": 20},
                "totalTokens": 1_085,
            },
            TokenClasses(1_055, 1_000, 50, None, None, 30, 20),
            id="Vercel's AI SDK 6",
        ),
        pytest.param(
            {
                "inputTokens": {"total": 1_055, "noCache": 5, "cacheRead": 1_000, "cacheWrite": 50},
                "outputTokens": {"total": 30, "text": 10, "reasoning": 20},
            },
            TokenClasses(1_055, 1_000, 50, None, None, 30, 20),
            id="a provider of Vercel's AI SDK 6",
        ),
    ],
)
def test_classes_mean_what_the_adapter_counts_when_its_names_are_anothers(
    body: dict[str, Any], classes: TokenClasses
) -> None:
    assert of_usage_body(body) == classes
