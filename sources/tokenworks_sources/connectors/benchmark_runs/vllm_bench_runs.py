"""vLLM `bench serve` and `benchmark_serving.py` without details into `benchmark_runs`.

What the emitter gets wrong, and what is done about it:

- `date` (`20250711-120000`) is local time without a zone, read when the run was over; see `vllm_bench`
  for the rule.
- Latencies are milliseconds under names that end in `_ms`; copies that others have shortened hold
  seconds under the bare names. Which percentiles there are was an option of the run.
- A run in which every request failed has 0.0 for every latency: unknown, not fast.
- `request_rate` is the text `inf` where all requests were sent at once, and one key is spelled
  `request_goodput:`. Goodput and standard deviations are not taken.
- Older versions do not count failures; only newer ones write `failed`.
- With `--append-result` several runs stand in one file, one a line.

Files with the arrays of `--save-detailed` are read by `vllm_bench`; the summary in them can be computed
from the requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.benchmarks import figures, summary
from tokenworks_sources.connectors.benchmarks.detail import KNOWN_BY
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.requests.vllm_bench import begin_of, is_run
from tokenworks_sources.connectors.rows import Rows

LATENCIES = {"ttft": ("ttft",), "tpot": ("tpot",), "itl": ("itl",), "e2e": ("e2el",)}
_COUNTS = {
    "concurrency": "max_concurrency",
    "requests_total": "num_prompts",
    "requests_succeeded": "completed",
    "requests_failed": "failed",
    "input_tokens": "total_input_tokens",
    "output_tokens": "total_output_tokens",
}
_RATES = {
    "requests_per_second": "request_throughput",
    "input_tokens_per_second": "input_throughput",
    "output_tokens_per_second": "output_throughput",
    "tokens_per_second": "total_token_throughput",
}


@dataclass(frozen=True)
class VllmBenchRuns:
    """See the module's docstring."""

    name: str = "vllm_bench_runs"
    table: str = "benchmark_runs"
    tables: tuple[str, ...] = ("benchmark_runs",)
    version: str = "2"
    summary: str = "vLLM benchmark results without details, JSON"

    def recognise(self, preview: Preview) -> str | None:
        """By its keys, without the arrays of details."""
        keys = is_run(preview)
        return f"a vLLM benchmark without {KNOWN_BY}" if keys and KNOWN_BY not in keys else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the `about.yaml` beside the file."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one run."""
        said = about.beside(file.path)
        rows = Rows(sink, self.table, {"tool": "vllm_bench", "clock": "utc"})
        for number, run in summary.objects_of(file.path, sink.scratch):
            if run is None:
                sink.reject(number, "not a result of vLLM's benchmark", "")
                continue
            try:
                row = _row(run, said, file.path)
            except UsageError as error:
                sink.reject(number, str(error), "")
                continue
            rows.add(number, "", {"run_id": f"{file.content_digest[:16]}-{number}", **row})
        rows.close()


CONNECTOR = VllmBenchRuns()


def _row(run: Mapping[str, object], said: about.About, path: Path) -> dict[str, object]:
    duration = figures.positive(run.get("duration"), "duration")
    return {
        **summary.span(begin_of(run, said, path), duration),
        "model": figures.name(run, "model_id") or said.model,
        "backend": figures.name(run, "backend", "endpoint_type"),
        "request_rate_per_second": request_rate(run.get("request_rate")),
        **summary.counts(run, _COUNTS),
        **summary.rates(run, _RATES),
        **summary.latencies(run, LATENCIES, "{statistic}_{metric}", 1),
        **summary.latencies(run, LATENCIES, "{statistic}_{metric}_ms", 1_000),
    }


def request_rate(value: object) -> float | None:
    """Requests per second, or None where they were sent at once.

    Raises:
        UsageError: it is neither a number nor the text of infinity.
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise UsageError("request_rate: not a number") from None
    return figures.number(value, "request_rate")
