"""OpenAI's organisation usage and costs: pages of `GET /v1/organization/usage/...` and `/costs`.

What the emitter gets wrong, and what is done about it:

- Groups that were not asked for are null, so a report by model and one by key count the same tokens:
  `grouped_by` tells which groups a row names.
- `input_tokens` includes cached tokens, and in newer reports those written to the cache
  (`input_cache_write_tokens`). Without `input_cached_tokens` they are unknown.
- `input_tokens` and `output_tokens` were those of text alone, with audio beside, and are now of all
  kinds. A report that counts text too is of now; one with more audio than tokens is of then; of any
  other with audio nobody can tell, so its totals are unknown.
- Costs are a JSON number, or text, in a currency in lower case; they are no part of the usage rows.
- Vector stores and code interpreter sessions are counted neither in tokens nor in requests: skipped.
- Images, speeches and transcriptions count requests; their pictures, characters and seconds have no
  column.

`api_key_id` and `user_id` enter the lake as keyed pseudonyms only.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json.records import Record, at, text_at
from tokenworks_sources.connectors.requests import json_fields
from tokenworks_sources.connectors.requests.usage import inclusive, whole_tokens
from tokenworks_sources.connectors.requests.values import FieldError
from tokenworks_sources.connectors.rows import Row
from tokenworks_sources.connectors.usage_buckets import pages

OPERATIONS = {
    "organization.usage.completions.result": "chat",
    "organization.usage.embeddings.result": "embeddings",
    "organization.usage.moderations.result": "moderations",
    "organization.usage.images.result": "images",
    "organization.usage.audio_speeches.result": "audio_speeches",
    "organization.usage.audio_transcriptions.result": "audio_transcriptions",
    "organization.costs.result": "cost",
}
GROUPS = {
    "project_id": "project_id",
    "user_id": "user_pseudonym",
    "api_key_id": "api_key_pseudonym",
    "model": "model",
    "batch": "is_batch",
    "service_tier": "service_tier",
    "line_item": "line_item",
}
NOT_COUNTED = "usage that is counted neither in tokens nor in requests"
_PREFIX = "organization."


@dataclass(frozen=True)
class OpenAIUsage:
    """See the module's docstring."""

    name: str = "openai_usage"
    table: str = "usage_buckets"
    tables: tuple[str, ...] = ("usage_buckets",)
    version: str = "3"
    summary: str = "OpenAI organisation usage and costs, pages of buckets"

    def recognise(self, preview: Preview) -> str | None:
        """A bucket of OpenAI's, or a page of them."""
        bucket = pages.first_bucket(preview)
        is_openai = bucket.get("object") == "bucket" and "start_time" in bucket
        return "buckets of OpenAI's usage with start_time and results" if is_openai else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one result."""
        pages.read(file, sink, row_of, "start_time", "end_time")


CONNECTOR = OpenAIUsage()


def row_of(result: Record) -> Row | str:
    """Columns of one result, or why it holds nothing.

    Raises:
        FieldError, UsageError: why it cannot land.
    """
    kind = text_at(result, "object") or ""
    operation = OPERATIONS.get(kind)
    if operation is None and kind.startswith(_PREFIX):
        return NOT_COUNTED
    if operation is None:
        raise FieldError("object: not a result of usage or costs")
    row: Row = {
        "emitter": "openai",
        "provider": "openai",
        "operation": operation,
        **pages.groups(result, GROUPS),
    }
    if operation == "cost":
        return row | _cost(result) | {"line_item": text_at(result, "line_item")}
    classes = inclusive(
        input_total=_total(result, "input"),
        cache_read=whole_tokens(result.get("input_cached_tokens"), "input_cached_tokens"),
        cache_write=whole_tokens(
            result.get("input_cache_write_tokens"), "input_cache_write_tokens"
        ),
        output_total=_total(result, "output"),
    )
    columns = json_fields.token_columns(classes)
    del columns["output_reasoning_tokens"]
    requests = whole_tokens(result.get("num_model_requests"), "num_model_requests")
    return row | columns | {"request_count": requests}


def _total(result: Record, side: str) -> int | None:
    """Tokens of all kinds that went in or came out; None where it is not told what is counted."""
    given, audio, text = (
        whole_tokens(result.get(name), name)
        for name in (f"{side}_tokens", f"{side}_audio_tokens", f"{side}_text_tokens")
    )
    if given is None or not audio or text is not None:
        return given
    return given + audio if audio > given else None


def _cost(result: Record) -> Row:
    amount = json_fields.money(at(result, "amount", "value"), "amount.value")
    if amount is None:
        raise FieldError("amount.value: missing")
    currency = text_at(result, "amount", "currency")
    return {"reported_cost": amount, "reported_currency": currency.upper() if currency else None}
