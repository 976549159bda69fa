"""OpenEI's U.S. Utility Rate Database (JSON) into `tariff_rates` and `tariff_schedule`.

What the publisher gets wrong, and what happens here:

- One tariff alone, a list, or an answer with `items`: all are read. An answer with an error is one.
- Rates are JSON numbers: they are read as decimals, so that 0.10560 is never 0.10559999.
- Dates are epoch seconds of local midnights: kept as the moments they are. Without `startdate`, or
  with one before 2000, a tariff holds from 2000-01-01, the first date of the lake.
- A tier without `rate` but with `adj` or `sell` has rate 0: the database leaves zeros out.
- A tier's `max` is absent or about 1e38 where it has no end; `unit` is the unit of `max` (`kWh daily`),
  while an energy rate is always per kWh.
- One period needs no schedule. Two periods without one, or a schedule that names a period without
  rates, cannot be priced: the tariff is rejected whole.
- Flat demand is scheduled by month, coincident demand by one matrix for all days: both become the
  same grid of month × weekday or weekend × hour.
- Older answers say `fixedmonthlycharge` and `minmonthlycharge`; ratchets are written as 80 or 0.8.

One record is one tariff; `source_line` is its number in the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict

import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json.document import read_document
from tokenworks_sources.connectors.tariff_rates.urdb_tariff import (
    Tariff,
    TariffError,
    tariff_of,
)
from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.contracts.tariffs import RATES, SCHEDULE
from tokenworks_sources.errors import LandingFileError

# Every amount of the database is in it.
CURRENCY = "USD"
BATCH_TARIFFS = 50
_KEYS = re.compile(r'"(energyratestructure|energyweek(day|end)schedule|fixedchargefirstmeter)"\s*:')
_DEMAND = ("demand_tou", "demand_flat", "coincident")


class OpenEiUrdb:
    """Connector of tariffs of the Utility Rate Database."""

    name = "openei_urdb"
    table = "tariff_rates"
    tables = ("tariff_rates", "tariff_schedule")
    version = "1"
    summary = "OpenEI Utility Rate Database (JSON): rates by period and tier, and their schedule"

    def recognise(self, preview: Preview) -> str | None:
        """JSON with the keys of a tariff."""
        text = (preview.text or "").lstrip()
        found = _KEYS.search(text) if text.startswith(("{", "[")) else None
        return f"JSON key {found[1]}" if found else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        records = _records(file, read_document(file.path, "an answer of OpenEI"))
        sink.expect(len(records))
        batch: list[tuple[int, Tariff]] = []
        for number, record in enumerate(records, 1):
            try:
                if not isinstance(record, Mapping):
                    raise TariffError("not an object")
                batch.append((number, tariff_of(record)))
            except TariffError as error:
                sink.reject(number, str(error), "")
            if len(batch) >= BATCH_TARIFFS:
                _write(batch, sink)
                batch.clear()
        if batch:
            _write(batch, sink)


def _records(file: LandingFile, document: object) -> list[object]:
    if isinstance(document, list):
        records = document
    elif isinstance(document, Mapping) and isinstance(document.get("items"), list):
        records = list(document["items"])
    elif isinstance(document, Mapping) and "label" in document:
        records = [document]
    else:
        raise LandingFileError(
            file.path,
            "the answer has no tariffs: neither items nor a label.",
            "Ask the API with detail=full and a key that it accepts.",
        )
    if not records:
        raise LandingFileError(
            file.path, "the answer has no tariffs.", "Ask for a tariff that exists."
        )
    return records


def _write(batch: list[tuple[int, Tariff]], sink: Sink) -> None:
    rates = [row for number, tariff in batch for row in _rate_rows(number, tariff)]
    hours = [row for number, tariff in batch for row in _schedule_rows(number, tariff)]
    sink.write("tariff_rates", _frame(rates, polars_schema(RATES)))
    if hours:
        sink.write("tariff_schedule", _frame(hours, polars_schema(SCHEDULE)))


Row = dict[str, object]


def _rate_rows(number: int, tariff: Tariff) -> Iterator[Row]:
    for index, rate in enumerate(tariff.rates):
        yield {
            "source_line": number,
            "_records": int(index == 0),
            "tariff_id": tariff.label,
            "utility_name": tariff.utility,
            "tariff_name": tariff.name,
            "sector": tariff.sector,
            "currency": CURRENCY,
            "demand_window_minutes": tariff.demand_window if rate.component in _DEMAND else None,
            "valid_from": tariff.valid_from,
            "valid_to": tariff.valid_to,
            **asdict(rate),
        }


def _schedule_rows(number: int, tariff: Tariff) -> Iterator[Row]:
    for component, days in tariff.schedules.items():
        for day_type, matrix in zip(("weekday", "weekend"), days, strict=True):
            for month, hours in enumerate(matrix, 1):
                ratchet = tariff.ratchets[month - 1] if tariff.ratchets else None
                for hour, period in enumerate(hours):
                    yield {
                        "source_line": number,
                        "_records": 0,
                        "tariff_id": tariff.label,
                        "component": component,
                        "month": month,
                        "day_type": day_type,
                        "hour": hour,
                        "period": period,
                        "ratchet_ratio": ratchet if component in _DEMAND else None,
                        "valid_from": tariff.valid_from,
                    }


def _frame(rows: list[Row], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    types = {**schema, "_records": pl.Int64()}
    return pl.DataFrame(rows, schema={name: types[name] for name in rows[0]}, orient="row")


CONNECTOR = OpenEiUrdb()
