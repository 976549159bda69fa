"""vLLM `bench serve` and `benchmark_serving.py` with details (`--save-detailed`) into `requests`.

What the emitter gets wrong, and what is done about it:

- `date` (`20250711-120000`) is local time without a zone, read when the run was over. By rule it is
  UTC, the clock of nearly every container, unless an `about.yaml` beside the file names the `zone`;
  `anchor` there says when the run began. Else it began `duration` seconds before `date`.
- Older versions do not write when a request was sent: all of them stand at the begin of the run.
  `start_times` of newer ones are on a clock that starts anywhere; the earliest falls on the begin.
  So `clock` is relative, and only latencies and counts are good to less than a second.
- A failed request keeps its place in every array, with 0 tokens, a `ttft` of 0.0 and a text in
  `errors`; its latencies are unknown, and the text is never read.
- `itls` are gaps between chunks, not tokens, where several tokens come at once (speculative decoding).
  Their sum is the time from first to last token either way.
- With `--append-result` several runs stand in one file, one a line.

Files without the arrays are read by `vllm_bench_runs`. `generated_texts` is never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.benchmarks import figures, heads
from tokenworks_sources.connectors.benchmarks.detail import (
    KNOWN_BY,
    Detail,
    constants_of,
    write_requests,
)
from tokenworks_sources.connectors.json.in_place import values_of
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.rows import Rows

RUN_KEYS = frozenset(("date", "model_id", "num_prompts", "duration", "completed"))
DATE_FORM = "%Y%m%d-%H%M%S"


def is_run(preview: Preview) -> frozenset[str]:
    """The keys of a result of vLLM's benchmark, or none where it is something else."""
    return heads.keys_of_run(preview, b'"num_prompts"', RUN_KEYS)


def begin_of(record: Mapping[str, object], said: about.About, path: Path) -> datetime:
    """When a run began, as naive UTC.

    Raises:
        LandingFileError: neither the record nor the sidecar tells.
    """
    if said.anchor is not None:
        return said.anchor
    try:
        over = datetime.strptime(str(record.get("date")), DATE_FORM)
        begun = over - timedelta(seconds=figures.number(record.get("duration"), "duration") or 0)
        return said.utc_of(begun)
    except (UsageError, ValueError, OverflowError):
        return about.anchor_needed(path, said, "its `date` is no date of the form 20250711-120000")


class _Run(Detail):
    date: str | None = None
    duration: object = None
    model_id: str | None = None


@dataclass(frozen=True)
class VllmBench:
    """See the module's docstring."""

    name: str = "vllm_bench"
    table: str = "requests"
    tables: tuple[str, ...] = ("requests",)
    version: str = "4"
    summary: str = "vLLM benchmark results with details (--save-detailed), JSON"

    def recognise(self, preview: Preview) -> str | None:
        """By its keys, the arrays among them."""
        return f"a vLLM benchmark with {KNOWN_BY}" if KNOWN_BY in is_run(preview) else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the `about.yaml` beside the file."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one request."""
        said = about.beside(file.path)
        lines = count(1)
        constants = constants_of(self.name, file)
        for number, run in values_of(file.path, _Run, sink.scratch):
            if run is None:
                sink.reject(number, "not a result of vLLM's benchmark", "")
                continue
            run.check(file.path)
            if not run.input_lens:
                sink.skip("a run without arrays", 1)
                continue
            start = begin_of({"date": run.date, "duration": run.duration}, said, file.path)
            model = {"model_requested": run.model_id or said.model}
            rows = Rows(sink, self.table, constants | model)
            write_requests(run, start, file.content_digest[:16], lines, rows, sink)
            rows.close()


CONNECTOR = VllmBench()
