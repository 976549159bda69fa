"""Price lists of genai-prices, LiteLLM and Langfuse: exact prices, sizes of prompt, dates, names."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tokenworks_sources.connectors.prices import genai_prices, langfuse_prices, litellm_prices
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

ALWAYS = datetime(2000, 1, 1)
SEPTEMBER = datetime(2026, 9, 1)
PRICE = ("model", "token_class", "above_input_tokens", "service_tier", "valid_from")


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(content: object, connector, about: str | None = None):
        folder = tmp_path / "lists"
        folder.mkdir(exist_ok=True)
        path, beside = folder / "prices.json", ()
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        assert recognise(preview_of(path)).connector is connector
        if about is not None:
            (folder / "about.yaml").write_text(about)
            beside = (folder / "about.yaml",)
        outcome = ingest_file(path, connector, beside)
        return outcome.frames["prices"], outcome.rejects, outcome.manifest

    return run


def prices(rows: pl.DataFrame) -> dict[tuple, Decimal]:
    return {row[:-1]: row[-1] for row in rows.select(*PRICE, "price_per_million_tokens").rows()}


def provider(*models: dict) -> list:
    return [{"id": "acme", "name": "Acme", "api_pattern": "acme", "models": list(models)}]


def test_genai_tiers_and_names_land_when_a_price_depends_on_the_prompt(ingest) -> None:
    model = {
        "id": "pro",
        "match": {"or": [{"equals": "pro-2026"}, {"starts_with": "pro-"}]},
        "prices": {
            "input_mtok": {"base": 1.25, "tiers": [{"start": 200000, "price": 2.5}]},
            "output_mtok": 10,
            "requests_kcount": 5,
        },
    }
    rows, rejects, manifest = ingest(provider(model), genai_prices.CONNECTOR)
    assert rejects.is_empty()
    assert rows["provider"].unique().to_list() == ["acme"]
    assert rows["currency"].unique().to_list() == ["USD"]
    assert prices(rows) == {
        (name, *price): Decimal(amount)
        for name in ("pro", "pro-2026")
        for price, amount in (
            (("input_uncached", 0, "standard", ALWAYS), "1.25"),
            (("input_uncached", 200_000, "standard", ALWAYS), "2.5"),
            (("output", 0, "standard", ALWAYS), "10"),
        )
    }
    assert (manifest.records_in, manifest.records_out) == (4, 3)
    assert manifest.skipped == {"priced by something other than tokens": 1}


def test_genai_prices_hold_from_their_date_when_they_have_one(ingest) -> None:
    dated = {
        "id": "o",
        "match": {"equals": "o"},
        "prices": [
            {"prices": {"input_mtok": 10}},
            {"constraint": {"start_date": "2025-06-10"}, "prices": {"input_mtok": 2}},
        ],
    }
    rows, _, _ = ingest(provider(dated), genai_prices.CONNECTOR)
    assert prices(rows) == {
        ("o", "input_uncached", 0, "standard", ALWAYS): Decimal(10),
        ("o", "input_uncached", 0, "standard", datetime(2025, 6, 10)): Decimal(2),
    }


def test_genai_model_has_no_price_when_it_depends_on_the_time_of_day(ingest) -> None:
    night = {
        "id": "chat",
        "match": {"equals": "chat"},
        "prices": [
            {"prices": {"input_mtok": 0.135}},
            {
                "constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"},
                "prices": {"input_mtok": 0.27},
            },
        ],
    }
    rows, rejects, manifest = ingest(provider(night), genai_prices.CONNECTOR)
    assert rows.is_empty()
    assert rejects.is_empty()
    assert manifest.skipped == {"priced by time of day": 2}


def test_genai_variants_are_tiers_when_a_tier_is_what_they_ask_for(ingest) -> None:
    model = {
        "id": "m",
        "match": {"equals": "m"},
        "prices": {"cache_write_mtok": 1.25, "cache_write_1h_mtok": 2, "output_reasoning_mtok": 3},
        "price_variants": [
            {"when": {"service_tier": "default"}, "prices": {}},
            {
                "when": {"service_tier": "flex"},
                "constraint": {"start_date": "2026-09-01"},
                "prices": {"output_mtok": 5, "web_searches_kcount": 10},
            },
            {"when": {"processing": "batch"}, "prices": {"output_mtok": 4}},
            {"when": {"speed": "fast"}, "prices": {"output_mtok": 60, "input_mtok": 12}},
            {"when": {"service_tier": "flex", "route": "eu"}, "prices": {"output_mtok": 6}},
        ],
    }
    rows, rejects, manifest = ingest(provider(model), genai_prices.CONNECTOR)
    assert rejects.is_empty()
    assert prices(rows) == {
        ("m", "input_cache_write_5m", 0, "standard", ALWAYS): Decimal("1.25"),
        ("m", "input_cache_write_1h", 0, "standard", ALWAYS): Decimal(2),
        ("m", "output_reasoning", 0, "standard", ALWAYS): Decimal(3),
        ("m", "output", 0, "flex", SEPTEMBER): Decimal(5),
        ("m", "output", 0, "batch", ALWAYS): Decimal(4),
    }
    assert manifest.skipped == {
        "priced by another condition than a service tier": 3,
        "priced by something other than tokens": 1,
    }


@pytest.mark.parametrize("value", [-1, True, "free", [1], {"base": 1}, {"tiers": []}])
def test_genai_price_is_rejected_when_it_is_no_amount(ingest, value: object) -> None:
    model = {"id": "m", "match": {}, "prices": {"input_mtok": value, "output_mtok": 1}}
    rows, rejects, _ = ingest(provider(model), genai_prices.CONNECTOR)
    assert rows["token_class"].to_list() == ["output"]
    assert [reason.split(":")[0] for reason in rejects["reason"]] == ["input_mtok"]


LITELLM = {
    "sample_spec": {"litellm_provider": "one of ...", "input_cost_per_token": 0.0},
    "acme/large": {
        "litellm_provider": "acme",
        "input_cost_per_token": 3e-06,
        "input_cost_per_token_above_200k_tokens": 6e-06,
        "output_cost_per_token": 1.5e-05,
        "output_cost_per_token_batches": 7.5e-06,
        "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens_priority": 2.4e-05,
        "cache_read_input_token_cost": 3e-07,
        "input_cost_per_audio_token": 1e-06,
        "output_cost_per_image": 0.04,
        "max_input_tokens": 200000,
        "deprecation_date": "2026-11-30",
    },
}


def test_litellm_keys_become_class_size_and_tier_when_they_pack_all_three(ingest) -> None:
    rows, rejects, manifest = ingest(LITELLM, litellm_prices.CONNECTOR, "valid_from: 2026-09-01")
    assert rejects.is_empty()
    large = rows.filter(pl.col("model") == "acme/large")
    assert prices(large) == {
        ("acme/large", "input_uncached", 0, "standard", SEPTEMBER): Decimal(3),
        ("acme/large", "input_uncached", 200_000, "standard", SEPTEMBER): Decimal(6),
        ("acme/large", "output", 0, "standard", SEPTEMBER): Decimal(15),
        ("acme/large", "output", 0, "batch", SEPTEMBER): Decimal("7.5"),
        ("acme/large", "input_cache_write_5m", 0, "standard", SEPTEMBER): Decimal("3.75"),
        ("acme/large", "input_cache_write_1h", 0, "standard", SEPTEMBER): Decimal(6),
        ("acme/large", "input_cache_write_1h", 200_000, "priority", SEPTEMBER): Decimal(24),
        ("acme/large", "input_cache_read", 0, "standard", SEPTEMBER): Decimal("0.3"),
        ("acme/large", "input_audio", 0, "standard", SEPTEMBER): Decimal(1),
    }
    assert rows.filter(pl.col("model") == "large").height == large.height
    assert (manifest.records_in, manifest.records_out) == (11, 9)


def test_litellm_price_keeps_every_digit_when_it_is_written_as_a_float(ingest) -> None:
    text = '{"m": {"litellm_provider": "acme", "input_cost_per_token": 1.2345678901e-07}}'
    rows, _, _ = ingest(text, litellm_prices.CONNECTOR, "valid_from: 2026-09-01")
    assert rows["price_per_million_tokens"].to_list() == [Decimal("0.12345678901")]


def test_litellm_price_is_left_out_when_it_is_null(ingest) -> None:
    text = (
        '{"m": {"litellm_provider": "acme", "input_cost_per_token": 1e-06,'
        ' "input_cost_per_token_flex": null}}'
    )
    rows, rejects, manifest = ingest(text, litellm_prices.CONNECTOR, "valid_from: 2026-09-01")
    assert prices(rows) == {("m", "input_uncached", 0, "standard", SEPTEMBER): Decimal(1)}
    assert rejects.is_empty()
    assert manifest.skipped == {"a price of null": 1}


def test_litellm_ranges_are_sizes_of_prompt_when_pricing_is_tiered(ingest) -> None:
    entry = {
        "litellm_provider": "dashscope",
        "tiered_pricing": [
            {"input_cost_per_token": 5e-08, "range": [0, 256000.0]},
            {"input_cost_per_token": 2.5e-07, "range": [256000.0, 1000000.0]},
        ],
        "input_cost_per_query": 1,
    }
    rows, _, _ = ingest({"q": entry}, litellm_prices.CONNECTOR, "valid_from: 2026-09-01")
    assert prices(rows) == {
        ("q", "input_uncached", 0, "standard", SEPTEMBER): Decimal("0.05"),
        ("q", "input_uncached", 256_000, "standard", SEPTEMBER): Decimal("0.25"),
    }


def test_litellm_map_is_refused_when_nothing_says_since_when_it_holds(ingest) -> None:
    with pytest.raises(LandingFileError, match=r"Write `valid_from: YYYY-MM-DD` into about"):
        ingest(LITELLM, litellm_prices.CONNECTOR)


def test_shorter_name_is_kept_apart_when_the_provider_has_both(ingest) -> None:
    cost = {"litellm_provider": "acme", "input_cost_per_token": 1e-06}
    other = {**cost, "input_cost_per_token": 2e-06}
    rows, _, _ = ingest(
        {"acme/m": cost, "m": other}, litellm_prices.CONNECTOR, "valid_from: 2026-09-01"
    )
    assert {key[0]: amount for key, amount in prices(rows).items()} == {
        "acme/m": Decimal(1),
        "m": Decimal(2),
    }


def langfuse(*tiers: dict) -> list:
    return [
        {
            "id": "x",
            "modelName": "m",
            "matchPattern": "(?i)^(m)$",
            "updatedAt": "2026-08-20T00:00:00.000Z",
            "pricingTiers": list(tiers),
        }
    ]


def test_langfuse_names_of_one_class_are_one_price_when_they_agree(ingest) -> None:
    content = langfuse(
        {
            "conditions": [],
            "prices": {
                "input": 2.5e-06,
                "input_cached_tokens": 1.25e-06,
                "cache_read_input_tokens": 1.25e-06,
                "output": 1e-05,
                "output_reasoning": 1e-05,
            },
        },
        {
            "conditions": [
                {"usageDetailPattern": "(input|prompt)", "operator": "gt", "value": 200000}
            ],
            "prices": {"input": 5e-06},
        },
        {
            "conditions": [{"key": "service_tier", "operator": "in", "values": ["flex"]}],
            "prices": {"input": 1e-06},
        },
        {"conditions": [{"key": "speed", "values": ["fast"]}], "prices": {"input": 9e-06}},
    )
    rows, rejects, manifest = ingest(content, langfuse_prices.CONNECTOR)
    since = datetime(2026, 8, 20)
    assert rejects.is_empty()
    assert prices(rows) == {
        ("m", "input_uncached", 0, "standard", since): Decimal("2.5"),
        ("m", "input_cache_read", 0, "standard", since): Decimal("1.25"),
        ("m", "output", 0, "standard", since): Decimal(10),
        ("m", "output_reasoning", 0, "standard", since): Decimal(10),
        ("m", "input_uncached", 200_000, "standard", since): Decimal(5),
        ("m", "input_uncached", 0, "flex", since): Decimal(1),
    }
    assert manifest.skipped == {
        "a tier with another condition than size of prompt or service tier": 1,
        "another name of a class that is priced": 1,
    }


def test_langfuse_class_is_rejected_when_its_names_disagree(ingest) -> None:
    content = langfuse(
        {"conditions": [], "prices": {"input_cached_tokens": 1e-06, "input_cache_read": 2e-06}}
    )
    _, rejects, _ = ingest(content, langfuse_prices.CONNECTOR)
    assert rejects["reason"].to_list() == ["input_cache_read: another price than its other name"]


@pytest.mark.parametrize(
    ("name", "connector", "known"),
    [
        (
            "genai_prices_data.json.gz",
            genai_prices.CONNECTOR,
            {
                ("claude-opus-4-6", "input_uncached", 200_000, "standard", ALWAYS): Decimal(10),
                (
                    "claude-opus-4-6", "output", 0, "standard", datetime(2026, 3, 13),
                ): Decimal(25),
            },
        ),
        (
            "litellm_model_prices.json.gz",
            litellm_prices.CONNECTOR,
            {
                (
                    "claude-sonnet-4-5-20250929", "input_cache_write_1h", 0, "standard", SEPTEMBER,
                ): Decimal(6),
                (
                    "claude-sonnet-4-5-20250929", "output", 0, "batch", SEPTEMBER,
                ): Decimal("7.5"),
                ("qwen-flash", "output", 256_000, "standard", SEPTEMBER): Decimal(2),
            },
        ),
        (
            "langfuse_default_model_prices.json.gz",
            langfuse_prices.CONNECTOR,
            {
                ("gpt-4o", "input_cache_read", 0, "standard", SEPTEMBER): Decimal("1.25"),
                ("gpt-4o", "output", 0, "priority", SEPTEMBER): Decimal(17),
            },
        ),
    ],
)  # fmt: skip
def test_real_list_lands_with_its_published_prices(
    shared_data: Path, tmp_path: Path, ingest_file: Callable, name: str, connector, known: dict
) -> None:
    about = tmp_path / "about.yaml"
    about.write_text("valid_from: 2026-09-01\n")
    path = shared_data / "cloud_bills" / name
    assert recognise(preview_of(path)).connector is connector
    outcome = ingest_file(path, connector, (about,))
    found = prices(outcome.frames["prices"])
    assert {key: found.get(key) for key in known} == known
    assert set(outcome.rejects["reason"] if outcome.rejects.height else []) <= {
        "litellm_provider: missing"
    }
