"""Helicone: rows of `request_response_rmt`, and requests as its API and its export tool write them.

JSONL, CSV, JSON (a list, or the API's `{"data": [...]}`) and Parquet. What Helicone gets wrong, and
what is done about it:

- `prompt_tokens` excludes what was read from a cache; reads and writes stand beside it, and are added.
  Rows from before there were such columns hold what the provider said: inclusive, but for Anthropic,
  whose input total is then unknown. So is that of the CSV of the export tool, which leaves the cache
  columns of such rows out, and that of a row with audio, which some versions count in and some beside.
- `completion_tokens` excludes `reasoning_tokens` where there is such a column.
- A count that the answer did not state is stored as 0. A 0 of cache reads is taken at its word for
  OpenAI, Azure and Anthropic, one of writes for Anthropic, one of reasoning for OpenAI and Azure;
  elsewhere it is unknown, as are the tokens of a row without any. An answer from Helicone's own cache
  (`cache_reference_id`) has 0 tokens, which is true: no engine ran.
- `cost` counts 1e-9 USD in the table and USD in the API (known by `response_status`). 0 is no price.
- `latency` and `time_to_first_token` are milliseconds; 0 is not measured.
- Ids that are absent are the UUID of zeros, or the words "null" and "undefined".
- `status` is that of HTTP; numbers below 100 are Helicone's own and mean nothing that ended: unknown.
- The export tool's CSV doubles the quotes of properties twice, and has no request id: the response's
  is taken.
- Times without a zone, as ClickHouse writes them, are UTC.

`country_code` is the client's. The session is the property `Helicone-Session-Id`; Helicone's other own
properties are left out of the tags. Never read: bodies, prompts, scores, assets, signed addresses, the
path and query of `target_url` (but for the operation). Users enter the lake as keyed pseudonyms only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.requests import exports, helicone_rows
from tokenworks_sources.connectors.requests.values import FieldError
from tokenworks_sources.connectors.rows import Rows
from tokenworks_sources.contracts.requests import CONTRACT
from tokenworks_sources.normalise import pseudonym

_TABLE = ("request_id", "request_created_at", "status", "latency", "prompt_tokens", "target_url")
_API = ("request_id", "request_created_at", "response_status", "delay_ms", "prompt_tokens")
_TOOL = ("response_id", "request_created_at", "response_status", "request_user_id", "prompt_tokens")
SHAPE = exports.Shape(
    what="an export of Helicone requests",
    names=helicone_rows.NAMES,
    known_by=(frozenset(_TABLE), frozenset(_API), frozenset(_TOOL)),
    lists=((), ("data",)),
)
PSEUDONYMS_KEPT = 1 << 16


@dataclass(frozen=True)
class Helicone:
    """See the module's docstring."""

    name: str = "helicone"
    table: str = CONTRACT.table
    tables: tuple[str, ...] = (CONTRACT.table,)
    version: str = "1"
    summary: str = "Helicone requests: request_response_rmt, API and export tool (JSONL, CSV, JSON)"

    def recognise(self, preview: Preview) -> str | None:
        """By the columns or keys of the first request."""
        known = exports.knows(SHAPE, preview)
        return f"{SHAPE.what}: it has {', '.join(sorted(known))}" if known else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """Hands every request to the sink, in blocks."""
        of_user = lru_cache(PSEUDONYMS_KEPT)(lambda user: pseudonym(user, sink.pseudonym_key))
        rows = Rows(sink, self.table)
        for record in exports.records(file.path, SHAPE, sink):
            if not isinstance(record, exports.Record):
                continue
            raw = helicone_rows.raw_of(record.fields)
            try:
                row = helicone_rows.row_of(record.fields, of_user)
            except FieldError as error:
                sink.reject(record.line, str(error), raw)
                continue
            rows.add(record.line, raw, row)
        rows.close()


CONNECTOR = Helicone()
