"""One span, resource or scope of OTLP JSON from its bytes.

Pure. Keys are camelCase, or snake_case where a writer used another JSON printer. An attribute's value
stays undecoded bytes unless a table of `genai_attributes` names it, so prompts never become text.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import Raw, Struct

from tokenworks_sources.connectors.requests import genai_attributes as names
from tokenworks_sources.connectors.requests.genai_spans import Scope, Span, SpanError
from tokenworks_sources.connectors.requests.otlp_values import (
    MOST_MET,
    SHORT_BYTES,
    SPAN_BYTES,
    SPAN_KINDS,
    STATUS_CODES,
    TRACE_BYTES,
    code,
    hex_id,
    is_known,
    nanoseconds,
    read_events,
)

NOT_OTLP = "span: not of the OTLP shape"
TOO_DEEP = "span: nested too deeply"

Number = str | int | float | None
_Value = Raw
_DEEPEST_VALUE = 8
_SCALARS = frozenset(
    {"stringValue", "intValue", "boolValue", "string_value", "int_value", "bool_value"}
)
_DOUBLES = frozenset({"doubleValue", "double_value"})
_COLLECTIONS = frozenset({"arrayValue", "kvlistValue", "array_value", "kvlist_value"})


class KeyValue(Struct, gc=False):
    """An attribute; its value is decoded where it is wanted."""

    key: str = ""
    value: _Value = Raw(b"")


class _Status(Struct, gc=False):
    code: int | str | None = None


class _Event(Struct, gc=False):
    name: str | None = None
    timeUnixNano: Number = None  # noqa: N815 - the format's name
    time_unix_nano: Number = None
    attributes: list[KeyValue] | None = None


class _Span(Struct, gc=False):
    traceId: str | None = None  # noqa: N815
    spanId: str | None = None  # noqa: N815
    parentSpanId: str | None = None  # noqa: N815
    name: str | None = None
    kind: int | str | None = None
    startTimeUnixNano: Number = None  # noqa: N815
    endTimeUnixNano: Number = None  # noqa: N815
    attributes: list[KeyValue] | None = None
    events: list[_Event] | None = None
    status: _Status | None = None
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    start_time_unix_nano: Number = None
    end_time_unix_nano: Number = None


class _Resource(Struct, gc=False):
    attributes: list[KeyValue] | None = None


class _Scope(Struct, gc=False):
    name: str | None = None


_span_decoder = msgspec.json.Decoder(_Span)
_resource_decoder = msgspec.json.Decoder(_Resource)
_scope_decoder = msgspec.json.Decoder(_Scope)
_value_decoder = msgspec.json.Decoder()
# Short values and what they mean: most of a span's were met in the one before it.
_met: dict[bytes, object] = {}


def span_of(text: bytes | Raw) -> Span:
    """The span of a JSON object.

    Raises:
        SpanError: it is no JSON, or not of the shape.
    """
    try:
        found = _span_decoder.decode(text)
        fields = _fields(found.attributes, names.SPAN)
        first_token = read_events(found.events or (), fields, _moment, _error)
    except RecursionError as error:
        raise SpanError(TOO_DEEP) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SpanError(NOT_OTLP) from error
    return Span(
        hex_id(found.traceId or found.trace_id, TRACE_BYTES, "traceId"),
        hex_id(found.spanId or found.span_id, SPAN_BYTES, "spanId"),
        hex_id(found.parentSpanId or found.parent_span_id, SPAN_BYTES, "parentSpanId"),
        found.name or "",
        code(found.kind, SPAN_KINDS),
        nanoseconds(found.startTimeUnixNano or found.start_time_unix_nano, "startTimeUnixNano"),
        nanoseconds(found.endTimeUnixNano or found.end_time_unix_nano, "endTimeUnixNano"),
        code(found.status.code, STATUS_CODES) if found.status else 0,
        fields,
        first_token,
    )


def scope_of(resource: bytes | Raw, scope: bytes | Raw) -> Scope:
    """Resource and scope from their JSON objects, empty where there is none.

    Raises:
        SpanError: one is not of the shape.
    """
    try:
        attributes = _resource_decoder.decode(resource).attributes if bytes(resource) else None
        name = _scope_decoder.decode(scope).name if bytes(scope) else None
        return Scope(_fields(attributes, names.RESOURCE), name)
    except RecursionError as error:
        raise SpanError(TOO_DEEP) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SpanError("resource or scope: not of the OTLP shape") from error


def _fields(pairs: Iterable[KeyValue] | None, places: names.Places) -> names.Fields:
    """The known attributes by field; of several names of a field the first in rank wins."""
    found: names.Fields = {}
    ranks: dict[str, int] = {}
    for pair in pairs or ():
        place = places.get(pair.key)
        if place is not None:
            field, rank = place
            if field not in ranks or rank < ranks[field]:
                value = _value_of(bytes(pair.value))
                if is_known(value):
                    found[field] = value
                    ranks[field] = rank
    return found


def _value_of(text: bytes) -> object:
    try:
        return _met[text]
    except KeyError:
        value = plain(_value_decoder.decode(text))
    if len(text) <= SHORT_BYTES:
        if len(_met) >= MOST_MET:
            _met.clear()
        _met[text] = value
    return value


def plain(value: object, depth: int = 0) -> object:
    """The value of an AnyValue: text, number, truth, list or object; None where it is unknown."""
    if not isinstance(value, dict):
        return value
    for key, inner in value.items():
        if key in _SCALARS:
            return inner
        if key in _DOUBLES:
            return None if inner == "NaN" else inner
        if key in _COLLECTIONS and depth < _DEEPEST_VALUE:
            return _collection(inner, depth + 1)
    return None


def _collection(inner: object, depth: int) -> object:
    values = inner.get("values") if isinstance(inner, dict) else None
    if not isinstance(values, list):
        return None
    pairs = [value for value in values if isinstance(value, dict) and "key" in value]
    if pairs:
        return {str(pair["key"]): plain(pair.get("value"), depth) for pair in pairs}
    return [plain(value, depth) for value in values]


def _moment(event: _Event) -> int | None:
    return nanoseconds(event.timeUnixNano or event.time_unix_nano, "timeUnixNano")


def _error(event: _Event) -> names.Fields:
    return _fields(event.attributes, names.EXCEPTION)
