"""LiteLLM proxy: rows of `LiteLLM_SpendLogs` as JSONL, CSV or the proxy's own answers, plain, gzip or zstd.

What the emitter gets wrong, and what is done about it:

- `prompt_tokens` includes cached tokens, but for rows that copy Anthropic's usage as it came: there
  `usage_object` counts them beside `input_tokens`, and they are added. How many were cached stands in
  `metadata.usage_object` or `metadata.additional_usage_values`, in several spellings; where none is
  given the count is unknown (null), never 0.
- `completionStartTime` holds the end of the request where nothing was streamed, so it is the first
  token only where it lies before the end or the row says `stream`.
- Failed rows report 0 tokens; they are kept as reported, with their status. Of the error only its
  class is read: the text may quote the prompt.
- Every retry has a `request_id` of its own; `metadata.trace_id` groups them. `session_id` is a
  conversation and groups no retries.
- `cache_hit` is the text "True" for an answer from the gateway's own response cache.
- `metadata`, its `usage_object` and `request_tags` are JSON, or JSON inside a string, depending on
  the export. Without a `status` there may be one in `metadata`.
- Times are UTC and mostly say so; those without a zone are UTC too.
- Deployments without organisations charge by team: the tenant is `organization_id`, else `team_id`.

Never read: `messages`, `response`, `proxy_server_request`, `requester_ip_address`. `api_key` (itself a
hash), `end_user` and `user` enter the lake as keyed pseudonyms only.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from dataclasses import dataclass

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import BatchSink, LandingFile, Preview, Sink
from tokenworks_sources.connectors.requests import litellm_answers, litellm_csv, litellm_jsonl
from tokenworks_sources.landing import bytes_of, open_decompressed

KNOWN_BY = ("request_id", "startTime", "call_type")
WHAT = "a LiteLLM spend log"
# A small landing file that unpacks to more than this is read alone.
LARGEST_IN_BATCH = 16 << 20
HEAD_BYTES = 1 << 20
_FIRST_LINE = re.compile(rb"[^\r\n]+")
_OBJECT_LINE = re.compile(rb"(?:\A|[\r\n])\s*\{")


@dataclass(frozen=True)
class LiteLLM:
    """See the module's docstring."""

    name: str = "litellm"
    table: str = "requests"
    tables: tuple[str, ...] = ("requests",)
    version: str = "5"
    summary: str = "LiteLLM spend logs (LiteLLM_SpendLogs) as JSONL, CSV or answers of the proxy"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the first object, or the CSV header."""
        record = litellm_answers.first_row(preview)
        names = tabular.header_of(preview.first_line) if record is None else record
        known = set(KNOWN_BY) <= set(names)
        return f"{WHAT}: it has {', '.join(KNOWN_BY)}" if known else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """Hands every record to the sink, in parallel passes over windows of lines."""
        with open_decompressed(file.path) as stream:
            begin = _begin(stream.read(HEAD_BYTES))
        if litellm_answers.is_answer(file.path, begin):
            with litellm_answers.as_lines(file, sink.scratch) as lines:
                litellm_jsonl.read(file, sink, lines)
        elif _is_jsonl(begin):
            litellm_jsonl.read(file, sink, file.path)
        else:
            litellm_csv.read(file, sink, KNOWN_BY, WHAT)

    def read_batch(self, sink: BatchSink) -> Collection[int]:
        """Hands the records of all JSONL files to the sink, in one pass."""
        places: list[int] = []
        lines: list[int] = []
        gathered = io.BytesIO()
        for place, file in enumerate(sink.files):
            text = bytes_of(file.path, LARGEST_IN_BATCH + 1).removeprefix(tabular.BYTE_ORDER_MARK)
            begin = _begin(text[:HEAD_BYTES])
            is_by_line = _is_jsonl(begin) and not litellm_answers.is_answer(file.path, begin)
            if len(text) <= LARGEST_IN_BATCH and is_by_line:
                is_open = not text.endswith(b"\n")
                places.append(place)
                lines.append(text.count(b"\n") + is_open)
                gathered.write(text)
                gathered.write(b"\n" * is_open)
        if places:
            litellm_jsonl.read_batch(sink, places, lines, gathered.getvalue())
        return set(range(len(sink.files))) - set(places)


def _begin(head: bytes) -> bytes:
    return head.removeprefix(tabular.BYTE_ORDER_MARK).lstrip()


CONNECTOR = LiteLLM()


def _is_jsonl(head: bytes) -> bool:
    """Whether a line begins an object; the first one may have lost its beginning."""
    first = _FIRST_LINE.match(head)
    header = tabular.header_of(first[0].decode("utf-8", "replace")) if first else []
    return not set(KNOWN_BY) <= set(header) and bool(_OBJECT_LINE.search(head))
