"""CodeCarbon's runs: lines that count from the beginning, local times, energy that nobody measured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.energy_readings.codecarbon_runs import CONNECTOR
from tokenworks_sources.connectors.registry import recognise
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

HEADER = "timestamp,project_name,run_id,duration,emissions,energy_consumed,pue\n"
Read = Callable[..., Any]


@pytest.fixture
def read(tmp_path: Path, ingest_file: Any) -> Read:
    """Ingests lines below the header, from the folder of a host."""

    def run(*lines: str, zone: str | None = "Europe/Paris") -> Any:
        folder = tmp_path / "gpu-us-1"
        folder.mkdir(exist_ok=True)
        path, sidecar = folder / "emissions.csv", folder / "about.yaml"
        path.write_text(HEADER + "\n".join(lines) + "\n")
        sidecar.write_text(f"zone: {zone}\n" if zone else "")
        assert recognise(preview_of(path)).connector is CONNECTOR
        return ingest_file(path, CONNECTOR, (sidecar,))

    return run


def readings(outcome: Any) -> list[tuple[Any, ...]]:
    columns = ("interval_start", "interval_seconds", "energy_kwh")
    return list(outcome.frames["energy_readings"].select(columns).rows())


def test_lines_of_a_run_are_what_each_adds_when_they_count_from_its_beginning(read: Read) -> None:
    outcome = read(
        "2026-10-01T10:00:20,serve,a,20.4,0.001,0.5,1.0",
        "2026-10-01T10:00:40,serve,a,40.9,0.002,1.25,1.0",
        "2026-10-01T10:30:00,serve,a,60.0,0.003,2.0,1.0",
    )
    assert readings(outcome) == [
        (datetime(2026, 10, 1, 8, 0), 20, 0.5),
        (datetime(2026, 10, 1, 8, 0, 20), 20, 0.75),
        (datetime(2026, 10, 1, 8, 29), 60, 2.0),
    ]
    first = outcome.frames["energy_readings"].row(0, named=True)
    assert (first["meter_id"], first["quality"]) == ("gpu-us-1:serve", "estimated")
    assert first["average_power_kw"] == 90.0


def test_line_is_rejected_when_it_cannot_be_counted(read: Read) -> None:
    outcome = read(
        "2026-10-01T10:00:40,serve,a,40,0.002,1.25,1.2",
        "2026-10-01T10:00:20,serve,a,20,0.001,0.5,1.2",
        "2026-10-01T10:01:00,serve,b,5,,,1.2",
        "soon,serve,c,5,0.1,0.1,1.2",
        "2026-10-01T10:02:00,serve,d,-5,0.1,0.1,1.2",
        "2026-10-01T10:03:00,serve,e,0,0.1,0.1,1.2",
    )
    assert readings(outcome) == [(datetime(2026, 10, 1, 8, 0), 40, 1.25)]
    assert outcome.manifest.rejects == {
        "run: a state that a line before it has passed": 1,
        "energy_consumed: not a number of at least 0": 1,
        "timestamp: not a time": 1,
        "duration: not a number of at least 0": 1,
        "duration: the run took no time": 1,
    }
    assert outcome.manifest.notes == {"energy of a run holds its pue": 1}


def test_file_is_refused_when_its_local_times_have_no_zone(read: Read) -> None:
    with pytest.raises(LandingFileError, match=r"its times are local.*zone: Europe/Paris"):
        read("2026-10-01T10:00:20,serve,a,20,0.001,0.5,1.0", zone=None)


def test_zone_is_not_asked_for_when_the_times_have_one(read: Read) -> None:
    outcome = read("2025-08-16T10:30:00.000Z,app,a,10.5,0.0001,0.0002,1.0", zone=None)
    assert readings(outcome) == [(datetime(2025, 8, 16, 10, 29, 50), 10, 0.0002)]


def test_runs_sum_to_their_last_lines_when_the_file_is_real(
    shared_data: Path, tmp_path: Path, ingest_file: Any
) -> None:
    sidecar = tmp_path / "about.yaml"
    sidecar.write_text("zone: Europe/Paris\n")
    path = shared_data / "energy" / "carbon" / "codecarbon_emissions_example.csv"
    outcome = ingest_file(path, CONNECTOR, (sidecar,))
    # 28 lines, two of them without energy, of 18 runs.
    assert outcome.manifest.rejects == {"energy_consumed: not a number of at least 0": 2}
    kwh = outcome.frames["energy_readings"]["energy_kwh"]
    assert (len(kwh), round(kwh.sum(), 9)) == (26, 0.008044586)
