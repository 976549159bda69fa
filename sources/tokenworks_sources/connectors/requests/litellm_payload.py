"""LiteLLM callbacks: `StandardLoggingPayload` objects, as S3, GCS, file and webhook loggers write them.

JSONL, an array, or one object a file, plain or compressed.

What the emitter gets wrong, and what is done about it:

- Times are epoch seconds with a fraction. `response_time` is the time to the first token where the
  answer was streamed and the whole duration otherwise. `completionStartTime` is the end of the request
  where nothing was streamed.
- Every retry has an `id` of its own; `trace_id` groups them. The `id` is the `request_id` of the spend
  log, and the emitter is the same, so a request that is in both counts once.
- `prompt_tokens` includes cached tokens but for usage that copies Anthropic's as it came; the details
  stand in `usage_object`, in `metadata` or in `hidden_params`. `usage.py` knows them.
- Failed requests report 0 tokens; they are kept as reported, with their status.
- Deployments without organisations charge by team, as in spend logs.

Never read: messages, response, error_str, error_information but its class, model_parameters,
model_map_information, guardrail_information, addresses, headers, aliases. `user_api_key_hash` and the
users enter the lake as keyed pseudonyms only.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json import records as json_records
from tokenworks_sources.connectors.json.records import Record, at, inner, text_at
from tokenworks_sources.connectors.requests import json_fields
from tokenworks_sources.connectors.requests.json_fields import instant
from tokenworks_sources.connectors.requests.litellm_fields import OPERATIONS
from tokenworks_sources.connectors.requests.usage import (
    TokenClasses,
    UsageError,
    of_usage_body,
    whole_tokens,
)
from tokenworks_sources.connectors.requests.values import FieldError, host_of
from tokenworks_sources.connectors.rows import Row, Rows
from tokenworks_sources.contracts.requests import CONTRACT
from tokenworks_sources.normalise import pseudonym

KNOWN_BY = ("id", "call_type", "startTime", "endTime")
# One of these tells it from a spend log, whose key is `request_id`.
OWN = ("response_cost", "hidden_params", "model_map_information", "trace_id")
_KEPT_OF_REJECTS = (
    "call_type", "status", "startTime", "endTime", "completionStartTime", "response_time",
    "prompt_tokens", "completion_tokens", "total_tokens", "response_cost",
)  # fmt: skip


@dataclass(frozen=True)
class LiteLLMPayload:
    """See the module's docstring."""

    name: str = "litellm_payload"
    table: str = "requests"
    tables: tuple[str, ...] = ("requests",)
    version: str = "3"
    summary: str = "LiteLLM callbacks (StandardLoggingPayload) as JSON"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the first object."""
        record = json_records.first_record(preview)
        if record is None or not set(KNOWN_BY) <= record.keys() or "request_id" in record:
            return None
        own = next((key for key in OWN if key in record), None)
        return (
            f"a LiteLLM StandardLoggingPayload: it has {', '.join(KNOWN_BY)}, {own}"
            if own
            else None
        )

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        rows = Rows(sink, CONTRACT.table)
        for number, record in json_records.records_of(file.path):
            if isinstance(record, str):
                sink.reject(number, record, b"")
                continue
            kept = {name: record.get(name) for name in _KEPT_OF_REJECTS if name in record}
            raw = json_fields.as_raw(json_fields.numbers_of(kept))
            try:
                row = row_of(record, sink.pseudonym_key)
            except (FieldError, UsageError) as error:
                sink.reject(number, str(error), raw)
                continue
            row["request_id"] = row["request_id"] or f"{file.digest[:16]}-{number}"
            rows.add(number, raw, row)
        rows.close()


CONNECTOR = LiteLLMPayload()


def row_of(record: Record, key: bytes) -> Row:
    """The row of one payload.

    Raises:
        FieldError, UsageError: why it cannot land.
    """
    if "startTime" not in record:
        raise FieldError("not a JSON object with the fields of a payload")
    metadata, hidden = inner(record, "metadata"), inner(record, "hidden_params")
    user = text_at(record, "end_user") or _first(
        metadata, "user_api_key_end_user_id", "user_api_key_user_id"
    )
    api_key = text_at(metadata, "user_api_key_hash")
    team = text_at(metadata, "user_api_key_team_id")
    call = text_at(record, "call_type")
    return {
        "emitter": "litellm",
        "request_id": text_at(record, "id"),
        "logical_request_id": text_at(record, "trace_id"),
        "trace_id": text_at(record, "trace_id"),
        "clock": "utc",
        **_times(record),
        "operation": OPERATIONS.get(call or "", call),
        "model_requested": _first(record, "model_group", "model"),
        "model_served": text_at(record, "model"),
        "provider": text_at(record, "custom_llm_provider"),
        "deployment_key": _first(record, "model_id") or text_at(hidden, "model_id"),
        "endpoint": host_of(record.get("api_base") or hidden.get("api_base")),
        "tenant_id": text_at(metadata, "user_api_key_org_id") or team,
        "team_id": team,
        "user_pseudonym": pseudonym(user, key) if user else None,
        "api_key_pseudonym": pseudonym(api_key, key) if api_key else None,
        "tags": _tags(record.get("request_tags")),
        **json_fields.token_columns(_classes(record, metadata, hidden)),
        **_outcome(record),
        "is_gateway_cache_hit": _boolean(record.get("cache_hit")),
        "reported_cost_usd": json_fields.money(record.get("response_cost"), "response_cost"),
        **_phases(inner(metadata, "spend_logs_metadata")),
    }


def _first(record: Record, *names: str) -> str | None:
    return next((text for name in names if (text := text_at(record, name))), None)


def _times(record: Record) -> Row:
    """Start, first token and end; `response_time` by what it is."""
    started = instant(record.get("startTime"), "startTime")
    ended = instant(record.get("endTime"), "endTime")
    first = instant(record.get("completionStartTime"), "completionStartTime")
    waited = json_fields.seconds(record.get("response_time"), "response_time")
    streaming = _boolean(record.get("stream"))
    if streaming is None and first is not None and ended is not None and first < ended:
        streaming = True
    return {
        "started_at": started,
        "ended_at": ended,
        "first_token_at": first if streaming else None,
        "is_streaming": streaming,
        "ttft_seconds": waited if streaming else None,
        "e2e_seconds": waited if streaming is False else None,
    }


def _classes(record: Record, metadata: Record, hidden: Record) -> TokenClasses:
    usage = inner(metadata, "usage_object") or inner(hidden, "usage_object")
    prompt = whole_tokens(record.get("prompt_tokens"), "prompt_tokens")
    output = whole_tokens(record.get("completion_tokens"), "completion_tokens")
    if prompt is None and output is None:
        return TokenClasses()
    own = whole_tokens(usage.get("input_tokens"), "usage_object.input_tokens")
    if "prompt_tokens" not in usage and own is not None and own == prompt:
        # Anthropic's or the Responses API's own object; it says itself what it includes.
        usage = {**usage, "output_tokens": output}
    else:
        usage = {**usage, "prompt_tokens": prompt, "completion_tokens": output}
    return of_usage_body(
        {**usage, "total_tokens": record.get("total_tokens")},
        provider=text_at(record, "custom_llm_provider"),
    )


def _outcome(record: Record) -> Row:
    error = json_fields.word(at(record, "error_information", "error_class"))
    status = (text_at(record, "status") or "").lower()
    if status not in ("success", "failure"):
        status = "unknown"
    # A client that leaves ends as asyncio's CancelledError, logged as a failure.
    is_cancelled = status == "failure" and error == "CancelledError"
    return {"status": "cancelled" if is_cancelled else status, "error_type": error}


def _boolean(value: object) -> bool | None:
    """Flags are booleans, or the texts "True" and "False"."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    return value if isinstance(value, bool) else None


def _tags(tags: object) -> str | None:
    texts = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return json_fields.as_raw(texts) if texts else None


def _phases(own: Record) -> Row:
    """What an engine behind the gateway adds to `spend_logs_metadata`."""
    seconds = ("queue_seconds", "prefill_seconds", "decode_seconds")
    names = (*seconds, "routing_propensity", "quality_score")
    blocks = own.get("prefix_block_hashes")
    is_blocks = isinstance(blocks, list) and all(
        isinstance(block, int) and -(2**63) <= block < 2**63 for block in blocks
    )
    if blocks is not None and not is_blocks:
        raise FieldError("prefix_block_hashes: not a list of whole numbers below 2^63")
    return {name: json_fields.seconds(own.get(name), name) for name in names} | {
        "prompt_fingerprint": text_at(own, "prompt_fingerprint"),
        "prefix_block_hashes": blocks,
        "prefix_block_tokens": whole_tokens(own.get("prefix_block_tokens"), "prefix_block_tokens"),
    }
