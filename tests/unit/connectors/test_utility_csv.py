"""Utility CSV: preambles, ranges, inclusive ends, local time, dates that say nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.energy_readings.utility_csv import CONNECTOR
from tokenworks_sources.errors import LandingFileError

PACIFIC = "America/Los_Angeles"
PREAMBLE = (
    'Name,JANE DOE\nAddress,"1 MAIN ST, SAN RAFAEL CA 94903"\nAccount Number,0000000000\n'
    "Service,SA-7\n\n"
)
OPOWER = PREAMBLE + "TYPE,DATE,START TIME,END TIME,USAGE (kWh),COST,NOTES\n"


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(text: str | bytes, zone: str | None = PACIFIC, folder: str = "hall-7"):
        home = tmp_path / folder
        home.mkdir(exist_ok=True)
        path = home / "usage.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        beside = []
        if zone is not None:
            beside.append(home / "about.yaml")
            beside[0].write_text(f"zone: {zone}\n")
        return ingest_file(path, CONNECTOR, tuple(beside))

    return run


def spans(outcome) -> list[tuple]:
    columns = ("interval_start", "interval_seconds", "energy_kwh")
    return outcome.frames["energy_readings"].select(columns).rows()


@pytest.mark.parametrize("number", ["0,610", "12,5", "-1,25", "1234,5"])
def test_file_is_refused_when_its_commas_are_decimal_points(ingest, number: str) -> None:
    # 1,234 alone could be either.
    lines = (
        'Electric usage,2026-01-15,00:00,00:59,"1,234"\n',
        f'Electric usage,2026-01-15,01:00,01:59,"{number}"\n',
    )
    with pytest.raises(LandingFileError, match="commas for decimal points"):
        ingest(OPOWER + "".join(lines))


def test_energy_is_that_in_kwh_when_other_columns_stand_before_it(ingest) -> None:
    header = "Interval Start,Interval End,Delivered (kVARh),Import (kW),Consumption (kWh)\n"
    outcome = ingest(header + "2026-01-15 00:00,2026-01-15 01:00,99,88,1.25\n")
    assert spans(outcome) == [(datetime(2026, 1, 15, 8), 3600, 1.25)]


@pytest.mark.parametrize("unit", ["kW", "MWh", "Wh", "kVAh"])
def test_header_is_not_claimed_when_its_usage_is_no_kwh(unit: str) -> None:
    text = f"A report in kWh\nTYPE,DATE,START TIME,END TIME,USAGE ({unit}),NOTES\n"
    assert CONNECTOR.recognise(Preview(Path("x"), text.encode())) is None


def test_line_is_rejected_when_its_unit_is_no_kwh(ingest) -> None:
    outcome = ingest(
        "TYPE,DATE,START TIME,END TIME,USAGE,UNITS\n"
        "Electric usage,2026-01-15,00:00,00:59,5.5,kWh\n"
        "Electric usage,2026-01-15,01:00,01:59,5.5,kW\n"
        "Natural gas usage,2026-01-15,00:00,23:59,5.5,therms\n"
    )
    assert spans(outcome) == [(datetime(2026, 1, 15, 8), 3600, 5.5)]
    assert outcome.manifest.rejects == {"units: not kWh": 1}
    assert outcome.manifest.skipped == {"gas or water, not electricity in kWh": 1}


def test_an_inclusive_end_is_a_quarter_hour_when_a_preamble_stands_before_it(ingest) -> None:
    outcome = ingest(
        OPOWER
        + "Electric usage,2026-01-15,00:00,00:14,0.30,$0.09\n"
        + "Electric usage,2026-01-15,23:45,23:59,-0.25,-$0.02,* This data was estimated\n"
    )
    rows = outcome.frames["energy_readings"].select(
        "source_line", "meter_id", "flow_direction", "interval_start", "interval_seconds",
        "energy_kwh", "average_power_kw", "quality", "cost", "currency",
    )  # fmt: skip
    assert rows.rows() == [
        (7, "SA-7", "net", datetime(2026, 1, 15, 8), 900, 0.30, 1.2, "unknown", Decimal("0.09"), "USD"),
        (8, "SA-7", "net", datetime(2026, 1, 16, 7, 45), 900, -0.25, -1.0, "estimated",
         Decimal("-0.02"), "USD"),
    ]  # fmt: skip
    assert outcome.manifest.records_in == 2


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_a_range_with_no_break_spaces_is_read(encoding: str, ingest) -> None:
    text = (
        "Energy Usage Information\r\n\"For location: somewhere\"\r\n\r\n"
        "Energy consumption time period,Usage(Real energy in kilowatt-hours),Reading quality\r\n"
        "\"2017-09-01 23:00:00\xa0to 2017-09-02 00:00:00\",\"0.480\",\"\"\r\n"
        "\"2017-09-02 00:00:00\xa0to 2017-09-02 01:00:00\",\"0.5\",\"Estimated\"\r\n"
    )  # fmt: skip
    outcome = ingest(text.encode(encoding))
    rows = outcome.frames["energy_readings"].select(
        "meter_id", "interval_start", "interval_seconds", "energy_kwh", "quality"
    )
    assert rows.rows() == [
        ("hall-7", datetime(2017, 9, 2, 6), 3600, 0.480, "unknown"),
        ("hall-7", datetime(2017, 9, 2, 7), 3600, 0.5, "estimated"),
    ]


def test_import_and_export_are_two_rows_of_one_line(ingest) -> None:
    outcome = ingest(
        "TYPE,DATE,START TIME,END TIME,IMPORT (kWh),EXPORT (kWh),TOTAL IMPORT COST,NOTES\n"
        "Electric usage,2026-07-06,12:00,12:14,0.12,0.31,$0.04\n"
    )
    frame = outcome.frames["energy_readings"].sort("flow_direction")
    assert frame.select("flow_direction", "energy_kwh", "cost").rows() == [
        ("export", 0.31, None),
        ("import", 0.12, Decimal("0.04")),
    ]
    assert outcome.manifest.records_in == 1


def test_a_line_per_direction_is_read_as_smart_meter_texas_writes_it(ingest) -> None:
    outcome = ingest(
        "ESIID,USAGE_DATE,REVISION_DATE,USAGE_START_TIME,USAGE_END_TIME,USAGE_KWH,"
        "ESTIMATED_ACTUAL,CONSUMPTION_SURPLUSGENERATION\n"
        "'1044372000,07/13/2025,07/15/2025 07:37:17, 23:30, 23:45,.127,A,Consumption\n"
        "'1044372000,07/13/2025,07/15/2025 07:37:17, 23:45, 00:00,.5,E,Consumption\n"
        "'1044372000,07/13/2025,07/15/2025 07:37:17, 23:30, 23:45,.2,A,Surplus Generation\n"
        "'1044372000,07/13/2025,07/15/2025 07:37:17, 23:45, 00:00,.1,A,Net\n",
        zone="America/Chicago",
    )
    rows = outcome.frames["energy_readings"].select(
        "meter_id", "flow_direction", "interval_start", "interval_seconds", "energy_kwh", "quality"
    )
    assert rows.rows() == [
        ("1044372000", "import", datetime(2025, 7, 14, 4, 30), 900, 0.127, "valid"),
        ("1044372000", "import", datetime(2025, 7, 14, 4, 45), 900, 0.5, "estimated"),
        ("1044372000", "export", datetime(2025, 7, 14, 4, 30), 900, 0.2, "valid"),
    ]
    assert outcome.manifest.rejects == {"direction: neither consumption nor surplus generation": 1}


def test_a_duration_in_minutes_and_am_pm_are_read(ingest) -> None:
    outcome = ingest(
        "Name,JANE DOE\nResource,Electric\nMeter Number,0999\nUOM,kWh\n"
        "Meter Number,Date,Start Time,Duration,Consumption,Generation,Net\n"
        '"0999","11/30/2022","12:00 AM","60","0.2200","","0.2200"\n'
    )
    assert spans(outcome) == [(datetime(2022, 11, 30, 8), 3600, 0.22)]
    assert outcome.frames["energy_readings"].select("meter_id", "flow_direction").rows() == [
        ("0999", "import")
    ]


@pytest.mark.parametrize("step", [1, -1])
def test_the_repeated_hour_is_decided_by_the_order_of_lines_in_autumn(step: int, ingest) -> None:
    lines = ["00:00,00:59,1", "01:00,01:59,2", "01:00,01:59,3", "02:00,02:59,4"]
    table = "".join(f"Electric usage,2026-11-01,{line}\n" for line in lines[::step])
    expected = [
        (datetime(2026, 11, 1, 7), 3600, 1.0),
        (datetime(2026, 11, 1, 8), 3600, 2.0),
        (datetime(2026, 11, 1, 9), 3600, 3.0),
        (datetime(2026, 11, 1, 10), 3600, 4.0),
    ]
    assert spans(ingest(OPOWER + table)) == expected[::step]


def test_the_missing_hour_is_skipped_or_rejected_in_spring(ingest) -> None:
    outcome = ingest(
        OPOWER
        + "Electric usage,2026-03-08,01:00,01:59,1\n"
        + "Electric usage,2026-03-08,02:00,02:59,0\n"
        + "Electric usage,2026-03-08,02:00,02:59,5\n"
        + "Electric usage,2026-03-08,03:00,03:59,2\n"
    )
    assert spans(outcome) == [
        (datetime(2026, 3, 8, 9), 3600, 1.0),
        (datetime(2026, 3, 8, 10), 3600, 2.0),
    ]
    assert outcome.manifest.rejects == {"start: does not exist, because clocks go forward": 1}
    assert outcome.manifest.skipped == {"an hour that summer time leaves out, without usage": 1}


def test_a_day_is_as_long_as_it_was_when_there_is_no_time(ingest) -> None:
    outcome = ingest(
        "TYPE,DATE,USAGE,UNITS,COST,NOTES\n"
        "Electric usage,2026-03-07,10,kWh,$1,\nElectric usage,2026-03-08,11,kWh,$1,\n"
        "Natural gas usage,2026-03-08,1.02,therms,$0.97,\n"
    )
    assert spans(outcome) == [
        (datetime(2026, 3, 7, 8), 86_400, 10.0),
        (datetime(2026, 3, 8, 8), 82_800, 11.0),
    ]
    assert outcome.manifest.skipped == {"gas or water, not electricity in kWh": 1}


def test_a_day_per_line_becomes_hours(ingest) -> None:
    header = "Date," + ",".join(f"{hour}:00" for hour in range(24))
    outcome = ingest(
        f"Energy Usage Report (kWh)\n\n{header}\n1/13/2026," + ",".join("1.5" for _ in range(24))
    )
    rows = spans(outcome)
    assert len(rows) == 24
    assert rows[0] == (datetime(2026, 1, 13, 8), 3600, 1.5)
    assert rows[23] == (datetime(2026, 1, 14, 7), 3600, 1.5)
    assert outcome.manifest.records_in == 1


def test_hours_that_end_at_their_label_begin_one_earlier(ingest) -> None:
    header = "Date," + ",".join(f"HE{hour}" for hour in range(1, 25))
    outcome = ingest(f"kWh by hour\n{header}\n2026-01-13," + ",".join(map(str, range(24))))
    assert spans(outcome)[:2] == [
        (datetime(2026, 1, 13, 8), 3600, 0.0),
        (datetime(2026, 1, 13, 9), 3600, 1.0),
    ]


@pytest.mark.parametrize(
    ("days", "zone", "first"),
    [
        (["7/2/2026", "7/14/2026"], PACIFIC, datetime(2026, 7, 2, 7)),
        (["7/2/2026", "14/2/2026"], "Europe/Berlin", datetime(2026, 2, 6, 23)),
        (["7/2/2026", "7/3/2026", "7/4/2026"], PACIFIC, datetime(2026, 7, 2, 7)),
        (["1/2/2026"], PACIFIC + "\ndate_order: day_first", datetime(2026, 2, 1, 8)),
        (["1/2/2026"], PACIFIC + "\ndate_order: month_first", datetime(2026, 1, 2, 8)),
    ],
)
def test_the_order_of_day_and_month_is_decided_by_the_data(
    days: list[str], zone: str, first: datetime, ingest
) -> None:
    lines = "".join(f"Electric usage,{day},0:00,0:59,1\n" for day in days)
    assert spans(ingest(OPOWER + lines, zone))[0][0] == first


def test_dates_that_say_nothing_are_refused_with_what_to_give(ingest) -> None:
    with pytest.raises(LandingFileError, match=r"`date_order: month_first` into about\.yaml"):
        ingest(OPOWER + "Electric usage,7/2/2026,0:00,0:59,1\n")


def test_local_time_is_refused_without_a_zone(ingest) -> None:
    with pytest.raises(
        LandingFileError, match=r"`zone: America/Los_Angeles` into about\.yaml beside it"
    ):
        ingest(OPOWER + "Electric usage,2026-01-15,00:00,00:14,0.30\n", zone=None)


def test_unreadable_lines_are_rejected_with_their_reason(ingest) -> None:
    outcome = ingest(
        OPOWER
        + "Electric usage,NOT-A-DATE,00:00,00:14,0.30\nElectric usage,2026-01-15,0h,00:14,1\n"
        + "Electric usage,2026-01-15,00:00,00:14,many\nElectric usage,2026-01-15,00:15,00:29,\n"
        + "Electric usage,2026-01-15,00:30,00:44,1,free\nTotal\n"
    )
    assert outcome.manifest.rejects == {
        "date: not a date": 1,
        "start time: not hh:mm": 1,
        "usage: not a number": 1,
        "usage: missing": 1,
        "cost: not an amount": 1,
    }
    assert outcome.manifest.skipped == {"words beside the table": 1}
    assert outcome.manifest.records_in == 6


def test_names_and_addresses_reach_nothing(ingest, settings) -> None:
    ingest(OPOWER + "Electric usage,2026-01-15,00:00,00:14,JANE DOE\n")
    kept = b"".join(path.read_bytes() for path in settings.lake.rglob("*") if path.is_file())
    assert b"JANE" not in kept
    assert b"MAIN ST" not in kept


@pytest.mark.parametrize(
    "text",
    [
        "date,value\n2026-01-01,1\n",
        "TYPE,DATE,AMOUNT\nElectric,2026-01-01,1\n",
        "Timestamp,Usage (kWh)\n2026-01-01 00:00,1\n",
        '{"date": 1}',
        "",
    ],
)
def test_other_files_are_not_claimed(text: str) -> None:
    assert CONNECTOR.recognise(Preview(Path("x.csv"), text.encode())) is None


def test_the_columns_are_named_when_a_file_is_claimed() -> None:
    preview = Preview(Path("x.csv"), OPOWER.encode())
    assert CONNECTOR.recognise(preview) == "columns TYPE, DATE, START TIME, END TIME, COST"


def test_times_with_an_offset_need_no_zone_when_clocks_go_back(ingest) -> None:
    outcome = ingest(
        "Consumption (kWh), Estimated Cost Inc. Tax (p), Start, End\n"
        "0.201, 4.75, 2026-10-25T01:30:00+01:00, 2026-10-25T01:00:00+00:00\n"
        "0.301, 7.11, 2026-10-25T01:00:00+00:00, 2026-10-25T01:30:00Z\n"
        "0.401, 7.11, 2026-10-25T01:30:00Z, 2026-10-25T01:00:00Z\n",
        zone=None,
    )
    assert spans(outcome) == [
        (datetime(2026, 10, 25, 0, 30), 1800, 0.201),
        (datetime(2026, 10, 25, 1), 1800, 0.301),
    ]
    assert outcome.frames["energy_readings"]["flow_direction"].to_list() == ["import"] * 2
    assert outcome.rejects["reason"].to_list() == [
        "period: ends before it starts, or is longer than a year"
    ]


def test_a_zone_is_asked_for_when_one_time_has_no_offset(ingest) -> None:
    text = (
        "Interval Start,Interval End,kWh\n"
        "2026-08-01T00:00:00Z,2026-08-01T00:30:00Z,0.25\n"
        "2026-08-01T00:30:00,2026-08-01T01:00:00,0.25\n"
    )
    with pytest.raises(LandingFileError, match="zone"):
        ingest(text, zone=None)


@pytest.mark.parametrize(
    "header",
    [
        "Start Time,End Time,Consumption (kWh)",
        "Start Date/Time,End Date/Time,Energy (kWh)",
        "Start,End,kWh",
        "From,To,Electricity Consumption (kWh)",
    ],
)
def test_moments_are_local_when_the_header_calls_them_otherwise(ingest, header: str) -> None:
    outcome = ingest(f"{header}\n13/08/2026 00:00,13/08/2026 00:30,0.25\n", "Europe/London")
    assert spans(outcome) == [(datetime(2026, 8, 12, 23), 1800, 0.25)]
