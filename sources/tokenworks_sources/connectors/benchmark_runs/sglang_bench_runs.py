"""SGLang `bench_serving` results, one run a line, into `benchmark_runs`.

What the emitter gets wrong, and what is done about it:

- A run does not say when it was; the `anchor` of an `about.yaml` beside the file does for the first
  one, and each next run is placed where the one before it was over (see `sglang_bench`).
- `request_rate` is `Infinity`, or the text `trace`, where it was not set.
- `total_output_tokens` is what was asked for where the server does not count;
  `total_output_tokens_retokenized` is an estimate of the client. The former is taken.
- `concurrency` is the mean that was measured; `max_concurrency` what was asked for, which is taken.
- Failed requests are not counted.

Lines that hold arrays of details are runs all the same; a file that begins with one is read by
`sglang_bench`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.benchmarks import figures, summary
from tokenworks_sources.connectors.benchmarks.detail import KNOWN_BY
from tokenworks_sources.connectors.requests.sglang_bench import NO_DATE, after, is_run
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.rows import Rows

LATENCIES = {"ttft": ("ttft",), "tpot": ("tpot",), "itl": ("itl",), "e2e": ("e2e_latency",)}
_COUNTS = {
    "concurrency": "max_concurrency",
    "requests_succeeded": "completed",
    "input_tokens": "total_input_tokens",
    "output_tokens": "total_output_tokens",
}
_DRAWN = {"input_length_tokens": "random_input_len", "output_length_tokens": "random_output_len"}
_RATES = {
    "requests_per_second": "request_throughput",
    "input_tokens_per_second": "input_throughput",
    "output_tokens_per_second": "output_throughput",
    "tokens_per_second": "total_throughput",
}


@dataclass(frozen=True)
class SglangBenchRuns:
    """See the module's docstring."""

    name: str = "sglang_bench_runs"
    table: str = "benchmark_runs"
    tables: tuple[str, ...] = ("benchmark_runs",)
    version: str = "3"
    summary: str = "SGLang bench_serving results without details, JSONL"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the first run, without the arrays of details."""
        keys = is_run(preview)
        return f"an SGLang benchmark without {KNOWN_BY}" if keys and KNOWN_BY not in keys else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the `about.yaml` beside the file."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one run."""
        said = about.beside(file.path)
        start = about.anchor_needed(file.path, said, NO_DATE)
        rows = Rows(sink, self.table, {"tool": "sglang_bench", "clock": "relative"})
        for number, run in summary.objects_of(file.path, sink.scratch):
            if run is None:
                sink.reject(number, "not a result of SGLang's benchmark", "")
                continue
            try:
                row = _row(run, said, start)
            except UsageError as error:
                sink.reject(number, str(error), "")
                continue
            rows.add(number, "", {**row, "run_id": f"{file.content_digest[:16]}-{number}"})
            start = after(file.path, start, run.get("duration"))
        rows.close()


CONNECTOR = SglangBenchRuns()


def _row(run: Mapping[str, object], said: about.About, start: datetime) -> dict[str, object]:
    rate = run.get("request_rate")
    return {
        **summary.span(start, figures.positive(run.get("duration"), "duration")),
        "model": figures.name(run, "model_id", "model") or said.model,
        "backend": figures.name(run, "backend"),
        "request_rate_per_second": None
        if isinstance(rate, str)
        else figures.number(rate, "request_rate"),
        **summary.counts(run, _COUNTS),
        **summary.rates(run, _RATES | (_DRAWN if _draws(run) else {})),
        **summary.latencies(run, LATENCIES, "{statistic}_{metric}_ms", 1_000),
    }


def _draws(run: Mapping[str, object]) -> bool:
    """Whether the run drew its lengths; other data sets leave the tool's defaults unused."""
    data = run.get("dataset_name")
    return data is None or (isinstance(data, str) and data.startswith("random"))
