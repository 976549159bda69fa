"""Totals of a day or a month into one row an hour, their tokens spread evenly over the time.

Pure: mapped rows in, mapped rows out. A row over many hours would be read as one long request, whose prompt is
computed in its first hour.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from tokenworks_sources.contracts.enforce import reasons
from tokenworks_sources.contracts.requests import CONTRACT

HOUR_US = 3_600_000_000
MOST_HOURS = 366 * 24
BLOCK_HOURS = 200_000
MICROSECOND = pl.Datetime("us")
_HELPERS = ("_start", "_end", "_broken", "_hour", "_from", "_to", "_block", "e2e_seconds")

# What a total has; everything else in a request is of one request.
COLUMNS = frozenset(
    (
        "emitter", "request_id", "started_at", "ended_at", "e2e_seconds", "clock", "operation",
        "model_requested", "model_served", "provider", "deployment_key", "endpoint", "region", "client_region",
        "tenant_id", "team_id", "user_pseudonym", "api_key_pseudonym", "tags", "status",
        "input_total_tokens", "input_cache_read_tokens", "input_cache_write_tokens",
        "input_cache_write_5m_tokens", "input_cache_write_1h_tokens", "output_total_tokens",
        "output_reasoning_tokens",
    )
)  # fmt: skip
# A whole and its parts, the deepest first: what is left of the whole is spread beside its parts, so that no hour
# has more cached than all.
WHOLES = {
    "input_cache_write_tokens": ("input_cache_write_5m_tokens", "input_cache_write_1h_tokens"),
    "input_total_tokens": ("input_cache_read_tokens", "input_cache_write_tokens"),
    "output_total_tokens": ("output_reasoning_tokens",),
}


def spread(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """One row per UTC hour of each row, tokens by time, to the last one; rejects stay as they are.

    Args:
        rows: columns of `requests` among `COLUMNS`, `source_line`, `_raw`, `_reason`.

    Yields:
        the rows in order, some hundred thousand at a time: a year of one total is 8,784.
    """
    broken = reasons(CONTRACT, rows).alias("_broken")
    timed = rows.with_columns(_start(), _end(rows.columns), broken).with_columns(
        _reason(rows.columns)
    )
    bad = pl.col("_reason").is_not_null()
    yield timed.filter(bad).drop(*_HELPERS, strict=False)
    first, last = pl.col("_start") // HOUR_US, (pl.col("_end") - 1) // HOUR_US
    block = ((last - first + 1).cum_sum() // BLOCK_HOURS).alias("_block")
    for totals in (
        timed.filter(~bad).with_columns(block).partition_by("_block", maintain_order=True)
    ):
        hours = totals.with_columns(pl.int_ranges(first, last + 1, dtype=pl.Int64).alias("_hour"))
        yield _hourly(hours.explode("_hour"), rows.columns)


def _hourly(hours: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """What of each total falls in each of its hours."""
    placed = hours.with_columns(
        pl.max_horizontal("_start", pl.col("_hour") * HOUR_US).alias("_from"),
        pl.min_horizontal("_end", (pl.col("_hour") + 1) * HOUR_US).alias("_to"),
    )
    began = pl.col("_from").cast(MICROSECOND)
    return placed.with_columns(
        *_tokens(columns),
        (pl.col("request_id") + "/" + began.dt.strftime("%Y-%m-%dT%H")).alias("request_id"),
        began.alias("started_at"),
        pl.col("_to").cast(MICROSECOND).alias("ended_at"),
        (pl.col("_from") == pl.col("_start")).cast(pl.Int64).alias("_records"),
    ).drop(*_HELPERS, strict=False)


def _start() -> pl.Expr:
    return pl.col("started_at").cast(pl.Int64).alias("_start")


def _end(columns: list[str]) -> pl.Expr:
    """When a row ends: the instant that it names, else its begin and its length."""
    length = pl.col("e2e_seconds") * 1e6 if "e2e_seconds" in columns else pl.lit(None, pl.Float64)
    by_length = pl.col("started_at").cast(pl.Int64) + length.round().cast(pl.Int64, strict=False)
    named = pl.col("ended_at").cast(pl.Int64) if "ended_at" in columns else pl.lit(None, pl.Int64)
    return pl.coalesce(named, by_length).alias("_end")


def _reason(columns: list[str]) -> pl.Expr:
    """Why a total is rejected as a whole: some of the hours of one that is wrong may look right."""
    length = pl.col("_end") - pl.col("_start")
    found = {
        "spread: the total ends nowhere after its start": length.is_null() | (length <= 0),
        "spread: the total is longer than 366 days": length > MOST_HOURS * HOUR_US,
        **{
            f"{whole}: less than {' + '.join(parts)}": pl.col(whole)
            < pl.sum_horizontal(part for part in parts if part in columns)
            for whole, parts in WHOLES.items()
            if whole in columns and set(parts) & set(columns)
        },
    }
    said = (pl.when(wrong).then(pl.lit(reason)) for reason, wrong in found.items())
    return pl.coalesce("_reason", "_broken", *said).alias("_reason")


def _tokens(columns: list[str]) -> list[pl.Expr]:
    """The tokens of each hour; what of a whole is none of its parts is spread by itself."""
    cut: dict[str, pl.Expr] = {}
    for name in columns:
        if name.endswith("_tokens") and name not in WHOLES:
            cut[name] = _cut(pl.col(name))
    for whole, parts in WHOLES.items():
        known = [part for part in parts if part in columns]
        rest = pl.col(whole)
        for part in known:
            rest = rest - pl.col(part).fill_null(0)
        if whole in columns:
            cut[whole] = sum((cut[part].fill_null(0) for part in known), _cut(rest))
    return [expression.cast(pl.Int64).alias(name) for name, expression in cut.items()]


def _cut(tokens: pl.Expr) -> pl.Expr:
    """What falls between `_from` and `_to` of tokens that come evenly from `_start` to `_end`."""
    length = (pl.col("_end") - pl.col("_start")).cast(pl.Int128)

    def until(instant: str) -> pl.Expr:
        return (
            tokens.cast(pl.Int128) * (pl.col(instant) - pl.col("_start")).cast(pl.Int128) // length
        )

    return until("_to") - until("_from")
