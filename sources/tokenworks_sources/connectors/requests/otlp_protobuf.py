"""OTLP protobuf traces: one serialised `TracesData` or `ExportTraceServiceRequest`, or many of them,
each behind its length in four big-endian bytes (the collector's file exporter); plain, gzip or zstd.

What it gets wrong is what OTLP JSON gets wrong (`otlp_json`): the spans are judged, counted and linked
by the same code. Here ids and numbers are what they say they are.

Requests, resources and scopes are walked through as they are read, so a file of any size takes the
memory of one span. Where a length is wrong, the rest of that message cannot be found: it is one reject,
and reading goes on behind the message whose length still holds. The exporter's own compression, which
compresses each message by itself, is not read.

One record is one span (`source_line` is its number in the file).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.requests.genai_spans import Scope, SpanError
from tokenworks_sources.connectors.requests.otlp_wire import scope_of, span_of
from tokenworks_sources.connectors.requests.protobuf_fields import LENGTH, WireError, varint
from tokenworks_sources.connectors.requests.span_rows import SpanRows, span_rows
from tokenworks_sources.landing import open_decompressed

PREFIX_BYTES = 4
LARGEST_BYTES = 1 << 26
_FIRST, _SECOND, _THIRD = 0x0A, 0x12, 0x1A
_BLOCK_BYTES = 1 << 20
_LONGEST_VARINT = 10
DAMAGED = "message: damaged or cut short"


class OtlpProtobuf:
    """See the module's docstring."""

    name = "otlp_protobuf"
    table = "requests"
    tables = ("requests",)
    version = "6"
    summary = (
        "OpenTelemetry traces with GenAI spans as OTLP protobuf, one message or length-prefixed"
    )

    def recognise(self, preview: Preview) -> str | None:
        """By the messages down to the ids of the first span."""
        head = preview.head
        if _has_span(head, 0):
            return "OTLP protobuf: a message of resource spans"
        if _is_prefixed(head):
            return "OTLP protobuf: length-prefixed messages of resource spans"
        return None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        with open_decompressed(file.path) as stream, span_rows(file.digest, sink) as rows:
            head = stream.read(PREFIX_BYTES + 1)
            _Reader(_Bytes(stream, head), rows).read(_is_behind_length(head))
            sink.expect(rows.records)


CONNECTOR = OtlpProtobuf()


def _is_behind_length(head: bytes) -> bool:
    """A request begins with 0x0A; as the first byte of a length that were 160 MiB or more."""
    return head[:1] != b"\x0a" and head[PREFIX_BYTES : PREFIX_BYTES + 1] == b"\x0a"


def _is_prefixed(head: bytes) -> bool:
    return _is_behind_length(head) and _has_span(head, PREFIX_BYTES)


def _has_span(head: bytes, place: int) -> bool:
    """Whether request, resource spans and scope spans lead to a span with both its ids."""
    try:
        spans = _inside(head, [(place, len(head))], _FIRST)
        for tag in (_SECOND, _SECOND):
            spans = _inside(head, list(spans), tag)
        for begin, _ in spans:
            ids = head[begin : begin + 20]
            return ids[:2] == b"\x0a\x10" and ids[18:] == b"\x12\x08"
    except (WireError, IndexError):
        pass
    return False


def _inside(head: bytes, messages: list[tuple[int, int]], wanted: int) -> Iterator[tuple[int, int]]:
    """Fields of a tag in messages of which the head may hold the beginning only."""
    for begin, end in messages:
        place = begin
        while place < min(end, len(head) - 2):
            tag, place = varint(head, place)
            if tag & 7 != LENGTH or tag >> 3 > 3:
                raise WireError
            size, place = varint(head, place)
            if tag == wanted:
                yield place, place + size
            place += size


