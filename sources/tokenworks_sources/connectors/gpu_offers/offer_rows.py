"""Rows of `gpu_offers`, in blocks."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Sink

BLOCK_ROWS = 20_000
SCHEMA = pl.Schema(
    {
        "provider": pl.String(),
        "offer_id": pl.String(),
        "observed_at": pl.Datetime("us"),
        "gpu_model": pl.String(),
        "gpu_count": pl.Int64(),
        "gpu_memory_gigabytes": pl.Float64(),
        "interconnect": pl.String(),
        "vcpus": pl.Float64(),
        "memory_gigabytes": pl.Float64(),
        "purchase_option": pl.String(),
        "tier": pl.String(),
        "price_per_hour": pl.Decimal(38, 12),
        "currency": pl.String(),
        "source_line": pl.Int64(),
        "_records": pl.Int64(),
    }
)


class OfferRows:
    """Collects offers and hands them to the sink in blocks."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._rows: list[dict[str, object]] = []

    def add(self, line: int, offer: dict[str, object], records: int = 1) -> None:
        """One offer by the names of the contract; what is absent is unknown."""
        self._rows.append({**offer, "source_line": line, "_records": records})
        if len(self._rows) >= BLOCK_ROWS:
            self.close()

    def close(self) -> None:
        """Hands over what is left."""
        if self._rows:
            self._sink.write("gpu_offers", pl.DataFrame(self._rows, schema=SCHEMA))
            self._rows.clear()


def observed_at(file: LandingFile) -> datetime:
    """When the offers of a file were seen, as `about.yaml` beside it says.

    Raises:
        LandingFileError: nothing says it.
    """
    seen = about.beside(file.path).observed_at
    if seen is None:
        why = "the list does not say when its prices were seen"
        raise about.missing(file.path, why, "observed_at: YYYY-MM-DD", about.DAY_OF_LIST)
    return seen
