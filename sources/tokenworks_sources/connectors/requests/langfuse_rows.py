"""One Langfuse observation of any export as a row of `requests`.

Pure. The names of the exports differ, the meaning does not: blob exports write `start_time`, the user
interface and traces `startTime`; older ones have `usage`, `promptTokens` and `unit`. See `langfuse.py`
for what Langfuse gets wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from tokenworks_sources.connectors.requests import export_fields as of
from tokenworks_sources.connectors.requests import langfuse_usage
from tokenworks_sources.connectors.requests.usage import TokenClasses, UsageError
from tokenworks_sources.connectors.requests.values import FieldError

INFERENCE = {"GENERATION": None, "EMBEDDING": "embeddings"}
OTHERS = frozenset(
    ("SPAN", "EVENT", "AGENT", "TOOL", "CHAIN", "RETRIEVER", "EVALUATOR", "GUARDRAIL")
)
DEFAULT_ENVIRONMENT = "default"

_SNAKE = (
    "id",
    "trace_id",
    "project_id",
    "environment",
    "type",
    "parent_observation_id",
    "start_time",
    "end_time",
    "level",
    "provided_model_name",
    "usage_details",
    "cost_details",
    "total_cost",
    "completion_start_time",
    "latency",
    "time_to_first_token",
    "user_id",
    "session_id",
    "tags",
    "usage",
    "unit",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_usage",
    "output_usage",
    "total_usage",
)
_ALIASES = {
    "model": "provided_model_name",
    "traceTags": "tags",
    "trace_tags": "tags",
    "calculatedTotalCost": "total_cost",
    "calculated_total_cost": "total_cost",
}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


# Fields that hold or may hold text (input, output, metadata, status_message, tool calls, names,
# model parameters, comments) are not listed and so never read.
NAMES = {name: name for name in _SNAKE} | {_camel(name): name for name in _SNAKE} | _ALIASES

# What a reject may show: no ids, no names.
_SHOWN = (
    "type",
    "level",
    "start_time",
    "end_time",
    "completion_start_time",
    "latency",
    "time_to_first_token",
    "total_cost",
)


def raw_of(fields: Mapping[str, object]) -> str:
    """The record for a reject: times, level and numbers."""
    shown = {name: str(fields[name])[:64] for name in _SHOWN if name in fields}
    return json.dumps(shown)


def kind_of(fields: Mapping[str, object]) -> str:
    """The type of an observation.

    Raises:
        FieldError: it is none that Langfuse has.
    """
    kind = (of.text(fields.get("type")) or "").upper()
    if kind not in INFERENCE and kind not in OTHERS:
        raise FieldError("type: not a type of observation")
    return kind


def row_of(fields: Mapping[str, object], pseudonym: Callable[[str], str]) -> dict[str, Any]:
    """The columns of `requests`; `latency` and `ttft` still in the unit of the file.

    Args:
        fields: the observation under its snake_case names.
        pseudonym: of a user.

    Raises:
        FieldError: a field cannot be used.
    """
    started, ended = of.instant(fields, "start_time"), of.instant(fields, "end_time")
    if started is None:
        raise FieldError("start_time: missing")
    first = of.instant(fields, "completion_start_time")
    span = of.text(fields.get("id"))
    if span is None:
        raise FieldError("id: missing")
    user = of.text(fields.get("user_id"))
    try:
        tokens = _tokens(fields)
    except UsageError as error:
        raise FieldError(str(error)) from error
    return {
        "emitter": "langfuse",
        "request_id": span,
        "trace_id": of.text(fields.get("trace_id")),
        "span_id": span,
        "parent_span_id": of.text(fields.get("parent_observation_id")),
        "session_id": of.text(fields.get("session_id")),
        "started_at": started,
        "first_token_at": first,
        "ended_at": ended,
        "clock": "utc",
        "operation": INFERENCE[kind_of(fields)],
        "model_served": of.text(fields.get("provided_model_name")),
        "tenant_id": of.text(fields.get("project_id")),
        "user_pseudonym": pseudonym(user) if user else None,
        "tags": tags_of(fields),
        # A client without a stream may set it to the end.
        "is_streaming": True if first is not None and ended is not None and first < ended else None,
        "status": _status(fields, ended is not None),
        "reported_cost_usd": _cost(fields),
        **{f"{name}_tokens": count for name, count in asdict(tokens).items()},
        "latency": _duration(fields, "latency"),
        "ttft": _duration(fields, "time_to_first_token"),
    }


def tags_of(fields: Mapping[str, object]) -> str | None:
    """The tags, and the environment as one more where it is not the default one."""
    tags = of.texts(fields, "tags")
    environment = of.text(fields.get("environment"))
    if environment and environment != DEFAULT_ENVIRONMENT:
        tags.append(f"environment:{environment}")
    return json.dumps(tags, ensure_ascii=False) if tags else None


def _status(fields: Mapping[str, object], has_ended: bool) -> str:
    level = (of.text(fields.get("level")) or "").upper()
    if level == "ERROR":
        return "failure"
    # An observation that never ended may still run, or its program may have died.
    return "success" if has_ended and level in ("DEFAULT", "DEBUG", "WARNING") else "unknown"


def _duration(fields: Mapping[str, object], name: str) -> float | None:
    exact = of.number(fields, name)
    return None if exact is None else float(exact)


def _cost(fields: Mapping[str, object]) -> Any:
    details = of.mapping(fields, "cost_details")
    total = of.money(fields, "total_cost")
    if details is not None and details.get("total") is not None and total is None:
        return of.money({"cost_details.total": details["total"]}, "cost_details.total")
    # The user interface writes 0 where no price was known; then there are no details.
    is_unpriced = total == 0 and details is None and "cost_details" in fields
    return None if is_unpriced else total


def _tokens(fields: Mapping[str, object]) -> TokenClasses:
    usage = of.mapping(fields, "usage") or {}
    unit = of.text(fields.get("unit")) or of.text(usage.get("unit"))
    if unit is not None and unit.upper() != "TOKENS":
        return TokenClasses()
    details = of.mapping(fields, "usage_details")
    if details:
        return langfuse_usage.token_classes(details)
    counts = {name: usage[name] for name in ("input", "output", "total") if name in usage}
    if any(count is not None for count in counts.values()):
        return langfuse_usage.token_classes(counts)
    for names in _OLD_TOTALS:
        if any(fields.get(name) is not None for name in names):
            return langfuse_usage.of_totals(*(fields.get(name) for name in names))
    return TokenClasses()


_OLD_TOTALS = (
    ("prompt_tokens", "completion_tokens", "total_tokens"),
    ("input_usage", "output_usage", "total_usage"),
)
