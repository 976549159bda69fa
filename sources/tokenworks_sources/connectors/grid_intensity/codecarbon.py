"""CodeCarbon's data files (cloud regions CSV, country and zone JSON) into `grid_intensity`.

What the publisher gets wrong, and what happens here:

- `impact.csv` begins with a byte order mark and names no year: its factors hold for all time, so that
  every dated one wins, unless the file name holds a year. Zone: `<provider>:<region>`.
- `global_energy_mix.json` has `carbon_intensity` and `year` per country (zone: ISO code of three
  letters); `nordic_emissions.json` has `emission_factor` per bidding zone, in newer files with a year.
- `usa_emissions.json` has pounds per MWh by state (`_unit`), which become grams; newer files name the year
  of all of them (`_source`). Zone: `US-` and the state's two letters, `US` for all of them.
- `canada_energy_mix.json` has shares of sources without a factor: skipped and counted, because an
  intensity would need factors that the file does not have.

All are averages of generation. One record is one line, country or zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from tokenworks_sources.connectors import tabular
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.grid_intensity import intervals
from tokenworks_sources.connectors.grid_intensity.avert import GRAMS_PER_POUND
from tokenworks_sources.connectors.json.document import read_document
from tokenworks_sources.connectors.rows import hand_over
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

CLOUD_COLUMNS = ("provider", "region", "impact")
_SHARES = frozenset({"coal", "naturalGas", "nuclear", "petroleum", "solar", "wind"})
_COUNTRY = re.compile(r'"carbon_intensity"\s*:')
_ZONE = re.compile(r'"emission_factor"\s*:')
_GRAMS = re.compile(r"gCO2(\.?eq)?/kWh")
_STATES = re.compile(r'\{\s*"_unit"\s*:\s*\{\s*"emissions"\s*:\s*"lbs/MWh"')
_STATE = re.compile("[A-Z]{2}")


class Judged(NamedTuple):
    """One record: its zone, interval and grams, or the reason why it has none."""

    zone: str
    interval: intervals.Interval = intervals.all_time()
    grams: float = 0.0
    reason: str | None = None


class CodeCarbon:
    """Connector of CodeCarbon's carbon data."""

    name = "codecarbon"
    table = "grid_intensity"
    tables = ("grid_intensity",)
    version = "2"
    summary = (
        "CodeCarbon data: carbon per kWh of cloud regions (CSV), countries, states, zones (JSON)"
    )

    def recognise(self, preview: Preview) -> str | None:
        """The header of the cloud file, or keys of one of the JSON files."""
        text = (preview.text or "").lstrip()
        if text.startswith("{"):
            if _COUNTRY.search(text) and '"iso_code"' in text:
                return "JSON keys carbon_intensity, iso_code"
            if _STATES.match(text):
                return "JSON emissions in lbs/MWh by state"
            if _ZONE.search(text) and "CO2" in text and '"data"' in text:
                return "JSON keys data, emission_factor"
            is_mix = all(f'"{source}"' in text for source in _SHARES)
            return "JSON shares of energy sources by province" if is_mix else None
        header = tabular.header_of(preview.first_line)
        if {*CLOUD_COLUMNS, "offsetRatio", "countryIsoCode"} <= set(header):
            return "columns provider, region, impact, offsetRatio"
        return None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        if (preview_of(file.path).text or "").lstrip().startswith("{"):
            _read_json(file, sink)
            return
        number = intervals.year_of_name(file.name)
        interval = intervals.year(number) if number else intervals.all_time()
        for block in tabular.read_csv(file.path, sink, CLOUD_COLUMNS, "CodeCarbon's cloud data"):
            hand_over(_cloud_rows(block, interval), self.table, sink)


_SCHEMA: dict[str, pl.DataType] = {
    "source_line": pl.Int64(),
    "zone": pl.String(),
    "interval_start": pl.Datetime("us"),
    "interval_seconds": pl.Int64(),
    "carbon_grams_per_kwh": pl.Float64(),
}


def _cloud_rows(block: pl.DataFrame, interval: intervals.Interval) -> pl.DataFrame:
    grams = pl.col("impact").cast(pl.Float64, strict=False)
    return block.select(
        "source_line",
        "_raw",
        pl.concat_str("provider", "region", separator=":").alias("zone"),
        pl.lit("average").alias("method"),
        pl.lit(interval.start).alias("interval_start"),
        pl.lit(interval.seconds, pl.Int64).alias("interval_seconds"),
        grams.alias("carbon_grams_per_kwh"),
        pl.when(pl.col("impact").is_not_null() & grams.is_null())
        .then(pl.lit("impact: not a number"))
        .alias("_reason"),
    )


def _read_json(file: LandingFile, sink: Sink) -> None:
    document = read_document(file.path, "a data file of CodeCarbon")
    if not isinstance(document, Mapping):
        raise LandingFileError(
            file.path, "it is not an object of countries or zones.", "Download it again."
        )
    records = list(_records(document).items())
    sink.expect(len(records))
    rows = []
    for number, (name, record) in enumerate(records, 1):
        if isinstance(record, Mapping) and set(record) >= _SHARES:
            sink.skip("shares of sources without an emission factor", 1)
            continue
        judged = _judged(str(name), record)
        if judged.reason:
            sink.reject(number, judged.reason, "")
        else:
            rows.append((number, judged))
    if rows:
        sink.write("grid_intensity", _frame(rows))


def _records(document: Mapping[str, object]) -> Mapping[str, object]:
    """The records by name: states carry the unit and the year that stand beside them."""
    given = document.get("data")
    if isinstance(given, Mapping):
        return given
    if not isinstance(document.get("_unit"), Mapping):
        return document
    source = document.get("_source")
    year = source.get("year") if isinstance(source, Mapping) else None
    return {
        name: {**state, "year": year} if isinstance(state, Mapping) else state
        for name, state in document.items()
        if not name.startswith("_")
    }


def _judged(name: str, record: object) -> Judged:
    given = record if isinstance(record, Mapping) else {}
    value = given.get("carbon_intensity", given.get("emission_factor"))
    per_unit, zone = 1.0, name
    if "emissions" in given:
        value, per_unit = given["emissions"], GRAMS_PER_POUND / 1000
        zone = "US" if name == "usa" else f"US-{given.get('regionCode')}"
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    unit, year = given.get("unit", "gCO2eq/kWh"), given.get("year")
    rules = (
        (isinstance(record, Mapping), "not an object with a carbon intensity"),
        (value is not None, "carbon_intensity: missing"),
        (is_number, "carbon_intensity: not a number"),
        (isinstance(unit, str) and _GRAMS.fullmatch(unit), "unit: not grams per kWh"),
        (year is None or intervals.is_year(year), "year: not a year from 2000 on"),
        (zone in (name, "US") or _STATE.fullmatch(zone[3:]), "regionCode: not two letters"),
    )
    reason = next((text for holds, text in rules if not holds), None)
    if reason:
        return Judged(name, reason=reason)
    interval = intervals.all_time() if year is None else intervals.year(int(year))
    return Judged(zone, interval, float(value) * per_unit)


def _frame(rows: list[tuple[int, Judged]]) -> pl.DataFrame:
    records = [(number, judged.zone, *judged.interval, judged.grams) for number, judged in rows]
    return pl.DataFrame(records, schema=_SCHEMA, orient="row").with_columns(
        pl.lit("average").alias("method")
    )


CONNECTOR = CodeCarbon()
