"""The list of the installed genai-prices as a landing file: which names are priced, and by whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from genai_prices import types as genai

from tokenworks_sources.connectors.prices import genai_prices
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.landing import preview_of
from tokenworks_sources.list_prices import (
    Named,
    PriceList,
    installed_list,
    price_list,
    seen_models,
    write_list,
)
from tokenworks_sources.providers import vendor_of
from tokenworks_sources.settings import Settings

ALWAYS = datetime(2000, 1, 1)


def model(name: str, pattern: str, dollars: str = "1") -> genai.ModelInfo:
    prices = genai.ModelPrice(input_mtok=Decimal(dollars))
    return genai.ModelInfo(name, genai.ClauseStartsWith(pattern), prices=prices)


def vendor(name: str, *models: genai.ModelInfo, resells: tuple[str, ...] = ()) -> genai.Provider:
    return genai.Provider(
        name,
        name.title(),
        f"https://{name}",
        fallback_model_providers=list(resells),
        models=[*models],
    )


VENDORS = [
    vendor("openai", model("gpt-4o", "gpt-4o", "2.5"), model("gpt-5", "gpt-5", "1.25")),
    vendor("anthropic", model("claude-sonnet-4-5", "claude-sonnet-4-5", "3")),
    vendor("aws", model("sonnet-bedrock", "us.anthropic.claude", "3.3")),
    vendor("azure", model("phi-4", "phi-4", "0.1"), resells=("openai",)),
    vendor("google", model("gemini-2.5-flash", "gemini-2.5", "0.3"), resells=("anthropic",)),
    vendor("groq", model("llama-3.1-8b", "llama", "0.05")),
]


def priced(made: PriceList) -> dict[tuple[str, str], str]:
    """Input price by vendor and every name that the file spells out beside the list's own ids."""
    own = {(seller.id, model.id) for seller in VENDORS for model in seller.models}
    return {
        (seller["id"], name): str(model["prices"]["input_mtok"])
        for seller in json.loads(made.content, parse_float=str)
        for model in seller["models"]
        for name in genai_prices.names_of(model)
        if (seller["id"], name) not in own
    }


@pytest.mark.parametrize(
    ("provider", "name", "dollars"),
    [
        ("openai", "gpt-4o-2024-08-06", "2.5"),
        ("OpenAI", "gpt-4o", "2.5"),
        ("anthropic", "claude-sonnet-4-5-20250929", "3"),
        ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3"),
        ("bedrock", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "3.3"),
        (
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-5",
            "3.3",
        ),
        (
            "gcp.vertex_ai",
            "projects/p/locations/l/publishers/google/models/gemini-2.5-flash",
            "0.3",
        ),
        ("gcp.gemini", "models/gemini-2.5-flash", "0.3"),
        ("vertex_ai", "claude-sonnet-4-5@20250929", "3"),
        ("azure.ai.openai", "gpt-4o-2024-08-06", "2.5"),
        ("azure", "azure/gpt-4o", "2.5"),
        ("groq", "llama-3.1-8b-instant", "0.05"),
    ],
)
def test_name_is_priced_by_its_own_provider_when_a_pattern_of_the_vendor_fits(
    provider: str, name: str, dollars: str
) -> None:
    made = price_list(VENDORS, "1", [Named(provider, name)])
    assert priced(made) == {(provider, name): dollars}
    assert made.found == (Named(provider, name),)


@pytest.mark.parametrize(
    "named",
    [
        Named("hosted_vllm", "llama-3.1-8b-instruct"),
        Named("vllm", "llama-3.1-8b-instruct"),
        Named("openai_like", "gpt-4o"),
        Named("custom_openai", "gpt-4o"),
        Named("litellm_proxy", "gpt-4o"),
        Named("", "llama-3.1-8b-instruct"),
        Named("", "openai/gpt-4o"),
        Named(" ", "claude-sonnet-4-5-20250929"),
    ],
)
def test_name_has_no_list_price_when_no_vendor_is_named(named: Named) -> None:
    made = price_list(VENDORS, "1", [named])
    assert priced(made) == {}
    assert (made.found, made.unknown, made.without_vendor) == ((), (), (named,))


@pytest.mark.parametrize(
    "named",
    [
        Named("openai", "llama-3.1-8b-instruct"),
        Named("acme-cloud", "gpt-4o"),
        Named("openai", "groq/llama-3.1-8b"),
        Named("aws.bedrock", "arn:aws:bedrock:us-east-1:1:application-inference-profile/x1"),
    ],
)
def test_name_is_unknown_when_its_vendor_does_not_list_it(named: Named) -> None:
    made = price_list(VENDORS, "1", [named])
    assert priced(made) == {}
    assert made.unknown == (named,)


def test_list_stays_as_it_is_when_it_spells_the_name_out() -> None:
    assert price_list(VENDORS, "1", [Named("openai", "gpt-4o")]).content == (
        price_list(VENDORS, "1", []).content
    )


def test_bytes_are_the_same_when_names_come_in_another_order() -> None:
    names = [
        Named("azure", "gpt-4o-2"), Named("openai", "gpt-4o-3"), Named("azure", "gpt-5-1"),
        Named("openai", "gpt-4o-1"),
    ]  # fmt: skip
    first = price_list(VENDORS, "1", names)
    assert first.content == price_list(VENDORS, "1", [*reversed(names), names[0]]).content
    assert len(priced(first)) == 4


