"""Which meter an ESPI interval block belongs to, and what its values mean.

Pure: facts of a feed in, one `Stream` per distinct block link out. Custodians disagree on links
(absolute or relative, opaque or by path, entries left out), so each step tries the declared link,
then the path, then the only candidate; it never picks one of several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tokenworks_sources.connectors.energy_readings.espi_feed import (
    USAGE_POINT,
    Entry,
    Feed,
    meter_name,
    path_of,
)

WATT_HOUR, WATT, JOULE = 72, 38, 31
JOULES_PER_KWH = 3.6e6
# Beyond the schema's ±12, because feeds carry −14; more is a fault of the feed.
LARGEST_EXPONENT = 18
OTHER_UNITS = {
    0: "no unit", 5: "A", 29: "V", 42: "m³", 61: "VA", 63: "VAr", 71: "VAh", 73: "VArh",
    80: "currency", 119: "ft³", 132: "Btu", 169: "therm",
}  # fmt: skip
SERVICES = {
    1: "gas", 2: "water", 3: "time", 4: "heat", 5: "refuse", 6: "sewerage", 7: "rates",
    8: "TV licence", 9: "internet",
}  # fmt: skip
FLOWS = {1: "import", 19: "export", 4: "net", 20: "total"}
# Registers stand for all time until a reading, not for an interval: their first difference and
# every reset would need the reading before the feed, so they are left out whole.
# Bulk quantity, continuous cumulative, cumulative, summation.
REGISTERS = (1, 2, 3, 9)
ELECTRIC_COMMODITIES = (0, 1, 2)
AVERAGE = 2
MEANS = (0, AVERAGE, 12)
QUALITIES = {
    0: "valid", 7: "edited", 8: "estimated", 9: "estimated", 10: "questionable", 11: "derived",
    12: "projected", 14: "raw", 15: "derived", 17: "validated", 18: "verified", 19: "revenue",
}  # fmt: skip


@dataclass(frozen=True)
class Stream:
    """What the readings behind one block link are.

    Attributes:
        ref: index into `Feed.block_links`.
        meter_id: meter of the rows.
        flow_direction: as the contract has it.
        measures: "energy", "power" (of an instant) or "average power"; None where `verdict` is set.
        up, down: kWh or kW = value × up ÷ down; powers of ten, so that one operation rounds once.
        interval_length: seconds where a reading has no duration of its own.
        quality: quality of readings that have none.
        currency: numeric code of costs, as text.
        verdict: "skip: …" or "reject: …" where no reading of the stream can be used.
    """

    ref: int
    meter_id: str = ""
    flow_direction: str = "unknown"
    measures: str | None = None
    up: float = 1.0
    down: float = 1.0
    interval_length: int | None = None
    quality: str = "unknown"
    currency: str | None = None
    verdict: str | None = None


@dataclass(frozen=True)
class _Source:
    usage_point: str | None
    meter_reading: str
    service: int | None
    facts: dict[str, str] | None


def usage_point_of(feed: Feed, link: str) -> tuple[str | None, Entry | None]:
    """The path of the usage point that a link belongs to, and its entry where the feed has it."""
    collection = path_of(link)
    found = USAGE_POINT.match(collection)
    entry = owner("UsagePoint", feed.usage_points, collection)
    path = path_of(entry.self_link) or entry.identifier if entry else ""
    return path or (found.group(0) if found else None), entry


def streams_of(feed: Feed) -> list[Stream]:
    """One stream per distinct link of the feed's blocks, with meter ids that cannot collide."""
    sources = [_source(feed, link) for link in feed.block_links]
    plain = [_stream(ref, source) for ref, source in enumerate(sources)]
    return [
        _named(stream, source, plain, sources)
        for stream, source in zip(plain, sources, strict=True)
    ]


def _source(feed: Feed, link: str) -> _Source:
    collection = path_of(link)
    meter_reading = owner("MeterReading", feed.meter_readings, collection)
    own_path = path_of(meter_reading.self_link) if meter_reading else ""
    name = own_path or collection.removesuffix("/IntervalBlock")
    if not name or name == "IntervalBlock":
        name = (meter_reading.identifier if meter_reading else "") or feed.identifier
    above = path_of(meter_reading.up_link) if meter_reading else ""
    usage_point = owner("UsagePoint", feed.usage_points, above or collection)
    found = USAGE_POINT.match(own_path) or USAGE_POINT.match(collection)
    point = found.group(0) if found else None
    if usage_point is not None:
        point = path_of(usage_point.self_link) or usage_point.identifier or point
    return _Source(
        usage_point=point,
        meter_reading=name,
        service=number(usage_point.facts.get("kind")) if usage_point else None,
        facts=_reading_type(feed, meter_reading),
    )


