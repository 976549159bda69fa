"""Which meter the blocks of a Green Button feed belong to, and what their values mean."""

from __future__ import annotations

import pytest

from tokenworks_sources.connectors.energy_readings.espi_feed import Entry, Feed, meter_name, path_of
from tokenworks_sources.connectors.energy_readings.espi_links import streams_of

POINT = "RetailCustomer/9/UsagePoint/1"
ENERGY = {"uom": "72", "flowDirection": "1", "accumulationBehaviour": "4"}


def usage_point(path: str = POINT, service: str = "0") -> Entry:
    return Entry(
        self_link=path, kind="UsagePoint", facts={"kind": service}, related=[f"{path}/MeterReading"]
    )


def meter_reading(path: str, kind: str = "ReadingType/1") -> Entry:
    return Entry(
        self_link=path,
        up_link=path.rpartition("/")[0],
        related=[f"{path}/IntervalBlock", kind],
        kind="MeterReading",
    )


def reading_type(number: int = 1, **facts: str) -> Entry:
    return Entry(self_link=f"ReadingType/{number}", kind="ReadingType", facts={**ENERGY, **facts})


def feed_of(*types: Entry, point: str = POINT) -> Feed:
    """One usage point with one meter reading, block link and reading type per number."""
    paths = [f"{point}/MeterReading/{number}" for number, _ in enumerate(types, 1)]
    return Feed(
        usage_points=[usage_point(point)],
        meter_readings=[
            meter_reading(path, f"ReadingType/{number}") for number, path in enumerate(paths, 1)
        ],
        reading_types=list(types),
        block_links=[f"{path}/IntervalBlock" for path in paths],
    )


def meters(feed: Feed) -> list[str]:
    return [stream.meter_id for stream in streams_of(feed)]


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("https://u.example/DataCustodian/espi/1_1/resource/RetailCustomer/1/UsagePoint/2", "RetailCustomer/1/UsagePoint/2"),
        ("/espi/1_1/resource/UsagePoint/2/", "UsagePoint/2"),
        ("RetailCustomer/9b6c7063/UsagePoint/01", "RetailCustomer/9b6c7063/UsagePoint/01"),
        ("", ""),
    ],
)  # fmt: skip
def test_spellings_of_a_link_are_equal_when_they_name_the_same_thing(link: str, path: str) -> None:
    assert path_of(link) == path


def test_the_usage_point_names_the_meter_by_its_id_alone_when_nothing_stands_before_it() -> None:
    assert meter_name("UsagePoint/meter-us-east") == "meter-us-east"
    assert meter_name("RetailCustomer/1/UsagePoint/1") == "RetailCustomer/1/UsagePoint/1"


def test_meters_stay_apart_when_one_feed_holds_five() -> None:
    points = [f"UsagePoint/meter-{number}" for number in range(1, 6)]
    feed = Feed(
        usage_points=[usage_point(point) for point in points],
        meter_readings=[meter_reading(f"{point}/MeterReading/1") for point in points],
        reading_types=[reading_type()],
        block_links=[f"{point}/MeterReading/1/IntervalBlock" for point in points],
    )
    assert meters(feed) == ["meter-1", "meter-2", "meter-3", "meter-4", "meter-5"]


def test_the_usage_point_names_energy_alone_when_power_and_export_share_it() -> None:
    feed = feed_of(reading_type(1), reading_type(2, uom="38"), reading_type(3, flowDirection="19"))
    assert meters(feed) == [POINT, f"{POINT}/MeterReading/2", POINT]


def test_the_usage_point_names_power_when_it_has_no_energy() -> None:
    assert meters(feed_of(reading_type(1, uom="38"))) == [POINT]


def test_each_stream_is_named_by_its_meter_reading_when_two_measure_one_direction() -> None:
    feed = feed_of(reading_type(1), reading_type(2))
    assert meters(feed) == [f"{POINT}/MeterReading/1", f"{POINT}/MeterReading/2"]


def test_a_skipped_stream_takes_no_name_when_it_shares_the_usage_point() -> None:
    feed = feed_of(reading_type(1), reading_type(2, uom="73"))
    assert meters(feed)[0] == POINT


def test_one_stream_is_seen_when_its_link_is_spelt_absolute_and_relative() -> None:
    feed = feed_of(reading_type(1))
    feed.block_links.append(f"https://u.example/espi/1_1/resource/{feed.block_links[0]}")
    assert meters(feed) == [POINT, POINT]


def test_links_are_followed_when_they_are_opaque() -> None:
    reading = Entry(self_link="/x/77", up_link="/x/70", related=["/x/78", "/x/79"])
    feed = Feed(
        usage_points=[Entry(self_link="/x/1", related=["/x/70"], facts={"kind": "0"})],
        meter_readings=[reading],
        reading_types=[Entry(self_link="/x/79", facts=ENERGY), Entry(self_link="/x/80", facts={})],
        block_links=["/x/78"],
    )
    assert [(s.meter_id, s.measures) for s in streams_of(feed)] == [("x/1", "energy")]


def test_the_path_names_the_meter_when_the_feed_has_no_usage_point() -> None:
    feed = feed_of(reading_type(1))
    feed.usage_points.clear()
    assert meters(feed) == [POINT]


def test_the_feed_names_the_meter_when_nothing_is_linked() -> None:
    feed = Feed(identifier="urn:uuid:0", reading_types=[reading_type()], block_links=[""])
    assert meters(feed) == ["urn:uuid:0"]


def test_no_meaning_is_borrowed_when_the_declared_reading_type_is_not_in_the_feed() -> None:
    feed = feed_of(reading_type(2))
    assert [stream.verdict for stream in streams_of(feed)] == [
        "reject: no ReadingType says what the value means"
    ]


def test_no_meter_reading_is_borrowed_when_the_path_names_another() -> None:
    feed = feed_of(reading_type(1))
    feed.block_links.append(f"{POINT}/MeterReading/8/IntervalBlock")
    assert meters(feed) == [f"{POINT}/MeterReading/1", f"{POINT}/MeterReading/8"]


def test_gas_is_skipped_when_only_the_usage_point_says_so() -> None:
    feed = feed_of(reading_type(1))
    feed.usage_points = [usage_point(service="1")]
    assert [stream.verdict for stream in streams_of(feed)] == ["skip: gas, not electricity"]