def test_every_kind_of_price_reads_back_when_the_connector_reads_the_file(
    tmp_path: Path, ingest_file: Callable
) -> None:
    tiered = genai.TieredPrices(base=Decimal("1.25"), tiers=[genai.Tier(200_000, Decimal("2.5"))])
    dated = [
        genai.ConditionalPrice(prices=genai.ModelPrice(input_mtok=tiered)),
        genai.ConditionalPrice(
            genai.StartDateConstraint(date(2026, 3, 1)),
            prices=genai.ModelPrice(input_mtok=Decimal("0.000000000001")),
        ),
    ]
    batch = genai.PriceVariant({"processing": "batch"}, genai.ModelPrice(output_mtok=Decimal(4)))
    night = genai.ConditionalPrice(
        genai.TimeOfDateConstraint(time(1), time(2)), prices=genai.ModelPrice(input_mtok=Decimal(1))
    )
    match = genai.ClauseOr(
        [
            genai.ClauseEquals("pro-1"),
            genai.ClauseAnd([genai.ClauseContains("x"), genai.ClauseEndsWith("y")]),
            genai.ClauseRegex("^pro-.*"),
        ]
    )
    acme = vendor(
        "acme",
        genai.ModelInfo("pro", match, prices=dated, price_variants=[batch]),
        genai.ModelInfo("night", genai.ClauseEquals("night"), prices=[night]),
    )
    made = price_list([acme], "1", [Named("acme", "pro-2")])
    path = tmp_path / made.file_name
    path.write_bytes(made.content)
    assert recognise(preview_of(path)).connector is genai_prices.CONNECTOR
    outcome = ingest_file(path, genai_prices.CONNECTOR)
    assert outcome.rejects.is_empty()
    assert outcome.manifest.skipped == {"priced by time of day": 1}
    columns = (
        "token_class", "above_input_tokens", "service_tier", "valid_from",
        "price_per_million_tokens",
    )  # fmt: skip
    rows = outcome.frames["prices"]
    for name in ("pro", "pro-1", "pro-2"):
        assert sorted(rows.filter(pl.col("model") == name).select(columns).rows()) == [
            ("input_uncached", 0, "standard", ALWAYS, Decimal("1.25")),
            ("input_uncached", 0, "standard", datetime(2026, 3, 1), Decimal("0.000000000001")),
            ("input_uncached", 200_000, "standard", ALWAYS, Decimal("2.5")),
            ("output", 0, "batch", ALWAYS, Decimal(4)),
        ]
    assert rows["model"].n_unique() == 3


def test_published_prices_land_when_the_installed_list_is_written(
    settings: Settings, ingest_file: Callable
) -> None:
    seen = [
        Named("anthropic", "claude-sonnet-4-5-20250929"),
        Named("azure.ai.openai", "gpt-4o-2024-08-06"),
        Named("gcp.gemini", "models/gemini-2.5-flash"),
    ]
    made = installed_list(seen)
    path, is_new = write_list(settings, made)
    assert is_new
    assert path == (
        settings.landing / "prices" / "genai_prices" / f"genai-prices-{made.version}.json"
    )
    assert made.found == tuple(seen)
    rows = ingest_file(path, genai_prices.CONNECTOR).frames["prices"]
    published = {
        ("anthropic", "claude-sonnet-4-5-20250929"): ("3", "15"),
        ("azure.ai.openai", "gpt-4o-2024-08-06"): ("2.5", "10"),
        ("gcp.gemini", "models/gemini-2.5-flash"): ("0.3", "2.5"),
    }
    for (provider, name), dollars in published.items():
        found = dict(
            rows.filter(
                (pl.col("provider") == provider)
                & (pl.col("model") == name)
                & (pl.col("service_tier") == "standard")
                & (pl.col("above_input_tokens") == 0)
            )
            .sort("valid_from")
            .select("token_class", "price_per_million_tokens")
            .rows()
        )
        assert (found["input_uncached"], found["output"]) == tuple(map(Decimal, dollars))


def test_file_is_untouched_when_the_list_is_the_same(settings: Settings) -> None:
    made = price_list(VENDORS, "1", [])
    path, _ = write_list(settings, made)
    before = path.stat().st_mtime_ns
    assert write_list(settings, made) == (path, False)
    assert path.stat().st_mtime_ns == before
    assert write_list(settings, price_list(VENDORS, "1", [Named("azure", "gpt-5")])) == (path, True)
    assert [file.name for file in settings.home.iterdir()] == ["landing"]


def test_no_model_is_seen_when_there_is_no_lake(settings: Settings) -> None:
    assert seen_models(settings) == []


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("openai", "openai"), ("gcp.gen_ai", "google"), ("gcp.vertex_ai", "google"),
        ("gcp.gemini", "google"), ("anthropic", "anthropic"), ("cohere", "cohere"),
        ("azure.ai.inference", "azure"), ("azure.ai.openai", "azure"), ("aws.bedrock", "aws"),
        ("perplexity", "perplexity"), ("x_ai", "x-ai"), ("deepseek", "deepseek"), ("groq", "groq"),
        ("mistral_ai", "mistral"), ("moonshot_ai", "moonshotai"),
    ],
)  # fmt: skip
def test_vendor_has_a_list_when_opentelemetry_names_it(provider: str, expected: str) -> None:
    from genai_prices.data import providers

    assert vendor_of(provider) == expected
    assert expected in {listed.id for listed in providers}
