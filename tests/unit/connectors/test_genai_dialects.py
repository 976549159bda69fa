"""GenAI spans in every dialect: which name means what, and which count includes which."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.connectors.spans import CHAT, START, Read, request, row_of, span, tokens_of
from tokenworks_sources.connectors.requests import genai_attributes


def test_every_column_is_filled_when_the_conventions_are_followed(read: Read) -> None:
    given = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.request.stream": True,
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.model": "claude-sonnet-4-5-20250929",
        "gen_ai.response.finish_reasons": ["end_turn"],
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.usage.input_tokens": 130213,
        "gen_ai.usage.output_tokens": 400,
        "gen_ai.usage.cache_read.input_tokens": 128955,
        "gen_ai.usage.cache_creation.input_tokens": 1253,
        "gen_ai.usage.reasoning.output_tokens": 150,
        "gen_ai.usage.cost.amount": "0.0123",
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.conversation.id": "conv_7",
        "server.address": "api.anthropic.com",
        "server.port": 443,
        "user.id": "alice@example.com",
    }
    resource = {"tenant.id": "acme", "team.id": "search", "cloud.region": "eu-west-1"}
    row = row_of(read(request(span(given, parentSpanId="00000000000000aa"), **resource)))
    assert row["emitter"] == "otel:shop/my.scope"
    assert (row["request_id"], row["session_id"]) == ("msg_1", "conv_7")
    assert row["trace_id"] == "5b8efff798038103d269b633813fc60c"
    assert (row["span_id"], row["parent_span_id"]) == ("eee19b7ec3c1b174", "00000000000000aa")
    assert row["started_at"] == datetime(2026, 9, 21, 14, 13, 20, 123456)
    assert row["first_token_at"] == datetime(2026, 9, 21, 14, 13, 20, 623456)
    assert row["ended_at"] == datetime(2026, 9, 21, 14, 13, 22, 623456)
    assert (row["clock"], row["ttft_seconds"], row["is_streaming"]) == ("utc", 0.5, True)
    assert (row["operation"], row["provider"]) == ("chat", "anthropic")
    assert row["model_requested"] == "claude-sonnet-4-5"
    assert row["model_served"] == "claude-sonnet-4-5-20250929"
    assert row["endpoint"] == "api.anthropic.com:443"
    assert (row["region"], row["client_region"]) == (None, "eu-west-1")
    assert (row["tenant_id"], row["team_id"]) == ("acme", "search")
    # HMAC-SHA-256 of the name under the key of the tests, 32 digits.
    assert row["user_pseudonym"] is not None
    assert len(row["user_pseudonym"]) == 32
    assert (row["status"], row["error_type"], row["finish_reason"]) == (
        "success",
        None,
        "end_turn",
    )
    assert row["reported_cost_usd"] == Decimal("0.0123")
    assert row["input_total_tokens"] == 130213
    assert row["input_cache_read_tokens"] == 128955
    assert row["input_cache_write_tokens"] == 1253
    assert (row["output_total_tokens"], row["output_reasoning_tokens"]) == (400, 150)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # Published wrong numbers: 260,421 and 13,219 input tokens; never exclusive and inclusive at once.
        (
            {"input_tokens": 130213, "cache_read_tokens": 128955, "cache_creation_tokens": 1253},
            (130213, 128955, 1253),
        ),
        (
            {
                "input_tokens": 5,
                "cache_read_input_tokens": 128955,
                "cache_creation_input_tokens": 1253,
            },
            (130213, 128955, 1253),
        ),
        (
            {"input_tokens": 3, "details.cache_read_tokens": 13216, "cache_write_tokens": 25},
            (13244, 13216, 25),
        ),
        # Ambiguous without a total: the conventions.
        ({"input_tokens": 900, "cache_read_tokens": 800}, (900, 800, None)),
        # The total says that the cached tokens stand beside the input.
        (
            {"input_tokens": 900, "cache_read_tokens": 800, "total_tokens": 1720},
            (1700, 800, None),
        ),
        ({"input_tokens": 900, "cache_read_tokens": 800, "total_tokens": 920}, (900, 800, None)),
        # Details that are null or absent are unknown.
        ({"input_tokens": 900}, (900, None, None)),
        ({"input_tokens": 900, "cache_read_tokens": 0}, (900, 0, None)),
    ],
)
def test_input_is_counted_once_when_dialects_differ(
    read: Read, given: dict[str, int], expected: tuple[int | None, ...]
) -> None:
    usage = {f"gen_ai.usage.{name}": value for name, value in given.items()}
    outcome = read(request(span({"gen_ai.operation.name": "chat", **usage, **OUTPUT})))
    assert tokens_of(outcome)[:3] == expected


OUTPUT = {"gen_ai.usage.output_tokens": 20}


def test_cached_is_unknown_when_the_value_is_null(read: Read) -> None:
    given = span(CHAT)
    given["attributes"].append({"key": "gen_ai.usage.cache_read.input_tokens", "value": {}})
    given["attributes"].append({"key": "gen_ai.usage.cache_read_tokens", "value": None})
    assert tokens_of(read(request(given))) == (100, None, None, 20, None)


@pytest.mark.parametrize(
    ("output", "reasoning", "total", "expected"),
    [
        (845, 1173, None, 2018),
        (845, 1173, 2023, 2018),
        (845, 100, 950, 945),
        (845, 100, 850, 845),
        (845, 100, None, 845),
    ],
)
def test_reasoning_is_part_of_output_when_it_was_beside_it(
    read: Read, output: int, reasoning: int, total: int | None, expected: int
) -> None:
    given = {
        "gen_ai.operation.name": "generate_content",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": output,
        "gen_ai.usage.reasoning_tokens": reasoning,
    }
    if total is not None:
        given["gen_ai.usage.total_tokens"] = total
    assert tokens_of(read(request(span(given))))[3:] == (expected, reasoning)


@pytest.mark.parametrize("field", sorted(genai_attributes.TOKENS))
def test_every_alias_is_read_when_it_stands_alone(read: Read, field: str) -> None:
    column = {
        "input_tokens": "input_total_tokens",
        "output_tokens": "output_total_tokens",
        "cache_read_tokens": "input_cache_read_tokens",
        "detailed_cache_read_tokens": "input_cache_read_tokens",
        "cache_write_tokens": "input_cache_write_tokens",
        "cache_write_5m_tokens": "input_cache_write_5m_tokens",
        "cache_write_1h_tokens": "input_cache_write_1h_tokens",
        "reasoning_tokens": "output_reasoning_tokens",
    }.get(field)
    aliases = genai_attributes.TOKENS[field]
    base = {
        "input_tokens": {},
        "output_tokens": {},
        "reasoning_tokens": {"gen_ai.usage.output_tokens": 90},
    }.get(field, {"gen_ai.usage.input_tokens": 90})
    frame = read(
        *(
            request(
                span({"gen_ai.operation.name": "chat", **base, alias: 17}, f"{number + 1:016x}")
            )
            for number, alias in enumerate(aliases)
        )
    ).frames["requests"]
    assert frame.height == len(aliases)
    if column is not None:
        assert frame[column].to_list() == [17] * len(aliases)


@pytest.mark.parametrize("is_reversed", [False, True])
def test_the_newest_name_wins_when_several_are_given(read: Read, is_reversed: bool) -> None:
    given = {
        "llm.token_count.prompt": 7,
        "gen_ai.usage.prompt_tokens": 8,
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.completion_tokens": 1,
        "gen_ai.operation.name": "chat",
    }
    order = dict(reversed(given.items())) if is_reversed else given
    assert tokens_of(read(request(span(order))))[0] == 9


@pytest.mark.parametrize("value", [{"intValue": "12"}, {"intValue": 12}, {"doubleValue": 12.0}])
def test_a_count_is_read_when_it_is_text_number_or_float(read: Read, value: Any) -> None:
    given = span({"gen_ai.operation.name": "chat"})
    given["attributes"].append({"key": "gen_ai.usage.input_tokens", "value": value})
    assert tokens_of(read(request(given)))[0] == 12


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"doubleValue": 12.7}, "input_tokens: not a whole number"),
        ({"boolValue": True}, "input_tokens: not a whole number"),
        ({"intValue": "-3"}, "input_tokens: below 0"),
        ({"stringValue": "twelve"}, "input_tokens: not a whole number"),
        ({"arrayValue": {"values": [{"intValue": 1}]}}, "input_tokens: not a whole number"),
    ],
)
def test_a_count_is_rejected_when_it_is_none(read: Read, value: Any, reason: str) -> None:
    given = span({"gen_ai.operation.name": "chat"})
    given["attributes"].append({"key": "gen_ai.usage.input_tokens", "value": value})
    outcome = read(request(given))
    assert outcome.frames["requests"].is_empty()
    assert outcome.rejects["reason"].to_list() == [reason]


def test_usage_is_unknown_when_the_ai_sdk_writes_nan(read: Read) -> None:
    given = span({"ai.operationId": "ai.generateText.doGenerate", "ai.model.id": "m"})
    given["attributes"].append({"key": "ai.usage.promptTokens", "value": {"doubleValue": "NaN"}})
    assert tokens_of(read(request(given)))[0] is None


def test_openinference_is_read_when_only_its_names_are_given(read: Read) -> None:
    given = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4.1",
        "llm.provider": "openai",
        "llm.token_count.prompt": 50,
        "llm.token_count.completion": 9,
        "llm.token_count.prompt_details.cache_read": 32,
        "llm.token_count.completion_details.reasoning": 4,
        "llm.cost.total": 0.00123,
        "session.id": "s-1",
    }
    event = {"name": "First Token Stream Event", "timeUnixNano": str(START + 10**9)}
    row = row_of(read(request(span(given, events=[event]))))
    assert (row["model_requested"], row["model_served"]) == ("gpt-4.1", "gpt-4.1")
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (50, 32)
    assert (row["output_total_tokens"], row["output_reasoning_tokens"]) == (9, 4)
    assert (row["reported_cost_usd"], row["session_id"]) == (Decimal("0.00123"), "s-1")
    assert row["first_token_at"] == datetime(2026, 9, 21, 14, 13, 21, 123456)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"llm.request.model_name": "auto", "llm.response.model_name": "m-2026"},
            ("auto", "m-2026"),
        ),
        ({"llm.model_name": "m-2026", "llm.request.model_name": "auto"}, ("auto", "m-2026")),
        ({"embedding.model_name": "e-small"}, ("e-small", "e-small")),
    ],
)
def test_models_are_told_apart_when_openinference_names_them(
    given: dict[str, object], expected: tuple[str, str], read: Read
) -> None:
    kind = "EMBEDDING" if "embedding.model_name" in given else "LLM"
    asked = {"openinference.span.kind": kind, "llm.token_count.prompt": 8, **given}
    row = row_of(read(request(span(asked))))
    assert (row["model_requested"], row["model_served"]) == expected


def test_engine_phases_are_read_when_vllm_traces(read: Read) -> None:
    given = {
        "gen_ai.request.id": "chatcmpl-9-0",
        "gen_ai.request.model": "llama",
        "gen_ai.usage.prompt_tokens": 1200,
        "gen_ai.usage.completion_tokens": 80,
        "gen_ai.latency.time_to_first_token": 0.25,
        "gen_ai.latency.e2e": 2.4,
        "gen_ai.latency.time_in_queue": 0.05,
        "gen_ai.latency.time_in_model_prefill": 0.2,
        "gen_ai.latency.time_in_model_decode": 2.1,
    }
    resource = {"cloud.region": "eu-west-1", "service.instance.id": "llama-0"}
    traced = span(given, name="llm_request", kind=2)
    row = row_of(read(request(traced, scope="vllm.llm_engine", **resource)))
    assert row["emitter"] == "otel:shop/vllm.llm_engine"
    assert row["request_id"] == "chatcmpl-9-0"
    assert (row["queue_seconds"], row["prefill_seconds"], row["decode_seconds"]) == (
        0.05,
        0.2,
        2.1,
    )
    assert (row["ttft_seconds"], row["e2e_seconds"]) == (0.25, 2.4)
    assert (row["input_total_tokens"], row["input_cache_read_tokens"]) == (1200, None)
    assert (row["deployment_key"], row["endpoint"]) == ("shop", "llama-0")
    assert (row["region"], row["client_region"]) == ("eu-west-1", None)


@pytest.mark.parametrize(
    ("given", "chance", "score"),
    [
        (
            {"tokenworks.routing_propensity": 0.05, "gen_ai.evaluation.score.value": 4.0},
            0.05,
            4.0,
        ),
        ({"litellm.metadata.routing_propensity": "0.25"}, 0.25, None),
        ({"tokenworks.quality_score": -1}, None, -1.0),
    ],
)
def test_chances_of_a_router_and_scores_are_read_when_a_span_has_them(
    read: Read, given: dict[str, Any], chance: float | None, score: float | None
) -> None:
    usage = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20}
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "llama", **usage}
    row = row_of(read(request(span({**call, **given}))))
    assert (row["routing_propensity"], row["quality_score"]) == (chance, score)


def test_litellm_is_read_when_its_callback_writes_texts(read: Read) -> None:
    given = {
        "gen_ai.operation.name": "acompletion",
        "gen_ai.system": "hosted_vllm",
        "gen_ai.request.model": "llama",
        "gen_ai.response.id": "chatcmpl-3",
        "gen_ai.response.finish_reasons": '["stop", "stop"]',
        "llm.is_streaming": "True",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "metadata.user_api_key_hash": "88dc28",
        "metadata.user_api_key_team_id": "search",
        "metadata.user_api_key_org_id": "",
        "metadata.user_api_key_user_id": "None",
        "hidden_params": json.dumps(
            {
                "model_id": "small-us",
                "api_base": "http://u:secret@small-us-0.internal:8000/v1?key=1",
                "response_cost": "0.0000021",
            }
        ),
    }
    row = row_of(read(request(span(given, name="litellm_request"), scope="litellm")))
    assert (row["operation"], row["finish_reason"], row["is_streaming"]) == ("chat", "stop", True)
    assert (row["tenant_id"], row["team_id"]) == ("search", "search")
    assert (row["deployment_key"], row["endpoint"]) == ("small-us", "small-us-0.internal:8000")
    assert row["reported_cost_usd"] == Decimal("0.0000021")
    assert row["user_pseudonym"] is None
    assert len(row["api_key_pseudonym"]) == 32
