"""Spans with canaries in every place where instrumentations and gateways put texts."""

from __future__ import annotations

import json
from typing import Any

from tests.hostile.canaries import ALL_SECRETS, ALL_WORDS, WORDS
from tests.unit.connectors.spans import START, attributes, request, span

_MESSAGES = json.dumps([{"role": "user", "content": ALL_WORDS, "key": ALL_SECRETS}])
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.response.finish_reasons": ["stop"],
}
TEXTS: dict[str, Any] = {
    "gen_ai.prompt.0.content": WORDS["prompt"],
    "gen_ai.prompt": _MESSAGES,
    "gen_ai.completion.0.content": WORDS["answer"],
    "gen_ai.input.messages": _MESSAGES,
    "gen_ai.output.messages": _MESSAGES,
    "gen_ai.system_instructions": WORDS["system prompt"],
    "gen_ai.tool.definitions": _MESSAGES,
    "gen_ai.tool.call.arguments": WORDS["tool argument"],
    "gen_ai.tool.call.result": WORDS["answer"],
    "gen_ai.request.stop_sequences": [WORDS["prompt"]],
    "llm.input_messages.0.message.content": WORDS["prompt"],
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": ALL_WORDS,
    "llm.invocation_parameters": _MESSAGES,
    "input.value": _MESSAGES,
    "output.value": _MESSAGES,
    "metadata": json.dumps({"note": ALL_WORDS}),
    "ai.prompt.messages": _MESSAGES,
    "ai.response.text": WORDS["answer"],
    "traceloop.entity.input": _MESSAGES,
    "exception.message": WORDS["error text"],
    "error.message": WORDS["error text"],
    "error.type": WORDS["error text"],
    "http.request.header.authorization": ALL_SECRETS,
    "user.id": WORDS["user name"],
    "user.email": ALL_SECRETS,
    "enduser.id": WORDS["user name"],
    "client.address": WORDS["address"],
    "canary nested": {"deep": {"prompt": ALL_WORDS}, "list": [ALL_SECRETS]},
}
# What stays in clear, but for e-mails and keys.
CLEAR = {
    "gen_ai.conversation.id": f"chat of {ALL_SECRETS}",
    "session.id": f"session {ALL_SECRETS}",
    "gen_ai.response.model": f"m {ALL_SECRETS}",
    "gen_ai.response.id": f"id {ALL_SECRETS}",
    "gen_ai.provider.name": f"openai {ALL_SECRETS}",
    "server.address": "sk-canarykey0123456789abcdefXYZ.example",
    "tag.tags": [f"team {ALL_SECRETS}"],
}
EVENTS = [
    {
        "timeUnixNano": str(START),
        "name": name,
        "attributes": attributes({"content": _MESSAGES, "exception.stacktrace": ALL_WORDS}),
    }
    for name in ("gen_ai.user.message", "gen_ai.choice", "exception", WORDS["prompt"])
]


def export() -> dict[str, Any]:
    """Whole spans, and one that is broken in each way."""
    failed = {"code": 2, "message": ALL_WORDS}
    given = {**CHAT, **TEXTS, **CLEAR}
    whole = [
        span({**given, "gen_ai.response.id": f"id-{place}"}, f"{place:016x}", name=name, **rest)
        for place, (name, rest) in enumerate(
            ((ALL_WORDS, {"events": EVENTS}), (ALL_SECRETS, {"status": failed}), ("chat", {})), 1
        )
    ]
    wrong = [
        span({**given, "gen_ai.usage.input_tokens": ALL_WORDS}, f"{17:016x}"),
        span({**given, "gen_ai.usage.cache_read.input_tokens": 5000}, f"{18:016x}"),
        span(given, f"{19:016x}", startTimeUnixNano="0"),
        span({**given, "gen_ai.response.time_to_first_chunk": ALL_WORDS}, f"{20:016x}"),
    ]
    clear = [span({**CHAT, **CLEAR}, f"{33:016x}", name=ALL_WORDS)]
    texts = {name.replace(" ", "."): value for name, value in TEXTS.items() if name != "error.type"}
    return request(*whole, *wrong, *clear, scope=ALL_SECRETS, **texts)
