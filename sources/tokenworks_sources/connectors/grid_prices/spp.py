"""SPP locational marginal prices (CSV, day-ahead and 5-minute) into `grid_prices`.

What the publisher gets wrong, and what happens here:

- `Interval` is local time and `GMTIntervalEnd` is UTC, and both name the *end*: the start is one
  interval earlier. Nothing says how long an interval is: it is the smallest distance of the file's
  times; a file of one interval is 5 minutes where it ends off the hour, else as its name says
  (`DA-LMP…`, `RTBM-LMP…`), else refused.
- Column names differ in case, spaces and underscores, and a `BAA` column comes and goes: a location
  outside the SPP area is named `BAA/location`, so that two areas cannot collide.
- Prices are per MWh in USD and may be negative; the parts of a price (MLC, MCC, MEC) are not kept.
- Mock files of 0 bytes are published; ingest refuses them as empty.

One record is one line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import polars as pl

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Nowhere, Preview, Sink
from tokenworks_sources.connectors.exact import decimal_of, per_kwh, stored
from tokenworks_sources.connectors.rows import hand_over
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

# Names of a column once spaces and underscores are taken out.
_ENDS = ("gmtintervalend", "gmtinterval")
_LOCATIONS = ("settlementlocation", "settlementlocationname")
_TIME = "%m/%d/%Y %H:%M:%S"
_MARKETS = {300: "real_time", 3600: "day_ahead"}
HOME = "SPP"


class Spp:
    """Connector of SPP price files."""

    name = "spp"
    table = "grid_prices"
    tables = ("grid_prices",)
    version = "1"
    summary = "SPP locational marginal prices (CSV): day-ahead by hour, real time by 5 minutes"

    def recognise(self, preview: Preview) -> str | None:
        """A header with the end in GMT, a settlement location and LMP."""
        return "columns GMTIntervalEnd, Settlement Location, LMP" if _columns(preview) else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        columns = _columns(preview_of(file.path))
        if columns is None:
            raise LandingFileError(
                file.path,
                "the header lacks GMTIntervalEnd, Settlement Location or LMP.",
                "Land a file of SPP's LMP by location or by bus.",
            )
        seconds = _seconds(file, columns)
        for block in _blocks(file, sink, columns):
            frame = _typed(block, columns, seconds)
            hand_over(frame, self.table, sink)


Columns = dict[str, str]
# A day after the first one that there is: an interval begins before it ends.
_FIRST = datetime.min + timedelta(days=1)


def _columns(preview: Preview) -> Columns | None:
    """The file's names of `end`, `location`, `price` and, where there is one, `area`."""
    given = {
        name.lower().replace(" ", "").replace("_", ""): name
        for name in tabular.header_of(preview.first_line)
    }
    found = {
        "end": next((given[name] for name in _ENDS if name in given), None),
        "location": next((given[name] for name in _LOCATIONS if name in given), None),
        "price": given.get("lmp"),
    }
    area = {"area": given["baa"]} if "baa" in given else {}
    named = {key: name for key, name in found.items() if name is not None}
    return {**named, **area} if len(named) == len(found) else None


def _blocks(file: LandingFile, sink: Sink, columns: Columns) -> Iterator[pl.DataFrame]:
    yield from tabular.read_csv(file.path, sink, list(columns.values()), "an SPP price file")


def _seconds(file: LandingFile, columns: Columns) -> int:
    """How long an interval of the file is."""
    ends: set[datetime] = set()
    for block in _blocks(file, Nowhere(), columns):
        ends.update(_end(columns["end"], block).drop_nulls().unique().to_list())
    ordered = sorted(ends)
    name = file.path.name.upper()
    if len(ordered) > 1:
        gap = min(later - earlier for earlier, later in pairwise(ordered))
        seconds = int(gap / timedelta(seconds=1))
    elif ordered and ordered[0].minute:
        seconds = 300
    else:
        seconds = 3600 if name.startswith("DA-") else 300 if name.startswith("RTBM-") else 0
    if seconds not in _MARKETS:
        raise LandingFileError(
            file.path,
            "nothing says whether its intervals are 5 minutes or an hour.",
            "Keep SPP's file name (DA-LMP-… or RTBM-LMP-…), or land more than one interval.",
        )
    return seconds


def _end(name: str, block: pl.DataFrame) -> pl.Series:
    """Ends of the intervals; a year that Python has none of is no end."""
    parsed = pl.col(name).str.strptime(pl.Datetime("us"), _TIME, strict=False)
    is_near = parsed.is_between(_FIRST, datetime.max)
    return block.select(pl.when(is_near).then(parsed).alias("end"))["end"]


def _typed(block: pl.DataFrame, columns: Columns, seconds: int) -> pl.DataFrame:
    prices = [decimal_of(text) for text in block[columns["price"]]]
    per_unit = [None if price is None else stored(per_kwh(price)) for price in prices]
    location = pl.col(columns["location"]).str.strip_chars()
    if "area" in columns:
        area = pl.col(columns["area"]).str.strip_chars()
        is_home = area.is_null() | (area == HOME)
        location = pl.when(is_home).then(location).otherwise(area + "/" + location)
    return block.select(
        "source_line",
        "_raw",
        location.alias("zone"),
        (_end(columns["end"], block) - timedelta(seconds=seconds)).alias("interval_start"),
        pl.lit(seconds, pl.Int64).alias("interval_seconds"),
        pl.Series("price_per_kwh", per_unit, dtype=pl.Decimal(38, 12)),
        pl.lit(_MARKETS[seconds]).alias("market"),
        pl.lit("market").alias("price_basis"),
        pl.lit("USD").alias("currency"),
    ).with_columns(
        pl.when(pl.col("interval_start").is_null())
        .then(pl.lit("GMTIntervalEnd: not MM/DD/YYYY hh:mm:ss"))
        .when(pl.col("price_per_kwh").is_null())
        .then(pl.lit("LMP: not a number"))
        .alias("_reason")
    )


CONNECTOR = Spp()
