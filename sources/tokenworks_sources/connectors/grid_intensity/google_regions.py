"""Google Cloud's yearly carbon data of its regions (CSV) into `grid_intensity`.

What the publisher gets wrong, and what happens here:

- The year stands in the file name alone (`2024.csv`): without one the file is refused.
- The column was renamed: `Lifecycle grid carbon intensity` until 2020 (lifecycle emissions), then
  `Grid carbon intensity` (it no longer says which, so the scope is unknown).
- `Google CFE`, the share of carbon-free energy, is blank where Google has no data: unknown, not 0.

The zone is `gcp:<region>`. One record is one line.
"""

from __future__ import annotations

import re

import polars as pl

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.grid_intensity import intervals
from tokenworks_sources.connectors.rows import hand_over
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

REGION = "Google Cloud Region"
_INTENSITY = re.compile(
    r"(lifecycle )?grid carbon intensity \(gCO2eq ?/ ?kWh\)", re.IGNORECASE
)  # fmt: skip
_SHARE = re.compile(r"Google (hourly )?CFE( %)?", re.IGNORECASE)


class GoogleRegions:
    """Connector of Google's region carbon files."""

    name = "google_regions"
    table = "grid_intensity"
    tables = ("grid_intensity",)
    version = "1"
    summary = "Google Cloud region carbon data (yearly CSV): grams per kWh and carbon-free share"

    def recognise(self, preview: Preview) -> str | None:
        """A header with the region and a grid carbon intensity."""
        header = tabular.header_of(preview.first_line)
        if REGION in header and any(_INTENSITY.fullmatch(name) for name in header):
            return f"columns {REGION}, grid carbon intensity"
        return None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        header = tabular.header_of(preview_of(file.path).first_line)
        intensity = next((name for name in header if _INTENSITY.fullmatch(name)), None)
        share = next((name for name in header if _SHARE.fullmatch(name)), None)
        number = intervals.year_of_name(file.name)
        if intensity is None:
            raise LandingFileError(
                file.path, "it has no column of grid carbon intensity.", "Download it again."
            )
        if number is None:
            raise LandingFileError(
                file.path,
                "nothing says which year it is for.",
                "Keep the publisher's file name, for example 2024.csv.",
            )
        required = [REGION, intensity, *([share] if share else [])]
        interval = intervals.year(number)
        scope = "lifecycle" if intensity.lower().startswith("lifecycle") else None
        for block in tabular.read_csv(file.path, sink, required, "Google's carbon data"):
            hand_over(_rows(block, intensity, share, interval, scope), self.table, sink)


def _rows(
    block: pl.DataFrame,
    intensity: str,
    share: str | None,
    interval: intervals.Interval,
    scope: str | None,
) -> pl.DataFrame:
    """Rows of `grid_intensity` with the `_reason` of those that cannot be used."""
    ratio = pl.col(share).str.strip_chars() if share else pl.lit(None, pl.String)
    is_percent = ratio.str.ends_with("%")
    number = ratio.str.strip_suffix("%").cast(pl.Float64, strict=False)
    return block.select(
        "source_line",
        "_raw",
        (pl.lit("gcp:") + pl.col(REGION).str.strip_chars()).alias("zone"),
        pl.lit("average").alias("method"),
        pl.lit(interval.start).alias("interval_start"),
        pl.lit(interval.seconds, pl.Int64).alias("interval_seconds"),
        pl.col(intensity).cast(pl.Float64, strict=False).alias("carbon_grams_per_kwh"),
        pl.lit(scope, pl.String).alias("emission_scope"),
        pl.when(is_percent).then(number / 100).otherwise(number).alias("carbon_free_ratio"),
        pl.when(pl.col(REGION).is_null())
        .then(pl.lit("Google Cloud Region: missing"))
        .when(pl.col(intensity).is_not_null() & pl.col(intensity).cast(pl.Float64, strict=False).is_null())
        .then(pl.lit("grid carbon intensity: not a number"))
        .when(ratio.is_not_null() & number.is_null())
        .then(pl.lit("Google CFE: not a number"))
        .alias("_reason"),
    )  # fmt: skip


CONNECTOR = GoogleRegions()
