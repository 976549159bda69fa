"""Token classes of usage bodies: every provider's convention."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tokenworks_sources.connectors.requests.usage import (
    TokenClasses,
    UsageError,
    exclusive,
    inclusive,
    of_usage_body,
    whole_tokens,
)

ANTHROPIC = {
    "input_tokens": 5,
    "cache_read_input_tokens": 128_955,
    "cache_creation_input_tokens": 1_253,
    "output_tokens": 40,
}


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (12, 12),
        ("12", 12),
        (12.0, 12),
        ("21073.0", 21_073),
        (Decimal("12.0"), 12),
        (0, 0),
        (None, None),
        ("", None),
    ],
)
def test_counts_are_read_when_they_are_whole(value: object, count: int | None) -> None:
    assert whole_tokens(value, "prompt_tokens") == count


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (12.7, "prompt_tokens: not a whole number"),
        ("12.7", "prompt_tokens: not a whole number"),
        (True, "prompt_tokens: not a whole number"),
        (Decimal("12.7"), "prompt_tokens: not a whole number"),
        (Decimal("1e999999"), "prompt_tokens: not a whole number"),
        (float("nan"), "prompt_tokens: not a whole number"),
        (float("inf"), "prompt_tokens: not a whole number"),
        ("٣", "prompt_tokens: not a whole number"),
        ("1_000", "prompt_tokens: not a whole number"),
        ([5], "prompt_tokens: not a whole number"),
        ("9" * 5_000, "prompt_tokens: not a whole number"),
        (-1, "prompt_tokens: below 0"),
        ("-1", "prompt_tokens: below 0"),
        (2**63, "prompt_tokens: more than 64 bits"),
        (1e300, "prompt_tokens: more than 64 bits"),
    ],
)
def test_counts_are_refused_when_they_are_no_counts(value: object, reason: str) -> None:
    with pytest.raises(UsageError) as error:
        whole_tokens(value, "prompt_tokens")
    assert str(error.value) == reason


def test_total_counts_the_cache_once_when_anthropic_reports_it_beside() -> None:
    # Published as 260,421 by a tool that added the cache to an inclusive total: langfuse#12306.
    assert of_usage_body(ANTHROPIC) == TokenClasses(130_213, 128_955, 1_253, None, None, 40, None)


def test_total_counts_the_cache_once_when_litellm_made_anthropic_inclusive() -> None:
    body = {
        **ANTHROPIC,
        "prompt_tokens": 130_213,
        "completion_tokens": 40,
        "prompt_tokens_details": {"cached_tokens": 128_955, "cache_creation_tokens": 1_253},
    }
    assert of_usage_body(body) == TokenClasses(130_213, 128_955, 1_253, None, None, 40, None)


def test_write_is_the_total_when_its_details_are_incomplete() -> None:
    # litellm#42663: priced 31,490 of 184,457 written tokens.
    body = {
        "input_tokens": 2,
        "cache_creation_input_tokens": 184_457,
        "cache_creation": {"ephemeral_5m_input_tokens": 31_490},
        "output_tokens": 1,
    }
    classes = of_usage_body(body)
    assert (classes.input_cache_write, classes.input_cache_write_5m) == (184_457, 31_490)
    assert classes.input_cache_write_1h is None
    assert classes.input_total == 184_459


@pytest.mark.parametrize(
    ("body", "classes"),
    [
        pytest.param(
            {
                "prompt_tokens": 1_000,
                "completion_tokens": 300,
                "total_tokens": 1_300,
                "prompt_tokens_details": {"cached_tokens": 900},
                "completion_tokens_details": {"reasoning_tokens": 200},
            },
            TokenClasses(1_000, 900, None, None, None, 300, 200),
            id="chat",
        ),
        pytest.param(
            {"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": None},
            TokenClasses(9, None, None, None, None, 3, None),
            id="null details are unknown: vllm#44961",
        ),
        pytest.param(
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 0},
            },
            TokenClasses(9, 0, None, None, None, 3, None),
            id="a zero is known",
        ),
        pytest.param(
            {"prompt_tokens": 9, "total_tokens": 9},
            TokenClasses(9, None, None, None, None, 0, None),
            id="embeddings",
        ),
        pytest.param(
            {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109},
            TokenClasses(35, None, None, None, None, 12, None),
            id="total of Gemini with thoughts that it does not list",
        ),
        pytest.param(
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            TokenClasses(32, None, None, None, None, 103, 94),
            id="xAI: reasoning beside the completion",
        ),
        pytest.param(
            {
                "prompt_tokens": 33,
                "completion_tokens": 7_163,
                "total_tokens": 7_196,
                "citation_tokens": 19_861,
                "num_search_queries": 14,
                "reasoning_tokens": 73_997,
            },
            TokenClasses(33, None, None, None, None, 81_160, 73_997),
            id="Perplexity: reasoning beside the completion and the total",
        ),
        pytest.param(
            {
                "prompt_tokens": 20,
                "completion_tokens": 4,
                "prompt_cache_hit_tokens": 15,
                "prompt_cache_miss_tokens": 5,
            },
            TokenClasses(20, 15, None, None, None, 4, None),
            id="DeepSeek",
        ),
        pytest.param(
            {"prompt_tokens": 70, "completion_tokens": 12, "num_cached_tokens": 69},
            TokenClasses(70, None, None, None, None, 12, None),
            id="Mistral charges its engine's cache in full",
        ),
        pytest.param(
            {
                "input_tokens": 4_000,
                "input_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 3_000},
                "output_tokens": 6,
                "output_tokens_details": {"reasoning_tokens": 2},
                "total_tokens": 4_006,
            },
            TokenClasses(4_000, 100, 3_000, None, None, 6, 2),
            id="responses",
        ),
        pytest.param(
            {
                "input_tokens": 3,
                "cache_read_input_tokens": None,
                "cache_creation_input_tokens": 30,
                "cache_creation": {
                    "ephemeral_5m_input_tokens": 10,
                    "ephemeral_1h_input_tokens": 20,
                },
                "output_tokens": 8,
                "output_tokens_details": {"thinking_tokens": 5},
            },
            TokenClasses(33, None, 30, 10, 20, 8, 5),
            id="Anthropic with two lives of a write, and thinking",
        ),
        pytest.param(
            {
                "inputTokens": 22,
                "cacheReadInputTokens": 2_000,
                "cacheWriteInputTokens": 300,
                "cacheDetails": [{"inputTokens": 300, "ttl": "1h"}],
                "outputTokens": 13,
                "totalTokens": 2_335,
            },
            TokenClasses(2_322, 2_000, 300, None, 300, 13, None),
            id="Bedrock Converse",
        ),
        pytest.param(
            {
                "promptTokenCount": 345,
                "cachedContentTokenCount": 191,
                "candidatesTokenCount": 70,
                "thoughtsTokenCount": 98,
                "toolUsePromptTokenCount": 5,
                "totalTokenCount": 518,
            },
            TokenClasses(350, 191, None, None, None, 168, 98),
            id="Gemini",
        ),
        pytest.param(
            {"prompt_token_count": 15, "thoughts_token_count": 2, "total_token_count": 17},
            TokenClasses(15, 0, None, None, None, 2, 2),
            id="Gemini's SDK, cut off while it thought",
        ),
        pytest.param(
            {"promptTokenCount": 5, "candidatesTokenCount": 845, "totalTokenCount": 2_023},
            TokenClasses(5, 0, None, None, None, 845, None),
            id="Gemini with a total that does not add up",
        ),
        pytest.param(
            {
                "total_input_tokens": 10,
                "total_cached_tokens": 4,
                "total_tool_use_tokens": 5,
                "total_output_tokens": 20,
                "total_thought_tokens": 30,
                "total_tokens": 65,
                "raw_prompt_token": 41,
            },
            TokenClasses(15, 4, None, None, None, 50, 30),
            id="Gemini's Interactions",
        ),
        pytest.param(
            {
                "prompt_tokens": 381,
                "completion_tokens": 88,
                "total_tokens": 469,
                "prompt_token_details": {"cached_tokens": 128},
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
            TokenClasses(381, 128, None, None, None, 88, 0),
            id="a run of OpenAI's assistants",
        ),
        pytest.param(
            {
                "billed_units": {"input_tokens": 2_406, "output_tokens": 2},
                "cached_tokens": 2_928,
                "tokens": {"input_tokens": 2_935, "output_tokens": 4},
            },
            TokenClasses(2_935, 2_928, None, None, None, 4, None),
            id="Cohere",
        ),
        pytest.param(
            {"billed_units": {"input_tokens": 7}},
            TokenClasses(7, None, None, None, None, None, None),
            id="Cohere embedding",
        ),
    ],
)
def test_classes_follow_the_provider_when_its_keys_tell_it(
    body: dict[str, Any], classes: TokenClasses
) -> None:
    assert of_usage_body(body) == classes


def test_reasoning_is_beside_when_only_the_provider_tells() -> None:
    body = {"prompt_tokens": 1, "completion_tokens": 9, "reasoning_tokens": 4}
    assert of_usage_body(body).output_total == 9
    assert of_usage_body(body, provider="x-ai").output_total == 13


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"foo": 1}, "usage: not a known shape"),
        (
            {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 6}},
            "input_total_tokens: less than cache read + cache write",
        ),
        (
            {
                "prompt_tokens": 5,
                "completion_tokens": 1,
                "completion_tokens_details": {"reasoning_tokens": 2},
                "total_tokens": 6,
            },
            "output_reasoning_tokens: more than output_total_tokens",
        ),
        (
            {"prompt_tokens": 5, "prompt_tokens_details": [3]},
            "prompt_tokens_details.cached_tokens: not inside an object",
        ),
        ({"input_tokens": "many"}, "input_tokens: not a whole number"),
    ],
)
def test_usage_is_refused_when_its_counts_are_impossible(body: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError) as error:
        of_usage_body(body)
    assert str(error.value) == reason


def test_leftover_is_refused_when_it_is_negative() -> None:
    with pytest.raises(UsageError, match=r"^input_uncached: below 0$"):
        exclusive(input_uncached=-1, cache_read=2)
    with pytest.raises(UsageError, match=r"^cache_read: below 0$"):
        inclusive(input_total=5, cache_read=-1)


def test_total_is_unknown_when_the_uncached_part_is() -> None:
    classes = exclusive(input_uncached=None, cache_read=2, output_without_reasoning=3, reasoning=4)
    assert classes == TokenClasses(None, 2, None, None, None, 7, 4)
