"""Interval and billing-period usage that utilities offer as CSV into `energy_readings`.

What the portals get wrong, and what happens here:

- 4 to 14 lines with name, address and account stand before the header: they are not kept, but for the
  number of the meter or service. A header may come again, and text may follow the table.
- `END TIME` 00:14 is the last minute inside; a range is one field, `"A to B"`, with no-break spaces in
  Latin-1; some have a duration, some one line per day with 24, 48 or 96 columns.
- Times with an offset (`2023-10-29T00:30:00+01:00`) need no zone: they are what they say. Octopus
  exports gas under the same header, in kWh too: nothing in such a file tells it from electricity.
- Dates are ISO or `7/2/2026`: the order of day and month is decided by the whole file, else refused.
- Times are local: `about.yaml` beside the file names the `zone` (`America/Los_Angeles`), and may say
  `MM/DD` or `DD/MM` in a second line. Of the hour that autumn repeats, the second in the order of lines
  is the later; the hour that spring leaves out is skipped where it is 0, else rejected.
- A column of usage holds import less export (`net`), negative where more went out; import and export
  columns are two rows. `$0.09` is in the dollars of the zone's country; no sign, no cost.
- A file of decimal commas is refused: 0,610 must not become 610. Columns and lines of power, reactive
  energy, Wh or MWh are none of kWh: no header, or rejected.
- Smart Meter Texas has a line per direction, and a column that says which; `A` and `E` are actual and
  estimated. Lines of the hour that spring leaves out have no usage: rejected.
- Notes say where a reading is estimated. Gas in the same export is skipped, counted.

The meter is the column or the line before the header that names it, else the folder of the file. One
record is one line behind the header.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path, PurePath

import polars as pl

from tokenworks_sources.connectors import about, local_clock
from tokenworks_sources.connectors.about import About, Order
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.energy_readings.utility_dates import (
    DateOrder,
    split_moment,
    zoned_moment,
)
from tokenworks_sources.connectors.energy_readings.utility_layout import (
    Layout,
    decoded,
    fields_of,
    is_other_service,
    layout_of,
)
from tokenworks_sources.connectors.energy_readings.utility_rows import (
    DAY,
    Reading,
    RowError,
    Span,
    at,
    has_decimal_comma,
    readings_of,
    wall_clock,
)
from tokenworks_sources.connectors.exact import stored
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed, preview_of

LONGEST_LINE = 1 << 20
BATCH_ROWS = 50_000

Line = tuple[int, str, list[str]]


class UtilityCsv:
    """Connector of utilities' CSV exports."""

    name = "utility_csv"
    table = "energy_readings"
    tables = ("energy_readings",)
    version = "4"
    summary = (
        "Utility CSV: interval usage of portals (Opower, PG&E, SCE, SDG&E, Texas, a day per line)"
    )

    def recognise(self, preview: Preview) -> str | None:
        """A header of times and kWh within the first lines."""
        layout = _layout(preview)
        if layout is None or not (layout.is_kwh or layout.is_other or "unit" in layout.roles):
            return None
        return layout.why

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of the zone: a corrected one re-ingests."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        layout = _layout(preview_of(file.path))
        if layout is None:
            raise LandingFileError(
                file.path,
                "no line is a header of dates, times and kWh.",
                "Export the interval usage, or describe the file in a mapping (docs/mapping.md).",
            )
        said = about.beside(file.path)
        survey = _survey(file.path, layout)
        name = (
            about.zone_needed(file.path, said, "its times are local", "America/Los_Angeles")
            if survey.has_local_times
            else said.zone or "UTC"
        )
        if survey.has_decimal_commas:
            raise LandingFileError(
                file.path,
                "its numbers have commas for decimal points.",
                "Export it with points, or describe it in a mapping (docs/mapping.md).",
            )
        order = _order(file.path, said, survey)
        zone = local_clock.zone_of(name)
        state = _State(file, sink, layout, order, _Clocks(zone, survey.usual), _dollars(name))
        for line in _lines(file.path, layout):
            state.take(line)
        state.close()


def _layout(preview: Preview) -> Layout | None:
    if b"\x00" in preview.head:
        return None
    return layout_of([decoded(line) for line in preview.head.split(b"\n")[:60]])


