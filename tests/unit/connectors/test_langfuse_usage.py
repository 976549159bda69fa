"""Langfuse's buckets: which include which, by their names and by the total."""

from __future__ import annotations

from typing import Any

import pytest

from tokenworks_sources.connectors.requests.langfuse_usage import of_totals, token_classes
from tokenworks_sources.connectors.requests.usage import TokenClasses, UsageError


def counts(classes: TokenClasses) -> tuple[int | None, ...]:
    """Input, cache read, cache write, output, reasoning."""
    return (
        classes.input_total,
        classes.input_cache_read,
        classes.input_cache_write,
        classes.output_total,
        classes.output_reasoning,
    )


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        # Nothing but the two.
        ({"input": 41, "output": 3, "total": 44}, (41, None, None, 3, None)),
        # 64-bit counts of ClickHouse's JSON are texts.
        ({"input": "41", "output": "3"}, (41, None, None, 3, None)),
        # The published case of doubled cache tokens, as Anthropic counts and as OpenTelemetry does.
        (
            {"input": 5, "cache_read_input_tokens": 128955, "cache_creation_input_tokens": 1253},
            (130213, 128955, 1253, None, None),
        ),
        (
            {"input": 130213, "cache_read_tokens": 128955, "cache_write_tokens": 1253, "output": 9}
            | {"total": 260430},
            (130213, 128955, 1253, 9, None),
        ),
        # Bedrock: 3 uncached, 25 written, 13,216 read.
        (
            {"input": 3, "input_cache_creation": 25, "input_cache_read": 13216, "output": 12},
            (13244, 13216, 25, 12, None),
        ),
        # Exclusive buckets under each name of a cache read.
        ({"input": 10, "input_cached_tokens": 90, "output": 7}, (100, 90, None, 7, None)),
        ({"input": 10, "input_cache_read": 90, "output": 7}, (100, 90, None, 7, None)),
        # The same count under two names counts once.
        (
            {"input": 10, "input_cache_read": 90, "cache_read_input_tokens": 90, "output": 7},
            (100, 90, None, 7, None),
        ),
        # Inclusive counts under Langfuse's names: only the total tells.
        (
            {"input": 100, "input_cached_tokens": 90, "output": 50, "output_reasoning": 20}
            | {"total": 150},
            (100, 90, None, 50, 20),
        ),
        (
            {"input": 10, "input_cached_tokens": 90, "output": 30, "output_reasoning": 20}
            | {"total": 150},
            (100, 90, None, 50, 20),
        ),
        # Exclusive input beside an inclusive output.
        (
            {"input": 10, "input_cached_tokens": 90, "output": 50, "output_reasoning_tokens": 20}
            | {"total": 150},
            (100, 90, None, 50, 20),
        ),
        # Audio stands beside.
        (
            {"input": 10, "input_audio": 5, "output": 4, "output_audio": 3},
            (15, None, None, 7, None),
        ),
        # ... unless the total says that it is within.
        ({"input": 15, "input_audio": 5, "output": 4, "total": 19}, (15, None, None, 4, None)),
        # OpenInference: details within the totals.
        (
            {"total": 2061, "input": 6, "completion_details.reasoning": 1104, "output": 2055},
            (6, None, None, 2055, 1104),
        ),
        # Gemini: the total holds thoughts that no bucket has.
        ({"input": 5, "output": 845, "total": 2023}, (5, None, None, 845, None)),
        # A provider's own object.
        (
            {
                "prompt_tokens": 100,
                "completion_tokens": 8,
                "prompt_tokens_details": {"cached_tokens": 64},
            },
            (100, 64, None, 8, None),
        ),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 7},
            (10, 0, None, 12, 7),
        ),
        # Part of a total that is smaller than it cannot be within.
        ({"input": 5, "prompt_details.cache_read": 90, "output": 1}, (95, 90, None, 1, None)),
        # What is missing.
        ({"input": 8, "total": 8}, (8, None, None, 0, None)),
        ({"output": 3, "total": 10}, (7, None, None, 3, None)),
        ({"total": 10}, (None, None, None, None, None)),
        ({"input": 0, "output": 0}, (None, None, None, None, None)),
        ({"input": 7, "output": 2, "web_search_queries": 3}, (7, None, None, 2, None)),
        ({"input": 7, "input_characters": 900, "output": 2}, (7, None, None, 2, None)),
    ],
)
def test_classes_are_those_of_the_provider_when_langfuse_buckets_them(
    details: dict[str, Any], expected: tuple[int | None, ...]
) -> None:
    assert counts(token_classes(details)) == expected


def test_writes_add_up_when_their_lives_stand_beside_the_rest() -> None:
    classes = token_classes(
        {"input": 1, "input_cache_creation": 4, "input_cache_creation_5m": 2089}
        | {"input_cache_creation_1h": 6, "output": 1, "total": 2101}
    )
    assert counts(classes) == (2100, None, 2099, 1, None)
    assert (classes.input_cache_write_5m, classes.input_cache_write_1h) == (2089, 6)


def test_writes_count_once_when_the_whole_stands_beside_its_lives() -> None:
    classes = token_classes(
        {"input": 1, "input_cache_creation": 2095, "input_cache_creation_5m": 2089}
        | {"input_cache_creation_1h": 6, "output": 1}
    )
    assert counts(classes) == (2096, None, 2095, 1, None)


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"input": 12.7}, "usage_details.input: not a whole number"),
        ({"input": True}, "usage_details.input: not a whole number"),
        ({"input": -1}, "usage_details.input: below 0"),
        ({"input": 1, "input_secret text": "x"}, "usage_details: input bucket: not a whole number"),
        ({"output": 30, "total": 10}, "usage_details.total: less than output"),
    ],
)
def test_usage_is_refused_when_a_count_is_impossible(details: dict[str, Any], reason: str) -> None:
    with pytest.raises(UsageError) as error:
        token_classes(details)
    assert str(error.value) == reason


def test_three_zeros_are_unknown_when_an_older_export_writes_them() -> None:
    assert counts(of_totals(0, 0, 0)) == (None, None, None, None, None)
    assert counts(of_totals("12", 3, 15)) == (12, None, None, 3, None)
