"""Usage that providers and gateways counted themselves: OpenAI, Anthropic, LiteLLM's daily tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.base import Connector, Preview
from tokenworks_sources.connectors.requests import litellm, usage_bodies
from tokenworks_sources.connectors.usage_buckets import (
    anthropic_usage,
    litellm_daily,
    openai_usage,
)
from tokenworks_sources.normalise import pseudonym

ALL: tuple[Connector, ...] = (
    openai_usage.CONNECTOR,
    anthropic_usage.CONNECTOR,
    litellm_daily.CONNECTOR,
    usage_bodies.CONNECTOR,
    litellm.CONNECTOR,
)
KEY = b"a key of the tests"

COMPLETIONS: dict[str, Any] = {
    "object": "organization.usage.completions.result",
    "input_tokens": 141_201,
    "output_tokens": 9_756,
    "input_cached_tokens": 800,
    "input_cache_write_tokens": 50,
    "input_audio_tokens": 0,
    "output_audio_tokens": 0,
    "num_model_requests": 470,
    "project_id": "proj_1",
    "user_id": "user-ada@example.org",
    "api_key_id": "key_canary",
    "model": "gpt-5-mini",
    "batch": False,
    "service_tier": None,
}
COST: dict[str, Any] = {
    "object": "organization.costs.result",
    "amount": {"value": 0.06, "currency": "usd"},
    "line_item": "Text tokens",
    "project_id": None,
}
MESSAGES: dict[str, Any] = {
    "uncached_input_tokens": 1_500,
    "cache_creation": {"ephemeral_1h_input_tokens": 1_000, "ephemeral_5m_input_tokens": 500},
    "cache_read_input_tokens": 200,
    "output_tokens": 500,
    "server_tool_use": {"web_search_requests": 10},
    "api_key_id": "apikey_canary",
    "workspace_id": "wrkspc_1",
    "model": "claude-opus-4",
    "service_tier": "standard",
    "context_window": "0-200k",
    "inference_geo": None,
}
DAILY: dict[str, Any] = {
    "id": "row-1",
    "user_id": "ada@example.org",
    "date": "2026-10-01",
    "api_key": "88dc-canary",
    "model": "gpt-5-mini",
    "model_group": "small",
    "custom_llm_provider": "openai",
    "endpoint": "/chat/completions",
    "prompt_tokens": 1_000,
    "completion_tokens": 300,
    "cache_read_input_tokens": 900,
    "cache_creation_input_tokens": 0,
    "spend": 0.1,
    "api_requests": 10,
    "successful_requests": 9,
    "failed_requests": 1,
}

Ingest = Callable[..., Any]


def openai_page(*results: Any) -> dict[str, Any]:
    bucket = {"object": "bucket", "start_time": 1_790_812_800, "end_time": 1_790_899_200}
    return {
        "object": "page",
        "data": [{**bucket, "results": list(results)}],
        "has_more": False,
        "next_page": None,
    }


def anthropic_page(*results: Any) -> dict[str, Any]:
    bucket = {"starting_at": "2026-10-01T00:00:00Z", "ending_at": "2026-10-02T00:00:00Z"}
    return {"data": [{**bucket, "results": list(results)}], "has_more": False, "next_page": None}


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Any, monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """Ingests a text with the one connector that claims it."""
    monkeypatch.setenv("TOKENWORKS_PSEUDONYM_KEY", KEY.decode())

    def run(text: str) -> Any:
        path = tmp_path / "in" / "usage.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        preview = Preview(path, text.encode()[:65_536])
        (claimed,) = (connector for connector in ALL if connector.recognise(preview))
        outcome = ingest_file(path, claimed)
        seen = repr(outcome.frames["usage_buckets"].rows()) + repr(outcome.rejects.rows())
        assert "ada@" not in seen
        assert "canary" not in seen
        return outcome

    return run


@pytest.mark.parametrize(
    ("audio", "expected"),
    [
        # Of text alone: the audio stands beside it.
        ({"input_audio_tokens": 300_000, "output_audio_tokens": 10_000}, (441_201, 19_756)),
        # Of all kinds, as the count of text says.
        (
            {
                "input_audio_tokens": 100_000,
                "input_text_tokens": 41_201,
                "output_audio_tokens": 0,
                "output_text_tokens": 9_756,
            },
            (141_201, 9_756),
        ),
        ({"input_audio_tokens": 100_000, "output_audio_tokens": 500}, (None, None)),
    ],
)
def test_audio_is_counted_once_when_openai_reports_it(
    ingest: Ingest, audio: dict[str, int], expected: tuple[int | None, int | None]
) -> None:
    outcome = ingest(json.dumps(openai_page({**COMPLETIONS, **audio})))
    row = outcome.frames["usage_buckets"].row(0, named=True)
    assert (row["input_total_tokens"], row["output_total_tokens"]) == expected


def test_every_column_is_filled_when_openai_counts_completions(ingest: Ingest) -> None:
    outcome = ingest(json.dumps(openai_page(COMPLETIONS), indent=2))
    row = outcome.frames["usage_buckets"].row(0, named=True)
    assert (row["emitter"], row["provider"], row["operation"]) == ("openai", "openai", "chat")
    assert (row["bucket_start"], row["bucket_seconds"]) == (datetime(2026, 10, 1), 86_400)
    assert row["grouped_by"] == "api_key_pseudonym,is_batch,model,project_id,user_pseudonym"
    assert (row["project_id"], row["model"], row["is_batch"]) == ("proj_1", "gpt-5-mini", False)
    assert row["user_pseudonym"] == pseudonym("user-ada@example.org", KEY)
    assert row["api_key_pseudonym"] == pseudonym("key_canary", KEY)
    assert (row["input_total_tokens"], row["output_total_tokens"]) == (141_201, 9_756)
    assert (row["input_cache_read_tokens"], row["input_cache_write_tokens"]) == (800, 50)
    assert row["request_count"] == 470
    assert (row["reported_cost"], row["reported_currency"]) == (None, None)


def test_cached_tokens_are_unknown_when_openai_does_not_report_them(ingest: Ingest) -> None:
    total = {
        "object": "organization.usage.completions.result",
        "input_tokens": 5,
        "output_tokens": 4,
        "num_model_requests": 1,
        "model": None,
    }
    row = ingest(json.dumps(openai_page(total))).frames["usage_buckets"].row(0, named=True)
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (5, None)
    assert (row["grouped_by"], row["model"]) == ("", None)


def test_group_is_unknown_when_its_value_is_of_another_kind(ingest: Ingest) -> None:
    odd = {**COMPLETIONS, "model": True, "project_id": 7, "batch": "yes"}
    row = ingest(json.dumps(openai_page(odd))).frames["usage_buckets"].row(0, named=True)
    assert (row["model"], row["project_id"], row["is_batch"]) == (None, None, None)
    assert row["grouped_by"] == "api_key_pseudonym,user_pseudonym"


def test_costs_are_exact_when_they_are_numbers_or_text(ingest: Ingest) -> None:
    as_text = {**COST, "amount": {"value": "1.500000000001", "currency": "usd"}}
    frame = ingest(json.dumps(openai_page(COST, as_text))).frames["usage_buckets"]
    assert frame["reported_cost"].to_list() == [Decimal("0.06"), Decimal("1.500000000001")]
    assert frame["reported_currency"].to_list() == ["USD", "USD"]
    assert frame["line_item"].to_list() == ["Text tokens"] * 2
    assert frame["operation"].to_list() == ["cost"] * 2
    assert frame["input_total_tokens"].to_list() == [None, None]


@pytest.mark.parametrize("layout", ["one a line", "array", "buckets"])
def test_results_are_numbered_through_the_file_when_it_holds_several_pages(
    layout: str, ingest: Ingest
) -> None:
    pages = [openai_page(COMPLETIONS, {**COMPLETIONS, "model": "b"}), openai_page(COST)]
    if layout == "array":
        text = json.dumps(pages)
    elif layout == "buckets":
        text = "\n".join(json.dumps(page["data"][0]) for page in pages)
    else:
        text = "\n".join(json.dumps(page) for page in pages)
    assert ingest(text).frames["usage_buckets"]["source_line"].to_list() == [1, 2, 3]


def test_every_column_is_filled_when_anthropic_counts_messages(ingest: Ingest) -> None:
    row = ingest(json.dumps(anthropic_page(MESSAGES))).frames["usage_buckets"].row(0, named=True)
    assert (row["emitter"], row["operation"]) == ("anthropic", "chat")
    assert (row["bucket_start"], row["bucket_seconds"]) == (datetime(2026, 10, 1), 86_400)
    assert row["input_total_tokens"] == 3_200
    assert (row["input_cache_read_tokens"], row["input_cache_write_tokens"]) == (200, 1_500)
    assert row["input_cache_write_5m_tokens"] == 500
    assert row["input_cache_write_1h_tokens"] == 1_000
    assert (row["output_total_tokens"], row["request_count"]) == (500, None)
    assert (row["project_id"], row["context_window"], row["region"]) == (
        "wrkspc_1",
        "0-200k",
        None,
    )
    assert row["grouped_by"] == "api_key_pseudonym,context_window,model,project_id,service_tier"


def test_cost_is_a_hundredth_when_anthropic_reports_cents(ingest: Ingest) -> None:
    cost = {
        "amount": "123.45",
        "currency": "USD",
        "cost_type": "tokens",
        "token_type": "uncached_input_tokens",
        "description": "Claude Opus 4 Usage - Input Tokens",
        "model": "claude-opus-4",
        "workspace_id": None,
    }
    row = ingest(json.dumps(anthropic_page(cost))).frames["usage_buckets"].row(0, named=True)
    assert (row["reported_cost"], row["reported_currency"]) == (Decimal("1.2345"), "USD")
    assert row["line_item"] == "tokens: uncached_input_tokens"
    assert row["grouped_by"] == "line_item,model"


@pytest.mark.parametrize("layout", ["csv", "lines"])
def test_every_column_is_filled_when_litellm_counts_days(layout: str, ingest: Ingest) -> None:
    if layout == "csv":
        text = ",".join(DAILY) + "\n" + ",".join(str(value) for value in DAILY.values()) + "\n"
    else:
        text = json.dumps(DAILY) + "\n"
    row = ingest(text).frames["usage_buckets"].row(0, named=True)
    assert (row["emitter"], row["operation"]) == ("litellm_daily_user", "chat/completions")
    assert (row["bucket_start"], row["bucket_seconds"]) == (datetime(2026, 10, 1), 86_400)
    assert row["user_pseudonym"] == pseudonym("ada@example.org", KEY)
    assert row["api_key_pseudonym"] == pseudonym("88dc-canary", KEY)
    assert (row["provider"], row["model"], row["model_group"]) == ("openai", "gpt-5-mini", "small")
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (1_000, 900)
    assert (row["request_count"], row["failed_request_count"]) == (10, 1)
    assert (row["reported_cost"], row["reported_currency"]) == (Decimal("0.1"), "USD")


@pytest.mark.parametrize(
    ("column", "emitter", "target"),
    [
        ("team_id", "litellm_daily_team", "team_id"),
        ("organization_id", "litellm_daily_organization", "tenant_id"),
        ("tag", "litellm_daily_tag", "tag"),
    ],
)
def test_emitter_names_the_twin_when_each_counts_the_same_requests(
    column: str, emitter: str, target: str, ingest: Ingest
) -> None:
    twin = {**{key: value for key, value in DAILY.items() if key != "user_id"}, column: "search"}
    row = ingest(json.dumps(twin)).frames["usage_buckets"].row(0, named=True)
    assert (row["emitter"], row[target]) == (emitter, "search")


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        (
            json.dumps(
                openai_page(
                    COMPLETIONS,
                    {**COMPLETIONS, "input_tokens": 1},
                    {**COMPLETIONS, "num_model_requests": "many"},
                    {**COST, "amount": {"value": None}},
                    {**COST, "amount": {"value": 1}},
                    {"object": "organization.usage.vector_stores.result", "usage_bytes": 1},
                    {"object": "something"},
                    7,
                )
            ),
            [
                "input_total_tokens: less than cache read + cache write",
                "num_model_requests: not a whole number",
                "amount.value: missing",
                "reported_currency: missing, or without a cost",
                "object: not a result of usage or costs",
                "not a JSON object",
            ],
        ),
        (
            json.dumps(openai_page(COMPLETIONS))
            + '\n{"object":"page","data":7}\n{"object":"page","data":[{"results":{}}]}\n'
            + '{"object":"bucket","start_time":1790812800,"end_time":1790812800,"results":['
            + json.dumps(COMPLETIONS)
            + "]}\n{cut",
            [
                "not a page of buckets",
                "not a page of buckets",
                "end_time: not whole seconds after the start",
                "not JSON: the file ends inside the record",
            ],
        ),
        (
            json.dumps(anthropic_page(MESSAGES, {"output_tokens": 1}, {"amount": "x"})),
            ["not a result of a usage or cost report", "amount: not a number"],
        ),
        (
            "\n".join(
                json.dumps({**DAILY, **changes})
                for changes in (
                    {},
                    {"date": "2026-10-01T07:00:00Z"},
                    {"date": "2026-02-30"},
                    {"prompt_tokens": 1.5},
                    {"failed_requests": 11},
                    {"team_id": "also"},
                )
            ),
            [
                "date: not a day",
                "date: not a day",
                "prompt_tokens: not a whole number",
                "failed_request_count: more than request_count",
                "of several twins of the table at once",
            ],
        ),
    ],
    ids=["openai results", "openai pages", "anthropic", "litellm"],
)
def test_result_is_rejected_when_it_cannot_be_used(
    text: str, reasons: list[str], ingest: Ingest
) -> None:
    outcome = ingest(text)
    assert sorted(outcome.rejects["reason"].to_list()) == sorted(reasons)
    assert outcome.frames["usage_buckets"].height == 1