def _lines(path: Path, layout: Layout) -> Iterator[Line]:
    """Number, text and fields of each line behind the header that is not blank."""
    with open_decompressed(path) as stream:
        number = 0
        while line := stream.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise LandingFileError(
                    path, "a line is over 1 MiB.", "Export it again as CSV.", number
                )
            if number > layout.line and line.strip():
                text = decoded(line)
                yield number, text, fields_of(text)


@dataclass
class _Survey:
    """What a first pass says: the order of dates, how long intervals usually are, how numbers are written."""

    dates: DateOrder = field(default_factory=DateOrder)
    usual: int = DAY
    has_decimal_commas: bool = False
    has_local_times: bool = False


def _survey(path: Path, layout: Layout) -> _Survey:
    survey, lengths = _Survey(), Counter[int]()
    for _, _, row in _lines(path, layout):
        for role in ("date", "start_date", "end_date"):
            survey.dates.see(at(layout, row, role))
        for role in ("period", "start"):
            survey.dates.see(split_moment(at(layout, row, role))[0])
        columns = (*layout.energies.values(), *layout.clocks)
        survey.has_decimal_commas |= any(has_decimal_comma(row[i]) for i in columns if i < len(row))
        if len(row) > 1 and row != layout.header:
            survey.has_local_times |= not zoned_moment(at(layout, row, "start"))
        times = wall_clock(layout, row)
        if times:
            lengths[times[1] - times[0]] += 1
    if layout.minutes:
        survey.usual = layout.minutes * 60
    elif lengths:
        survey.usual = lengths.most_common(1)[0][0]
    return survey


def _order(path: Path, said: About, survey: _Survey) -> Order | None:
    if not survey.dates.is_open or said.date_order:
        return said.date_order
    decided = survey.dates.decided()
    if decided is None:
        why = "its dates do not say whether the day or the month comes first"
        raise about.missing(path, why, "date_order: month_first", "that, or day_first")
    return decided


# Zones in which $ is one dollar; elsewhere it may be a peso.
_CURRENCIES = {
    "USD": "Adak Anchorage Boise Chicago Denver Detroit Honolulu Indianapolis Juneau Los_Angeles "
    "Louisville New_York Nome Phoenix Eastern Central Mountain Pacific",
    "CAD": "Edmonton Halifax Moncton Montreal Regina St_Johns Toronto Vancouver Winnipeg",
    "AUD": "Adelaide Brisbane Darwin Hobart Melbourne Perth Sydney",
    "NZD": "Auckland",
}


def _dollars(zone: str) -> str | None:
    """Currency of a dollar sign in the zone; None where the zone does not tell."""
    area, _, place = zone.partition("/")
    if area == "America" and place.partition("/")[0] in ("Indiana", "Kentucky", "North_Dakota"):
        return "USD"
    found = [code for code, places in _CURRENCIES.items() if place in places.split()]
    return found[0] if place and found else None


class _Clocks:
    """Local spans to UTC, one clock per meter and direction, in the order of lines."""

    def __init__(self, zone: tzinfo, usual: int) -> None:
        self._zone = zone
        self._usual = usual
        self._clocks: dict[object, local_clock.Clock] = {}
        # Starts within a repeated hour that are taken: in a file that runs backwards, the other is next.
        self._taken: set[tuple[object, datetime]] = set()

    def interval(self, key: object, span: Span) -> tuple[datetime, int] | None:
        """Start in UTC and seconds; None where the start does not exist on the wall clock."""
        if span.is_utc:
            return span.start, span.seconds
        if not self._exists(span.start):
            return None
        clock = self._clocks.get(key)
        if clock is None:
            clock = self._clocks[key] = local_clock.clock_of(self._zone)
        start, first, second = clock(span.start), *(self._utc(span.start, fold) for fold in (0, 1))
        if first != second:
            if (key, start) in self._taken:
                start = first if start == second else second
            self._taken.add((key, start))
        return start, self._seconds(start, span)

    def _seconds(self, start: datetime, span: Span) -> int:
        """The usual length where the end can be meant so; else what lies between in UTC."""
        ends = [self._utc(span.end, fold) for fold in (0, 1)]
        lengths = [int((end - start).total_seconds()) for end in ends]
        if span.seconds < DAY and (span.seconds == self._usual or self._usual in lengths):
            return self._usual
        return next((length for length in lengths if length > 0), span.seconds)

    def _utc(self, local: datetime, fold: int) -> datetime:
        return local.replace(tzinfo=self._zone, fold=fold).astimezone(UTC).replace(tzinfo=None)

    def _exists(self, local: datetime) -> bool:
        back = self._utc(local, 0).replace(tzinfo=UTC).astimezone(self._zone)
        return back.replace(tzinfo=None) == local


