"""Requests of OTLP JSON as msgspec decodes them, whole or in parts.

Belongs here: decoding a request down to its spans, which stay undecoded, and a document that is larger
than memory should hold, cut between its resource spans. A part that decodes proves where it was cut:
from a known beginning, JSON says by itself what is inside a text and what is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct

PART_BYTES = 1 << 24
LARGEST_BYTES = 1 << 26
NOTHING = Raw(b"")
OPENING = b'{"resourceSpans":['
DAMAGE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_BEGIN = re.compile(rb'\s*+\{\s*+"resourceSpans"\s*+:\s*+\[')
_FIRST_KEY = b'"resource"'
_BEFORE = 256
_MOST_TRIES = 16


class ScopeSpans(Struct, gc=False, rename="camel", forbid_unknown_fields=True):
    """The spans of one instrumentation scope."""

    scope: Raw = NOTHING
    spans: list[Raw] | None = None
    schema_url: Raw = NOTHING


class ResourceSpans(Struct, gc=False, rename="camel", forbid_unknown_fields=True):
    """The spans of one resource."""

    resource: Raw = NOTHING
    scope_spans: list[ScopeSpans] | None = None
    schema_url: Raw = NOTHING


class Request(Struct, gc=False, rename="camel", forbid_unknown_fields=True):
    """One `ExportTraceServiceRequest`."""

    resource_spans: list[ResourceSpans] | None = None
    resource_metrics: Raw = NOTHING
    resource_logs: Raw = NOTHING


request_decoder = msgspec.json.Decoder(Request)
_parts_decoder = msgspec.json.Decoder(list[ResourceSpans])


class Parts:
    """The resource spans of one long document, some at a time, as long as all of it is sound.

    Attributes:
        rest: behind what was given, the document that is left; it goes on in the stream.
    """

    def __init__(self, text: bytes, stream: BinaryIO) -> None:
        self.rest = text
        self._stream = stream

    def __iter__(self) -> Iterator[list[ResourceSpans]]:
        begin = _BEGIN.match(self.rest)
        if begin is None:
            return
        held, self.rest = self.rest[begin.end() :], b""
        while True:
            place = _between(held, PART_BYTES)
            place = _between(held, len(held)) if place is None else place
            if place is not None:
                try:
                    parts = _parts_decoder.decode(b"[" + held[:place] + b"]")
                except DAMAGE:
                    break
                held = held[place + 1 :]
                yield parts
            if len(held) < PART_BYTES or place is None:
                more = b"" if len(held) >= LARGEST_BYTES else self._stream.read(PART_BYTES)
                if not more:
                    break
                held += more
        self.rest = OPENING + held


def _between(text: bytes, end: int) -> int | None:
    """The last comma before a place that seems to stand between two resource spans."""
    place = end
    for _ in range(_MOST_TRIES):
        place = text.rfind(_FIRST_KEY, 0, place)
        if place < 0:
            return None
        first = max(0, place - _BEFORE)
        before = text[first:place].rstrip()
        comma = before.removesuffix(b"{").rstrip()
        if before.endswith(b"{") and comma[-1:] == b"," and comma[:-1].rstrip()[-1:] == b"}":
            return first + len(comma) - 1
    return None
