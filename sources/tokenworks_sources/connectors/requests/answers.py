"""One answer of a model provider, found within its envelope, as a row of `requests`.

Belongs here: where times, tokens, status and names stand. Files belong to `usage_bodies.py`. Pure.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime

from tokenworks_sources.connectors.json.records import Record, at, inner, text_at
from tokenworks_sources.connectors.requests import json_fields
from tokenworks_sources.connectors.requests.json_fields import instant
from tokenworks_sources.connectors.requests.usage import UsageError, of_usage_body
from tokenworks_sources.connectors.requests.values import FieldError
from tokenworks_sources.connectors.rows import Row
from tokenworks_sources.normalise import pseudonym

ENVELOPES = (
    ("response", "body"),
    ("response_body",),
    ("response",),
    ("body",),
    ("message",),
    ("result", "message"),
    ("result",),
    ("completion",),
)
USAGES = ("usage", "usageMetadata", "usage_metadata", "meta")
STARTS = (
    "started_at", "start_time", "startTime", "request_time", "requested_at", "request_timestamp",
    "timestamp", "time", "ts", "created_at", "createdAt", "created", "createTime", "create_time",
    "processed_time",
)  # fmt: skip
ENDS = ("ended_at", "end_time", "endTime", "finished_at", "completed_at", "response_timestamp")
MILLISECONDS = ("latency_ms", "duration_ms", "elapsed_ms")

OBJECTS = {
    "chat.completion": "chat",
    "chat.completion.chunk": "chat",
    "response": "chat",
    "text_completion": "text_completion",
    "list": "embeddings",
    "interaction": "chat",
    "realtime.response": "chat",
}
# Anthropic's: the first counts the input and the first token, the last all of the output.
STREAM_EVENTS = ("message_start", "message_delta")
CHUNK = "chunk of a stream without usage"
SESSION = "entry of a session log that is no answer"


def answer_of(record: Record) -> Record:
    """The provider's answer within its envelope; the record itself where there is none."""
    for path in ENVELOPES:
        if path[0] not in record:
            continue
        body = inner(record, *path)
        if usage_of(body) is not None or kind_of(body) or inner(body, "error"):
            return body
    return record


def row_of(record: Record, body: Record, key: bytes) -> Row:
    """The row of one answer.

    Raises:
        FieldError, UsageError: why it cannot land.
    """
    if record.get("type") in STREAM_EVENTS:
        raise FieldError("type: an event of a stream, not a whole answer")
    started, ended, duration = _times(record, body)
    usage = usage_of(body)
    status = _status(record, body)
    provider = json_fields.word(_first_of(record, "provider", "custom_llm_provider"))
    request = inner(record, "request", "body") or inner(record, "request")
    user = text_at(request, "user") or text_at(request, "metadata", "user_id")
    row: Row = {
        "emitter": "usage_bodies",
        "started_at": started,
        "ended_at": ended,
        "clock": "utc",
        "e2e_seconds": duration,
        "operation": _operation(body),
        "model_requested": text_at(request, "model"),
        "model_served": text_at(body, "model") or text_at(body, "modelVersion"),
        "provider": provider,
        "session_id": json_fields.word(_first_of(record, "sessionId", "session_id")),
        "user_pseudonym": pseudonym(user, key) if user else None,
        "is_streaming": _is_streaming(request, body),
        "status": status,
        "error_type": _error(record, body),
        "finish_reason": _finish(body),
        "reported_cost_usd": _cost(usage),
        **_phases(usage or {}),
    }
    if usage is not None:
        row |= json_fields.token_columns(of_usage_body(usage, provider=provider))
    elif status == "success":
        raise UsageError("usage: none in the record")
    identity = text_at(body, "id") or text_at(body, "responseId")
    identity = identity or text_at(body, "ResponseMetadata", "RequestId")
    return row | ({"request_id": identity[:256]} if identity else {})


def kind_of(body: Record) -> str | None:
    """What kind of answer a body is, None where it is none."""
    kind = text_at(body, "object")
    if kind in OBJECTS and (kind != "list" or isinstance(body.get("usage"), dict)):
        return kind
    if body.get("type") == "message" and body.get("role") == "assistant":
        return "Anthropic message"
    if "usageMetadata" in body:
        return "Gemini answer"
    if inner(usage_of(body) or {}, "billed_units"):
        return "Cohere answer"
    return "Converse answer" if "stopReason" in body and "usage" in body else None


def usage_of(body: Record) -> Record | None:
    """The usage object of an answer."""
    return next((usage for name in USAGES if (usage := inner(body, name))), None)


