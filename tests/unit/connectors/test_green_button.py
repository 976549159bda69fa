"""Green Button feeds: scaling, links, what is skipped, rejected and refused."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tokenworks_sources.connectors.energy_readings.green_button import CONNECTOR
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

POINT = "RetailCustomer/9/UsagePoint/1"
TYPE = {
    "uom": "72",
    "powerOfTenMultiplier": "0",
    "flowDirection": "1",
    "accumulationBehaviour": "4",
    "commodity": "1",
    "currency": "840",
    "intervalLength": "900",
}
START = 1_700_000_000  # 2023-11-14 22:13:20 UTC


def entry(
    content: str, own: str, up: str = "", related: tuple[str, ...] = (), more: str = ""
) -> str:
    links = [("self", own), ("up", up), *(("related", link) for link in related)]
    text = "".join(f'<link rel="{rel}" href="/espi/1_1/resource/{to}"/>' for rel, to in links if to)
    return f"<entry><id>urn:uuid:1</id>{text}<content>{content}</content>{more}</entry>"


def espi(tag: str, inner: str = "") -> str:
    return f'<{tag} xmlns="http://naesb.org/espi">{inner}</{tag}>'


def reading_type(own: str = "ReadingType/1", **facts: str | None) -> str:
    given = {name: text for name, text in {**TYPE, **facts}.items() if text is not None}
    return entry(espi("ReadingType", "".join(f"<{n}>{t}</{n}>" for n, t in given.items())), own)


def meter_reading(number: str = "1", kind: str = "ReadingType/1", point: str = POINT) -> str:
    own = f"{point}/MeterReading/{number}"
    return entry(espi("MeterReading"), own, f"{point}/MeterReading", (f"{own}/IntervalBlock", kind))


def usage_point(kind: str = "0") -> str:
    service = f"<ServiceCategory><kind>{kind}</kind></ServiceCategory>"
    return entry(espi("UsagePoint", service), POINT, "", (f"{POINT}/MeterReading",))


def reading(
    value: object, start: object = START, duration: object = 900, more: str = "", tail: str = ""
) -> str:
    period = f"<timePeriod><duration>{duration}</duration><start>{start}</start></timePeriod>"
    return f"<IntervalReading>{more}{period}<value>{value}</value>{tail}</IntervalReading>"


def block(*readings: str, number: str = "1", updated: str = "", start: int = START) -> str:
    interval = f"<interval><duration>86400</duration><start>{start}</start></interval>"
    up = f"{POINT}/MeterReading/{number}/IntervalBlock"
    more = f"<updated>{updated}</updated>" if updated else ""
    content = espi("IntervalBlock", interval + "".join(readings))
    return entry(content, f"{up}/7", up, more=more)


def feed(*entries: str) -> str:
    return f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><id>urn:uuid:0</id>{"".join(entries)}</feed>'


def one_meter(*readings: str, **facts: str | None) -> str:
    return feed(usage_point(), meter_reading(), block(*readings), reading_type(**facts))


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(text: str | bytes, name: str = "feed.xml"):
        path = tmp_path / "shipped" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        outcome = ingest_file(path, CONNECTOR)
        return outcome.frames["energy_readings"], outcome.rejects, outcome.manifest

    return run


def test_one_and_a_quarter_kwh_cost_18_75_cents_when_the_feed_says_1250_wh_and_18750(
    ingest,
) -> None:
    rows, _, _ = ingest(one_meter(reading(1250, more="<cost>18750</cost>")))
    assert rows.select(
        "meter_id", "flow_direction", "interval_start", "interval_seconds", "energy_kwh",
        "average_power_kw", "quality", "cost", "currency", "source_line",
    ).rows() == [
        (
            "RetailCustomer/9/UsagePoint/1", "import", datetime(2023, 11, 14, 22, 13, 20), 900, 1.25,
            5.0, "unknown", Decimal("0.187500000000"), "USD", 1,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "multiplier", "value", "expected"),
    [
        ("72", "3", 3, (3.0, 12.0)),
        ("72", "-3", 1_250_000, (1.25, 5.0)),
        ("72", "-14", 125_000_000_000_000_000, (1.25, 5.0)),
        ("72", "6", 2, (2000.0, 8000.0)),
        ("31", "0", 3_600_000, (1.0, 4.0)),
        ("31", "6", 9, (2.5, 10.0)),
        ("38", "0", 6150, (None, 6.15)),
        ("38", "3", 6, (None, 6.0)),
    ],
)
def test_values_scale_when_unit_and_multiplier_differ(
    ingest, unit: str, multiplier: str, value: int, expected: tuple[float | None, float]
) -> None:
    rows, _, _ = ingest(one_meter(reading(value), uom=unit, powerOfTenMultiplier=multiplier))
    assert rows.select("energy_kwh", "average_power_kw").rows() == [expected]


def test_energy_follows_from_power_when_the_reading_is_an_average(ingest) -> None:
    rows, _, _ = ingest(one_meter(reading(6000), uom="38", dataQualifier="2"))
    assert rows.select("energy_kwh", "average_power_kw").rows() == [(1.5, 6.0)]


@pytest.mark.parametrize(
    ("code", "direction"),
    [
        ("1", "import"),
        ("19", "export"),
        ("4", "net"),
        ("20", "total"),
        ("0", "unknown"),
        (None, "unknown"),
    ],
)
def test_flow_direction_is_named_when_coded(ingest, code: str | None, direction: str) -> None:
    rows, _, _ = ingest(one_meter(reading(1), flowDirection=code))
    assert rows["flow_direction"].to_list() == [direction]


@pytest.mark.parametrize(
    ("code", "quality"),
    [
        ("0", "valid"), ("7", "edited"), ("8", "estimated"), ("9", "estimated"),
        ("10", "questionable"), ("11", "derived"), ("12", "projected"), ("14", "raw"),
        ("17", "validated"), ("18", "verified"), ("19", "revenue"), ("13", "unknown"), ("x", "unknown"),
    ],
)  # fmt: skip
def test_quality_is_named_when_coded(ingest, code: str, quality: str) -> None:
    mark = f"<ReadingQuality><quality>{code}</quality></ReadingQuality>"
    rows, _, _ = ingest(one_meter(reading(1, more=mark)))
    assert rows["quality"].to_list() == [quality]


def test_default_quality_applies_when_a_reading_has_none(ingest) -> None:
    rows, _, _ = ingest(one_meter(reading(1), defaultQuality="17"))
    assert rows["quality"].to_list() == ["validated"]


def test_tariff_period_is_the_feeds_own_number_when_other_numbers_stand_beside_it(ingest) -> None:
    tail = "<consumptionTier>3</consumptionTier><tou>2</tou><cpp>9</cpp>"
    rows, _, _ = ingest(one_meter(reading(1, tail=tail)))
    assert rows["tariff_period"].to_list() == ["2"]


def test_numbers_are_read_when_padded_with_whitespace_and_split_by_comments(ingest) -> None:
    padded = reading(" 12<!-- half -->50\n", f"\n {START} ", "\t900 ", "<cost> 0 </cost>")
    rows, _, _ = ingest(one_meter(padded))
    assert rows.select("energy_kwh", "interval_seconds", "cost").rows() == [(1.25, 900, Decimal(0))]


def test_positions_count_from_the_block_when_time_periods_are_missing(ingest) -> None:
    bare = "<IntervalReading><value>1000</value></IntervalReading>"
    rows, _, _ = ingest(one_meter(bare, bare, bare))
    assert rows.select("interval_start", "interval_seconds").rows() == [
        (datetime(2023, 11, 14, 22, 13, 20), 900),
        (datetime(2023, 11, 14, 22, 28, 20), 900),
        (datetime(2023, 11, 14, 22, 43, 20), 900),
    ]


def test_the_later_reading_wins_when_an_interval_comes_twice(ingest) -> None:
    rows, rejects, manifest = ingest(
        one_meter(reading(1000), reading(2000), reading(3000, START + 900))
    )
    assert rows["energy_kwh"].to_list() == [2.0, 3.0]
    assert rejects.is_empty()
    assert manifest.skipped == {"superseded by a later reading of the same interval": 1}


def test_the_later_publication_wins_when_it_stands_first(ingest) -> None:
    newer = block(reading(5000), updated="2024-02-02T00:00:00Z")
    older = block(reading(1000), updated="2024-01-01T00:00:00Z")
    rows, _, _ = ingest(feed(meter_reading(), newer, older, reading_type()))
    assert rows.select("energy_kwh", "source_line").rows() == [(5.0, 1)]


@pytest.mark.parametrize(
    "style",
    [
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">{}</feed>',
        '<atom:feed xmlns:atom="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">{}</atom:feed>',
    ],
    ids=["espi prefix", "both prefixed"],
)
def test_readings_are_found_when_namespaces_are_prefixed(ingest, style: str) -> None:
    text = re.sub(r' xmlns="[^"]*espi"', "", one_meter(reading(1250)))
    inner = text.partition("urn:uuid:0</id>")[2].removesuffix("</feed>")
    outer = "atom:" if "atom:feed" in style else ""

    def prefixed(match: re.Match[str]) -> str:
        atom = match.group(2) in ("entry", "id", "link", "content", "updated")
        return match.group(1) + (outer if atom else "espi:") + match.group(2)

    rows, _, _ = ingest(style.format(re.sub(r"(</?)(\w+)", prefixed, inner)))
    assert rows.select("meter_id", "energy_kwh").rows() == [("RetailCustomer/9/UsagePoint/1", 1.25)]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"commodity": "7"}, "commodity 7 is not electricity"),
        ({"uom": "42"}, "unit of measure 42 (m³) is no energy or power"),
        ({"uom": "73"}, "unit of measure 73 (VArh) is no energy or power"),
        (
            {"accumulationBehaviour": "3"},
            "register readings (accumulationBehaviour 3) are not intervals",
        ),
        (
            {"uom": "38", "dataQualifier": "8"},
            "dataQualifier 8 is an extreme or a threshold, not the interval",
        ),
    ],
)
def test_readings_are_skipped_with_a_reason_when_they_are_no_interval_of_electricity(
    ingest, facts: dict[str, str], reason: str
) -> None:
    rows, _, manifest = ingest(one_meter(reading(1), reading(2, START + 900), **facts))
    assert rows.is_empty()
    assert manifest.skipped == {reason: 2}


def test_gas_is_skipped_when_the_usage_point_says_so(ingest) -> None:
    _, _, manifest = ingest(
        feed(usage_point("1"), meter_reading(), block(reading(1)), reading_type())
    )
    assert manifest.skipped == {"gas, not electricity": 1}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (reading("n/a"), "value: not a number"),
        (reading("inf"), "value: not a number"),
        (reading(""), "value: missing"),
        (reading(1, "yesterday"), "start: not seconds of the Unix epoch"),
        (reading(1, 1_700_000_000_000_000), "start: not seconds of the Unix epoch"),
        (reading(1, duration="0.5"), "duration: not a whole number of seconds"),
        (reading(1, more="<cost>a lot</cost>"), "cost: not a number"),
        (
            reading(1, more="<cost>1</cost><currency>999</currency>"),
            "currency: not a numeric code of ISO 4217",
        ),
        (
            reading(1, start=86_400),
            "interval_start: outside 2000 to 2100; check the unit of the epoch",
        ),
    ],
)
def test_a_reading_is_rejected_alone_when_it_cannot_be_used(ingest, bad: str, reason: str) -> None:
    rows, rejects, manifest = ingest(one_meter(reading(1, START + 900), bad))
    assert rows["source_line"].to_list() == [1]
    assert rejects.select("source_line", "reason").rows() == [(2, reason)]
    assert manifest.records_in == 2


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"uom": None}, "the ReadingType has no unit of measure (uom)"),
        (
            {"powerOfTenMultiplier": "kilo"},
            "powerOfTenMultiplier is not a whole number from -18 to 18",
        ),
        ({"own": "ReadingType/2"}, "no ReadingType says what the value means"),
    ],
)
def test_readings_are_rejected_when_their_meaning_is_not_given(
    ingest, facts: dict[str, str], reason: str
) -> None:
    _, rejects, _ = ingest(one_meter(reading(1), **facts))
    assert rejects["reason"].to_list() == [reason]


@pytest.mark.parametrize("currency", [None, "0"])
def test_energy_stays_and_its_cost_is_unknown_when_there_is_no_currency(
    ingest, currency: str | None
) -> None:
    costs = [reading(1, START + n * 900, more=f"<cost>{n}</cost>") for n in (0, 1)]
    rows, rejects, manifest = ingest(one_meter(*costs, currency=currency))
    assert rows.sort("source_line").select("source_line", "cost", "currency").rows() == [
        (1, None, None),
        (2, None, None),
    ]
    assert rejects.height == 0
    assert manifest.notes == {"cost without a currency: left out": 1}


def test_a_day_of_23_or_25_hours_stays_one_interval_when_clocks_change(ingest) -> None:
    spring, autumn = 1_772_946_000, 1_793_505_600  # 2026-03-08 and 2026-11-01 00:00 New York
    rows, _, _ = ingest(one_meter(reading(2300, spring, 82_800), reading(2500, autumn, 90_000)))
    assert rows.select("interval_start", "interval_seconds", "average_power_kw").rows() == [
        (datetime(2026, 3, 8, 5), 82_800, 0.1),
        (datetime(2026, 11, 1, 4), 90_000, 0.1),
    ]


BOMB = '<!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE feed [<!ENTITY a SYSTEM "file:///etc/hostname">]>'


@pytest.mark.parametrize(
    "doctype", [BOMB, OUTSIDE, '<!DOCTYPE feed SYSTEM "http://example.com/x.dtd">']
)
def test_the_file_is_refused_when_it_declares_entities(ingest, doctype: str) -> None:
    text = one_meter(reading(1)).replace('<?xml version="1.0"?>', doctype)
    with pytest.raises(LandingFileError, match="declares a document type or entities"):
        ingest(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (bytes(range(256)) * 40, r"line 1: the XML cannot be read: not well-formed"),
        (b"a,b\n1,2\n", "the XML cannot be read"),
        (
            b"<html><body/></html>",
            r"not a Green Button usage feed: its root is <html> of namespace none",
        ),
        (
            b'<feed xmlns="http://www.w3.org/2005/Atom"><entry/></feed>',
            "the Atom feed holds nothing of http://naesb.org/espi",
        ),
        (one_meter(reading(1)).encode()[:-200], "the XML cannot be read: unclosed token"),
        (gzip.compress(one_meter(reading(1)).encode())[:-30], "damaged or ends early"),
    ],
    ids=["empty", "binary", "csv", "html", "blog", "cut off", "truncated gzip"],
)
def test_one_clear_error_names_the_file_when_it_is_no_green_button_feed(
    ingest, content: bytes, message: str
) -> None:
    with pytest.raises(LandingFileError, match=message) as caught:
        ingest(content)
    assert "feed.xml" in str(caught.value)


def test_a_feed_is_recognised_by_its_namespace_when_the_name_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "download"
    path.write_text(one_meter(reading(1)))
    assert CONNECTOR.recognise(preview_of(path)) == "XML of namespace http://naesb.org/espi"
    path.write_text("see http://naesb.org/espi")
    assert CONNECTOR.recognise(preview_of(path)) is None
