"""AIPerf: `profile_export.jsonl`, one line per request, into `requests`.

What the emitter gets wrong, and what is done about it:

- Times are epoch nanoseconds, too long for a float; they stay integers and are cut to microseconds.
- Warm-up requests stand among the others (`benchmark_phase`); they are skipped, and counted.
- Every metric is `{value, unit}`, lists among them; a key is missing where there is nothing to measure
  (`inter_token_latency` of a single token). What is missing is unknown. Of lists only `inter_chunk_latency` is
  read, the gaps between chunks, for its mean.
- `inter_token_latency` is the mean of one request, which the lake calls time per output token.
- Tokens are counted by the client's tokenizer (`input_sequence_length`, ...) and, where the server
  tells, by the server (`usage_...`). The server's count is taken: it holds the chat template.
- A failed request has `error` and perhaps `error_isl` alone, a cancelled one an error beside
  `was_cancelled`; older versions tell it by the error's class. Only the class of the error is read, or its
  code: the message may quote the prompt.
- `request_end_ns` of a failed request was read, in older versions, from a clock that starts anywhere: an
  end before the begin is unknown.
- The first releases have other names: `timestamp_ns` and `credit_phase`, `ttft`, and the end as a metric,
  `max_response_timestamp`.
- `context_overflow_skip`: the server refused the prompt as too long, and the summary leaves it out: `rejected`.
- The model is in no line: `model` of an `about.yaml` beside it names it. The deployment is the
  folder of the file, because AIPerf names all its files alike.

The summaries beside it (`profile_export_aiperf.json`, `.csv`) are read by `aiperf_summary`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

import msgspec

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.benchmarks import figures, heads, moments
from tokenworks_sources.connectors.json.in_place import lines_of
from tokenworks_sources.connectors.requests.usage import UsageError, inclusive
from tokenworks_sources.connectors.rows import Rows

KNOWN_BY = ("metadata", "metrics")
# By release, the newest first.
KNOWN_INSIDE = (("benchmark_phase", "request_start_ns"), ("credit_phase", "timestamp_ns"))
MEASURED = "profiling"
WARM_UP = "warm-up request"
CANCELLED = "RequestCancellationError"
RAW_BYTES = 2_000


@dataclass(frozen=True)
class AiPerf:
    """See the module's docstring."""

    name: str = "aiperf"
    table: str = "requests"
    tables: tuple[str, ...] = ("requests",)
    version: str = "5"
    summary: str = "AIPerf profile_export.jsonl, one line per request"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the first line and of its metadata."""
        first = preview.first_line
        for names in KNOWN_INSIDE:
            if not all(f'"{key}"' in first for key in names):
                continue
            inside = set(names) <= heads.keys_of(first, "{{")
            if inside and set(KNOWN_BY) <= heads.keys_of(first):
                return f"keys metadata and metrics, with {', '.join(names)}"
        return None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the `about.yaml` beside the file."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one line that is not blank."""
        constants = {
            "emitter": self.name,
            "clock": "utc",
            "model_requested": about.beside(file.path).model,
            "deployment_key": PurePath(file.name).parent.name,
        }
        rows = Rows(sink, self.table, constants)
        for number, line in lines_of(file.path, sink.scratch):
            try:
                record = msgspec.json.decode(line, type=_Record)
                row = _row(record, f"{file.content_digest[:16]}-{number}")
            except UsageError as error:
                sink.reject(number, str(error), bytes(line[:RAW_BYTES]))
                continue
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                known = isinstance(error, msgspec.ValidationError)
                reason = "not a record of AIPerf" if known else "not JSON"
                sink.reject(number, reason, bytes(line[:RAW_BYTES]))
                continue
            if row is None:
                sink.skip(WARM_UP, 1)
            else:
                rows.add(number, _raw(record), row)
        rows.close()


CONNECTOR = AiPerf()


class _Metadata(msgspec.Struct):
    request_start_ns: int | None = None
    timestamp_ns: int | None = None
    request_end_ns: int | None = None
    x_request_id: str | None = None
    x_correlation_id: str | None = None
    conversation_id: str | None = None
    root_correlation_id: str | None = None
    benchmark_phase: str | None = None
    credit_phase: str = MEASURED
    was_cancelled: bool = False
    context_overflow_skip: bool = False


class _Error(msgspec.Struct):
    code: int | str | None = None
    type: str | None = None


class _Record(msgspec.Struct):
    metadata: _Metadata
    metrics: dict[str, msgspec.Raw] = {}
    error: _Error | None = None


class _Metric(msgspec.Struct):
    value: Any = None
    unit: str | None = None


