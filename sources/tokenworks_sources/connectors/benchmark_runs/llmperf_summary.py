"""llmperf `…_summary.json` into `benchmark_runs`.

What the emitter gets wrong, and what is done about it:

- `timestamp` is when the summary was written, in epoch seconds; the run was over then. How long it took
  follows from `results_num_completed_requests_per_min`, where that is; else its begin is unknown and
  `timestamp` stands for it. Without a timestamp, the `anchor` of an `about.yaml` is the begin.
- Figures leave out failed requests; those are counted in `results_number_errors`.
- `inter_token_latency_s` is the whole latency over all output tokens; it is neither of the lake's
  times per token, and is not taken.
- `results_mean_output_throughput_token_per_s` is tokens of completed requests over the whole run;
  `request_output_throughput` is per request, and not taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.benchmarks import figures, heads, moments, summary
from tokenworks_sources.connectors.json.document import read_summary
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.rows import Rows

KNOWN_BY = frozenset(
    ("version", "mean_input_tokens", "num_concurrent_requests", "results_ttft_s_mean")
)
_LATENCIES = {"ttft": ("ttft_s",), "e2e": ("end_to_end_latency_s",)}
_COUNTS = {
    "concurrency": "num_concurrent_requests",
    "requests_total": "results_num_requests_started",
    "requests_succeeded": "results_num_completed_requests",
    "requests_failed": "results_number_errors",
}
_RATES = {
    "input_length_tokens": "mean_input_tokens",
    "output_length_tokens": "mean_output_tokens",
    "output_tokens_per_second": "results_mean_output_throughput_token_per_s",
}
_PER_MINUTE = "results_num_completed_requests_per_min"


@dataclass(frozen=True)
class LlmPerfSummary:
    """See the module's docstring."""

    name: str = "llmperf_summary"
    table: str = "benchmark_runs"
    tables: tuple[str, ...] = ("benchmark_runs",)
    version: str = "2"
    summary: str = "llmperf summary JSON"

    def recognise(self, preview: Preview) -> str | None:
        """By its keys."""
        if b'"results_ttft_s_mean"' not in preview.head:
            return None
        known = heads.keys_of(preview.text) >= KNOWN_BY
        return f"keys {', '.join(sorted(KNOWN_BY))}" if known else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the `about.yaml` beside the file."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; the file is one record."""
        run, said = read_summary(file.path), about.beside(file.path)
        sink.expect(1)
        rows = Rows(sink, self.table, {"tool": "llmperf", "run_id": file.content_digest[:16]})
        try:
            rows.add(1, "", _row(run, said, file.path))
        except UsageError as error:
            sink.reject(1, str(error), "")
        rows.close()


CONNECTOR = LlmPerfSummary()


def _row(run: Mapping[str, object], said: about.About, path: Path) -> dict[str, object]:
    completed = figures.positive(run.get("results_num_completed_requests"), "completed")
    per_minute = figures.positive(run.get(_PER_MINUTE), _PER_MINUTE)
    duration = 60 * completed / per_minute if completed and per_minute else None
    return {
        **_span(run, said, path, duration),
        "model": figures.name(run, "model") or said.model,
        "backend": figures.name(run, "framework"),
        "requests_per_second": None if per_minute is None else per_minute / 60,
        **summary.counts(run, _COUNTS),
        **summary.rates(run, _RATES),
        **summary.latencies(run, _LATENCIES, "results_{metric}_{statistic}", 1),
        **summary.latencies(run, _LATENCIES, "results_{metric}_quantiles_{statistic}", 1),
    }


def _span(
    run: Mapping[str, object], said: about.About, path: Path, duration: float | None
) -> dict[str, object]:
    over = figures.whole(run.get("timestamp"), "timestamp")
    if said.anchor is not None or over is None:
        start = about.anchor_needed(path, said, "it has no timestamp")
        return {"clock": "relative", **summary.span(start, duration)}
    try:
        ended_at = moments.instant(over * 1_000_000_000)
    except OverflowError:
        raise UsageError("timestamp: not a time") from None
    start_at = moments.later(ended_at, -(duration or 0.0))
    return {
        "clock": "utc",
        "started_at": start_at,
        "ended_at": ended_at,
        "duration_seconds": duration,
    }
