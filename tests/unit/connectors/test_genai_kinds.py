"""Which spans are calls, how they are linked, how they ended and when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.unit.connectors.spans import CHAT, END, START, Read, attributes, request, row_of, span
from tokenworks_sources.connectors.requests.genai_kinds import skip_reason

WRAPPERS = [
    ("invoke_agent shop", {"gen_ai.operation.name": "invoke_agent"}),
    ("execute_tool lookup", {"gen_ai.operation.name": "execute_tool"}),
    ("agent run", {"gen_ai.request.model": "m"}),
    ("run", {"agent_name": "shop"}),
    ("ai.generateText", {"ai.operationId": "ai.generateText"}),
    ("ai.toolCall", {"ai.operationId": "ai.toolCall"}),
    ("crew", {"openinference.span.kind": "AGENT"}),
    ("chain", {"openinference.span.kind": "CHAIN"}),
    ("flow", {"traceloop.span.kind": "workflow"}),
    ("step", {"langfuse.observation.type": "span"}),
    ("raw_gen_ai_request", {"gen_ai.request.model": "m"}),
    ("loop", {"gen_ai.operation.name": "loop"}),
]


@pytest.mark.parametrize(("name", "given"), WRAPPERS)
def test_a_span_is_skipped_when_it_only_frames_calls(
    read: Read, name: str, given: dict[str, str]
) -> None:
    usage = {} if given.get("gen_ai.operation.name") == "loop" else CHAT
    both = {**usage, "gen_ai.operation.name": "", **given}
    outcome = read(
        request(span(both, "00000000000000aa", name=name), span(CHAT, "00000000000000bb"))
    )
    assert outcome.frames["requests"]["span_id"].to_list() == ["00000000000000bb"]
    assert outcome.manifest.records_in == 2
    (reason,) = outcome.manifest.skipped
    assert reason.startswith("wrapper span: ")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("chat", {"gen_ai.operation.name": "chat"}),
        ("embeddings", {"gen_ai.operation.name": "embeddings"}),
        ("openai.chat", {"llm.request.type": "chat", "gen_ai.usage.prompt_tokens": 1}),
        ("ai.embed.doEmbed", {"ai.operationId": "ai.embed.doEmbed", "ai.usage.tokens": 3}),
        ("generation", {"langfuse.observation.type": "generation"}),
        ("ChatOpenAI", {"openinference.span.kind": "LLM"}),
        ("failed", {"gen_ai.system": "openai", "gen_ai.request.model": "m"}),
        ("litellm", {"gen_ai.operation.name": "image_generation", "gen_ai.response.id": "r"}),
    ],
)
def test_a_span_is_a_call_when_its_dialect_says_so(
    read: Read, name: str, given: dict[str, Any]
) -> None:
    assert row_of(read(request(span(given, name=name))))["span_id"] == "eee19b7ec3c1b174"


def test_other_spans_are_skipped_when_they_share_the_trace(read: Read) -> None:
    http = {"http.request.method": "POST", "server.address": "x", "user.id": "u"}
    outcome = read(request(span(http, name="POST"), span(CHAT, "00000000000000bb")))
    assert outcome.manifest.skipped == {"not a GenAI span": 1}
    assert skip_reason("POST", {}) == "not a GenAI span"


def test_calls_name_the_call_around_them_when_other_spans_lie_between(read: Read) -> None:
    gateway = span({**CHAT, "gen_ai.response.id": "r-1"}, "00000000000000a1")
    http = span({}, "00000000000000a2", parentSpanId="00000000000000a1")
    agent = span(
        {"gen_ai.operation.name": "invoke_agent"},
        "00000000000000a3",
        parentSpanId="00000000000000a2",
    )
    engine = span(
        {**CHAT, "gen_ai.response.id": "r-1"}, "00000000000000a4", parentSpanId="00000000000000a3"
    )
    alone = span(CHAT, "00000000000000a5", parentSpanId="00000000000000ff")
    frame = read(
        request(engine, http, scope="vllm"), request(agent, gateway, alone, scope="litellm")
    )
    rows = {row["span_id"]: row for row in frame.frames["requests"].iter_rows(named=True)}
    assert rows["00000000000000a4"]["parent_span_id"] == "00000000000000a1"
    assert rows["00000000000000a1"]["parent_span_id"] is None
    assert rows["00000000000000a5"]["parent_span_id"] == "00000000000000ff"
    assert rows["00000000000000a4"]["request_id"] == rows["00000000000000a1"]["request_id"]
    assert rows["00000000000000a4"]["emitter"] == "otel:shop/vllm"
    assert rows["00000000000000a1"]["emitter"] == "otel:shop/litellm"


def test_reading_ends_when_parents_form_a_circle(read: Read) -> None:
    one = span({}, "00000000000000a1", parentSpanId="00000000000000a2")
    two = span({}, "00000000000000a2", parentSpanId="00000000000000a1")
    call = span(CHAT, "00000000000000a3", parentSpanId="00000000000000a1")
    assert row_of(read(request(one, two, call)))["parent_span_id"] == "00000000000000a1"


@pytest.mark.parametrize(
    ("changes", "given", "status", "error"),
    [
        ({"status": {"code": 2, "message": "secret"}}, {}, "failure", None),
        ({"status": {"code": "STATUS_CODE_ERROR"}}, {}, "failure", None),
        ({"status": {"code": 1}}, {}, "success", None),
        ({}, {"error.type": "openai.RateLimitError"}, "failure", "openai.RateLimitError"),
        ({}, {"error.type": "could not answer my secret"}, "failure", "_OTHER"),
        ({}, {"error.type": "asyncio.CancelledError"}, "cancelled", "asyncio.CancelledError"),
        ({}, {"gen_ai.response.finish_reasons": ["abort"]}, "cancelled", None),
        ({"endTimeUnixNano": "0"}, {}, "unknown", None),
        (
            {
                "status": {"code": 2},
                "events": [
                    {"name": "exception", "attributes": attributes({"exception.type": "Timeout"})}
                ],
            },
            {},
            "failure",
            "Timeout",
        ),
    ],
)
def test_status_is_known_when_the_span_says_how_it_ended(
    read: Read, changes: dict[str, Any], given: dict[str, Any], status: str, error: str | None
) -> None:
    row = row_of(read(request(span({**CHAT, **given}, **changes))))
    assert (row["status"], row["error_type"]) == (status, error)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"startTimeUnixNano": "0"}, "startTimeUnixNano: missing"),
        ({"startTimeUnixNano": None}, "startTimeUnixNano: missing"),
        ({"endTimeUnixNano": str(START - 1)}, "endTimeUnixNano: before the start"),
        (
            {"startTimeUnixNano": "1790000000", "endTimeUnixNano": "1790000001"},
            "startTimeUnixNano: outside 2000 to 2100; check that it is nanoseconds",
        ),
        ({"startTimeUnixNano": "yesterday"}, "startTimeUnixNano: not a whole number"),
        ({"startTimeUnixNano": "-5"}, "startTimeUnixNano: not a whole number"),
    ],
)
def test_a_span_is_rejected_when_its_times_cannot_be(
    read: Read, changes: dict[str, Any], reason: str
) -> None:
    outcome = read(request(span(CHAT, **changes)))
    assert outcome.frames["requests"].is_empty()
    assert outcome.rejects["reason"].to_list() == [reason]


@pytest.mark.parametrize("form", [int, float, str])
def test_times_are_read_when_they_are_numbers_or_text(read: Read, form: type) -> None:
    changes = {"startTimeUnixNano": form(START), "endTimeUnixNano": form(END)}
    if form is float:
        # A float of this size is exact to 256 ns.
        changes = {"startTimeUnixNano": float(START - 789), "endTimeUnixNano": float(END)}
    row = row_of(read(request(span(CHAT, **changes))))
    assert abs((row["started_at"] - datetime(2026, 9, 21, 14, 13, 20, 123456)).microseconds) <= 1


def test_only_the_delay_is_kept_when_the_first_token_lies_behind_the_end(read: Read) -> None:
    row = row_of(read(request(span({**CHAT, "gen_ai.response.time_to_first_chunk": 9.0}))))
    assert (row["first_token_at"], row["ttft_seconds"]) == (None, 9.0)


def test_cost_is_unknown_when_it_is_in_another_currency(read: Read) -> None:
    given = {**CHAT, "gen_ai.usage.cost.amount": 1.5, "gen_ai.usage.cost.currency": "EUR"}
    assert row_of(read(request(span(given))))["reported_cost_usd"] is None
