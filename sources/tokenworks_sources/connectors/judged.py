"""Frames whose rows a connector has judged: good ones to the lake, the others to the rejects."""

from __future__ import annotations

import polars as pl

from tokenworks_sources.connectors.base import Sink


def hand_over(frame: pl.DataFrame, table: str, sink: Sink) -> None:
    """Writes rows whose `_reason` is null and rejects the others with it and their `_raw`."""
    bad = frame.filter(pl.col("_reason").is_not_null())
    for line, reason, raw in bad.select("source_line", "_reason", "_raw").iter_rows():
        # A Parquet row has no text of its own.
        sink.reject(line, reason, raw or "")
    good = frame.filter(pl.col("_reason").is_null()).drop("_reason")
    if not good.is_empty():
        sink.write(table, good)
