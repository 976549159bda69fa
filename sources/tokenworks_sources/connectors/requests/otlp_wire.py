"""One span, resource or scope from the protobuf wire format.

Pure. Only the few messages of a trace, and of them only what is read: a generated class would decode
every prompt first and hold a whole request in memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from tokenworks_sources.connectors.requests import genai_attributes as names
from tokenworks_sources.connectors.requests.genai_spans import Scope, Span, SpanError
from tokenworks_sources.connectors.requests.otlp_values import (
    MOST_MET,
    SHORT_BYTES,
    SPAN_BYTES,
    TRACE_BYTES,
    id_of,
    is_known,
)
from tokenworks_sources.connectors.requests.protobuf_fields import (
    WireError,
    entries,
    entry,
    varint,
)

DAMAGED = "span: damaged protobuf"
_ATTRIBUTE, _EVENT = 0x4A, 0x5A
_DEEPEST_VALUE = 8


# Field, rank and value of an attribute.
_Known = tuple[str, int, object]
# Short attributes and what they mean; None where that is nothing.
_met: dict[bytes, _Known | None] = {}

_SPAN_PLACES = {name.encode(): place for name, place in names.SPAN.items()}
_RESOURCE_PLACES = {name.encode(): place for name, place in names.RESOURCE.items()}
_EXCEPTION = {name.encode(): place for name, place in names.EXCEPTION.items()}
_FIRST_TOKEN = frozenset(name.encode() for name in names.FIRST_TOKEN_EVENTS)


def span_of(text: bytes) -> Span:
    """A `Span` message.

    Raises:
        SpanError: it is damaged.
    """
    try:
        return _span(text)
    except (WireError, IndexError, UnicodeDecodeError) as error:
        raise SpanError(DAMAGED) from error


def _span(text: bytes) -> Span:
    """Walked by hand: attributes are most of a span, and most of them are those of the one before."""
    fields: names.Fields = {}
    ranks: dict[str, int] = {}
    last: dict[int, tuple[int, int]] = {}
    events: list[tuple[int, int]] = []
    place, whole = 0, len(text)
    while place < whole:
        if text[place] != _ATTRIBUTE:
            tag, begin, end, place = entry(text, place, whole)
            if tag == _EVENT:
                events.append((begin, end))
            else:
                last[tag] = begin, end
            continue
        size = text[place + 1]
        place += 2
        if size >= 0x80:
            size, place = varint(text, place - 1)
        begin, place = place, place + size
        if place > whole:
            raise WireError
        if size > SHORT_BYTES:
            _put(text, begin, place, _SPAN_PLACES, fields, ranks)
            continue
        pair = text[begin:place]
        try:
            found = _met[pair]
        except KeyError:
            found = _remember(pair)
        if found is not None:
            field, rank, value = found
            if field not in ranks or rank < ranks[field]:
                fields[field] = value
                ranks[field] = rank
    return _made(text, last, fields, _read_events(text, events, fields))


def _remember(pair: bytes) -> _Known | None:
    """Field, rank and value of a short attribute, None where it says nothing that is wanted."""
    fields: names.Fields = {}
    ranks: dict[str, int] = {}
    _put(pair, 0, len(pair), _SPAN_PLACES, fields, ranks)
    known = next(((name, ranks[name], value) for name, value in fields.items()), None)
    if len(_met) >= MOST_MET:
        _met.clear()
    _met[pair] = known
    return known


def _made(
    text: bytes, last: dict[int, tuple[int, int]], fields: names.Fields, first_token: int | None
) -> Span:
    nothing = (0, 0)
    return Span(
        id_of(text[slice(*last.get(0x0A, nothing))], TRACE_BYTES, "traceId"),
        id_of(text[slice(*last.get(0x12, nothing))], SPAN_BYTES, "spanId"),
        id_of(text[slice(*last.get(0x22, nothing))], SPAN_BYTES, "parentSpanId"),
        text[slice(*last.get(0x2A, nothing))].decode(),
        last.get(0x30, nothing)[0],
        last.get(0x39, nothing)[0] or None,
        last.get(0x41, nothing)[0] or None,
        sum(code for tag, code, _ in entries(text, *last.get(0x7A, nothing)) if tag == 0x18),
        fields,
        first_token,
    )


def _read_events(text: bytes, events: list[tuple[int, int]], fields: names.Fields) -> int | None:
    first_token = None
    for begin, end in events:
        moment = _read_event(text, begin, end, fields)
        first_token = moment if first_token is None else first_token
    return first_token


def _read_event(text: bytes, begin: int, end: int, fields: names.Fields) -> int | None:
    """The time of the first token; the type of an exception goes to the fields."""
    moment, name, attributes = 0, b"", []
    for tag, start, stop in entries(text, begin, end):
        if tag == 0x09:
            moment = start
        elif tag == 0x12:
            name = text[start:stop]
        elif tag == 0x1A:
            attributes.append((start, stop))
    if name == b"exception" and "error_type" not in fields:
        for start, stop in attributes:
            _put(text, start, stop, _EXCEPTION, fields, {})
    return moment or None if name in _FIRST_TOKEN else None


def scope_of(resource: bytes, scope: bytes) -> Scope:
    """Resource and scope from their messages.

    Raises:
        SpanError: one is damaged.
    """
    fields: names.Fields = {}
    ranks: dict[str, int] = {}
    name = None
    try:
        for tag, begin, end in entries(resource, 0, len(resource)):
            if tag == 0x0A:
                _put(resource, begin, end, _RESOURCE_PLACES, fields, ranks)
        for tag, begin, end in entries(scope, 0, len(scope)):
            if tag == 0x0A:
                name = scope[begin:end].decode()
    except (WireError, IndexError, UnicodeDecodeError) as error:
        raise SpanError("resource or scope: damaged protobuf") from error
    return Scope(fields, name)


def _put(
    text: bytes,
    begin: int,
    end: int,
    places: dict[bytes, tuple[str, int]],
    fields: names.Fields,
    ranks: dict[str, int],
) -> None:
    """The field of one key and value, where it is known and no better name has it."""
    # Almost every pair is a short key, then a short value and nothing else: no need to walk it.
    stop = begin + 2 + text[begin + 1] if end - begin > 1 else end + 1
    if text[begin : begin + 1] == b"\x0a" and stop <= min(end, begin + 0x81):
        place = places.get(text[begin + 2 : stop])
        if place is None:
            return
        if text[stop : stop + 1] == b"\x12" and stop + 1 < end == stop + 2 + text[stop + 1]:
            _keep(text, stop + 2, end, place, fields, ranks)
            return
    place = None
    for tag, start, stop in entries(text, begin, end):
        if tag == 0x0A:
            place = places.get(text[start:stop])
        elif tag == 0x12 and place is not None:
            _keep(text, start, stop, place, fields, ranks)


def _keep(
    text: bytes,
    begin: int,
    end: int,
    place: tuple[str, int],
    fields: names.Fields,
    ranks: dict[str, int],
) -> None:
    field, rank = place
    if rank < ranks.get(field, rank + 1):
        value = _value(text, begin, end, 0)
        if is_known(value):
            fields[field] = value
            ranks[field] = rank


def _value(text: bytes, begin: int, end: int, depth: int) -> object:
    """An AnyValue: text, number, truth, list or object."""
    for tag, start, stop in entries(text, begin, end):
        if tag == 0x0A:
            return text[start:stop].decode()
        if tag in _NUMBERS:
            return _NUMBERS[tag](start)
        if tag in (0x2A, 0x32) and depth < _DEEPEST_VALUE:
            inner = [entry for entry in entries(text, start, stop) if entry[0] == 0x0A]
            if tag == 0x2A:
                return [_value(text, low, high, depth + 1) for _, low, high in inner]
            return dict(_pair(text, low, high, depth + 1) for _, low, high in inner)
    return None


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value


def _double(value: int) -> float:
    return float(struct.unpack("<d", value.to_bytes(8, "little"))[0])


_NUMBERS: dict[int, Callable[[int], object]] = {0x10: bool, 0x18: _signed, 0x21: _double}


def _pair(text: bytes, begin: int, end: int, depth: int) -> tuple[str, object]:
    key, value = "", None
    for tag, start, stop in entries(text, begin, end):
        if tag == 0x0A:
            key = text[start:stop].decode()
        elif tag == 0x12:
            value = _value(text, start, stop, depth)
    return key, value
