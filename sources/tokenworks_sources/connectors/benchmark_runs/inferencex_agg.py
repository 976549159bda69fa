"""InferenceX (InferenceMAX) aggregates, `agg_….json`, into `benchmark_runs`.

What the emitter gets wrong, and what is done about it:

- Nothing in the file says when the run was. The `anchor` of an `about.yaml` beside it does; without
  one the file is refused.
- Latencies are seconds under bare names. Fixed-length runs say `e2el` and `conc`; agentic ones say
  `ttlt` (time to last token) and `users`.
- Agentic aggregates hold successful requests alone, and leave requests without a first token out of
  `ttft` but not of `ttlt`. `num_requests_total` counts those that were still running at the end too, so
  what is not successful has not all failed.
- Agentic `itl` is the mean time per output token of each request, the lake's time per output token;
  fixed-length runs give both that (`tpot`) and the time between two chunks (`itl`).
- Agentic token totals and throughput are the server's counters, of requests that failed too.
- Throughput is per GPU, over all GPUs of the run; agentic ones give totals too.
- `intvty` is 1 / `tpot` of the same statistic (its p99 is a small number), and is not taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.benchmarks import figures, heads, summary
from tokenworks_sources.connectors.json.document import read_summary
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.rows import Rows

KNOWN_BY = frozenset(("hw", "infmax_model_prefix", "framework", "precision", "tput_per_gpu"))
_FIXED = {"ttft": ("ttft",), "tpot": ("tpot",), "itl": ("itl",), "e2e": ("e2el",)}
_AGENTIC = {"ttft": ("ttft",), "tpot": ("itl",), "e2e": ("ttlt",)}
_NAMES = {"model": "model", "backend": "framework", "hardware": "hw", "precision": "precision"}
_COUNTS = {
    "tensor_parallel": "tp",
    "expert_parallel": "ep",
    "requests_total": "num_requests_total",
    "requests_succeeded": "num_requests_successful",
    "input_tokens": "total_prompt_tokens",
    "output_tokens": "total_generation_tokens",
}
_RATES = {
    "input_length_tokens": "isl",
    "output_length_tokens": "osl",
    "input_tokens_per_second": "input_tput_tps",
    "output_tokens_per_second": "output_tput_tps",
    "tokens_per_second": "total_tput_tps",
    "tokens_per_second_per_gpu": "tput_per_gpu",
    "input_tokens_per_second_per_gpu": "input_tput_per_gpu",
    "output_tokens_per_second_per_gpu": "output_tput_per_gpu",
}


@dataclass(frozen=True)
class InferenceXAgg:
    """See the module's docstring."""

    name: str = "inferencex_agg"
    table: str = "benchmark_runs"
    tables: tuple[str, ...] = ("benchmark_runs",)
    version: str = "2"
    summary: str = "InferenceX aggregates, agg_….json"

    def recognise(self, preview: Preview) -> str | None:
        """By its keys."""
        if b'"infmax_model_prefix"' not in preview.head:
            return None
        known = heads.keys_of(preview.text) >= KNOWN_BY
        return f"keys {', '.join(sorted(KNOWN_BY))}" if known else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the `about.yaml` beside the file."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; the file is one record."""
        run, said = read_summary(file.path), about.beside(file.path)
        start = about.anchor_needed(file.path, said, "an aggregate of InferenceX has no date")
        sink.expect(1)
        constants = {"tool": "inferencex", "run_id": file.content_digest[:16], "clock": "relative"}
        rows = Rows(sink, self.table, constants)
        try:
            duration = figures.positive(run.get("duration_seconds"), "duration_seconds")
            rows.add(1, "", {**summary.span(start, duration), **_row(run)})
        except UsageError as error:
            sink.reject(1, str(error), "")
        rows.close()


CONNECTOR = InferenceXAgg()


def _row(run: Mapping[str, object]) -> dict[str, object]:
    concurrency = run.get("conc") if run.get("conc") is not None else run.get("users")
    return {
        "concurrency": figures.whole(concurrency, "conc, users"),
        **summary.names(run, _NAMES),
        **summary.counts(run, _COUNTS),
        **summary.rates(run, _RATES),
        **summary.latencies(run, _AGENTIC if "users" in run else _FIXED, "{statistic}_{metric}", 1),
    }
