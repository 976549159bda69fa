"""From an OpenTelemetry span to a row of `requests`.

Pure, but for the pseudonyms that a `Rows` remembers. The readers (`otlp_json`, `otlp_protobuf`,
`otel_sdk_json`) make `Span`s; nothing here knows how they were written.

- `request_id` is the response's id, else vLLM's request id, else the span's id. `emitter` is
  `otel:<service.name>/<instrumentation scope>` without what is absent, so that one call seen by a
  gateway and by an SDK, which share its response id, is two rows of two emitters.
- Operations are those of the conventions; LiteLLM's own call names are mapped to them.
- The first token is the start plus the reported delay, or a first-token event; where that lies behind
  the end of the span the two contradict each other, and only the reported seconds are kept. Strands and
  LangWatch write milliseconds where the convention has seconds: so do all whose "seconds" are ten times
  the span and fit into it as milliseconds.
- Engines (spans of kind SERVER with an engine's latencies) are deployments: `service.name` is their
  key, `service.instance.id` their endpoint, `cloud.region` where they serve. For every other span it
  is where the client runs.
- User ids and key hashes become pseudonyms. Of errors the type alone is read; a "type" with spaces is
  a message and becomes `_OTHER`, as the conventions have it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tokenworks_sources.connectors.requests.genai_attributes import Fields
from tokenworks_sources.connectors.requests.genai_fields import (
    address,
    cost,
    figure,
    finish_reason,
    hidden,
    is_true,
    operation,
    provider,
    seconds,
    text,
    word,
)
from tokenworks_sources.connectors.requests.genai_tokens import classes_of
from tokenworks_sources.normalise import pseudonym

SERVER = 2
STATUS_ERROR = 2
# Timestamps before 2000 or after 2100 are of another unit.
EARLIEST_NS, LATEST_NS = 946_684_800 * 10**9, 4_102_444_800 * 10**9
_CANCELLED = ("cancelled", "canceled", "abort")
_REMEMBERED = 100_000
_STRANDS, _FAR_BEYOND = "strands-agents", 10

COLUMNS = (
    "source_line",
    "emitter",
    "request_id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "session_id",
    "started_at",
    "first_token_at",
    "ended_at",
    "queue_seconds",
    "prefill_seconds",
    "decode_seconds",
    "ttft_seconds",
    "e2e_seconds",
    "operation",
    "model_requested",
    "model_served",
    "provider",
    "deployment_key",
    "endpoint",
    "region",
    "client_region",
    "tenant_id",
    "team_id",
    "user_pseudonym",
    "api_key_pseudonym",
    "input_total_tokens",
    "input_cache_read_tokens",
    "input_cache_write_tokens",
    "input_cache_write_5m_tokens",
    "input_cache_write_1h_tokens",
    "output_total_tokens",
    "output_reasoning_tokens",
    "is_streaming",
    "status",
    "error_type",
    "finish_reason",
    "reported_cost_usd",
    "routing_propensity",
    "quality_score",
)


class SpanError(ValueError):
    """A span that cannot be used; its text is a reject reason and quotes no value."""


@dataclass(slots=True)
class Span:
    """What a reader took of a span.

    Attributes:
        trace_id, span_id, parent_id: lower-case hex; None where absent or zero.
        name: its name, only compared with known ones.
        kind: number of the span kind (2 is SERVER).
        start_ns, end_ns: nanoseconds since 1970; None where absent or zero.
        status: number of the status code (2 is an error).
        fields: the known attributes by field (`genai_attributes.SPAN`), plain values.
        first_token_ns: time of a first-token event.
    """

    trace_id: str | None
    span_id: str | None
    parent_id: str | None
    name: str
    kind: int
    start_ns: int | None
    end_ns: int | None
    status: int
    fields: Fields
    first_token_ns: int | None = None


@dataclass(slots=True)
class Scope:
    """Whose spans follow: resource and instrumentation scope.

    Attributes:
        resource: the known attributes of the resource (`genai_attributes.RESOURCE`).
        name: name of the instrumentation scope.
    """

    resource: Fields
    name: str | None
    service: str | None = field(init=False)
    emitter: str = field(init=False)

    def __post_init__(self) -> None:
        service = text(self.resource.get("service"))
        # What an SDK writes where nobody named the service.
        self.service = None if service and service.startswith("unknown_service") else service
        parts = dict.fromkeys(part for part in (self.service, text(self.name)) if part)
        self.emitter = "otel:" + "/".join(parts) if parts else "otel"


class RowMaker:
    """Makes rows of one file.

    Attributes:
        digest: of the file, for spans without any id.
        key: secret of the pseudonyms.
    """

    def __init__(self, digest: str, key: bytes) -> None:
        self.digest = digest
        self.key = key
        self._known: dict[str, str] = {}

    def row_of(self, number: int, span: Span, scope: Scope) -> tuple[object, ...]:
        """The row of an inference span, in the order of COLUMNS.

        Args:
            number: number of the record in the file.
            span: an inference span.
            scope: its resource and scope.

        Raises:
            SpanError, UsageError: why it cannot be used.
        """
        given, resource = span.fields, scope.resource
        start, end = _times(span)
        tokens = classes_of(given)
        first_token, ttft = _first_token(span, start, end)
        key, endpoint, reported = hidden(given.get("litellm_hidden"))
        is_engine = span.kind == SERVER and "e2e_seconds" in given
        if is_engine:
            key, endpoint = scope.service, text(resource.get("instance"))
        region = text(resource.get("region"))
        error = word(given.get("error_type"), "_OTHER")
        finish = finish_reason(given.get("finish_reason"))
        model, team = text(given.get("model")), _who("litellm_team", given, resource)
        return (
            number,
            scope.emitter,
            text(given.get("response_id")) or span.span_id or f"{self.digest[:16]}-{number}",
            span.trace_id,
            span.span_id,
            span.parent_id,
            _who("session", given, resource),
            start // 1000,
            first_token,
            None if end is None else end // 1000,
            seconds(given, "queue_seconds"),
            seconds(given, "prefill_seconds"),
            seconds(given, "decode_seconds"),
            ttft,
            seconds(given, "e2e_seconds"),
            operation(given),
            text(given.get("model_requested")) or model,
            text(given.get("model_served")) or model,
            provider(given.get("provider")),
            key,
            address(given, span.kind == SERVER) or endpoint,
            region if is_engine else None,
            None if is_engine else region,
            _who("tenant", given, resource) or team,
            _who("team", given, resource) or team,
            self._pseudonym(_who("user", given, resource)),
            self._pseudonym(_who("api_key", given, resource)),
            tokens.input_total,
            tokens.input_cache_read,
            tokens.input_cache_write,
            tokens.input_cache_write_5m,
            tokens.input_cache_write_1h,
            tokens.output_total,
            tokens.output_reasoning,
            _is_streaming(given),
            _status(span, error, finish),
            error,
            finish,
            cost(given) if reported is None else reported,
            seconds(given, "routing_propensity"),
            figure(given, "quality_score"),
        )

    def _pseudonym(self, name: str | None) -> str | None:
        if name is None:
            return None
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[name] = pseudonym(name, self.key)
        return known


def _who(field: str, given: Fields, resource: Fields) -> str | None:
    """Of the span, else of its resource."""
    value = given.get(field)
    if value is None:
        value = resource.get(field)
    return text(value)


def _times(span: Span) -> tuple[int, int | None]:
    start, end = span.start_ns, span.end_ns
    if start is None:
        raise SpanError("startTimeUnixNano: missing")
    if not EARLIEST_NS <= start < LATEST_NS:
        raise SpanError("startTimeUnixNano: outside 2000 to 2100; check that it is nanoseconds")
    if end is not None and end < start:
        raise SpanError("endTimeUnixNano: before the start")
    if end is not None and end >= LATEST_NS:
        raise SpanError("endTimeUnixNano: after 2100; check that it is nanoseconds")
    return start, end


def _first_token(span: Span, start: int, end: int | None) -> tuple[int | None, float | None]:
    """Microseconds of the first token, and the delay that the emitter reports."""
    reported = seconds(span.fields, "first_token_seconds")
    if reported is not None and _is_of_milliseconds(span, reported, start, end):
        reported /= 1000
    if reported is None:
        milliseconds = seconds(span.fields, "first_token_milliseconds")
        reported = None if milliseconds is None else milliseconds / 1000
    moment = span.first_token_ns
    if reported is not None and reported < 10**6:
        moment = start + round(reported * 10**9)
    if moment is None or moment < start or (end is not None and moment > end):
        return None, reported
    return moment // 1000, reported


def _is_of_milliseconds(span: Span, reported: float, start: int, end: int | None) -> bool:
    if span.fields.get("provider") == _STRANDS:
        return True
    lasts = 0 if end is None else (end - start) / 10**9
    return reported > _FAR_BEYOND * lasts and reported / 1000 <= lasts


def _is_streaming(fields: Fields) -> bool | None:
    stated = is_true(fields.get("is_streaming"))
    step = fields.get("vercel_operation")
    if stated is None and isinstance(step, str):
        return step.endswith(".doStream")
    return stated


def _status(span: Span, error: str | None, finish: str | None) -> str:
    if error is not None and any(part in error.lower() for part in _CANCELLED):
        return "cancelled"
    if span.status == STATUS_ERROR or error is not None:
        return "failure"
    if finish == "abort":
        return "cancelled"
    return "unknown" if span.end_ns is None else "success"