def _cost(usage: Record | None) -> Decimal | None:
    """A number, or an object with the total of its parts (Perplexity).

    With a key of one's own at the provider, OpenRouter's cost is its fee; the provider's is beside it.
    """
    cost = at(usage, "cost")
    cost = cost.get("total_cost") if isinstance(cost, dict) else cost
    amount = json_fields.money(cost, "usage.cost")
    if amount is None or at(usage, "is_byok") is not True:
        return amount
    upstream = at(usage, "cost_details", "upstream_inference_cost")
    beside = json_fields.money(upstream, "usage.cost_details")
    return None if beside is None else amount + beside


def _operation(body: Record) -> str:
    """What was asked for; Gemini and Cohere say so only by what an answer holds."""
    if at(usage_of(body), "billed_units", "search_units") is not None:
        return "rerank"
    kind = text_at(body, "object") or ("list" if "embeddings" in body else "")
    return OBJECTS.get(kind, "chat")


def nothing_in(record: Record, body: Record) -> str | None:
    """Why the record holds no request of its own."""
    if usage_of(body) is not None:
        return None
    if body.get("object") == "chat.completion.chunk":
        return CHUNK
    is_session = "sessionId" in record and record.get("type") != "assistant"
    return SESSION if is_session else None


def _times(record: Record, body: Record) -> tuple[datetime, datetime | None, float | None]:
    """Start, end and duration; of the envelope before those of the answer."""
    duration = next(
        (
            json_fields.seconds(record[name], name, 1_000)
            for name in MILLISECONDS
            if record.get(name) is not None
        ),
        json_fields.seconds(at(body, "metrics", "latencyMs"), "metrics.latencyMs", 1_000),
    )
    ended = first_time(record, body, ENDS)
    started = first_time(record, body, STARTS) or _date_header(body)
    if started is None:
        raise FieldError("time: none in the record or in the answer")
    if ended is not None and ended < started:
        raise FieldError("time: ends before it starts")
    if ended is None and duration is not None and 0 <= duration < 1e6:
        ended = started + timedelta(seconds=duration)
    return started, ended, duration


def first_time(record: Record, body: Record, names: tuple[str, ...]) -> datetime | None:
    """The first of several times, the envelope's before the answer's."""
    for holder in (record, body):
        for name in names:
            if (time := instant(holder.get(name), name)) is not None:
                return time
    return None


def _date_header(body: Record) -> datetime | None:
    """The date of the HTTP answer, in GMT, which is all that Bedrock's SDK keeps of the time."""
    text = text_at(body, "ResponseMetadata", "HTTPHeaders", "date")
    if text is None or not text.endswith("GMT"):
        return None
    try:
        return parsedate_to_datetime(text).replace(tzinfo=None)
    except ValueError as error:
        raise FieldError("date: not a date of HTTP") from error


def _first_of(record: Record, *names: str) -> object:
    return next((record[name] for name in names if record.get(name) is not None), None)


def _is_streaming(request: Record, body: Record) -> bool | None:
    if body.get("object") == "chat.completion.chunk":
        return True
    given = request.get("stream")
    return given if isinstance(given, bool) else None


def _status(record: Record, body: Record) -> str:
    code = at(record, "response", "status_code") or record.get("status_code")
    if isinstance(code, int) and code >= 400:
        return "failure"
    if body.get("status") in ("failed", "cancelled"):
        return "failure" if body["status"] == "failed" else "cancelled"
    return "failure" if record.get("error") or body.get("error") else "success"


def _error(record: Record, body: Record) -> str | None:
    errors = [inner(holder, "error") for holder in (body, record)]
    return next(
        (
            name
            for error in errors
            for kind in ("type", "code", "status")
            if (name := json_fields.word(error.get(kind)))
        ),
        None,
    )


def _finish(body: Record) -> str | None:
    for name, reason in (("choices", "finish_reason"), ("candidates", "finishReason")):
        listed = body.get(name)
        if isinstance(listed, list) and listed and isinstance(listed[0], dict):
            return json_fields.word(listed[0].get(reason))
    return json_fields.word(_first_of(body, "stop_reason", "stopReason", "finish_reason"))


def _phases(usage: Record) -> Row:
    """Groq counts the seconds of its engine beside the tokens."""
    if "total_time" not in usage:
        return {}
    names = {
        "queue_seconds": "queue_time",
        "prefill_seconds": "prompt_time",
        "decode_seconds": "completion_time",
    }
    return {
        column: json_fields.seconds(usage.get(name), f"usage.{name}")
        for column, name in names.items()
    }
