"""Spans as an OpenTelemetry SDK writes them itself: `ReadableSpan`s of JavaScript as JSON, and
`Span.to_json()` of Python's console exporter; an array, an object of arrays, or one after another.

Not OTLP: attributes are a plain object, times are `[seconds, nanoseconds]` (JavaScript) or ISO text in
UTC (Python), ids may begin with 0x, and JavaScript counts span kinds from 0. Dumps often leave out
resource, scope and parent; then the emitter is `otel` alone, and nothing links the spans. What the
spans mean, and what emitters get wrong there, is told in `otlp_json`: the same code judges them.

One record is one span (`source_line` is its number in the file).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import msgspec
from msgspec import Raw, Struct

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.requests import genai_attributes as names
from tokenworks_sources.connectors.requests.genai_spans import Scope, Span, SpanError
from tokenworks_sources.connectors.requests.otlp_json_cut import (
    CUT_REASONS,
    Piece,
    bracket_depth,
    cut_at,
)
from tokenworks_sources.connectors.requests.otlp_json_span import NOT_OTLP, TOO_DEEP
from tokenworks_sources.connectors.requests.otlp_values import (
    SPAN_BYTES,
    SPAN_KINDS,
    STATUS_CODES,
    TRACE_BYTES,
    code,
    hex_id,
    is_known,
    read_events,
)
from tokenworks_sources.connectors.requests.span_rows import SpanRows, span_rows
from tokenworks_sources.connectors.tabular import BYTE_ORDER_MARK
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import HEAD_BYTES, open_decompressed

BLOCK_BYTES = 1 << 22

_CONTEXT = re.compile(
    r"\"_?(?:spanContext\"\s*:\s*\{\s*\"traceId|context\"\s*:\s*\{\s*\"trace_id)\"\s*:\s*"
    r"\"(?:0x)?[0-9a-f]{32}\""
)
_START = re.compile(r"\"start(?:Time\"\s*:\s*\[\s*\d+\s*,|_time\"\s*:\s*\"\d{4}-)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED_KINDS = {name.replace("SPAN_KIND_", "SpanKind."): kind for name, kind in SPAN_KINDS.items()}

Attributes = dict[str, Raw] | None
Time = list[int] | str | None


class _Context(Struct, gc=False):
    traceId: str | None = None  # noqa: N815 - the SDK's name
    spanId: str | None = None  # noqa: N815
    trace_id: str | None = None
    span_id: str | None = None


class _Status(Struct, gc=False):
    code: int | str | None = None
    status_code: str | None = None


class _Event(Struct, gc=False):
    name: str | None = None
    time: Time = None
    timestamp: Time = None
    attributes: Attributes = None


class _Resource(Struct, gc=False):
    attributes: Attributes = None


class _Scope(Struct, gc=False):
    name: str | None = None


class _Span(Struct, gc=False):
    name: str | None = None
    kind: int | str | None = None
    spanContext: _Context | None = None  # noqa: N815
    _spanContext: _Context | None = None  # noqa: N815
    context: _Context | None = None
    parentSpanId: str | None = None  # noqa: N815
    parentSpanContext: _Context | None = None  # noqa: N815
    parent_id: str | None = None
    startTime: Time = None  # noqa: N815
    endTime: Time = None  # noqa: N815
    start_time: Time = None
    end_time: Time = None
    status: _Status | None = None
    attributes: Attributes = None
    events: list[_Event] | None = None
    resource: _Resource | None = None
    instrumentationScope: _Scope | None = None  # noqa: N815
    instrumentationLibrary: _Scope | None = None  # noqa: N815


_decoder = msgspec.json.Decoder(_Span)
_value_decoder = msgspec.json.Decoder()


class OtelSdkJson:
    """See the module's docstring."""

    name = "otel_sdk_json"
    table = "requests"
    tables = ("requests",)
    version = "6"
    summary = "OpenTelemetry GenAI spans as an SDK prints them (JavaScript and Python span JSON)"

    def recognise(self, preview: Preview) -> str | None:
        """By the ids and the start of the first span."""
        text = preview.text
        if text is None or text.lstrip()[:1] not in ("[", "{"):
            return None
        if _CONTEXT.search(text) and _START.search(text):
            return "spans of an OpenTelemetry SDK: span context and start time"
        return None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        with open_decompressed(file.path) as stream, span_rows(file.digest, sink) as rows:
            head = stream.read(HEAD_BYTES).removeprefix(BYTE_ORDER_MARK)
            first = _CONTEXT.search(head.decode("utf-8", "replace"))
            if first is None:
                raise LandingFileError(
                    file.path,
                    "no span with its context stands at the beginning.",
                    "Ship the array of spans whole.",
                )
            before = first.string[: first.start()].encode()
            for piece, text in cut_at(bracket_depth(before), _blocks(head, stream.read)):
                if piece is Piece.SPAN:
                    _take(text, rows)
                else:
                    rows.refuse(CUT_REASONS[piece])
            sink.expect(rows.records)