def _row(record: _Record, own_id: str) -> dict[str, object] | None:
    """The request of a record; None for a warm-up.

    Raises:
        UsageError: a figure is none.
    """
    about, metrics = record.metadata, _Metrics(record.metrics)
    phase = about.benchmark_phase or about.credit_phase
    if phase == "warmup":
        return None
    if phase != MEASURED:
        raise UsageError("benchmark_phase: not warmup or profiling")
    begun = about.timestamp_ns if about.request_start_ns is None else about.request_start_ns
    if begun is None:
        raise UsageError("request_start_ns: missing")
    classes = inclusive(
        input_total=metrics.tokens("usage_prompt_tokens", "input_sequence_length", "error_isl"),
        cache_read=metrics.tokens("usage_prompt_cache_read_tokens", "usage_prompt_cached_tokens"),
        cache_write=metrics.tokens("usage_prompt_cache_write_tokens"),
        output_total=metrics.tokens("usage_completion_tokens", "output_sequence_length"),
        reasoning=metrics.tokens("usage_reasoning_tokens", "reasoning_token_count"),
    )
    ttft = metrics.seconds("time_to_first_token", "ttft")
    started_at = _instant(begun, "request_start_ns")
    return {
        "request_id": about.x_request_id or own_id,
        "session_id": about.x_correlation_id or about.conversation_id,
        "trace_id": about.root_correlation_id,
        "started_at": started_at,
        "first_token_at": moments.later(started_at, ttft),
        "ended_at": _end(begun, about.request_end_ns, metrics),
        "ttft_seconds": ttft,
        "ttfo_seconds": metrics.seconds("time_to_first_output_token"),
        "icl_seconds": metrics.mean_seconds("inter_chunk_latency"),
        "tpot_seconds": metrics.seconds("inter_token_latency"),
        "e2e_seconds": metrics.seconds("request_latency"),
        "input_total_tokens": classes.input_total,
        "input_cache_read_tokens": classes.input_cache_read,
        "input_cache_write_tokens": classes.input_cache_write,
        "output_total_tokens": classes.output_total,
        "output_reasoning_tokens": classes.output_reasoning,
        "is_streaming": True if ttft is not None else None,
        **_outcome(record),
    }


def _outcome(record: _Record) -> dict[str, object]:
    error = record.error
    kind = None
    if error is not None:
        kind = figures.class_name(error.type) or figures.class_name(error.code) or "error"
    if record.metadata.context_overflow_skip:
        return {"status": "rejected", "error_type": kind or "context_overflow"}
    if record.metadata.was_cancelled or kind == CANCELLED:
        return {"status": "cancelled", "error_type": kind}
    return {"status": "failure" if error else "success", "error_type": kind}


def _end(begun: int, ended: int | None, metrics: _Metrics) -> datetime | None:
    if ended is None:
        ended = metrics.nanoseconds("max_response_timestamp")
    return None if ended is None or ended < begun else _instant(ended, "request_end_ns")


def _instant(nanoseconds: int, field: str) -> datetime:
    try:
        return moments.instant(nanoseconds)
    except OverflowError:
        raise UsageError(f"{field}: not a time") from None


@dataclass(frozen=True)
class _Metrics:
    """The metrics of a record; those that are not asked for are never decoded."""

    raw: dict[str, msgspec.Raw]

    def _metric(self, name: str) -> _Metric:
        given = self.raw.get(name)
        if given is None:
            return _Metric()
        try:
            return msgspec.json.decode(given, type=_Metric)
        except msgspec.DecodeError:
            raise UsageError(f"{name}: not a value and a unit") from None

    def tokens(self, *names: str) -> int | None:
        """The first of these counts that is there."""
        counts = (figures.whole(self._metric(name).value, name) for name in names)
        return next((count for count in counts if count is not None), None)

    def seconds(self, *names: str) -> float | None:
        """The first of these durations that is there, in seconds."""
        name = next((name for name in names if name in self.raw), names[0])
        metric = self._metric(name)
        return figures.seconds(metric.value, metric.unit, name)

    def mean_seconds(self, name: str) -> float | None:
        """The mean of these durations, in seconds; some versions give just that."""
        metric = self._metric(name)
        return figures.seconds(figures.mean(metric.value, name), metric.unit, name)

    def nanoseconds(self, name: str) -> int | None:
        """A moment of the clock, whole and in nanoseconds; unknown where it is neither."""
        metric = self._metric(name)
        is_whole = isinstance(metric.value, int) and not isinstance(metric.value, bool)
        return metric.value if is_whole and metric.unit == "ns" else None


def _raw(record: _Record) -> str:
    """What a reject may show: times, and no error."""
    shown = {"request_start_ns": record.metadata.request_start_ns}
    return msgspec.json.encode(shown).decode()
