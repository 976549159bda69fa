"""Langfuse: observations as blob storage and the user interface export them, and traces as JSON.

Blob exports (legacy observations and v4 enriched events; CSV, JSONL, JSON, Parquet), batch exports of
the user interface (CSV, JSON, JSONL) and traces with their observations are one format under several
names. What Langfuse gets wrong, and what is done about it:

- `latency` and `time_to_first_token` are seconds in legacy blob exports and traces, milliseconds in
  batch exports, and either in v4 blob exports, by the age of the integration; nothing in the file says
  which. They are compared with the times beside them over all observations of the file: the unit in
  which at least 9 of 10 that can tell agree is the unit of the whole file. Where none does, both are
  unknown (null); times are read either way.
- Buckets of `usage_details` are exclusive, unless they are not: see `langfuse_usage.py`. Counts in
  another `unit` (characters, seconds, images) are no tokens: unknown. Older exports have `usage` or
  three counts instead.
- An agent framework reports the sum of its calls on an enclosing generation, and the calls below it
  again. All are kept; `parent_span_id` is the nearest generation above in the same file (else the
  parent that the observation names), so that the warehouse counts leaves.
- Only GENERATION and EMBEDDING are inference; spans, events, agents, tools and the rest are skipped.
- The text of an error is `status_message`, and nothing classifies it: `error_type` is unknown.
- Times without a zone, as ClickHouse writes them, are UTC.
- Cost 0 beside empty `cost_details` is an unknown price.
- A file of one trace lists its observations twice: at the trace and beside it.

A Langfuse project is whom usage is kept apart by, so it is the tenant; an environment other than
`default` becomes a tag. Never read: `input`, `output`, `metadata`, `status_message`, tool calls and
definitions, names, comments. Users enter the lake as keyed pseudonyms only.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.requests import export_fields as of
from tokenworks_sources.connectors.requests import exports, langfuse_rows
from tokenworks_sources.connectors.requests.langfuse_spool import Spool
from tokenworks_sources.connectors.requests.values import FieldError
from tokenworks_sources.contracts.requests import CONTRACT
from tokenworks_sources.normalise import pseudonym

_TRACE_FIELDS = {
    "id": "id",
    "userId": "user_id",
    "sessionId": "session_id",
    "tags": "tags",
    "environment": "environment",
}
_BLOB = ("id", "trace_id", "project_id", "type", "parent_observation_id", "start_time", "end_time")
_INTERFACE = ("id", "traceId", "type", "parentObservationId", "startTime", "endTime")
SHAPE = exports.Shape(
    what="a Langfuse export of observations",
    names=langfuse_rows.NAMES,
    known_by=(frozenset(_BLOB), frozenset(_INTERFACE)),
    lists=((), ("observations",), ("trace", "observations"), ("data",)),
    members=(
        *(("trace", name) for name in _TRACE_FIELDS),
        *((name,) for name in _TRACE_FIELDS),
    ),
)
_TRACE_KEYS = {"id", "timestamp", "projectId", "userId", "sessionId"}
UNIT_UNKNOWN = (
    "latency, time to first token: no times tell whether seconds or ms, so they stay unknown"
)
PSEUDONYMS_KEPT = 1 << 16


@dataclass(frozen=True)
class Langfuse:
    """See the module's docstring."""

    name: str = "langfuse"
    table: str = CONTRACT.table
    tables: tuple[str, ...] = (CONTRACT.table,)
    version: str = "2"
    summary: str = (
        "Langfuse observations: blob and batch exports, traces (CSV, JSON, JSONL, Parquet)"
    )

    def recognise(self, preview: Preview) -> str | None:
        """By the columns or keys of the first observation, or of the trace."""
        if _is_trace(preview):
            return "a Langfuse trace with observations"
        known = exports.knows(SHAPE, preview)
        return f"{SHAPE.what}: it has {', '.join(sorted(known))}" if known else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """Reads the export once into a spool, then hands its rows to the sink in blocks."""
        with tempfile.TemporaryDirectory(prefix="tokenworks-langfuse-") as folder:
            spool = Spool(Path(folder))
            reader = _Reader(sink, spool, _pseudonyms(sink.pseudonym_key))
            for piece in exports.records(file.path, SHAPE, sink):
                if isinstance(piece, exports.Record):
                    reader.observation(piece)
                else:
                    reader.beside(piece)
            for reason, records in reader.skipped.items():
                sink.skip(reason, records)
            if spool.unit.durations and spool.unit.per_second is None:
                sink.note(UNIT_UNKNOWN, spool.unit.durations)
            for block in spool.joined():
                sink.write(CONTRACT.table, block)


CONNECTOR = Langfuse()


@dataclass
class _Reader:
    """One export on its way into the spool."""

    sink: Sink
    spool: Spool
    pseudonym: Callable[[str], str]
    skipped: dict[str, int] = field(default_factory=dict)
    _listed: set[str] = field(default_factory=set)
    _trace: dict[str, object] = field(default_factory=dict)

    def observation(self, record: exports.Record) -> None:
        try:
            self._keep(record)
        except FieldError as error:
            self.sink.reject(record.line, str(error), langfuse_rows.raw_of(record.fields))

    def _keep(self, record: exports.Record) -> None:
        fields = record.fields
        span = of.text(fields.get("id"))
        if record.path and span is not None:
            if span in self._listed:
                self._skip("observation that the file lists twice")
                return
            self._listed.add(span)
        kind = langfuse_rows.kind_of(fields)
        is_attempt = kind in langfuse_rows.INFERENCE
        parent = of.text(fields.get("parent_observation_id"))
        self.spool.add("nodes", {"id": span, "parent": parent, "is_attempt": is_attempt})
        if not is_attempt:
            self._skip(f"{kind}: no inference")
            return
        row = langfuse_rows.row_of(fields, self.pseudonym)
        self.spool.unit.see(row["latency"], row["started_at"], row["ended_at"])
        self.spool.unit.see(row["ttft"], row["started_at"], row["first_token_at"])
        row["source_line"] = record.line
        row["_raw"] = langfuse_rows.raw_of(fields)
        self.spool.add("rows", row)

    def _skip(self, reason: str) -> None:
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def beside(self, piece: exports.Beside) -> None:
        """What a trace says of all its observations; the end of the document hands it over."""
        if piece.path is not None:
            self._trace[_TRACE_FIELDS[piece.path[-1]]] = piece.value
            return
        if "id" in self._trace:
            self.spool.add("traces", self._trace_row())
        self._trace = {}
        self._listed = set()

    def _trace_row(self) -> dict[str, Any]:
        user = of.text(self._trace.get("user_id"))
        tags = self._trace.get("tags")
        given = {**self._trace, "tags": tags if isinstance(tags, list) else None}
        return {
            "id": of.text(self._trace.get("id")),
            "session_id": of.text(self._trace.get("session_id")),
            "user_pseudonym": self.pseudonym(user) if user else None,
            "tags": langfuse_rows.tags_of(given),
        }


def _pseudonyms(key: bytes) -> Callable[[str], str]:
    return lru_cache(PSEUDONYMS_KEPT)(lambda user: pseudonym(user, key))


def _is_trace(preview: Preview) -> bool:
    text = (preview.text or "").lstrip()
    if not text.startswith("{"):
        return False
    keys = exports.keys_of(text)
    begin = text[1:].lstrip()
    if begin.startswith('"trace"'):
        return keys >= _TRACE_KEYS
    return {*_TRACE_KEYS, "htmlPath", "observations"} <= keys and "traceId" in keys
