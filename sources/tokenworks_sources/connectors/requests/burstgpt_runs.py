"""BurstGPT's own benchmark of vLLM: `detail_log_….json`, with `server_log.json` beside it.

What the emitter gets wrong, and what is done about it:

- The log is one object whose keys are request numbers in the order of completion.
- `record_time` is when the answer was over, by a clock that counts from the boot of the machine. The
  `server_log.json` beside it ties that clock to the day: each of its entries holds `log time`, local
  time without a zone, of the moment `env_timestamp`, and names the model. Its times are taken as UTC
  unless an `about.yaml` names the `zone`. Without a server log, the `anchor` of that file says when
  the first request was sent.
- `server_log.json` is several JSON objects, one behind the other with nothing between. It is no list of
  requests, so it is skipped with its reason; a changed one re-ingests the logs beside it.
- `first_chunk_time` and `total_chunk_time` are seconds from sending. `in_len` and `out_len` are counted
  by the client; `sampled_in_num` and `out_len_expected` are what the trace asked for, and not taken.
- The GPU columns of each row are a sample of the whole machine; they belong to no request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

import msgspec

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.benchmarks import figures, heads, moments
from tokenworks_sources.connectors.json.document import LARGEST_SUMMARY_BYTES
from tokenworks_sources.connectors.json.in_place import value_of
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.rows import Rows
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed, preview_of

SERVER_LOGS = ("server_log.json", "server_log.json.gz")
KNOWN_BY = frozenset(("event_id", "first_chunk_time", "total_chunk_time", "record_time"))
SERVER_KEYS = frozenset(("log time", "server_config", "model path"))
COMPANION = "server log: ties the clock of the detail logs beside it to the day"

_BLANK = re.compile(r"\s*")


class _Record(msgspec.Struct):
    record_time: Any = None
    first_chunk_time: Any = None
    total_chunk_time: Any = None
    in_len: Any = None
    out_len: Any = None


@dataclass(frozen=True)
class _Clock:
    """Which instant a reading of the clock is.

    Attributes:
        reading, instant: one moment, by the clock and as naive UTC.
        model: what was served then, where known.
    """

    reading: float
    instant: datetime
    model: str | None


@dataclass(frozen=True)
class BurstGptRuns:
    """See the module's docstring."""

    name: str = "burstgpt_runs"
    table: str = "requests"
    tables: tuple[str, ...] = ("requests",)
    version: str = "2"
    summary: str = "BurstGPT's benchmark of vLLM: detail_log JSON, dated by server_log.json"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the first record, or those of a server log."""
        if b'"record_time"' in preview.head:
            known = heads.keys_of(preview.text, "{{") >= KNOWN_BY
            return f"records with {', '.join(sorted(KNOWN_BY))}" if known else None
        return COMPANION if _is_server_log(preview) else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of what dates the log."""
        is_log = _is_server_log(preview_of(file.path))
        log = None if is_log else _server_log_beside(file.path)
        return about.version_with(self.version, file.path, log)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one request, or the whole server log."""
        if _is_server_log(preview_of(file.path)):
            sink.expect(1)
            sink.skip(COMPANION, 1)
            return
        records = value_of(file.path, dict[str, msgspec.Raw], sink.scratch)
        sink.expect(len(records))
        requests: list[tuple[int, float, Mapping[str, object]]] = []
        for number, raw in enumerate(records.values(), start=1):
            try:
                requests.append((number, *_request(msgspec.json.decode(raw, type=_Record))))
            except UsageError as error:
                sink.reject(number, str(error), "")
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                sink.reject(number, "not a record of the benchmark", "")
        if requests:
            _write(file, sink, requests)


CONNECTOR = BurstGptRuns()


def _request(record: _Record) -> tuple[float, Mapping[str, object]]:
    """When it was sent, by the clock of the log, and what is known of it."""
    over = figures.positive(record.record_time, "record_time")
    whole = figures.positive(record.total_chunk_time, "total_chunk_time")
    if over is None or whole is None:
        raise UsageError("record_time, total_chunk_time: missing")
    return over - whole, {
        "ttft_seconds": figures.positive(record.first_chunk_time, "first_chunk_time"),
        "e2e_seconds": whole,
        "input_total_tokens": figures.whole(record.in_len, "in_len"),
        "output_total_tokens": figures.whole(record.out_len, "out_len"),
    }


def _write(
    file: LandingFile, sink: Sink, requests: list[tuple[int, float, Mapping[str, object]]]
) -> None:
    clock = _clock_of(file.path, min(sent for _, sent, _ in requests))
    constants = {
        "emitter": CONNECTOR.name,
        "clock": "relative",
        "status": "success",
        "is_streaming": True,
        "model_requested": clock.model,
        "deployment_key": PurePath(file.name).name.split(".json")[0],
    }
    rows = Rows(sink, CONNECTOR.table, constants)
    for number, sent, row in requests:
        started_at = moments.later(clock.instant, sent - clock.reading)
        if started_at is None:
            sink.reject(number, "record_time: not a time", "")
            continue
        times = {
            "started_at": started_at,
            "first_token_at": moments.later(started_at, _seconds(row, "ttft_seconds")),
            "ended_at": moments.later(started_at, _seconds(row, "e2e_seconds")),
        }
        rows.add(number, "", {**row, **times, "request_id": f"{file.content_digest[:16]}-{number}"})
    rows.close()


def _seconds(row: Mapping[str, object], column: str) -> float | None:
    value = row[column]
    return value if isinstance(value, float) else None


def _clock_of(path: Path, first: float) -> _Clock:
    """By the server log beside the file, else by the anchor for the first request."""
    said = about.beside(path)
    log = _server_log_beside(path)
    if said.anchor is None and log is not None:
        for entry in _entries(log):
            clock = _tied(entry, said)
            # The run whose server was up when the first request was sent.
            if clock is not None and first <= clock.reading:
                return clock
    start = about.anchor_needed(path, said, "its clock counts from the boot of a machine")
    return _Clock(first, start, said.model)


def _tied(entry: Mapping[str, Any], said: about.About) -> _Clock | None:
    """The moment that an entry of the server log was written."""
    query = entry.get("0")
    reading = query.get("env_timestamp") if isinstance(query, dict) else None
    try:
        instant = said.utc_of(datetime.fromisoformat(str(entry.get("log time"))))
        seconds = figures.positive(reading, "env_timestamp")
    except (UsageError, ValueError, OverflowError):
        return None
    model = figures.name(entry, "model path")
    named = said.model or (PurePath(model).name if model else None)
    return None if seconds is None else _Clock(seconds, instant, named)


def _server_log_beside(path: Path) -> Path | None:
    beside = (path.with_name(name) for name in SERVER_LOGS)
    return next((log for log in beside if log.is_file()), None)


def _is_server_log(preview: Preview) -> bool:
    return b'"log time"' in preview.head and heads.keys_of(preview.text) >= SERVER_KEYS


def _entries(log: Path) -> list[Mapping[str, Any]]:
    """The objects of a server log, which stand one behind the other."""
    with open_decompressed(log) as stream:
        text = stream.read(LARGEST_SUMMARY_BYTES).decode("utf-8-sig", "replace")
    found: list[Mapping[str, Any]] = []
    decoder, position = json.JSONDecoder(), len(text) - len(text.lstrip())
    try:
        while position < len(text):
            entry, position = decoder.raw_decode(text, position)
            found.append(entry if isinstance(entry, dict) else {})
            position = _BLANK.match(text, position).end()  # type: ignore[union-attr]
    except (ValueError, RecursionError):
        raise LandingFileError(
            log, "it is not JSON objects one behind the other.", "Ship it again, whole."
        ) from None
    return found
