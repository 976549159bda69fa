"""Green Button feeds and electricity bills as files.

Belongs here: the ESPI XML and the CSV of bill lines. The numbers come from `meter`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from tokenworks_sample.clock import DAY, QUARTER, START_EPOCH, day_name, iso
from tokenworks_sample.landing import write_csv, write_gzip
from tokenworks_sample.meter import BillLine, reading_cost
from tokenworks_sample.series import TARIFF_IDS, TARIFFS, is_day_hour
from tokenworks_sample.world import Site, World

CURRENCY_NUMBERS = {"USD": 840, "EUR": 978}
# Offset from UTC without summer time.
STANDARD_OFFSETS = {"America/New_York": -18_000, "Europe/Amsterdam": 3_600}
DAYS_PER_FILE = 7
HOURS_OF_DAY = 24
BILL_HEADER = (
    "bill_id", "line_id", "meter_id", "utility_name", "period_start", "period_end", "kind",
    "quantity", "unit", "amount", "currency", "issued_at", "description",
)  # fmt: skip


def write_readings(folder: Path, site: Site, watt_hours: Sequence[int]) -> None:
    """One feed per meter and week."""
    per_day = DAY // QUARTER
    for first in range(0, len(watt_hours) // per_day, DAYS_PER_FILE):
        days = range(first, min(first + DAYS_PER_FILE, len(watt_hours) // per_day))
        path = folder / site.meter / f"{site.meter}_{day_name(first)}.xml.gz"
        write_gzip(path, _feed(site, days, watt_hours))


def _entry(name: str, self_link: str, up: str, related: Sequence[str], content: str) -> str:
    links = "".join(f'<link rel="related" href="{link}"/>' for link in related)
    identity = uuid.uuid5(uuid.NAMESPACE_URL, self_link)
    return (
        f"<entry><id>urn:uuid:{identity}</id>"
        f'<link rel="self" href="{self_link}"/><link rel="up" href="{up}"/>{links}'
        f"<title>{name}</title><content>{content}</content></entry>\n"
    )


def _feed(site: Site, days: range, watt_hours: Sequence[int]) -> Iterator[str]:
    point = f"UsagePoint/{site.meter}"
    reading, kind = f"{point}/MeterReading/1", "ReadingType/1"
    zone = "LocalTimeParameters/1"
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{site.meter}/{days.start}")
    yield (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">\n'
        f"<id>urn:uuid:{identity}</id><title>{site.meter}</title>"
        f"<updated>{iso(days.stop * DAY)}</updated>\n"
    )
    yield _entry(site.meter, point, "UsagePoint", [reading, zone],
                 "<espi:UsagePoint><espi:ServiceCategory><espi:kind>0</espi:kind>"
                 "</espi:ServiceCategory></espi:UsagePoint>")  # fmt: skip
    offset = STANDARD_OFFSETS[site.time_zone]
    yield _entry("Local time", zone, "LocalTimeParameters", [],
                 "<espi:LocalTimeParameters><espi:dstOffset>3600</espi:dstOffset>"
                 f"<espi:tzOffset>{offset}</espi:tzOffset></espi:LocalTimeParameters>")  # fmt: skip
    yield _entry("Facility, 15 minutes", reading, f"{point}/MeterReading",
                 [kind, f"{reading}/IntervalBlock"], "<espi:MeterReading/>")  # fmt: skip
    yield _entry("Energy", kind, "ReadingType", [], _reading_type(site))
    for day in days:
        block = f"{reading}/IntervalBlock/{day + 1}"
        yield _entry(day_name(day), block, f"{reading}/IntervalBlock", [],
                     _block(site, day, watt_hours))  # fmt: skip
    yield "</feed>\n"


def _reading_type(site: Site) -> str:
    facts = {
        "accumulationBehaviour": 4, "commodity": 1, "currency": CURRENCY_NUMBERS[site.currency],
        "dataQualifier": 12, "flowDirection": 1, "intervalLength": QUARTER, "kind": 12,
        "powerOfTenMultiplier": 0, "uom": 72,
    }  # fmt: skip
    inner = "".join(f"<espi:{name}>{value}</espi:{name}>" for name, value in facts.items())
    return f"<espi:ReadingType>{inner}</espi:ReadingType>"


def _block(site: Site, day: int, watt_hours: Sequence[int]) -> str:
    per_day = DAY // QUARTER
    start = START_EPOCH + day * DAY
    head = (
        f"<espi:IntervalBlock><espi:interval><espi:duration>{DAY}</espi:duration>"
        f"<espi:start>{start}</espi:start></espi:interval>\n"
    )
    parts = [head]
    for index in range(day * per_day, (day + 1) * per_day):
        value = watt_hours[index]
        parts.append(
            f"<espi:IntervalReading><espi:cost>{reading_cost(site, index, value)}</espi:cost>"
            f"<espi:timePeriod><espi:duration>{QUARTER}</espi:duration>"
            f"<espi:start>{START_EPOCH + index * QUARTER}</espi:start></espi:timePeriod>"
            "<espi:ReadingQuality><espi:quality>0</espi:quality></espi:ReadingQuality>"
            f"<espi:value>{value}</espi:value></espi:IntervalReading>\n"
        )
    return "".join(parts) + "</espi:IntervalBlock>"


def write_bills(folder: Path, world: World, lines: Sequence[BillLine]) -> None:
    """One CSV per bill, with the contract's columns."""
    for bill in dict.fromkeys(line.bill_id for line in lines):
        rows = [_bill_row(world, line) for line in lines if line.bill_id == bill]
        write_csv(folder / f"{bill}.csv", BILL_HEADER, rows)


def write_tariffs(folder: Path) -> None:
    """Energy by time of use as the Utility Rate Database has it; the demand charge of the bills is
    prorated by days, which no tariff of the database is.
    """
    for site, identity in TARIFF_IDS.items():
        tariff = TARIFFS[site]
        weekday = [int(is_day_hour(hour)) for hour in range(HOURS_OF_DAY)]
        document = {
            "label": identity,
            "utility": tariff.utility,
            "name": "Time of use",
            "sector": "Commercial",
            "startdate": 0,
            "energyratestructure": [[{"rate": float(rate)}] for rate in (tariff.night, tariff.day)],
            "energyweekdayschedule": [weekday] * 12,
            "energyweekendschedule": [[0] * HOURS_OF_DAY] * 12,
        }
        path = folder / f"{identity}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"items": [document]}) + "\n", encoding="utf-8")


def _bill_row(world: World, line: BillLine) -> dict[str, str]:
    return {
        "bill_id": line.bill_id,
        "line_id": line.line_id,
        "meter_id": world.site(line.site).meter,
        "utility_name": TARIFFS[line.site].utility,
        "period_start": iso(line.start),
        "period_end": iso(line.end),
        "kind": line.kind,
        "quantity": "" if line.quantity is None else f"{line.quantity:.3f}",
        "unit": line.unit,
        "amount": f"{line.amount:.2f}",
        "currency": line.currency,
        "issued_at": iso(line.end + 3 * DAY),
        "description": line.description,
    }
