"""A block of a file before it is mapped: rows left out, digests of records, what stands for nothing.

Pure: a frame and a mapping in, a frame out.
"""

from __future__ import annotations

import polars as pl
import xxhash

from tokenworks_sources.connectors.mapped.spec import Filter, Mapping

RECORD = "_record"


def prepared(frame: pl.DataFrame, mapping: Mapping) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows to be mapped, and how many each reason left out."""
    if "record" in mapping.placeholders():
        frame = frame.with_columns(_digests(frame))
    rows, left_out = _kept(frame, mapping.filters)
    return _without_unknowns(rows, mapping), left_out


def _kept(frame: pl.DataFrame, filters: tuple[Filter, ...]) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows that no filter leaves out, and how many each reason left out."""
    left_out: dict[str, int] = {}
    absent = {item.column for item in filters if item.column not in frame.columns}
    frame = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    for condition in filters:
        out = frame.filter(_condition(condition))
        left_out[condition.reason] = left_out.get(condition.reason, 0) + out.height
        frame = frame.filter(~_condition(condition))
    return frame, left_out


def _condition(condition: Filter) -> pl.Expr:
    value = pl.col(condition.column).cast(pl.String)
    if condition.equals is not None:
        return value.eq_missing(pl.lit(condition.equals))
    if condition.not_equals is not None:
        return value.ne_missing(pl.lit(condition.not_equals))
    return value.is_null() if condition.is_empty else value.is_not_null()


def _digests(frame: pl.DataFrame) -> pl.Series:
    """A digest of everything that a record holds, so that exact duplicates can be told."""
    columns = [name for name in frame.columns if name not in ("source_line", "_raw")]
    texts = frame.select(
        pl.concat_str(
            [pl.col(name).cast(pl.String).fill_null("\0") for name in columns], separator="\x1f"
        ).alias("text")
    )["text"]
    digests = [xxhash.xxh3_128_hexdigest(text.encode()) for text in texts]
    return pl.Series(RECORD, digests, dtype=pl.String)


def _without_unknowns(frame: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """Nothing in the place of what the file writes where it knows nothing."""
    unknown: dict[str, set[str | int | float]] = {}
    for source in mapping.columns.values():
        for name in source.columns() if source.unknown else ():
            unknown.setdefault(name, set()).update(source.unknown)
    changed = []
    for name, words in unknown.items():
        if name not in frame.columns:
            continue
        text = pl.col(name).cast(pl.String).str.strip_chars()
        numbers = [float(word) for word in words if not isinstance(word, str)]
        is_unknown = text.is_in([word for word in words if isinstance(word, str)])
        is_unknown |= text.cast(pl.Float64, strict=False).is_in(numbers).fill_null(False)
        changed.append(pl.when(~is_unknown).then(pl.col(name)).alias(name))
    return frame.with_columns(changed)
