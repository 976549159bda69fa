"""AIPerf and genai-perf summaries (`profile_export_aiperf.json`, `.csv`) into `benchmark_runs`.

What the emitter gets wrong, and what is done about it:

- Both files hold the same run, so both get the same `run_id`: the first request's time in nanoseconds,
  which JSON holds as a float and CSV with two decimals, alike to the last digit. The CSV names neither
  model nor concurrency, and rounds to two decimals.
- `min_request_timestamp` is an instant; `start_time` is local time without a zone. The former is taken;
  older files have only the latter, which is UTC by rule unless an `about.yaml` beside the file names
  the `zone`. genai-perf and older CSV have neither: the `anchor` of that file is the begin.
- `inter_token_latency` is one mean per request, the lake's time per output token; the time between two
  chunks is `inter_chunk_latency`.
- `request_count` counts valid requests, and there is none where all failed, nor any latency. Failed ones have
  a count of their own only where there were any.
- Throughput may be over the whole phase with its grace period, which is longer than `benchmark_duration`;
  it is taken as printed.
- A CSV holds several tables with different headers, parted by blank lines; tables of GPU telemetry follow.
- Warm-up requests are in neither (`warmup_metrics` is not read).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.benchmarks import figures, heads, moments
from tokenworks_sources.connectors.json.document import LARGEST_SUMMARY_BYTES, read_summary
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.rows import Rows
from tokenworks_sources.contracts.benchmark_runs import STATISTICS
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed, preview_of

JSON_KEYS = frozenset(("request_throughput", "request_latency"))
ALL_FAILED_KEYS = frozenset(("aiperf_version", "error_request_count", "error_summary"))
MARKS = (b'"request_latency"', b'"error_request_count"')
CSV_HEADER = "Metric,avg,min,max,"
LONGEST_METRIC = 200
_LATENCIES = {
    "ttft": "time_to_first_token",
    "tpot": "inter_token_latency",
    "itl": "inter_chunk_latency",
    "e2e": "request_latency",
}
_COUNTS = {
    "requests_succeeded": ("request_count",),
    "requests_failed": ("error_request_count",),
    "input_tokens": ("total_isl", "total_input_sequence_length"),
    "output_tokens": ("total_osl", "total_output_tokens"),
}
_RATES = {
    "requests_per_second": "request_throughput",
    "input_tokens_per_second": "input_token_throughput",
    "output_tokens_per_second": "output_token_throughput",
    "tokens_per_second": "total_token_throughput",
}
# What tables of a CSV call the metrics that are read, but for case and spaces.
_HEADER = re.compile(r"^(?P<name>[^(]*?)\s*(?:\((?P<unit>[^()]*)\))?$")

Metrics = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class AiPerfSummary:
    """See the module's docstring."""

    name: str = "aiperf_summary"
    table: str = "benchmark_runs"
    tables: tuple[str, ...] = ("benchmark_runs",)
    version: str = "3"
    summary: str = "AIPerf and genai-perf summaries, profile_export_aiperf.json or .csv"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the JSON, or the header of the first table of the CSV."""
        if preview.first_line.startswith(CSV_HEADER):
            known = "Request Latency (ms)" in (preview.text or "")
            return f"a table of metrics that begins {CSV_HEADER}…" if known else None
        if not any(mark in preview.head for mark in MARKS):
            return None
        keys = heads.keys_of(preview.text)
        for known_by in (JSON_KEYS, ALL_FAILED_KEYS):
            if known_by <= keys:
                return f"keys {' and '.join(sorted(known_by))}"
        return None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the `about.yaml` beside the file."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; the file is one record."""
        said = about.beside(file.path)
        sink.expect(1)
        rows = Rows(sink, self.table, {"run_id": file.content_digest[:16]})
        try:
            if preview_of(file.path).first_line.startswith(CSV_HEADER):
                facts: Mapping[str, Any] = {}
                metrics = _tables(file.path)
            else:
                facts = read_summary(file.path)
                metrics = {key: value for key, value in facts.items() if isinstance(value, dict)}
            rows.add(1, "", _row(metrics, facts, said, file.path))
        except UsageError as error:
            sink.reject(1, str(error), "")
        rows.close()


CONNECTOR = AiPerfSummary()


