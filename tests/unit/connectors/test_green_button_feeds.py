"""Real Green Button feeds to the unit: rows, Wh and 1e-5 dollars as a plain reading gives them."""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from tokenworks_sources.connectors.energy_readings.green_button import CONNECTOR
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

REAL = {
    "energyos_12MonthlyUpdates": (366, 48_348_966, 521_945_723),
    "energyos_15minLP_15Days": (1_340, 1_397_734, 15_041_054),
    "energyos_1dayLP_45Days": (45, 2_958_004, 24_429_405),
    "energyos_1hrLP_32Days": (768, 2_354_843, 25_504_491),
    "energyos_Coastal_Multi_Family_12hr_Jan_1_2011_to_Jan_1_2012_RetailCustomer_3": (8_760, 4_425_305, None),
    "energyos_Coastal_Multi_Family_Daily_Jan_1_2011_to_Jan_1_2012_RetailCustomer_4": (8_760, 4_425_305, None),
    "energyos_Coastal_Multi_Family_Jan_1_2011_to_Jan_1_2012_RetailCustomer_5": (8_760, 4_425_305, None),
    "energyos_Desert_Multi_Family_Jan_1_2011_to_Jan_1_2012_RetailCustomer_6": (8_760, 5_219_781, None),
    "energyos_Desert_Single_Family_Jan_1_2011_to_Jan_1_2012_RetailCustomer_7": (8_760, 12_397_107, None),
    "energyos_Mountain_Multi_family_Jan_1_2011_to_Jan_1_2012_RetailCustomer_10": (8_760, 5_955_741, None),
    "energyos_TestGBDataOneYearDailyBinnedMonthly": (444, 9_917_817, 107_212_833),
    "openespi_test_usage_data_2": (860, 879_978, 9_759_107),
}  # fmt: skip


def plain_rows(path: Path) -> list[tuple[int, int, int, int | None]]:
    """(start, seconds, Wh, 1e-5 dollars) of a feed whose multiplier is 0, with ElementTree."""
    tag = "{http://naesb.org/espi}"
    rows = []
    for found in ElementTree.fromstring(gzip.decompress(path.read_bytes())).iter(
        f"{tag}IntervalReading"
    ):
        texts = {part.tag.removeprefix(tag): part.text for part in found.iter()}
        cost = int(texts["cost"]) if "cost" in texts else None
        rows.append((int(texts["start"]), int(texts["duration"]), int(texts["value"]), cost))
    return sorted(rows)


@pytest.mark.parametrize("name", sorted(REAL))
def test_real_feeds_land_whole_when_compared_with_a_plain_reading(
    shared_data: Path, ingest_file: Callable, name: str
) -> None:
    path = shared_data / "energy" / "greenbutton" / f"{name}.xml.gz"
    outcome = ingest_file(path, CONNECTOR)
    frame = outcome.frames["energy_readings"]
    rows, watt_hours, units = REAL[name]
    landed = frame.select(
        pl.col("interval_start").dt.epoch("s"),
        "interval_seconds",
        (pl.col("energy_kwh") * 1000).round(6),
        pl.col("cost"),
    ).rows()
    landed = [(s, d, v, None if c is None else int(c * 100_000)) for s, d, v, c in landed]
    assert sorted(landed) == plain_rows(path)
    assert frame.height == rows
    assert math.fsum(frame["energy_kwh"]) == pytest.approx(watt_hours / 1000, rel=1e-15)
    expected = None if units is None else Decimal(units).scaleb(-5)
    assert (frame["cost"].sum() or None) == expected
    assert outcome.rejects.is_empty()
    assert set(frame["flow_direction"]) == {"import"}
    assert frame["meter_id"].n_unique() == 1


def test_every_line_of_the_printed_oracle_is_a_row_when_the_year_is_ingested(
    shared_data: Path, ingest_file: Callable
) -> None:
    folder = shared_data / "energy" / "greenbutton"
    name = "TestGBDataOneYearDailyBinnedMonthly"
    printed = gzip.decompress((folder / f"expected_{name}.txt.gz").read_bytes()).decode()
    lines = re.findall(
        r"(\d{4}-\d\d-\d\d \d\d:\d\d):00\+00:00, .*: (\d+) Wh\(\$([\d.]+)\)", printed
    )
    frame = ingest_file(folder / f"energyos_{name}.xml.gz", CONNECTOR).frames["energy_readings"]
    landed = frame.select(
        pl.col("interval_start").dt.strftime("%Y-%m-%d %H:%M"), "energy_kwh", "cost"
    ).rows()
    assert len(lines) == 444
    assert sorted((day, float(wh) / 1000, Decimal(cost)) for day, wh, cost in lines) == sorted(
        landed
    )


def test_the_tariff_sample_is_refused_when_it_is_landed_as_usage(
    shared_data: Path, ingest_file: Callable
) -> None:
    path = shared_data / "energy" / "greenbutton" / "energyos_TariffSample.xml.gz"
    assert CONNECTOR.recognise(preview_of(path)) is None
    with pytest.raises(
        LandingFileError, match=r"root is <TariffProfile> of namespace http://zigbee\.org/sep"
    ):
        ingest_file(path, CONNECTOR)
