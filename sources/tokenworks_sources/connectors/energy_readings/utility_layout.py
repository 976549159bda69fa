"""Which line of a utility's CSV is its header, and what each column is.

Pure: lines in, a `Layout` out. Utilities rename columns from portal to portal, so a column is known by
its words; a header that leaves open what its numbers are is no layout.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

# Lines before the header; the longest seen has 14.
MOST_PREAMBLE = 40

_ROLES = {
    "type": r"type",
    "date": r"(usage |reading |read )?date",
    "start_date": r"start date",
    "end_date": r"end date",
    "start_time": r"(usage )?start time",
    "end_time": r"(usage )?end time",
    "period": r"(energy )?(consumption )?time period",
    "start": r"((energy consumption time period|interval|period) start|start|from)"
    r"( date)?([ /&]*time)?",
    "end": r"((energy consumption time period|interval|period) end|end|to)( date)?([ /&]*time)?",
    "duration": r"duration( \(min(utes)?\))?",
    "meter": r"meter( number| id)?|esi ?id",
    "unit": r"units?|uom",
    "cost": r"cost|total import cost|cost \(\$\)",
    "notes": r"notes?|reading quality|quality|estimated actual",
    "flow": r"consumption surplusgeneration",
}
_UNIT = r"( ?\((?P<unit>[^)]*)\))?"
# A column of one direction, or one whose negative values are export.
_ENERGIES = {
    "import": rf"(import|delivered|((electricity|energy) )?consumption|energy delivered){_UNIT}",
    "export": rf"(export|received|generation|production|energy received){_UNIT}",
    "net": rf"(usage|energy usage|electricity usage|net|net usage|energy){_UNIT}|(usage )?kwh",
}
_CLOCK = re.compile(
    r"(?:he|hour|hr|h)? ?(\d{1,2})(?::(\d{2}))?(?: ?([ap])\.?m\.?)?(?: ?\(?kwh\)?)?"
)
_KWH = re.compile(r"kwh|kilowatt-?\s?hours?", re.IGNORECASE)
_OTHER_UNIT = re.compile(r"therm|ccf|gallon|btu|\bgal\b|m3|m³", re.IGNORECASE)
# Power, and energy that is not read: a column of it is none of kWh, whatever else the file names.
_NOT_KWH = re.compile(r"\b(?:[kmg]?w|[mg]?wh|[km]?va(?:r|h|rh)?)\b", re.IGNORECASE)
_METER = re.compile(r"^(meter (number|id)|service(?! (start|end))( id| agreement)?)$")
_IS_ROLE = {role: re.compile(pattern) for role, pattern in _ROLES.items()}
_IS_ENERGY = {direction: re.compile(pattern) for direction, pattern in _ENERGIES.items()}


@dataclass
class Layout:
    """A header and what its columns are.

    Attributes:
        line: number of the header line.
        width: number of its columns.
        roles: column by role.
        energies: column by flow direction.
        clocks: for a day per line: minutes after midnight at which each column's interval starts.
        minutes: for a day per line: length of an interval.
        is_kwh: the header or a line before it says that the numbers are kWh.
        is_other: they are of another service.
        meter: the meter that a line before the header names.
        header: the header's fields, to know its repetition.
    """

    line: int
    header: list[str]
    roles: dict[str, int] = field(default_factory=dict)
    energies: dict[str, int] = field(default_factory=dict)
    clocks: dict[int, int] = field(default_factory=dict)
    minutes: int = 0
    is_kwh: bool = False
    is_other: bool = False
    meter: str | None = None

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.header)

    @property
    def why(self) -> str:
        """The columns that tell the layout, for a person."""
        if self.clocks:
            return f"a header of a date and {len(self.clocks)} times of day"
        names = [self.header[at] for at in (*self.roles.values(), *self.energies.values())]
        return f"columns {', '.join(names[:5])}"


def is_other_service(unit: str) -> bool:
    """Whether a unit is one of gas or water."""
    return bool(_OTHER_UNIT.search(unit))


def decoded(line: bytes) -> str:
    """A line as text: UTF-8, else Latin-1, in which some portals write a no-break space."""
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def fields_of(line: str) -> list[str]:
    """Fields of one line, white space (no-break spaces too) made plain; empty where it is no CSV."""
    try:
        row = next(csv.reader([line.rstrip("\r\n")], strict=False), [])
    except csv.Error:
        return []
    return [" ".join(value.split()) for value in row]


def layout_of(lines: Sequence[str]) -> Layout | None:
    """The layout of the first line that is a header, or None."""
    meter, said_kwh = None, False
    for number, line in enumerate(lines[: MOST_PREAMBLE + 1], 1):
        row = fields_of(line)
        layout = _layout(number, row)
        if layout is not None:
            layout.is_kwh = layout.is_kwh or said_kwh
            layout.meter = meter
            return layout
        said_kwh = said_kwh or bool(_KWH.search(line))
        if len(row) >= 2 and row[1] and _METER.match(row[0].lower().rstrip(":")):
            meter = row[1]
    return None


def _layout(number: int, row: list[str]) -> Layout | None:
    names = [name.lower().replace("_", " ") for name in row]
    layout = Layout(number, row, is_kwh=any(_KWH.search(name) for name in names))
    for index, name in enumerate(names):
        if not name[:1].isalpha():
            continue
        for role, pattern in _IS_ROLE.items():
            if pattern.fullmatch(name):
                layout.roles.setdefault(role, index)
        for direction, pattern in _IS_ENERGY.items():
            found = pattern.fullmatch(name)
            unit = (found["unit"] or "") if found else ""
            if found and (_KWH.search(unit) or not _NOT_KWH.search(unit)):
                layout.energies.setdefault(direction, index)
                layout.is_other = layout.is_other or is_other_service(unit)
    _settle(layout)
    if layout.energies and _is_timed(set(layout.roles)):
        return layout
    if "date" in layout.roles and not layout.energies:
        layout.clocks, layout.minutes = _clocks(names)
    return layout if layout.clocks else None


def _settle(layout: Layout) -> None:
    """Drops what other columns say better: beside a date `Start Time` is a time of day, else a moment."""
    if {"date", "start_date"} & set(layout.roles):
        layout.roles.pop("start", None)
        layout.roles.pop("end", None)
    if {"import", "export"} & set(layout.energies):
        layout.energies.pop("net", None)


def _is_timed(roles: set[str]) -> bool:
    """Whether the columns say when an interval starts and ends."""
    return bool(
        "period" in roles
        or {"start", "end"} <= roles
        or {"start_date", "end_date"} <= roles
        or {"date", "start_time", "end_time"} <= roles
        or {"date", "start_time", "duration"} <= roles
        or {"type", "date"} <= roles
    )


def _clocks(names: list[str]) -> tuple[dict[int, int], int]:
    """Start of each column's interval, and its length; nothing unless the columns cut a day evenly."""
    minutes = {
        index: _minute(found) for index, name in enumerate(names) if (found := _CLOCK.fullmatch(name))
    }  # fmt: skip
    count = len(minutes)
    if count not in (24, 48, 96):
        return {}, 0
    step = 1440 // count
    columns = sorted(minutes)
    marks = [minutes[column] for column in columns]
    starts = [position * step for position in range(count)]
    ends = [start + step for start in starts]
    if marks == starts or marks in (ends, [*ends[:-1], 0]):
        return dict(zip(columns, starts, strict=True)), step
    return {}, 0


def _minute(found: re.Match[str]) -> int:
    hour, minute = int(found[1]), int(found[2] or 0)
    if found[3]:
        hour = hour % 12 + (12 if found[3] == "p" else 0)
    return hour * 60 + minute
