"""PTDaemon power logs: the total alone, the proven clock, and the published joules per token."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.connectors.energy_readings.mlperf import power_window
from tokenworks_sources.connectors.energy_readings.ptdaemon import CONNECTOR
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

CHANNELS = "Volts,239.19,Amps,3.4,PF,0.96,Mark,run,Ch1,Watts,787.8,Volts,239.38,Ch2,Watts,790.4"


def sample(clock: str, watts: object = "3600.000000") -> str:
    return f"Time,07-17-2024 {clock},Watts,{watts},{CHANNELS}\n"


def session(zone: int, begin: datetime, end: datetime) -> str:
    marks = [[moment.replace(tzinfo=UTC).timestamp(), 5.5] for moment in (begin, begin, end, end)]
    modules = {"ptd_client_server.lib.server": "lib/server.py"}
    return json.dumps({"timezone": zone, "modules": modules, "phases": {"testing": marks}})


@pytest.fixture
def ingest(tmp_path: Path, ingest_file: Callable) -> Callable:
    def run(log: str, **beside: str):
        folder = tmp_path / "analyser-7"
        folder.mkdir(exist_ok=True)
        sidecars = []
        for name, text in beside.items():
            sidecars.append(folder / name.replace("_json", ".json").replace("_yaml", ".yaml"))
            sidecars[-1].write_text(text)
        path = folder / "run_1__spl.txt"
        path.write_text(log)
        return ingest_file(path, CONNECTOR, tuple(sidecars))

    return run


def test_the_total_is_one_second_of_energy_when_channels_stand_behind_it(ingest) -> None:
    rows = ingest(sample("08:40:40.224") + "\n", about_yaml="zone: UTC").frames["energy_readings"]
    assert rows.select(
        "meter_id", "flow_direction", "interval_start", "interval_seconds", "energy_kwh",
        "average_power_kw", "quality", "cost", "source_line",
    ).rows() == [
        (
            "analyser-7", "import", datetime(2024, 7, 17, 8, 40, 40, 224_000), 1, 0.001, 3.6, "raw",
            None, 1,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "hour"),
    [("UTC", 8), ("-07:00", 15), ("-11:00", 19), ("America/Los_Angeles", 15), ("+05:30", 3)],
)
def test_a_named_zone_places_the_samples_when_no_session_lies_beside(
    ingest, zone: str, hour: int
) -> None:
    rows = ingest(sample("08:40:40.224"), about_yaml=f"zone: {zone}\n").frames["energy_readings"]
    assert [start.hour for start in rows["interval_start"]] == [hour]


@pytest.mark.parametrize(
    ("begin", "hour"),
    [(datetime(2024, 7, 17, 8), 8), (datetime(2024, 7, 17, 15), 15)],
    ids=["the analyser runs in UTC", "the analyser runs in the server's zone"],
)
def test_the_phases_prove_the_clock_when_the_session_names_a_zone(
    ingest, begin: datetime, hour: int
) -> None:
    beside = session(25_200, begin, begin.replace(minute=59))
    rows = ingest(sample("08:40:40.224"), server_json=beside).frames["energy_readings"]
    assert [start.hour for start in rows["interval_start"]] == [hour]


def test_the_log_is_refused_when_neither_clock_fits_a_phase(ingest) -> None:
    beside = session(25_200, datetime(2024, 7, 17, 20), datetime(2024, 7, 17, 21))
    with pytest.raises(LandingFileError, match=r"neither UTC nor the zone of server\.json"):
        ingest(sample("08:40:40.224"), server_json=beside)


def test_the_log_is_refused_when_no_zone_is_known(ingest) -> None:
    with pytest.raises(
        LandingFileError, match=r"no session file lies beside .*`zone: UTC` into about\.yaml"
    ):
        ingest(sample("08:40:40.224"))


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ({"about_yaml": "zone: Mars/Olympus"}, "zone cannot be used. Write UTC, -07:00"),
        ({"server_json": '{"timezone": 25200'}, "not a session file of MLPerf power"),
    ],
)
def test_the_error_names_the_sidecar_when_it_cannot_be_read(
    ingest, beside: dict, message: str
) -> None:
    with pytest.raises(LandingFileError, match=message):
        ingest(sample("08:40:40.224"), **beside)


def test_the_repeated_hour_comes_twice_when_clocks_go_back(ingest) -> None:
    lines = [
        line.replace("07-17", "11-03")
        for line in (sample("01:59:59.000"), sample("01:00:00.000"), sample("01:00:01.000"))
    ]
    rows = ingest("".join(lines), about_yaml="zone: America/New_York").frames["energy_readings"]
    assert rows["interval_start"].to_list() == [
        datetime(2024, 11, 3, 5, 59, 59),
        datetime(2024, 11, 3, 6, 0, 0),
        datetime(2024, 11, 3, 6, 0, 1),
    ]


def test_version_changes_when_the_sidecar_that_decides_the_zone_changes(tmp_path: Path) -> None:
    log, zone, server = (tmp_path / name for name in ("spl.txt", "about.yaml", "server.json"))
    log.write_text(sample("08:40:40.224"))
    versions = [CONNECTOR.version_of(LandingFile(log, "spl.txt", "0" * 32))]
    for beside, text in (
        (server, "{}"),
        (server, "{ }"),
        (zone, "zone: UTC"),
        (zone, "zone: -07:00"),
    ):
        beside.write_text(text)
        versions.append(CONNECTOR.version_of(LandingFile(log, "spl.txt", "0" * 32)))
    assert versions[0] == CONNECTOR.version
    assert len(set(versions)) == 5
    companion = LandingFile(server, "server.json", "0" * 32)
    assert CONNECTOR.version_of(companion) == CONNECTOR.version


def test_bad_lines_are_rejected_alone_when_the_rest_is_good(ingest) -> None:
    log = (
        sample("08:40:40.2") + sample("08:40:41.2", "nan") + "Time,yesterday,Watts,1\n" + "hello\n"
    )
    outcome = ingest(log, about_yaml="zone: UTC")
    assert outcome.frames["energy_readings"]["source_line"].to_list() == [1]
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (2, "watts: no finite total behind the time"),
        (3, "time: not MM-DD-YYYY hh:mm:ss.fff behind Time"),
        (4, "time: not MM-DD-YYYY hh:mm:ss.fff behind Time"),
    ]
    assert outcome.manifest.records_in == 4


def test_no_energy_is_made_up_when_the_meter_does_not_answer(ingest) -> None:
    log = (
        sample("08:40:40.224")
        + "Time,07-17-2024 08:40:41.222,ERROR,write to WT310 failed with error 0.\n"
        + sample("08:40:41.224", "-1.000000")
        + "Time,07-17-2024 08:40:42.222,WARNING,No valid watts samples for this measurement!\n"
        + sample("08:40:42.224", "-0.5")
    )
    outcome = ingest(log, about_yaml="zone: UTC")
    rows = outcome.frames["energy_readings"]
    # Below zero, but read: half a watt went the other way.
    assert rows.select("source_line", "average_power_kw").rows() == [(1, 3.6), (5, -0.0005)]
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (3, "watts: -1, which stands for no valid reading")
    ]
    assert outcome.manifest.skipped == {"message of PTDaemon, no sample": 2}


def test_longer_intervals_are_seen_when_the_analyser_samples_every_five_seconds(ingest) -> None:
    log = "".join(sample(f"08:40:{second:02}.0") for second in (0, 5, 10))
    rows = ingest(log, about_yaml="zone: UTC").frames["energy_readings"]
    assert rows.select("interval_seconds", "energy_kwh").rows() == [(5, 0.005)] * 3


def test_the_log_is_refused_when_samples_are_less_than_a_second_apart(ingest) -> None:
    with pytest.raises(LandingFileError, match=r"samples are 0\.250 s apart"):
        ingest(sample("08:40:40.00") + sample("08:40:40.25"), about_yaml="zone: UTC")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"a,b\n1,2\n", "not a PTDaemon power log"),
        (bytes(range(256)), "not a PTDaemon power log"),
        (gzip.compress(sample("08:40:40.2").encode())[:-20], "damaged or ends early"),
    ],
    ids=["empty", "csv", "binary", "truncated gzip"],
)
def test_one_clear_error_names_the_file_when_it_is_no_power_log(
    tmp_path: Path, ingest_file: Callable, content: bytes, message: str
) -> None:
    path = tmp_path / "spl.txt"
    path.write_bytes(content)
    with pytest.raises(LandingFileError, match=message) as caught:
        ingest_file(path, CONNECTOR)
    assert "spl.txt" in str(caught.value)


def test_every_file_of_a_run_is_recognised_and_only_samples_land(
    shared_data: Path, ingest_file: Callable
) -> None:
    folder = shared_data / "gpu_metrics" / "mlperf_v4.1_h200_power" / "mixtral-8x7b_Offline"
    reasons = {path.name: CONNECTOR.recognise(preview_of(path)) for path in folder.iterdir()}
    assert all(reasons.values())
    for path in folder.iterdir():
        if not path.name.endswith("spl.txt.gz"):
            outcome = ingest_file(path, CONNECTOR)
            assert outcome.manifest.skipped == {reasons[path.name]: 1}


@pytest.mark.parametrize(
    ("run", "samples", "watts", "tokens_per_second", "joules_per_token"),
    [
        ("llama2-70b-99.9_Offline", 3634, 6_153.0, 25_262.1, 0.2436),
        ("mixtral-8x7b_Offline", 2980, 6_154.8, 48_987.9, 0.1256),
    ],
)
def test_published_joules_per_token_follow_when_the_window_cuts_the_samples(
    shared_data: Path,
    ingest_file: Callable,
    *,
    run: str,
    samples: int,
    watts: float,
    tokens_per_second: float,
    joules_per_token: float,
) -> None:
    folder = shared_data / "gpu_metrics" / "mlperf_v4.1_h200_power" / run
    outcome = ingest_file(
        folder / "run_1__spl.txt.gz", CONNECTOR, (folder / "power__server.json.gz",)
    )
    rows = outcome.frames["energy_readings"]
    window = power_window(folder / "run_1__mlperf_log_detail.txt.gz")
    cut = rows.filter(pl.col("interval_start").is_between(window.begin, window.end))
    mean = cut["energy_kwh"].sum() * 3.6e6 / cut["interval_seconds"].sum()
    assert rows.height == samples
    assert set(rows["meter_id"]) == {run}
    assert mean == pytest.approx(watts, abs=0.05)
    assert mean / tokens_per_second == pytest.approx(joules_per_token, abs=0.00005)


def test_the_window_is_read_in_utc_when_the_log_has_one(shared_data: Path) -> None:
    folder = shared_data / "gpu_metrics" / "mlperf_v4.1_h200_power" / "llama2-70b-99.9_Offline"
    window = power_window(folder / "run_1__mlperf_log_detail.txt.gz")
    assert window.begin == datetime(2024, 7, 17, 9, 52, 23, 554_000)
    assert window.end == datetime(2024, 7, 17, 10, 44, 20, 289_000)
    with pytest.raises(LandingFileError, match="has no power_begin and power_end"):
        power_window(folder / "run_1__mlperf_log_summary.txt.gz")
