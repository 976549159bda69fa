"""OTLP JSON traces: `ExportTraceServiceRequest` objects, one or one per line, plain, gzip or zstd.

What writes it: the collector's file exporter (one request per line), SDKs' file exporters, Tempo and
Jaeger exports (`batches`, `trace`, `result`). What they get wrong, and what is done about it:

- Integers are text, numbers or floats; times likewise. Ids are hex, or base64 where a plain protobuf
  printer wrote them. Keys are snake_case with some printers. All are read.
- A parent repeats its children's usage (agents, workflows, `ai.generateText` over its steps): only
  spans of a call itself become rows (`genai_kinds`). Whether input includes cached tokens is decided
  by the numbers (`genai_tokens`). A call seen by a gateway and by an SDK is two rows of two emitters,
  linked by response id and `parent_span_id`.
- Prompts, answers and tool arguments stand in attributes and events: never decoded.
- A span without a start, or one that ends before it starts, is a reject; without an end it is kept
  with status unknown. Zero ids are none.
- A request of more than 64 MiB is not parsed but cut; there a resource must stand before its spans, as
  every writer has it.
- Metrics and logs that share the file are skipped.

One record is one span (`source_line` is its number in the file); a line or part that is damaged counts
as one, because what it held cannot be known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Raw

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.requests.genai_spans import Scope, SpanError
from tokenworks_sources.connectors.requests.otlp_json_cut import CUT_REASONS, Piece, cut
from tokenworks_sources.connectors.requests.otlp_json_request import (
    DAMAGE,
    Parts,
    Request,
    ResourceSpans,
    request_decoder,
)
from tokenworks_sources.connectors.requests.otlp_json_span import scope_of, span_of
from tokenworks_sources.connectors.requests.span_rows import SpanRows, span_rows
from tokenworks_sources.connectors.tabular import BYTE_ORDER_MARK
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

LINE_BYTES = 1 << 26
BLOCK_BYTES = 1 << 20
HEAD_BYTES = 1 << 20

_REQUEST = re.compile(
    r"^[ \t]*+(?:\[\s*+)?\{\s*+(?:\"(?:trace|result)\"\s*:\s*\{\s*)?\"(?:resourceSpans|resource_spans)\"\s*:\s*\[",
    re.MULTILINE,
)
_BATCHES = re.compile(r"\A\s*\{\s*\"batches\"\s*:\s*\[")
_BATCH = re.compile(r"\"(?:scopeSpans|instrumentationLibrarySpans)\"\s*:\s*\[")
_LINE = re.compile(rb"^[ \t]*+\{\s*+\"(?:resource[_A-Z]|batches)", re.MULTILINE)


class OtlpJson:
    """See the module's docstring."""

    name = "otlp_json"
    table = "requests"
    tables = ("requests",)
    version = "6"
    summary = "OpenTelemetry traces with GenAI spans as OTLP JSON (collector file exporter, SDKs)"

    def recognise(self, preview: Preview) -> str | None:
        """By the outermost keys of the first request."""
        text = preview.text
        if text is None:
            return None
        if _REQUEST.search(text) or (_BATCHES.search(text) and _BATCH.search(text)):
            return "OTLP JSON: an object of resourceSpans"
        return None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        with open_decompressed(file.path) as stream, span_rows(file.digest, sink) as rows:
            _Reader(file.path, rows).read(stream)
            sink.expect(rows.records)


CONNECTOR = OtlpJson()


