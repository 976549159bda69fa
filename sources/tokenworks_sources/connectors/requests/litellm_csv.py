"""Spend logs as CSV."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.connectors.requests import litellm_engine, litellm_fields, litellm_sql
from tokenworks_sources.contracts.requests import CONTRACT


def read(file: LandingFile, sink: Sink, required: Sequence[str], what: str) -> None:
    """Hands every record of a file to the sink, in blocks."""
    with litellm_engine.engine(sink) as (connection, _):
        for block in tabular.read_csv(file.path, sink, required=required, what=what):
            given = ("source_line", "_raw", *litellm_fields.FIELDS)
            texts = block.select(
                pl.col(name) if name in block.columns else pl.lit(None, pl.String).alias(name)
                for name in given
            )
            connection.register("csv_block", texts.to_arrow())
            source = (
                f"select source_line, source_line as _line, 0 as _file, '{file.digest}' as _digest, "
                f"{litellm_sql.fields('text')} from csv_block"
            )
            rows = litellm_sql.request_rows(source, "text")
            good = f"select * exclude (_reason) from ({rows}) where _reason is null"
            if sink.copy(CONTRACT.table, connection, good) == block.height:
                continue
            rejected = connection.execute(
                f"select source_line, r._reason, b._raw from ({rows}) as r join csv_block as b "
                "using (source_line) where r._reason is not null order by 1"
            ).fetchall()
            for line, reason, raw in rejected:
                sink.reject(line, reason, raw)
