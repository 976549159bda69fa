"""llmperf `individual_responses.json`, one array of requests, into `requests`.

What the emitter gets wrong, and what is done about it:

- It writes no time at all: every request stands at the `anchor` of an `about.yaml` beside the file,
  and only latencies and counts are good. Forks write `start_time` (epoch), which is then the time. Nor
  does it name the model (`model` there).
- A refused request (`error_code` 429) carries a `ttft_s` of 0, a latency of 0 and 1 made-up output
  token; all three are unknown. −100 marks an answer of too few tokens, which llmperf counts as failed
  though it came. `error_msg` and `GEN_TEXT` are never read.
- `inter_token_latency_s` is the whole latency over all output tokens, first token included; it is not
  the time per output token after the first, and is not taken.
- Where a backend sends the answer in one piece, `ttft_s` lies before it and is the time to headers.

Its summaries are read by `llmperf_summary`.
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
from tokenworks_sources.connectors.json.in_place import value_of
from tokenworks_sources.connectors.requests.usage import UsageError
from tokenworks_sources.connectors.rows import Rows

_EPOCH = datetime(1970, 1, 1)
KNOWN_BY = frozenset(("error_code", "ttft_s", "end_to_end_latency_s", "number_input_tokens"))


class _Response(msgspec.Struct):
    error_code: Any = None
    ttft_s: Any = None
    end_to_end_latency_s: Any = None
    number_input_tokens: Any = None
    number_output_tokens: Any = None
    start_time: Any = None


@dataclass(frozen=True)
class LlmPerf:
    """See the module's docstring."""

    name: str = "llmperf"
    table: str = "requests"
    tables: tuple[str, ...] = ("requests",)
    version: str = "3"
    summary: str = "llmperf individual_responses.json"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the first object of an array."""
        if b'"end_to_end_latency_s"' not in preview.head:
            return None
        known = heads.keys_of(preview.text, "[{") >= KNOWN_BY
        return f"an array of objects with {', '.join(sorted(KNOWN_BY))}" if known else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the `about.yaml` beside the file."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one element of the array."""
        responses = value_of(file.path, list[msgspec.Raw], sink.scratch)
        said = about.beside(file.path)
        constants = {
            "emitter": self.name,
            "model_requested": said.model,
            "deployment_key": PurePath(file.name).name.split(".json")[0],
        }
        rows = Rows(sink, self.table, constants)
        sink.expect(len(responses))
        for number, raw in enumerate(responses, start=1):
            try:
                response = msgspec.json.decode(raw, type=_Response)
                own = _started(response)
                start = own or about.anchor_needed(file.path, said, "llmperf writes no times")
                row = _row(response, start) | {"clock": "utc" if own else "relative"}
            except UsageError as error:
                sink.reject(number, str(error), "")
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                sink.reject(number, "not a response of llmperf", "")
            else:
                rows.add(number, "", {**row, "request_id": f"{file.content_digest[:16]}-{number}"})
        rows.close()


CONNECTOR = LlmPerf()


def _row(response: _Response, start: datetime) -> dict[str, object]:
    code = _code(response.error_code)
    ttft = figures.positive(response.ttft_s, "ttft_s")
    whole = figures.positive(response.end_to_end_latency_s, "end_to_end_latency_s")
    output = figures.whole(response.number_output_tokens, "number_output_tokens")
    if code is not None and ttft is None:
        whole, output = None, None
    return {
        "started_at": start,
        "first_token_at": moments.later(start, ttft),
        "ended_at": moments.later(start, whole),
        "ttft_seconds": ttft,
        "e2e_seconds": whole,
        "input_total_tokens": figures.whole(response.number_input_tokens, "number_input_tokens"),
        "output_total_tokens": output,
        "status": "success" if code is None else "failure",
        "error_type": code,
    }


def _started(response: _Response) -> datetime | None:
    """When a request began, where a fork says it.

    Raises:
        UsageError: it says something else.
    """
    epoch = figures.positive(response.start_time, "start_time")
    start = moments.later(_EPOCH, epoch)
    if epoch is not None and start is None:
        raise UsageError("start_time: no such time")
    return start


def _code(value: object) -> str | None:
    """The code of an error, or None where there was none; JSON may hold it as 429 or 429.0."""
    if value is None:
        return None
    is_whole = isinstance(value, float) and value.is_integer()
    return figures.class_name(int(value) if is_whole else value) or "error"  # type: ignore[call-overload]