def _tables(path: Path) -> Metrics:
    """The metrics of a CSV under the names that JSON gives them."""
    with open_decompressed(path) as stream:
        text = stream.read(LARGEST_SUMMARY_BYTES).decode("utf-8-sig", "replace")
    found: dict[str, dict[str, Any]] = {}
    header: list[str] = []
    try:
        table = list(csv.reader(text.splitlines()))
    except csv.Error:
        raise LandingFileError(
            path, "its tables are not CSV.", "It may have been cut off: ship it again, whole."
        ) from None
    for row in table:
        if not row or row[0] == "Metric":
            header = row
        elif header and len(row) == len(header) and len(row[0]) <= LONGEST_METRIC:
            named = _HEADER.match(row[0])
            if named is None:
                continue
            key = re.sub(r"[^a-z0-9]+", "_", named["name"].lower()).strip("_")
            values = dict(zip(header[1:], row[1:], strict=True))
            numbers = {
                "avg" if name == "Value" else name: _number(value) for name, value in values.items()
            }
            found[_CSV_NAMES.get(key, key)] = {**numbers, "unit": named["unit"]}
    return found


_CSV_NAMES = {
    "minimum_request_timestamp": "min_request_timestamp",
    "maximum_response_timestamp": "max_response_timestamp",
    "total_input_sequence_length": "total_isl",
    "total_output_sequence_length": "total_osl",
}


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def _row(
    metrics: Metrics, facts: Mapping[str, Any], said: about.About, path: Path
) -> dict[str, object]:
    row: dict[str, object] = {
        "tool": "aiperf"
        if "aiperf_version" in facts or "min_request_timestamp" in metrics
        else "genai_perf",
        **_span(metrics, facts, said, path),
        **_setup(facts, said),
    }
    for column, keys in _COUNTS.items():
        counts = (figures.whole(_average(metrics, key), key) for key in keys)
        row[column] = next((count for count in counts if count is not None), None)
    if row["requests_failed"] is None and facts.get("error_summary") == []:
        row["requests_failed"] = 0
    if row["requests_failed"] and "request_latency" not in metrics:
        row["requests_succeeded"] = row["requests_succeeded"] or 0
    for column, key in _RATES.items():
        row[column] = figures.number(_average(metrics, key), key)
    for metric, key in _LATENCIES.items():
        given = metrics.get(key, {})
        for statistic in STATISTICS:
            value = given.get("avg" if statistic == "mean" else statistic)
            row[f"{metric}_{statistic}_seconds"] = figures.seconds(value, given.get("unit"), key)
    return row


def _average(metrics: Metrics, key: str) -> object:
    return metrics.get(key, {}).get("avg")


def _setup(facts: Mapping[str, Any], said: about.About) -> dict[str, object]:
    config = _inner(facts, "input_config")
    endpoint, load = _inner(config, "endpoint"), _inner(config, "loadgen")
    models = endpoint.get("model_names")
    model = models[0] if isinstance(models, list) and len(models) == 1 else None
    rate = load.get("request_rate")
    return {
        "model": model if isinstance(model, str) else said.model,
        "concurrency": figures.whole(load.get("concurrency"), "concurrency"),
        "request_rate_per_second": figures.number(rate, "request_rate"),
    }


def _inner(facts: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = facts.get(key)
    return value if isinstance(value, dict) else {}


def _span(
    metrics: Metrics, facts: Mapping[str, Any], said: about.About, path: Path
) -> dict[str, object]:
    length = metrics.get("benchmark_duration", {})
    duration = figures.seconds(length.get("avg"), length.get("unit"), "benchmark_duration")
    first = figures.positive(_average(metrics, "min_request_timestamp"), "min_request_timestamp")
    last = figures.positive(_average(metrics, "max_response_timestamp"), "max_response_timestamp")
    if first is not None:
        return {
            "run_id": str(int(first)),
            "clock": "utc",
            "started_at": _instant(first),
            "ended_at": None if last is None else _instant(last),
            "duration_seconds": duration,
        }
    start, clock = _local(facts.get("start_time"), said), "utc"
    if start is None or said.anchor is not None:
        start, clock = (
            about.anchor_needed(path, said, "it has neither timestamps nor start_time"),
            "relative",
        )
    named = figures.name(facts, "benchmark_id")
    return {
        **({"run_id": named} if named else {}),
        "clock": clock,
        "started_at": start,
        "ended_at": _local(facts.get("end_time"), said) if clock == "utc" else None,
        "duration_seconds": duration,
    }


def _instant(nanoseconds: float) -> datetime:
    try:
        return moments.instant(int(nanoseconds))
    except OverflowError:
        raise UsageError("min_request_timestamp: not a time") from None


def _local(text: object, said: about.About) -> datetime | None:
    try:
        return said.utc_of(datetime.fromisoformat(text)) if isinstance(text, str) else None
    except (ValueError, OverflowError):
        return None
