"""The connectors of engine scrapes: one reading for all engines, one landing folder for each.

A scrape may hold series of several engines (a Dynamo worker passes those of its engine on, Triton
and NIM run another engine), so every connector reads the series of every engine; the name tells whose
scrape it is. A scrape with GPU series as well is `prometheus_dump`'s.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.engine_samples.engines.model import Engine
from tokenworks_sources.connectors.engine_samples.engines.table import engine_scraped
from tokenworks_sources.connectors.engine_samples.repeats import drop_repeats
from tokenworks_sources.connectors.engine_samples.rows import (
    histogram_rows,
    sample_rows,
    with_identity,
)
from tokenworks_sources.connectors.engine_samples.targets import TABLE, target_of
from tokenworks_sources.connectors.gpu_samples.dcgm_prometheus import names_dcgm
from tokenworks_sources.connectors.prometheus.catalogue import Catalogue
from tokenworks_sources.connectors.prometheus.clock import instance_of_path
from tokenworks_sources.connectors.prometheus.scan import Batch, scan
from tokenworks_sources.connectors.prometheus.select import select
from tokenworks_sources.errors import LandingFileError


@dataclass
class EngineScrapes:
    """Connector of the scrapes of one engine.

    Attributes:
        engine: whose scrapes these are.
        name: of the connector and its landing folder.
        version: see `Connector`.
        summary: see `Connector`.
    """

    engine: Engine
    name: str
    version: str
    summary: str
    table: str = "engine_samples"
    tables: tuple[str, ...] = ("engine_samples", "engine_histograms")

    def recognise(self, preview: Preview) -> str | None:
        """A line that begins with a metric of the engine, or declares one."""
        text = preview.text or ""
        if names_dcgm(text) or engine_scraped(text) is not self.engine:
            return None
        return f"metrics named {self.engine.prefix or 'num_request_'}*"

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one sample line."""
        catalogue = Catalogue(target_of)
        path_instance = instance_of_path(file.name, (self.name, self.table))
        known = 0
        for batch in scan(file, catalogue, sink):
            if len(catalogue.series) > known:
                drop_repeats(catalogue)
                known = len(catalogue.series)
            write_engines(
                select(batch, catalogue, sink), batch, catalogue, file, path_instance, sink
            )


def write_engines(
    used: pl.DataFrame,
    batch: Batch,
    catalogue: Catalogue,
    file: LandingFile,
    path_instance: str | None,
    sink: Sink,
) -> None:
    """Selected samples of engines as rows of both tables.

    Raises:
        LandingFileError: nothing says which instance was scraped.
    """
    own = catalogue.of_table(used, TABLE)
    for table, rows in (
        ("engine_samples", sample_rows(own, catalogue, sink)),
        ("engine_histograms", histogram_rows(own, sink)),
    ):
        if rows.is_empty():
            continue
        given = with_identity(rows, catalogue, batch.scrapes, path_instance)
        if given["instance"].has_nulls():
            raise LandingFileError(
                file.path,
                "nothing says which instance was scraped.",
                "Put the file into a folder named like the instance, or write a line "
                "'# instance host:port' before the scrape.",
                given["source_line"].min(),  # type: ignore[arg-type]
            )
        sink.write(table, given)
