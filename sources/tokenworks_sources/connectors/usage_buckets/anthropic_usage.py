"""Anthropic's usage and cost reports: pages of `usage_report/messages` and `cost_report`.

What the emitter gets wrong, and what is done about it:

- `uncached_input_tokens` excludes cached ones; reads, and writes of 5 minutes and of 1 hour, stand
  beside it and are added.
- No report counts requests.
- Amounts of the cost report are in cents, as text: "123.45" is $1.2345.
- The cost report leaves out priority tier, and splits by `token_type` where it is grouped by
  description: `line_item` is the type of cost, or `cost type: token type`.
- Groups that were not asked for are null: `grouped_by` tells which groups a row names.

`api_key_id`, `account_id` and `service_account_id` enter the lake as keyed pseudonyms only.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json.records import Record, at, text_at
from tokenworks_sources.connectors.requests import json_fields
from tokenworks_sources.connectors.requests.usage import exclusive, whole_tokens
from tokenworks_sources.connectors.requests.values import FieldError
from tokenworks_sources.connectors.rows import Row
from tokenworks_sources.connectors.usage_buckets import pages

GROUPS = {
    "workspace_id": "project_id",
    "account_id": "user_pseudonym",
    "service_account_id": "user_pseudonym",
    "api_key_id": "api_key_pseudonym",
    "model": "model",
    "service_tier": "service_tier",
    "context_window": "context_window",
    "inference_geo": "region",
}


@dataclass(frozen=True)
class AnthropicUsage:
    """See the module's docstring."""

    name: str = "anthropic_usage"
    table: str = "usage_buckets"
    tables: tuple[str, ...] = ("usage_buckets",)
    version: str = "1"
    summary: str = "Anthropic usage and cost reports, pages of buckets"

    def recognise(self, preview: Preview) -> str | None:
        """A bucket of Anthropic's, or a page of them."""
        bucket = pages.first_bucket(preview)
        is_anthropic = "starting_at" in bucket and "ending_at" in bucket
        return (
            "buckets of Anthropic's reports with starting_at and results" if is_anthropic else None
        )

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one result."""
        pages.read(file, sink, row_of, "starting_at", "ending_at")


CONNECTOR = AnthropicUsage()


def row_of(result: Record) -> Row | str:
    """Columns of one result.

    Raises:
        FieldError, UsageError: why it cannot land.
    """
    row: Row = {
        "emitter": "anthropic",
        "provider": "anthropic",
        "operation": "cost" if "amount" in result else "chat",
        **pages.groups(result, GROUPS),
    }
    if "amount" in result:
        return _cost(result, row)
    if "uncached_input_tokens" not in result:
        raise FieldError("not a result of a usage or cost report")
    creation = "cache_creation"
    classes = exclusive(
        input_uncached=_count(result, "uncached_input_tokens"),
        cache_read=_count(result, "cache_read_input_tokens"),
        cache_write_5m=_count(result, creation, "ephemeral_5m_input_tokens"),
        cache_write_1h=_count(result, creation, "ephemeral_1h_input_tokens"),
        output_total=_count(result, "output_tokens"),
    )
    columns = json_fields.token_columns(classes)
    del columns["output_reasoning_tokens"]
    return row | columns


def _count(result: Record, *path: str) -> int | None:
    return whole_tokens(at(result, *path), ".".join(path))


def _cost(result: Record, row: Row) -> Row:
    cents = json_fields.number(result["amount"], "amount")
    if cents is None:
        raise FieldError("amount: missing")
    kinds = [text_at(result, name) for name in ("cost_type", "token_type")]
    line_item = ": ".join(kind for kind in kinds if kind) or None
    grouped = [str(row["grouped_by"]), "line_item" if line_item else ""]
    return row | {
        "reported_cost": json_fields.money(cents.scaleb(-2), "amount"),
        "reported_currency": (text_at(result, "currency") or "").upper() or None,
        "line_item": line_item,
        "grouped_by": ",".join(sorted(filter(None, ",".join(grouped).split(",")))),
    }
