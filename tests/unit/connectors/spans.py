"""Spans for the tests of the OpenTelemetry connectors: OTLP JSON by hand, and the same as protobuf."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import polars as pl

TRACE = "5b8efff798038103d269b633813fc60c"
START = 1_790_000_000_123_456_789
END = START + 2_500_000_000
CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
}
# Ingests requests of spans, one per line.
Read = Callable[..., Any]


def any_value(value: object) -> dict[str, Any]:
    """An AnyValue as the collector prints it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": attributes(value)}}
    return {"stringValue": value}


def attributes(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as the collector prints them."""
    return [{"key": key, "value": any_value(value)} for key, value in given.items()]


def span(
    given: dict[str, Any], span_id: str = "eee19b7ec3c1b174", **changes: Any
) -> dict[str, Any]:
    """A client span of 2.5 seconds."""
    return {
        "traceId": TRACE,
        "spanId": span_id,
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(START),
        "endTimeUnixNano": str(END),
        "attributes": attributes(given),
        "status": {},
        **changes,
    }


def request(*spans: dict[str, Any], scope: str = "my.scope", **resource: Any) -> dict[str, Any]:
    """An ExportTraceServiceRequest."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": attributes({"service.name": "shop", **resource})},
                "scopeSpans": [{"scope": {"name": scope}, "spans": list(spans)}],
            }
        ]
    }


def varint(value: int) -> bytes:
    parts = bytearray()
    value &= (1 << 64) - 1
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*parts, value))


def field(number: int, text: bytes) -> bytes:
    """A field with a length."""
    return varint(number << 3 | 2) + varint(len(text)) + text


def _value(given: dict[str, Any]) -> bytes:
    ((kind, value),) = given.items()
    match kind:
        case "boolValue":
            return b"\x10" + varint(int(value))
        case "intValue":
            return b"\x18" + varint(int(value))
        case "doubleValue":
            return b"\x21" + struct.pack("<d", value)
        case "arrayValue":
            return field(5, b"".join(field(1, _value(item)) for item in value["values"]))
        case "kvlistValue":
            return field(6, b"".join(field(1, _pair(item)) for item in value["values"]))
        case _:
            return field(1, value.encode())


def _pair(given: dict[str, Any]) -> bytes:
    return field(1, given["key"].encode()) + field(2, _value(given["value"]))


def _span(given: dict[str, Any]) -> bytes:
    text = field(1, bytes.fromhex(given["traceId"])) + field(2, bytes.fromhex(given["spanId"]))
    text += field(4, bytes.fromhex(given.get("parentSpanId", ""))) + field(
        5, given["name"].encode()
    )
    text += b"\x30" + varint(given["kind"])
    text += b"\x39" + int(given["startTimeUnixNano"]).to_bytes(8, "little")
    text += b"\x41" + int(given["endTimeUnixNano"]).to_bytes(8, "little")
    text += b"".join(field(9, _pair(item)) for item in given["attributes"])
    for event in given.get("events", []):
        text += field(
            11,
            b"\x09"
            + int(event["timeUnixNano"]).to_bytes(8, "little")
            + field(2, event["name"].encode())
            + b"".join(field(3, _pair(item)) for item in event.get("attributes", [])),
        )
    status = given.get("status", {})
    return text + field(
        15, field(2, status.get("message", "").encode()) + b"\x18" + varint(status.get("code", 0))
    )


def protobuf(given: dict[str, Any]) -> bytes:
    """A request as protobuf."""
    message = b""
    for resource_spans in given["resourceSpans"]:
        resource = b"".join(field(1, _pair(i)) for i in resource_spans["resource"]["attributes"])
        inner = field(1, resource)
        for scope_spans in resource_spans["scopeSpans"]:
            scope = field(1, field(1, scope_spans["scope"]["name"].encode()))
            inner += field(2, scope + b"".join(field(2, _span(s)) for s in scope_spans["spans"]))
        message += field(1, inner)
    return message


def row_of(outcome: Any) -> dict[str, Any]:
    """The only row that an ingest gave."""
    frame: pl.DataFrame = outcome.frames["requests"]
    assert frame.height == 1, outcome.rejects
    return frame.row(0, named=True)


def tokens_of(outcome: Any) -> tuple[int | None, ...]:
    """Input, cache read, cache write, output, reasoning."""
    row = row_of(outcome)
    return tuple(
        row[f"{name}_tokens"]
        for name in (
            "input_total",
            "input_cache_read",
            "input_cache_write",
            "output_total",
            "output_reasoning",
        )
    )
