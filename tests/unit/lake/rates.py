"""A small connector for tests of the lake, and what a lake holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.manifest import load_manifests
from tokenworks_sources.settings import Settings

HEADER = "rate_date,base_currency,quote_currency,rate"


class RateLines:
    """`date,base,quote,rate` lines after a header; `boom` spoils a file."""

    name = "rate_lines"
    table = "fx_rates"
    tables = ("fx_rates",)
    version = "1"
    summary = "for tests"

    def recognise(self, preview: Preview) -> str | None:
        return "its header" if preview.first_line == HEADER else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        lines = file.path.read_text().splitlines()[1:]
        sink.expect(len(lines))
        good = []
        for number, line in enumerate(lines, 2):
            fields = line.split(",")
            if line == "boom":
                raise LandingFileError(file.path, "it says boom.", "Remove it.", line=number)
            if len(fields) == 4:
                good.append((*fields, number, line))
            else:
                sink.reject(number, "not four fields", line)
        if good:
            names = [*HEADER.split(","), "source_line", "_raw"]
            frame = pl.DataFrame(good, schema=names, orient="row")
            sink.write("fx_rates", frame.with_columns(pl.col("rate_date").str.to_date()))


def land(settings: Settings, name: str, *lines: str) -> Path:
    """Writes a landing file."""
    path = settings.landing / "fx_rates" / "rate_lines" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


def rows(settings: Settings) -> list[tuple[Any, ...]]:
    """Rows of the lake with their provenance."""
    frame = pl.read_parquet(str(settings.lake / "fx_rates" / "*" / "*.parquet"))
    return sorted(
        frame.select(
            pl.col("rate_date").cast(pl.String),
            "base_currency",
            pl.col("rate").cast(pl.String),
            "source_file",
            "source_line",
        ).rows()
    )


def rejects(settings: Settings) -> list[tuple[Any, ...]]:
    """Rejected records with their provenance."""
    paths = sorted((settings.lake / "_rejects").rglob("*.parquet"))
    frames = [pl.read_parquet(path) for path in paths]
    return sorted(
        row
        for frame in frames
        for row in frame.select("source_file", "source_line", "reason").rows()
    )


def manifests(settings: Settings) -> list[tuple[Any, ...]]:
    """What manifests say, without the time of ingest and the names of shared parts."""
    found = load_manifests(settings.lake, "fx_rates").values()
    return sorted(
        (
            manifest.name,
            manifest.connector_version,
            manifest.records_in,
            manifest.records_out,
            tuple(manifest.rejects.items()),
            tuple(day for given in manifest.tables.values() for day in given.event_dates),
        )
        for manifest in found
    )


def leftovers(settings: Settings) -> list[str]:
    """What a killed process left behind: staged files, journals, halves."""
    lake = settings.lake
    found = [path for path in (lake / "_staging").rglob("*") if path.is_file()]
    found += [path for path in (lake / "_journal").iterdir() if path.name != ".lock"]
    found += list(lake.rglob("*.next"))
    named = {
        part for manifest in load_manifests(lake, "fx_rates").values() for part in manifest.parts
    }
    stored = [*(lake / "fx_rates").rglob("*.parquet"), *(lake / "_rejects").rglob("*.parquet")]
    found += [
        path
        for path in stored
        if path.name != "_empty.parquet" and str(path.relative_to(lake)) not in named
    ]
    return [str(path.relative_to(lake)) for path in found]