class _Reader:
    """Reads one file into `rows`."""

    def __init__(self, path: Path, rows: SpanRows) -> None:
        self._path = path
        self._rows = rows

    def read(self, stream: BinaryIO) -> None:
        """By lines where the file has whole requests in lines, else as a document."""
        head = stream.read(HEAD_BYTES).removeprefix(BYTE_ORDER_MARK)
        if not _is_by_lines(head):
            self._read_whole(head + stream.read(LINE_BYTES - len(head)), stream)
            return
        for line in _lines(head, stream):
            if len(line) > LINE_BYTES and not line.endswith(b"\n"):
                self._read_long(line, stream)
            elif line.strip():
                self._read_line(line)

    def _read_whole(self, text: bytes, stream: BinaryIO) -> None:
        """A document over several lines; parsed at once where it is small and sound."""
        try:
            request = request_decoder.decode(text)
        except DAMAGE:
            self._read_long(text, stream)
        else:
            self._take_request(request)

    def _read_long(self, text: bytes, stream: BinaryIO) -> None:
        """A document in parts as long as it is sound, and from there on span by span."""
        parts = Parts(text, stream)
        for part in parts:
            self._take_spans(part)
        self._read_document(_blocks(parts.rest, stream))

    def _read_line(self, line: bytes) -> None:
        try:
            request = request_decoder.decode(line)
        except msgspec.ValidationError:
            # Snake case, or one part that is not of the shape: cut it, so that the rest counts.
            self._read_document(_blocks(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._rows.refuse("line: not JSON")
        except RecursionError:
            self._rows.refuse("line: nested too deeply")
        else:
            self._take_request(request)

    def _take_request(self, request: Request) -> None:
        if bytes(request.resource_metrics) or bytes(request.resource_logs):
            self._rows.pass_over("metrics or logs")
        self._take_spans(request.resource_spans or ())

    def _take_spans(self, found: Iterable[ResourceSpans]) -> None:
        for resource_spans in found:
            for scope_spans in resource_spans.scope_spans or ():
                scope = self._scope(resource_spans.resource, scope_spans.scope)
                for text in scope_spans.spans or ():
                    self._take(text, scope)

    def _read_document(self, blocks: Iterable[bytes]) -> None:
        resource = name = b""
        scope: Scope | None = None
        for piece, text in cut(blocks):
            if piece is Piece.SPAN:
                scope = scope or self._scope(resource, name)
                self._take(text, scope)
            elif piece is Piece.RESOURCE_SPANS:
                resource, name, scope = b"", b"", None
            elif piece is Piece.SCOPE_SPANS:
                name, scope = b"", None
            elif piece in (Piece.RESOURCE, Piece.SCOPE):
                if scope is not None:
                    raise self._disordered(piece)
                if piece is Piece.RESOURCE:
                    resource = text
                else:
                    name = text
            else:
                self._rows.refuse(CUT_REASONS[piece])

    def _disordered(self, piece: Piece) -> LandingFileError:
        return LandingFileError(
            self._path,
            f"a {piece.value} stands behind its spans.",
            "Ship one request per line, as the collector's file exporter writes them.",
        )

    def _scope(self, resource: bytes | Raw, scope: bytes | Raw) -> Scope:
        try:
            return scope_of(resource, scope)
        except SpanError as error:
            self._rows.refuse(str(error))
            return Scope({}, None)

    def _take(self, text: bytes | Raw, scope: Scope) -> None:
        try:
            span = span_of(text)
        except SpanError as error:
            self._rows.refuse(str(error))
            return
        self._rows.take(span, scope)


def _lines(head: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """Lines; of one longer than LINE_BYTES its beginning, after which the caller reads on."""
    *whole, begun = head.splitlines(keepends=True) or [b""]
    if begun.endswith(b"\n"):
        whole, begun = [*whole, begun], b""
    yield from whole
    while True:
        line = begun + stream.readline(LINE_BYTES + 1 - len(begun))
        begun = b""
        if not line:
            return
        yield line


def _blocks(begun: bytes, stream: BinaryIO | None = None) -> Iterator[bytes]:
    """What was read, then the rest of the stream."""
    for place in range(0, len(begun), BLOCK_BYTES):
        yield begun[place : place + BLOCK_BYTES]
    while stream is not None and (block := stream.read(BLOCK_BYTES)):
        yield block


def _is_by_lines(head: bytes) -> bool:
    """Whether lines are whole requests; a document that spans lines begins with less than one."""
    lines = [line for line in head.split(b"\n") if line.strip()]
    if len(lines) < 2:
        return bool(lines) and (len(head) >= HEAD_BYTES or _is_json(lines[0]))
    return _is_json(lines[0]) or any(_LINE.match(line) for line in lines[1:])


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