CONNECTOR = OtelSdkJson()


def _blocks(head: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    yield head
    while block := read(BLOCK_BYTES):
        yield block


def _take(text: bytes, rows: SpanRows) -> None:
    try:
        found = _decoder.decode(text)
        span, scope = _span(found), _scope(found)
    except SpanError as error:
        rows.refuse(str(error))
    except RecursionError:
        rows.refuse(TOO_DEEP)
    except (msgspec.DecodeError, UnicodeDecodeError):
        rows.refuse(NOT_OTLP)
    else:
        rows.take(span, scope)


def _span(found: _Span) -> Span:
    context = found.spanContext or found._spanContext or found.context
    if context is None:
        raise SpanError(NOT_OTLP)
    parent = found.parent_id or found.parentSpanId
    if parent is None and found.parentSpanContext is not None:
        parent = found.parentSpanContext.spanId
    fields = _fields(found.attributes, names.SPAN)
    status = found.status or _Status()
    return Span(
        hex_id(context.traceId or context.trace_id, TRACE_BYTES, "traceId"),
        hex_id(context.spanId or context.span_id, SPAN_BYTES, "spanId"),
        hex_id(parent, SPAN_BYTES, "parentSpanId"),
        found.name or "",
        found.kind + 1 if isinstance(found.kind, int) else code(found.kind, _NAMED_KINDS),
        _nanoseconds(found.startTime or found.start_time, "startTime"),
        _nanoseconds(found.endTime or found.end_time, "endTime"),
        code(status.code if status.code is not None else status.status_code, STATUS_CODES),
        fields,
        read_events(found.events or (), fields, _moment, _error),
    )


def _scope(found: _Span) -> Scope:
    scope = found.instrumentationScope or found.instrumentationLibrary
    resource = found.resource.attributes if found.resource else None
    return Scope(_fields(resource, names.RESOURCE), scope.name if scope else None)


def _fields(attributes: Attributes, places: names.Places) -> names.Fields:
    found: names.Fields = {}
    ranks: dict[str, int] = {}
    for name in places.keys() & (attributes or {}).keys():
        field, rank = places[name]
        if rank < ranks.get(field, rank + 1):
            value = _value_decoder.decode((attributes or {})[name])
            if is_known(value) and value != "NaN":
                found[field] = value
                ranks[field] = rank
    return found


def _moment(event: _Event) -> int | None:
    return _nanoseconds(event.time or event.timestamp, "time")


def _error(event: _Event) -> names.Fields:
    return _fields(event.attributes, names.EXCEPTION)


def _nanoseconds(value: Time, field: str) -> int | None:
    """Nanoseconds since 1970; text without a zone is UTC, as Python's SDK means it."""
    if value is None:
        return None
    if isinstance(value, list):
        if len(value) != 2 or min(value) < 0 or max(value) > 10**12:
            raise SpanError(f"{field}: not seconds and nanoseconds")
        return value[0] * 10**9 + value[1] or None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise SpanError(f"{field}: not a timestamp") from error
    passed = moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH
    return (passed.days * 86_400 + passed.seconds) * 10**9 + passed.microseconds * 1000