class _Bytes:
    """A stream that knows where it is.

    Attributes:
        place: bytes taken so far.
    """

    def __init__(self, stream: BinaryIO, head: bytes) -> None:
        self._stream = stream
        self._block = head
        self._at = 0
        self.place = 0

    def take(self, size: int) -> bytes:
        """Exactly that many bytes.

        Raises:
            EOFError: there are fewer.
        """
        end = self._at + size
        if end > len(self._block):
            self._read_on(size)
            end = size
        text = self._block[self._at : end]
        self._at = end
        self.place += size
        return text

    def _read_on(self, size: int) -> None:
        """The next block, behind what is left of the last one."""
        left = self._block[self._at :]
        self._block = left + self._stream.read(max(_BLOCK_BYTES, size) - len(left))
        self._at = 0
        if len(self._block) < size:
            self.place += len(self._block)
            self._block = b""
            raise EOFError

    def leave_to(self, place: int) -> None:
        """Goes on at a place further on."""
        while self.place < place:
            self.take(min(place - self.place, _BLOCK_BYTES))

    def next_byte(self) -> bytes:
        """The next byte, empty at the end of the file."""
        try:
            return self.take(1)
        except EOFError:
            return b""

    def varint(self, begun: bytes = b"") -> int:
        """A number, of which the first byte may be taken already."""
        text = begun or self.take(1)
        if text[0] < 0x80:
            return text[0]
        while text[-1] >= 0x80:
            text += self.take(1)
            if len(text) > _LONGEST_VARINT:
                raise WireError
        return varint(text, 0)[0]


class _Reader:
    """Reads one file into `rows`."""

    def __init__(self, source: _Bytes, rows: SpanRows) -> None:
        self._source = source
        self._rows = rows
        self._resource = b""

    def read(self, is_prefixed: bool) -> None:
        """All messages."""
        try:
            if not is_prefixed:
                self._within(None, self._read_request)
                return
            while first := self._source.next_byte():
                size = int.from_bytes(first + self._source.take(PREFIX_BYTES - 1), "big")
                self._within(self._source.place + size, self._read_request)
        except EOFError:
            self._rows.refuse(DAMAGED)

    def _within(self, end: int | None, read: Callable[[int | None], None]) -> None:
        """One message; where it is damaged, one reject, and on behind it."""
        try:
            read(end)
        except WireError:
            self._rows.refuse(DAMAGED)
            if end is not None:
                self._source.leave_to(end)

    def _read_request(self, end: int | None) -> None:
        for tag, stop in self._fields(end):
            if tag == _FIRST:
                self._within(stop, self._read_resource_spans)
            else:
                self._leave_unknown(stop)

    def _read_resource_spans(self, end: int | None) -> None:
        self._resource = b""
        has_scopes = False
        for tag, stop in self._fields(end):
            if tag == _FIRST:
                self._resource = self._aside(stop, has_scopes, "resource")
            elif tag == _SECOND:
                has_scopes = True
                self._within(stop, self._read_scope_spans)
            elif tag == _THIRD:
                self._source.leave_to(stop)
            else:
                self._leave_unknown(stop)

    def _read_scope_spans(self, end: int | None) -> None:
        name = b""
        scope: Scope | None = None
        for tag, stop in self._fields(end):
            if tag == _FIRST:
                name = self._aside(stop, scope is not None, "scope")
            elif tag == _SECOND:
                scope = scope or self._scope(name)
                self._take_span(stop, scope)
            elif tag == _THIRD:
                self._source.leave_to(stop)
            else:
                self._leave_unknown(stop)

    def _fields(self, end: int | None) -> Iterator[tuple[int, int]]:
        """Tag and end of each field that has a length; those without one are no part of traces."""
        source = self._source
        while end is None or source.place < end:
            first = source.next_byte()
            if not first:
                if end is None:
                    return
                raise EOFError
            tag = source.varint(first)
            if tag & 7 != LENGTH or not tag >> 3:
                raise WireError
            size = source.varint()
            if end is not None and source.place + size > end:
                raise WireError
            yield tag, source.place + size

    def _leave_unknown(self, stop: int) -> None:
        self._rows.refuse("message: a field that OTLP traces do not have")
        self._source.leave_to(stop)

    def _aside(self, stop: int, is_late: bool, what: str) -> bytes:
        """A resource or scope; every writer puts it before its spans."""
        if is_late or stop - self._source.place > LARGEST_BYTES:
            self._rows.refuse(f"{what}: behind its spans, or over 64 MiB")
            self._source.leave_to(stop)
            return b""
        return self._source.take(stop - self._source.place)

    def _scope(self, name: bytes) -> Scope:
        try:
            return scope_of(self._resource, name)
        except SpanError as error:
            self._rows.refuse(str(error))
            return Scope({}, None)

    def _take_span(self, stop: int, scope: Scope) -> None:
        if stop - self._source.place > LARGEST_BYTES:
            self._rows.refuse("span: over 64 MiB")
            self._source.leave_to(stop)
            return
        try:
            span = span_of(self._source.take(stop - self._source.place))
        except SpanError as error:
            self._rows.refuse(str(error))
            return
        self._rows.take(span, scope)
