"""SGLang `bench_serving` with details (`--output-details`) into `requests`.

What the emitter gets wrong, and what is done about it:

- A file holds one run a line, because results are appended, and a run does not say when it was. The
  `anchor` of an `about.yaml` beside the file says when the first one began; each next run is placed
  where the one before it was over, as the pause between them is not in the file.
- It does not write when a request was sent: all requests of a run stand at its begin. So `clock` is
  relative, and only latencies and counts are good.
- A failed request keeps its place in every array, with 0 tokens, a `ttft` of 0.0 and a text in
  `errors`; its latencies are unknown, and the text is never read.
- The model is in no older line: `model` of the sidecar names it.

Files without the arrays are read by `sglang_bench_runs`. `generated_texts` is never read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.benchmarks import figures, heads, moments
from tokenworks_sources.connectors.benchmarks.detail import (
    KNOWN_BY,
    Detail,
    constants_of,
    write_requests,
)
from tokenworks_sources.connectors.json.in_place import values_of
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.rows import Rows
from tokenworks_sources.errors import LandingFileError

RUN_KEYS = frozenset(("backend", "duration", "completed", "total_output_tokens_retokenized"))
NO_DATE = "a result of SGLang's benchmark has no date"


def is_run(preview: Preview) -> frozenset[str]:
    """The keys of a result of SGLang's benchmark, or none where it is something else."""
    return heads.keys_of_run(preview, b'"total_output_tokens_retokenized"', RUN_KEYS)


class _Run(Detail):
    duration: object = None
    model_id: str | None = None


@dataclass(frozen=True)
class SglangBench:
    """See the module's docstring."""

    name: str = "sglang_bench"
    table: str = "requests"
    tables: tuple[str, ...] = ("requests",)
    version: str = "4"
    summary: str = "SGLang bench_serving results with details (--output-details), JSONL"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the first run, the arrays among them."""
        return f"an SGLang benchmark with {KNOWN_BY}" if KNOWN_BY in is_run(preview) else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the `about.yaml` beside the file."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one request."""
        said = about.beside(file.path)
        start = about.anchor_needed(file.path, said, NO_DATE)
        lines = count(1)
        constants = constants_of(self.name, file)
        for number, run in values_of(file.path, _Run, sink.scratch):
            if run is None:
                sink.reject(number, "not a result of SGLang's benchmark", "")
                continue
            run.check(file.path)
            if not run.input_lens:
                sink.skip("a run without arrays", 1)
            rows = Rows(
                sink, self.table, constants | {"model_requested": run.model_id or said.model}
            )
            write_requests(run, start, file.content_digest[:16], lines, rows, sink)
            rows.close()
            start = after(file.path, start, run.duration)


CONNECTOR = SglangBench()


def after(path: Path, start: datetime, duration: object) -> datetime:
    """Where the run behind this one is placed.

    Raises:
        LandingFileError: the duration is none.
    """
    try:
        end = moments.later(start, figures.number(duration, "duration") or 0.0)
    except UsageError:
        end = None
    if end is None:
        raise LandingFileError(path, "the duration of a run is none.", "Write the file again.")
    return end
