"""Token classes of real usage bodies against what was published of them."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tokenworks_sources.connectors.requests.usage import of_usage_body

# The extractor of the provider whose convention a body follows.
_HOMES = (
    ("usageMetadata", "promptTokenCount", "google", "default"),
    ("meta", "billed_units", "cohere", "embeddings"),
    ("usage", "billed_units", "cohere", "tokens"),
    ("usage", "inputTokens", "aws", "default"),
    ("usage", "cache_creation_input_tokens", "anthropic", "default"),
    ("usage", "input_tokens", "openai", "responses"),
    ("usage", "completion_tokens", "openai", "chat"),
    ("usage", "prompt_tokens", "openai", "embeddings"),
)


def test_classes_agree_with_the_published_usage_when_bodies_are_real(shared_data: Path) -> None:
    path = shared_data / "cloud_bills" / "genai_prices_usages_slice_shared.json.gz"
    entries = json.loads(gzip.decompress(path.read_bytes()))
    checked = dict.fromkeys(_HOMES, 0)
    for entry in entries:
        body = entry["body"]
        home = next(home for home in _HOMES if home[1] in body.get(home[0], {}))
        (published,) = [
            extracted["usage"]
            for extracted in entry["extracted"]
            for extractor in extracted["extractors"]
            if (extractor["provider_id"], extractor["api_flavor"]) == home[2:]
        ]
        classes = of_usage_body(body[home[0]])
        # The published usage leaves out what is 0.
        assert (
            classes.input_total or 0,
            classes.input_cache_read or 0,
            classes.input_cache_write or 0,
            classes.output_total or 0,
            classes.output_reasoning or 0,
        ) == (
            published.get("input_tokens", 0),
            published.get("cache_read_tokens", 0),
            published.get("cache_write_tokens", 0),
            published.get("output_tokens", 0),
            published.get("output_reasoning_tokens", 0),
        ), body
        checked[home] += 1
    assert sum(checked.values()) == len(entries) > 700
    assert all(checked.values()), checked


@pytest.mark.parametrize(
    ("model", "home", "prices"),
    [
        # Dollars per million tokens: uncached, read, written, output.
        ("claude-haiku-4-5-20251001", ("anthropic", "default"), ("1", "0.1", "1.25", "5")),
        ("claude-sonnet-4-5-20250929", ("anthropic", "default"), ("3", "0.3", "3.75", "15")),
        ("gpt-5.6-sol", ("openai", "chat"), ("5", "0.5", "6.25", "30")),
        ("gpt-5.6-sol", ("openai", "responses"), ("5", "0.5", "6.25", "30")),
        ("gemini-2.5-pro", ("google", "default"), ("1.25", "0.125", "0", "10")),
    ],
)
def test_classes_give_the_published_price_when_tokens_are_cached_or_thought(
    shared_data: Path, model: str, home: tuple[str, str], prices: tuple[str, str, str, str]
) -> None:
    path = shared_data / "cloud_bills" / "genai_prices_usages_slice_shared.json.gz"
    uncached, read, written, output = (Decimal(price) / 1_000_000 for price in prices)
    seen = 0
    for entry in json.loads(gzip.decompress(path.read_bytes())):
        priced = [
            (Decimal(extractor["input_price"]), Decimal(extractor["output_price"]))
            for extracted in entry["extracted"]
            for extractor in extracted["extractors"]
            if (extractor["provider_id"], extractor["api_flavor"]) == home
            and "input_price" in extractor
            and entry.get("model") == model
        ]
        if not priced:
            continue
        body = entry["body"]
        classes = of_usage_body(body.get("usage") or body["usageMetadata"])
        total, reads = classes.input_total or 0, classes.input_cache_read or 0
        writes = classes.input_cache_write or 0
        if total > 200_000 or classes.input_cache_write_1h:
            continue  # other prices
        assert priced == [
            (
                (total - reads - writes) * uncached + reads * read + writes * written,
                (classes.output_total or 0) * output,
            )
        ]
        seen += 1
    assert seen
