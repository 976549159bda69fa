"""The connector of engine scrapes, whatever the engine: its aliases make the difference."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.engine_samples.engines.model import Engine
from tokenworks_sources.connectors.engine_samples.rows import (
    histogram_rows,
    sample_rows,
    with_identity,
)
from tokenworks_sources.connectors.engine_samples.targets import target_of
from tokenworks_sources.connectors.prometheus.catalogue import Catalogue
from tokenworks_sources.connectors.prometheus.clock import instance_of_path
from tokenworks_sources.connectors.prometheus.scan import scan
from tokenworks_sources.connectors.prometheus.select import select
from tokenworks_sources.errors import LandingFileError


@dataclass
class EngineScrapes:
    """Connector of the scrapes of one engine.

    Attributes:
        engine: what the engine exports.
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
        """A line that begins with the engine's prefix, or declares such a metric."""
        prefix = re.escape(self.engine.prefix)
        if re.search(rf"(?m)^(?:# (?:HELP|TYPE) )?{prefix}\w", preview.text or ""):
            return f"metrics named {self.engine.prefix}*"
        return None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one sample line."""
        catalogue = Catalogue(lambda series: target_of(self.engine, series))
        path_instance = instance_of_path(file.name, (self.name, self.table))
        for batch in scan(file, catalogue, sink):
            used = select(batch, catalogue, sink)
            for table, rows in (
                ("engine_samples", sample_rows(used, catalogue, self.engine, sink)),
                ("engine_histograms", histogram_rows(used, sink)),
            ):
                if rows.is_empty():
                    continue
                given = with_identity(rows, catalogue, batch.scrapes, self.engine, path_instance)
                if given["instance"].has_nulls():
                    raise LandingFileError(
                        file.path,
                        "nothing says which instance was scraped.",
                        "Put the file into a folder named like the instance, or write a line "
                        "'# instance host:port' before the scrape.",
                        given["source_line"].min(),  # type: ignore[arg-type]
                    )
                sink.write(table, given)