@dataclass
class _State:
    """The second pass: lines to rows."""

    file: LandingFile
    sink: Sink
    layout: Layout
    order: Order | None
    clocks: _Clocks
    dollars: str | None
    records: int = 0
    flow: str | None = None
    rows: list[tuple[object, ...]] = field(default_factory=list)

    def take(self, line: Line) -> None:
        """One line of the table, or beside it."""
        number, text, row = line
        self.records += 1
        beside = self._beside(row)
        if beside:
            self.sink.skip(beside, 1)
            return
        try:
            readings = readings_of(self.layout, row, self.order)
            rows = [self._row(number, reading) for reading in readings]
        except RowError as error:
            self.sink.reject(number, str(error), text.strip())
            return
        known = [row for row in rows if row is not None]
        if not known:
            self.sink.skip("an hour that summer time leaves out, without usage", 1)
            return
        # Of several rows of a line the first stands for it.
        self.rows += [(*row, int(index == 0)) for index, row in enumerate(known)]
        if len(self.rows) >= BATCH_ROWS:
            self.flush()

    def _beside(self, row: list[str]) -> str | None:
        """Why a line is no reading: a repeated header, other services, words between tables."""
        if row == self.layout.header:
            return "header repeated within the file"
        kind, unit = (at(self.layout, row, role).lower() for role in ("type", "unit"))
        if self.layout.is_other or "gas" in kind or "water" in kind or is_other_service(unit):
            return "gas or water, not electricity in kWh"
        filled = [value for value in row if value]
        if len(filled) < 2:
            words = filled[0].lower() if filled else ""
            for word, flow in (("received", "export"), ("delivered", "import")):
                self.flow = flow if word in words else self.flow
            return "words beside the table"
        return None

    def _row(self, number: int, reading: Reading) -> tuple[object, ...] | None:
        meter = reading.meter or self.layout.meter or _folder(self.file.name)
        direction = self.flow or reading.direction
        interval = self.clocks.interval((meter, direction), reading.span)
        if interval is None:
            if reading.kwh:
                raise RowError("start: does not exist, because clocks go forward")
            return None
        cost, currency = self._cost(reading)
        kwh = float(reading.kwh)
        power = kwh * 3600 / interval[1]
        return (number, meter, direction, *interval, kwh, power, reading.quality, cost, currency)

    def _cost(self, reading: Reading) -> tuple[object, str | None]:
        if reading.cost is None:
            return None, None
        amount, sign = reading.cost
        currency = {"$": self.dollars, "€": "EUR", "£": "GBP"}.get(sign or "")
        return (stored(amount), currency) if currency else (None, None)

    def flush(self) -> None:
        """Hands the rows that wait to the sink."""
        if self.rows:
            self.sink.write("energy_readings", pl.DataFrame(self.rows, _SCHEMA, orient="row"))
            self.rows.clear()

    def close(self) -> None:
        """The last rows, and the number of records."""
        self.flush()
        self.sink.expect(self.records)


_SCHEMA: dict[str, pl.DataType] = {
    "source_line": pl.Int64(),
    "meter_id": pl.String(),
    "flow_direction": pl.String(),
    "interval_start": pl.Datetime("us"),
    "interval_seconds": pl.Int64(),
    "energy_kwh": pl.Float64(),
    "average_power_kw": pl.Float64(),
    "quality": pl.String(),
    "cost": pl.Decimal(38, 12),
    "currency": pl.String(),
    "_records": pl.Int64(),
}


def _folder(name: str) -> str:
    """The folder of the file below that of the connector."""
    folders = PurePath(name).parts[:-1]
    return folders[-1] if len(folders) > 2 or (folders and len(folders) == 1) else "utility"


CONNECTOR = UtilityCsv()
