"""One Helicone request as a row of `requests`. Pure; see `helicone.py` for what Helicone gets wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from tokenworks_sources.connectors.requests import export_fields as of
from tokenworks_sources.connectors.requests.usage import (
    TokenClasses,
    UsageError,
    exclusive,
    inclusive,
    whole_tokens,
)
from tokenworks_sources.connectors.requests.values import FieldError, host_of

# Columns of `request_response_rmt`, then what the API calls them.
TABLE_NAMES = {
    name: name
    for name in (
        "request_id",
        "response_id",
        "request_created_at",
        "response_created_at",
        "status",
        "latency",
        "time_to_first_token",
        "model",
        "provider",
        "prompt_tokens",
        "prompt_cache_write_tokens",
        "prompt_cache_read_tokens",
        "prompt_audio_tokens",
        "completion_tokens",
        "completion_audio_tokens",
        "reasoning_tokens",
        "user_id",
        "organization_id",
        "properties",
        "cost",
        "target_url",
        "country_code",
        "cache_reference_id",
    )
}
API_NAMES = {
    "response_status": "response_status",
    "delay_ms": "latency",
    "request_user_id": "user_id",
    "request_properties": "properties",
    "request_model": "request_model",
    "response_model": "response_model",
    "costUSD": "cost_usd",
}
# Bodies, scores, assets and prompts are not listed and so never read.
NAMES = {**API_NAMES, **TABLE_NAMES}

NO_UUID = "00000000-0000-0000-0000-000000000000"
COST_PER_USD = 1_000_000_000
_NOBODY = frozenset({"null", "undefined", "none", "nan"})
_OWN_PROPERTY = "helicone-"
_SESSION = "helicone-session-id"

# Whose usage always states the count, so that a 0 was counted and is not a default.
_STATES_READS = frozenset({"openai", "azure", "anthropic"})
_STATES_WRITES = frozenset({"anthropic"})
_STATES_REASONING = frozenset({"openai", "azure"})

_OPERATIONS = (
    ("/chat/completions", "chat"),
    ("/messages", "chat"),
    ("/responses", "chat"),
    ("/completions", "text_completion"),
    ("/embeddings", "embeddings"),
    (":generatecontent", "generate_content"),
    (":streamgeneratecontent", "generate_content"),
)
_SHOWN = (
    "request_created_at",
    "response_created_at",
    "status",
    "response_status",
    "latency",
    "time_to_first_token",
    "prompt_tokens",
    "prompt_cache_write_tokens",
    "prompt_cache_read_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cost",
)


def raw_of(fields: Mapping[str, object]) -> str:
    """The record for a reject: times and numbers."""
    return json.dumps({name: str(fields[name])[:64] for name in _SHOWN if name in fields})


def row_of(fields: Mapping[str, object], pseudonym: Callable[[str], str]) -> dict[str, Any]:
    """The columns of `requests`.

    Raises:
        FieldError: a field cannot be used.
    """
    started = of.instant(fields, "request_created_at")
    if started is None:
        raise FieldError("request_created_at: missing")
    request = of.text(fields.get("request_id")) or of.text(fields.get("response_id"))
    if request is None:
        raise FieldError("request_id: missing")
    is_hit = _is_cache_hit(fields)
    properties = of.mapping(fields, "properties") or {}
    user = of.text(fields.get("user_id"))
    address = of.text(fields.get("target_url"))
    provider = (of.text(fields.get("provider")) or "").lower()
    status, error_type = _status(fields)
    try:
        tokens = _tokens(fields, provider, is_hit)
    except UsageError as error:
        raise FieldError(str(error)) from error
    return {
        "emitter": "helicone",
        "request_id": request,
        "session_id": _session(properties),
        "started_at": started,
        "ended_at": of.instant(fields, "response_created_at"),
        "clock": "utc",
        "ttft_seconds": _seconds(fields, "time_to_first_token"),
        "e2e_seconds": _seconds(fields, "latency"),
        "operation": _operation(address),
        "model_requested": of.text(fields.get("request_model")),
        "model_served": of.text(fields.get("model")) or of.text(fields.get("response_model")),
        "provider": provider or None,
        "endpoint": host_of(address),
        "client_region": of.text(fields.get("country_code")),
        "tenant_id": _uuid(fields, "organization_id"),
        "user_pseudonym": pseudonym(user) if user and user.lower() not in _NOBODY else None,
        "tags": _tags(properties),
        "status": status,
        "error_type": error_type,
        "is_gateway_cache_hit": is_hit,
        "reported_cost_usd": _cost(fields, is_hit),
        **{f"{name}_tokens": count for name, count in asdict(tokens).items()},
    }


def _uuid(fields: Mapping[str, object], name: str) -> str | None:
    value = of.text(fields.get(name))
    return None if value == NO_UUID else value


def _is_cache_hit(fields: Mapping[str, object]) -> bool | None:
    if of.text(fields.get("cache_reference_id")) is None:
        return None
    return _uuid(fields, "cache_reference_id") is not None


def _session(properties: Mapping[str, object]) -> str | None:
    return next(
        (of.text(value) for name, value in properties.items() if name.lower() == _SESSION), None
    )


def _tags(properties: Mapping[str, object]) -> str | None:
    own = {
        name: of.text(value)
        for name, value in sorted(properties.items())
        if not name.lower().startswith(_OWN_PROPERTY)
    }
    return json.dumps(own, ensure_ascii=False) if own else None


def _seconds(fields: Mapping[str, object], name: str) -> float | None:
    """Milliseconds, where 0 stands for not measured."""
    milliseconds = of.number(fields, name)
    return float(milliseconds / 1000) if milliseconds else None


def _operation(address: str | None) -> str | None:
    path = (address or "").lower().partition("?")[0].rstrip("/")
    return next((name for end, name in _OPERATIONS if path.endswith(end)), None)


def _status(fields: Mapping[str, object]) -> tuple[str, str | None]:
    """How it ended, and the HTTP status as the class of a failure."""
    name = "response_status" if "response_status" in fields else "status"
    code = of.number(fields, name)
    if code is None or code < 100:
        return "unknown", None
    if code < 400:
        return "success", None
    return "failure", str(int(code)) if code < 1000 else None


def _cost(fields: Mapping[str, object], is_hit: bool | None) -> Any:
    """The table counts 1e-9 USD, the API USD; 0 is no price but for an answer from the cache."""
    if "response_status" in fields:
        cost = of.money(fields, "cost")
        cost = cost or of.money(fields, "cost_usd")
    else:
        cost = of.money(fields, "cost", COST_PER_USD)
    return cost if cost or is_hit else None


def _tokens(fields: Mapping[str, object], provider: str, is_hit: bool | None) -> TokenClasses:
    def count(name: str) -> int | None:
        return whole_tokens(of.plain(fields.get(name)), name)

    def stated(name: str, providers: frozenset[str]) -> int | None:
        """A count, where 0 may be the default of a usage that did not state it."""
        value = count(name)
        return value if value or is_hit or provider in providers else None

    prompt, completion = count("prompt_tokens"), count("completion_tokens")
    read = stated("prompt_cache_read_tokens", _STATES_READS)
    write = stated("prompt_cache_write_tokens", _STATES_WRITES)
    reasoning = stated("reasoning_tokens", _STATES_REASONING)
    if not any((prompt, completion, read, write, reasoning, is_hit)):
        return TokenClasses()
    has_audio = bool(count("prompt_audio_tokens")), bool(count("completion_audio_tokens"))
    output = None if completion is None or has_audio[1] else completion + (reasoning or 0)
    if has_audio[0] or not _counts_input(fields, provider):
        return inclusive(
            input_total=None,
            cache_read=read,
            cache_write=write,
            output_total=output,
            reasoning=reasoning,
        )
    return exclusive(
        input_uncached=prompt,
        cache_read=read,
        cache_write=write,
        output_total=output,
        reasoning=reasoning,
    )


def _counts_input(fields: Mapping[str, object], provider: str) -> bool:
    """Whether what was cached is known beside `prompt_tokens`, or part of them."""
    if "prompt_cache_read_tokens" in fields:
        return True
    return "response_status" not in fields and provider not in ("", "anthropic")