def owner(kind: str, candidates: Sequence[Entry], collection: str) -> Entry | None:
    """The entry that a collection link belongs to: declared, by path, or the only one.

    The only one is not taken where both paths name an entry of that kind, and not the same.
    """
    for entry in candidates:
        if collection and collection in (path_of(link) for link in entry.related):
            return entry
    for entry in candidates:
        own = path_of(entry.self_link)
        if own and f"{collection}/".startswith(f"{own}/"):
            return entry
    if len(candidates) != 1:
        return None
    named = f"{kind}/"
    contradicts = named in collection and named in candidates[0].self_link
    return None if contradicts else candidates[0]


def _reading_type(feed: Feed, meter_reading: Entry | None) -> dict[str, str] | None:
    related = {path_of(link) for link in meter_reading.related} if meter_reading else set()
    for entry in feed.reading_types:
        if path_of(entry.self_link) in related:
            return entry.facts
    if len(feed.reading_types) != 1 or any("ReadingType/" in link for link in related):
        return None
    return feed.reading_types[0].facts


def _stream(ref: int, source: _Source) -> Stream:
    facts = source.facts
    if source.service:
        service = SERVICES.get(source.service, f"service {source.service}")
        return Stream(ref, verdict=f"skip: {service}, not electricity")
    if facts is None:
        return Stream(ref, verdict="reject: no ReadingType says what the value means")
    verdict = _verdict(facts)
    if verdict:
        return Stream(ref, verdict=verdict)
    unit, exponent = number(facts["uom"]), number(facts.get("powerOfTenMultiplier", "0"))
    assert exponent is not None
    to_kilo = exponent if unit == JOULE else exponent - 3
    quality = number(facts.get("defaultQuality"))
    return Stream(
        ref,
        flow_direction=FLOWS.get(number(facts.get("flowDirection")) or 0, "unknown"),
        measures=_measures(unit, number(facts.get("dataQualifier"))),
        up=10.0 ** max(to_kilo, 0),
        down=10.0 ** max(-to_kilo, 0) * (JOULES_PER_KWH if unit == JOULE else 1.0),
        interval_length=number(facts.get("intervalLength")) or None,
        quality="unknown" if quality is None else QUALITIES.get(quality, "unknown"),
        currency=facts.get("currency"),
    )


def _measures(unit: int | None, qualifier: int | None) -> str:
    if unit != WATT:
        return "energy"
    return "average power" if qualifier == AVERAGE else "power"


def _verdict(facts: dict[str, str]) -> str | None:
    """Why no reading of this type can be used, or None: the first rule that is broken."""
    commodity, unit, behaviour, qualifier = (
        number(facts.get(name))
        for name in ("commodity", "uom", "accumulationBehaviour", "dataQualifier")
    )
    exponent = number(facts.get("powerOfTenMultiplier", "0"))
    unit_name = OTHER_UNITS.get(unit or 0, "unknown")
    rules = (
        (
            commodity in (None, *ELECTRIC_COMMODITIES),
            f"skip: commodity {commodity} is not electricity",
        ),
        (unit is not None, "reject: the ReadingType has no unit of measure (uom)"),
        (
            unit in (WATT_HOUR, WATT, JOULE),
            f"skip: unit of measure {unit} ({unit_name}) is no energy or power",
        ),
        (
            exponent is not None and abs(exponent) <= LARGEST_EXPONENT,
            f"reject: powerOfTenMultiplier is not a whole number from -{LARGEST_EXPONENT} to {LARGEST_EXPONENT}",
        ),
        (
            behaviour not in REGISTERS,
            f"skip: register readings (accumulationBehaviour {behaviour}) are not intervals",
        ),
        (
            qualifier in (None, *MEANS),
            f"skip: dataQualifier {qualifier} is an extreme or a threshold, not the interval",
        ),
    )
    return next((text for holds, text in rules if not holds), None)


def _named(
    stream: Stream, source: _Source, streams: Sequence[Stream], sources: Sequence[_Source]
) -> Stream:
    """The stream with its meter id.

    The usage point names its one energy stream per direction (or its one power stream where it has
    no energy); every other stream is named by its meter reading, so that keys never collide.
    """
    if stream.verdict or source.usage_point is None:
        return _with_meter(stream, source.meter_reading)
    siblings = {
        (origin.meter_reading, other.measures == "energy")
        for other, origin in zip(streams, sources, strict=True)
        if not other.verdict
        and origin.usage_point == source.usage_point
        and other.flow_direction == stream.flow_direction
    }
    energies = sum(is_energy for _, is_energy in siblings)
    rivals = energies if stream.measures == "energy" else energies + len(siblings)
    return _with_meter(
        stream, meter_name(source.usage_point) if rivals == 1 else source.meter_reading
    )


def _with_meter(stream: Stream, meter_id: str) -> Stream:
    return replace(stream, meter_id=meter_id)


def number(text: str | None) -> int | None:
    """A whole number; None where there is none."""
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None
