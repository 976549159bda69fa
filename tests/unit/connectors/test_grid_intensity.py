"""Carbon of the grid: years in file names, renamed columns, factors without a year, marginal ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.grid_intensity import avert, codecarbon, google_regions
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

GOOGLE = "Google Cloud Region,Location,Google CFE,{} (gCO2eq / kWh)\n"
LONG = ("zone", "method", "interval_start", "interval_seconds", "carbon_grams_per_kwh")


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(text: str, connector, name: str, zone: str | None = None):
        path = tmp_path / "carbon" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        beside = ()
        if zone:
            beside = (path.with_name("about.yaml"),)
            beside[0].write_text(f"zone: '{zone}'\n")
        return ingest_file(path, connector, beside)

    return run


@pytest.mark.parametrize(
    ("column", "scope"),
    [("Lifecycle grid carbon intensity", "lifecycle"), ("Grid carbon intensity", None)],
)
def test_a_year_of_google_is_read_under_both_names_of_its_column(
    column: str, scope: str | None, ingest
) -> None:
    text = GOOGLE.format(column) + "asia-east1,Taiwan,0.19,541\nasia-east2,Hong Kong,,506.5\n"
    frame = ingest(text, google_regions.CONNECTOR, "2023.csv").frames["grid_intensity"]
    assert frame.select(*LONG, "emission_scope", "carbon_free_ratio").rows() == [
        ("gcp:asia-east1", "average", datetime(2023, 1, 1), 31_536_000, 541.0, scope, 0.19),
        ("gcp:asia-east2", "average", datetime(2023, 1, 1), 31_536_000, 506.5, scope, None),
    ]


def test_unreadable_google_lines_are_rejected(ingest) -> None:
    lines = "a,x,0.2,dirty\nb,x,much,1\nc,x,0.2,\nd,x,0.2,-1\n,x,0.2,1\n"
    outcome = ingest(
        GOOGLE.format("Grid carbon intensity") + lines, google_regions.CONNECTOR, "2024.csv"
    )
    assert outcome.manifest.rejects == {
        "grid carbon intensity: not a number": 1,
        "Google CFE: not a number": 1,
        "carbon_grams_per_kwh: missing": 1,
        "carbon_grams_per_kwh: below 0, and not marginal": 1,
        "Google Cloud Region: missing": 1,
    }


def test_google_is_refused_without_a_year(ingest) -> None:
    with pytest.raises(LandingFileError, match=r"for example 2024\.csv"):
        ingest(
            GOOGLE.format("Grid carbon intensity") + "a,x,,1\n", google_regions.CONNECTOR, "a.csv"
        )


@pytest.mark.parametrize(("year", "regions"), [(2019, 24), (2020, 27), (2022, 36), (2024, 44)])
def test_published_years_of_google_are_whole(
    year: int, regions: int, shared_data: Path, ingest_file: Callable
) -> None:
    path = shared_data / "energy" / "carbon" / f"google_region_carbon_{year}.csv"
    frame = ingest_file(path, google_regions.CONNECTOR).frames["grid_intensity"]
    assert frame.height == regions
    assert set(frame["interval_start"]) == {datetime(year, 1, 1)}


def test_cloud_factors_without_a_year_hold_for_all_time(
    shared_data: Path, ingest_file: Callable
) -> None:
    path = shared_data / "energy" / "carbon" / "codecarbon_cloud_impact.csv"
    assert codecarbon.CONNECTOR.recognise(preview_of(path))
    frame = ingest_file(path, codecarbon.CONNECTOR).frames["grid_intensity"]
    first = frame.filter(pl.col("zone") == "gcp:africa-south1")
    # 2000-01-01 to 2100-01-01 has 36,525 days.
    assert first.select(LONG).rows() == [
        ("gcp:africa-south1", "average", datetime(2000, 1, 1), 36_525 * 86_400, 646.0)
    ]
    assert frame.height == 40


def test_shares_without_a_factor_are_skipped(shared_data: Path, ingest_file: Callable) -> None:
    path = shared_data / "energy" / "carbon" / "codecarbon_canada_energy_mix.json"
    outcome = ingest_file(path, codecarbon.CONNECTOR)
    assert outcome.manifest.skipped == {"shares of sources without an emission factor": 13}


def test_countries_have_the_year_they_name(ingest) -> None:
    outcome = ingest(
        '{"ABW": {"carbon_intensity": 591.398, "iso_code": "ABW", "year": 2020},'
        ' "XXX": {"carbon_intensity": "591", "iso_code": "XXX", "year": 2020},'
        ' "YYY": {"carbon_intensity": 1, "iso_code": "YYY", "year": 20},'
        ' "ZZZ": {"iso_code": "ZZZ", "year": 2020}, "AAA": 5}',
        codecarbon.CONNECTOR,
        "global_energy_mix.json",
    )
    assert outcome.frames["grid_intensity"].select(LONG).rows() == [
        ("ABW", "average", datetime(2020, 1, 1), 31_622_400, 591.398)
    ]
    assert outcome.manifest.rejects == {
        "carbon_intensity: not a number": 1,
        "year: not a year from 2000 on": 1,
        "carbon_intensity: missing": 1,
        "not an object with a carbon intensity": 1,
    }


def test_zones_are_in_grams(ingest) -> None:
    outcome = ingest(
        '{"data": {"SE1": {"emission_factor": 25.9, "unit": "gCO2eq/kWh", "year": 2025},'
        ' "FI": {"emission_factor": 72.0, "unit": "kg/MWh"}}, "metadata": {}}',
        codecarbon.CONNECTOR,
        "nordic_emissions.json",
    )
    assert outcome.frames["grid_intensity"].select("zone", "carbon_grams_per_kwh").rows() == [
        ("SE1", 25.9)
    ]
    assert outcome.manifest.rejects == {"unit: not grams per kWh": 1}


def test_pounds_of_states_become_grams_of_their_year(tmp_path: Path, ingest) -> None:
    outcome = ingest(
        '{"_unit": {"emissions": "lbs/MWh", "regionCode": "2 digit state/region code"},'
        ' "_source": {"name": "eGRID", "year": 2023},'
        ' "ohio": {"emissions": 1000.0, "regionCode": "OH"},'
        ' "utah": {"emissions": null, "regionCode": "UT"},'
        ' "other": {"emissions": 5, "regionCode": "elsewhere"},'
        ' "usa": {"emissions": 2000, "regionCode": "usa"}}',
        codecarbon.CONNECTOR,
        "usa_emissions.json",
    )
    # 1 lb is 453.59237 g, and 1 MWh is 1,000 kWh.
    assert outcome.frames["grid_intensity"].select(LONG).rows() == [
        ("US-OH", "average", datetime(2023, 1, 1), 31_536_000, pytest.approx(453.59237)),
        ("US", "average", datetime(2023, 1, 1), 31_536_000, pytest.approx(907.18474)),
    ]
    assert outcome.manifest.rejects == {
        "carbon_intensity: missing": 1,
        "regionCode: not two letters": 1,
    }
    assert codecarbon.CONNECTOR.recognise(preview_of(tmp_path / "carbon" / "usa_emissions.json"))


AVERT = "\ufeffMonth,Timestamp,CA,NY\n1,0,1.11,0.89\n1,1,-0.26,0.80\n1,x,1,1\n"


def test_marginal_pounds_become_grams_of_their_hour(ingest) -> None:
    outcome = ingest(AVERT, avert.CONNECTOR, "AVERT_2023_CO2_lb_per_kwh.csv", "-08:00")
    # 1 lb is 453.59237 g.
    assert outcome.frames["grid_intensity"].select(LONG).rows() == [
        ("AVERT:CA", "marginal", datetime(2023, 1, 1, 8), 3600, pytest.approx(503.4875307)),
        ("AVERT:NY", "marginal", datetime(2023, 1, 1, 8), 3600, pytest.approx(403.6972093)),
        ("AVERT:CA", "marginal", datetime(2023, 1, 1, 9), 3600, pytest.approx(-117.9340162)),
        ("AVERT:NY", "marginal", datetime(2023, 1, 1, 9), 3600, pytest.approx(362.873896)),
    ]
    assert outcome.manifest.records_in == 3
    assert outcome.manifest.rejects == {"Timestamp or a region: not a number": 1}


@pytest.mark.parametrize(
    ("name", "zone", "message"),
    [
        ("AVERT_2023_NOx_lb_per_kwh.csv", "UTC", "holds CO2"),
        ("AVERT_CO2.csv", "UTC", "of which year"),
        ("AVERT_2023_CO2_lb_per_kwh.csv", None, r"`zone: -05:00` into about\.yaml"),
    ],
)
def test_avert_is_refused_when_its_name_or_zone_is_missing(
    name: str, zone: str | None, message: str, ingest
) -> None:
    with pytest.raises(LandingFileError, match=message):
        ingest(AVERT, avert.CONNECTOR, name, zone)


@pytest.mark.parametrize(
    "text", ["a,b\n", "{}", "[", "Month,Timestamp\n", "provider,region,impact\n", ""]
)
def test_other_files_are_not_claimed(text: str) -> None:
    preview = Preview(Path("2024.csv"), text.encode())
    claims = [
        connector.name
        for connector in (avert.CONNECTOR, codecarbon.CONNECTOR, google_regions.CONNECTOR)
        if connector.recognise(preview)
    ]
    assert claims == []
