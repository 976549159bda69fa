"""Hourly marginal emissions of EPA's AVERT regions (CSV) into `grid_intensity`.

What the emitter gets wrong, and what happens here:

- They are marginal: what one kWh more or less changes, negative where a plant ramps down. They are
  kept apart from averages by `method` and never used for an inventory.
- The year and the pollutant stand in the file name alone (`AVERT_2023_CO2_lb_per_kwh.csv`): without a
  year, or for another pollutant than CO2, the file is refused.
- `Timestamp` is the hour of the year in local standard time, and nothing says whose: a file
  `zone` of `about.yaml` beside it names it (`-05:00`, `UTC`). Name a fixed offset: a region that kept summer
  time would have an hour too few.
- Pounds per kWh become grams. A byte order mark at the start is no part of the first name.

The zone is `AVERT:<region>`. One record is one line; it gives one row per region.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import polars as pl

from tokenworks_sources.connectors import about, local_clock, tabular
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.grid_intensity import intervals
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

GRAMS_PER_POUND = 453.59237
LEADING = ("Month", "Timestamp")
_REGION = re.compile(r"[A-Z]{2,5}")
_HOURS = 8784


class Avert:
    """Connector of AVERT's hourly factors."""

    name = "avert"
    table = "grid_intensity"
    tables = ("grid_intensity",)
    version = "1"
    summary = "EPA AVERT (CSV): marginal CO2 of a region by hour, from pounds per kWh"

    def recognise(self, preview: Preview) -> str | None:
        """A header of Month, Timestamp and region codes."""
        regions = _regions(preview)
        return f"columns Month, Timestamp and {len(regions)} regions" if regions else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the zone: a corrected one re-ingests."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        regions = _regions(preview_of(file.path))
        if not regions:
            raise LandingFileError(
                file.path,
                "the header is not Month, Timestamp and codes of regions.",
                "Land an hourly file of AVERT factors in pounds per kWh.",
            )
        start = _start(file)
        for block in tabular.read_csv(file.path, sink, (*LEADING, *regions), "an AVERT file"):
            hour = pl.col("Timestamp").cast(pl.Int64, strict=False)
            is_hour = hour.is_between(0, _HOURS - 1)
            numbers = [pl.col(name).cast(pl.Float64, strict=False) for name in regions]
            is_good = pl.all_horizontal(
                is_hour.fill_null(False), *(number.is_not_null() for number in numbers)
            )
            judged = block.with_columns(is_good.alias("_good"))
            for line, raw in judged.filter(~pl.col("_good")).select("source_line", "_raw").rows():
                sink.reject(line, "Timestamp or a region: not a number", raw)
            good = judged.filter("_good").with_columns(hour.alias("hour"), *numbers)
            if not good.is_empty():
                sink.write(self.table, _long(good, regions, start))


def _regions(preview: Preview) -> list[str]:
    header = tabular.header_of(preview.first_line)
    regions = header[len(LEADING) :]
    is_avert = tuple(header[: len(LEADING)]) == LEADING and all(
        _REGION.fullmatch(name) for name in regions
    )
    return regions if is_avert else []


def _start(file: LandingFile) -> datetime:
    """UTC of hour 0 of the file's year."""
    name = file.path.name.upper()
    number = intervals.year_of_name(file.path.name)
    if number is None or "CO2" not in name:
        raise LandingFileError(
            file.path,
            "its name does not say that it holds CO2, and of which year.",
            "Keep the publisher's name, for example AVERT_2023_CO2_lb_per_kwh.csv.",
        )
    said, times = about.beside(file.path), "its hours are local standard time"
    zone = local_clock.zone_of(about.zone_needed(file.path, said, times, "-05:00"))
    local = datetime(number, 1, 1, tzinfo=zone)
    return local.astimezone(UTC).replace(tzinfo=None)


def _long(block: pl.DataFrame, regions: list[str], start: datetime) -> pl.DataFrame:
    """One row per line and region; the first region's row stands for the line."""
    first = pl.col("zone") == regions[0]
    return (
        block.unpivot(regions, index=["source_line", "hour"], variable_name="zone", value_name="lb")
        .select(
            "source_line",
            first.cast(pl.Int64).alias("_records"),
            (pl.lit("AVERT:") + pl.col("zone")).alias("zone"),
            pl.lit("marginal").alias("method"),
            (pl.lit(start) + pl.col("hour") * timedelta(hours=1)).alias("interval_start"),
            pl.lit(3600, pl.Int64).alias("interval_seconds"),
            (pl.col("lb") * GRAMS_PER_POUND).alias("carbon_grams_per_kwh"),
        )
        .sort("source_line", maintain_order=True)
    )


CONNECTOR = Avert()
