"""LiteLLM's daily spend: `LiteLLM_DailyUserSpend` and its twins by team, tag, organisation, end user and
agent, as CSV or JSONL of the table.

What the emitter gets wrong, and what is done about it:

- Each twin counts the same requests again. The emitter carries the twin's name, so that they are
  never added up.
- `date` is the UTC day as text; a time is cut off by some exports and kept by others: it must be 00:00.
- `cache_read_input_tokens` and `cache_creation_input_tokens` are 0 where the gateway did not know
  them. They are kept as reported.
- `spend` is a double of its own price list, in US dollars.

`api_key` (a hash), `user_id` and `end_user_id` enter the lake as keyed pseudonyms only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json import records as json_records
from tokenworks_sources.connectors.requests import json_fields
from tokenworks_sources.connectors.requests.usage import UsageError, inclusive, whole_tokens
from tokenworks_sources.connectors.requests.values import FieldError
from tokenworks_sources.connectors.rows import Row, Rows
from tokenworks_sources.contracts.usage_buckets import CONTRACT
from tokenworks_sources.landing import open_decompressed
from tokenworks_sources.normalise import pseudonym

KNOWN_BY = ("date", "api_requests", "successful_requests", "failed_requests", "prompt_tokens")
WHAT = "a table of LiteLLM's daily spend"
# The column that tells the twin, its name, and where it goes.
TWINS = {
    "user_id": ("user", "user_pseudonym"),
    "team_id": ("team", "team_id"),
    "tag": ("tag", "tag"),
    "organization_id": ("organization", "tenant_id"),
    "end_user_id": ("end_user", "user_pseudonym"),
    "agent_id": ("agent", "project_id"),
}
COLUMNS = (
    *TWINS, "date", "api_key", "model", "model_group", "custom_llm_provider", "endpoint",
    "prompt_tokens", "completion_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
    "spend", "api_requests", "successful_requests", "failed_requests",
)  # fmt: skip
_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+]00:?00)?)?")
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class LiteLLMDaily:
    """See the module's docstring."""

    name: str = "litellm_daily"
    table: str = "usage_buckets"
    tables: tuple[str, ...] = ("usage_buckets",)
    version: str = "2"
    summary: str = "LiteLLM daily spend by user, team, tag, ... as CSV or JSONL"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the first object, or the CSV header."""
        record = json_records.first_record(preview)
        names = set(tabular.header_of(preview.first_line) if record is None else record)
        is_twin = sum(name in names for name in TWINS) == 1
        return (
            f"{WHAT}: it has {', '.join(KNOWN_BY)}" if is_twin and names >= set(KNOWN_BY) else None
        )

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        rows = Rows(sink, CONTRACT.table)
        for record, number in _records(file, sink):
            raw = json_fields.as_raw({name: record.get(name) for name in ("date", *COLUMNS[12:])})
            try:
                row = row_of(record, sink.pseudonym_key)
            except (FieldError, UsageError) as error:
                sink.reject(number, str(error), raw)
                continue
            rows.add(number, raw, row)
        rows.close()


CONNECTOR = LiteLLMDaily()


def _records(file: LandingFile, sink: Sink) -> Iterator[tuple[dict[str, str | None], int]]:
    """Records as texts, with their line or number."""
    with open_decompressed(file.path) as stream:
        begin = stream.read(1 << 16).removeprefix(tabular.BYTE_ORDER_MARK).lstrip()[:1]
    if begin in (b"{", b"["):
        for number, record in json_records.records_of(file.path):
            if isinstance(record, str):
                sink.reject(number, record, b"")
            else:
                yield {name: _text(record.get(name)) for name in COLUMNS}, number
        return
    for block in tabular.read_csv(file.path, sink, KNOWN_BY, WHAT):
        names = [name for name in COLUMNS if name in block.columns]
        for row in block.select("source_line", pl.col(names)).iter_rows(named=True):
            yield row, row["source_line"]


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def row_of(record: dict[str, str | None], key: bytes) -> Row:
    """The row of one record.

    Raises:
        FieldError, UsageError: why it cannot land.
    """
    day = _DAY.fullmatch((record.get("date") or "").strip())
    if day is None:
        raise FieldError("date: not a day")
    try:
        start = datetime.fromisoformat(day[1])
    except ValueError as error:
        raise FieldError("date: not a day") from error
    named = {name: value for name in TWINS if (value := record.get(name)) is not None}
    if len(named) > 1:
        raise FieldError("of several twins of the table at once")
    column, value = next(iter(named.items()), (None, None))
    twin, target = TWINS[column] if column else ("total", "tag")
    api_key = record.get("api_key")
    groups: Row = {
        target: _subject(target, value, key),
        "api_key_pseudonym": pseudonym(api_key, key) if api_key else None,
        "model": record.get("model"),
        "model_group": record.get("model_group"),
        "provider": record.get("custom_llm_provider"),
    }
    spend = json_fields.money(record.get("spend"), "spend")
    return {
        "emitter": f"litellm_daily_{twin}",
        "operation": (record.get("endpoint") or "all").strip("/"),
        "grouped_by": ",".join(sorted(name for name, group in groups.items() if group)),
        "bucket_start": start,
        "bucket_seconds": DAY_SECONDS,
        **groups,
        **_counts(record),
        "reported_cost": spend,
        "reported_currency": None if spend is None else "USD",
    }


def _subject(target: str, value: str | None, key: bytes) -> str | None:
    if value is None:
        return None
    return pseudonym(value, key) if target.endswith("_pseudonym") else value


def _counts(record: dict[str, str | None]) -> Row:
    classes = inclusive(
        input_total=whole_tokens(record.get("prompt_tokens"), "prompt_tokens"),
        cache_read=whole_tokens(record.get("cache_read_input_tokens"), "cache_read_input_tokens"),
        cache_write=whole_tokens(
            record.get("cache_creation_input_tokens"), "cache_creation_input_tokens"
        ),
        output_total=whole_tokens(record.get("completion_tokens"), "completion_tokens"),
    )
    columns = json_fields.token_columns(classes)
    del columns["output_reasoning_tokens"]
    return columns | {
        "request_count": whole_tokens(record.get("api_requests"), "api_requests"),
        "failed_request_count": whole_tokens(record.get("failed_requests"), "failed_requests"),
    }
