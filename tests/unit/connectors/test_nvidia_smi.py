"""nvidia-smi logs and captures through the lake: clocks, identities, units, texts for no value."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tokenworks_sources.connectors.gpu_samples.nvidia_smi_capture import CONNECTOR as CAPTURE
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_clock import (
    ClockError,
    local_time,
    to_utc,
    zone_by_anchor,
    zone_in_name,
    zone_of,
)
from tokenworks_sources.connectors.gpu_samples.nvidia_smi_csv import CONNECTOR as CSV
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

IngestFile = Callable[..., Any]
HEADER = "timestamp, index, uuid, power.draw [W], utilization.gpu [%], memory.used [MiB]"


def ingested(
    ingest_file: IngestFile, tmp_path: Path, *lines: str, name: str = "log.UTC.csv"
) -> Any:
    """A log of those lines in a folder named gpu-us-1."""
    folder = tmp_path / "gpu-us-1"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    assert CSV.recognise(preview_of(path))
    return ingest_file(path, CSV)


def test_values_have_the_contracts_units_when_they_carry_their_own(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "# time_zone: America/New_York",
        "timestamp, name, index, gpu_uuid, driver_version, power.draw [W], utilization.gpu [%], "
        "utilization.memory [%], memory.used [MiB], clocks.current.sm [MHz], temperature.gpu, "
        "temperature.memory, power.management, clocks_event_reasons.active",
        "2024/04/05 06:17:19.635, NVIDIA H100, 3, GPU-7, 550.54, 433.78 W, 38 %, 7 %, 81559 MiB, "
        "1980 MHz, 61, N/A, [Requested functionality has been deprecated], 0x0000000000000004",
        name="log.csv",
    )
    (row,) = outcome.frames["gpu_samples"].to_dicts()
    given = {name: value for name, value in row.items() if value is not None}
    for provenance in ("source_file", "source_digest", "event_date"):
        del given[provenance]
    assert given == {
        "sampled_at": datetime(2024, 4, 5, 10, 17, 19, 635_000),
        "gpu_uuid": "GPU-7",
        "mig_instance_id": "",
        "gpu_index": 3,
        "gpu_model": "NVIDIA H100",
        "driver_version": "550.54",
        "gpu_util_ratio": 0.38,
        "mem_copy_util_ratio": 0.07,
        "memory_used_bytes": 85_520_809_984.0,
        "power_watts": 433.78,
        "sm_clock_mhz": 1980.0,
        "gpu_temperature_celsius": 61.0,
        "throttle_reasons": "0x0000000000000004",
        "source_line": 3,
    }


def test_value_is_null_when_the_driver_has_none(ingest_file: IngestFile, tmp_path: Path) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        HEADER,
        "2024/04/05 06:17:19.635, 0, GPU-1, [Not Supported], [N/A], [Unknown Error]",
        "2024/04/05 06:17:20.635, 0, GPU-1, 70.1 W, , 0 MiB",
    )
    rows = outcome.frames["gpu_samples"]
    assert rows["power_watts"].to_list() == [None, 70.1]
    assert rows["gpu_util_ratio"].to_list() == [None, None]
    assert rows["memory_used_bytes"].to_list() == [None, 0.0]
    assert outcome.manifest.rejects == {}


def test_numbers_are_read_in_the_usual_units_when_nothing_names_them(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "# nvidia-smi --query-gpu=timestamp,index,power.draw,memory.used --format=csv,noheader,nounits -l 1",
        "2024/04/05 06:17:19.635, 0, 70.10, 1024",
        "2024/04/05 06:17:19.640, 1, 71.00, 2048",
    )
    rows = outcome.frames["gpu_samples"]
    assert rows.select("gpu_uuid", "gpu_index", "power_watts", "memory_used_bytes").rows() == [
        ("gpu-us-1:0", 0, 70.1, 1_073_741_824.0),
        ("gpu-us-1:1", 1, 71.0, 2_147_483_648.0),
    ]


def test_average_power_is_taken_when_the_driver_no_longer_has_power_draw(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "timestamp, uuid, power.draw.instant [W], power.draw.average [W], power.draw [W]",
        "2024/04/05 06:17:19.635, GPU-1, 90.00 W, 80.00 W, [N/A]",
        "2024/04/05 06:17:20.635, GPU-1, 90.00 W, 80.00 W, 70.00 W",
    )
    assert outcome.frames["gpu_samples"]["power_watts"].to_list() == [80.0, 70.0]


def test_rows_are_rejected_with_their_line_when_they_cannot_be_read(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    good = "2024/04/05 06:17:19.635, 0, GPU-1, 70.00 W, 5 %, 1 MiB"
    outcome = ingested(
        ingest_file,
        tmp_path,
        HEADER,
        good,
        "2024/04/05 06:17:20.635, 0, GPU-1, 70.00 W",
        "2024/04/05 06:17:21.635, 0, GPU-1, much W, 5 %, 1 MiB",
        "2024/04/05 06:17:22.635, 0, GPU-1, 70 hp, 5 %, 1 MiB",
        "05.04.2024 06:17:23, 0, GPU-1, 70 W, 5 %, 1 MiB",
        "2024/02/30 06:17:23.000, 0, GPU-1, 70 W, 5 %, 1 MiB",
        "2024/04/05 06:17:24.635, [N/A], [N/A], 70 W, 5 %, 1 MiB",
        "2024/04/05 06:17:25.635, 0, GPU-1, 70 W, 500 %, 1 MiB",
        HEADER,
        "Unable to determine the device handle for GPU0: 0000:01:00.0: GPU is lost",
        good.replace("19.635", "26.635"),
    )
    assert outcome.frames["gpu_samples"]["source_line"].to_list() == [2, 12]
    assert outcome.rejects.sort("source_line").select("source_line", "reason").rows() == [
        (3, "4 fields where the header has 6"),
        (4, "power.draw: not a number"),
        (5, "power.draw: unknown unit"),
        (6, "timestamp: not YYYY/MM/DD HH:MM:SS.mmm"),
        (7, "timestamp: day is out of range for month"),
        (8, "nothing in the row tells which GPU it is of"),
        (9, "gpu_util_ratio: above 1"),
        (11, "1 fields where the header has 6"),
    ]


def test_log_is_refused_when_nothing_gives_the_time_zone(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    with pytest.raises(LandingFileError, match="local time, and nothing says of which zone"):
        ingested(
            ingest_file,
            tmp_path,
            HEADER,
            "2024/04/05 06:17:19.635, 0, GPU-1, 70 W, 5 %, 1 MiB",
            name="log.csv",
        )


@pytest.mark.parametrize(
    ("name", "above", "hour"),
    [
        ("log.csv", (), 10),
        ("log.UTC.csv", (), 6),
        ("log.UTC.csv", ("# time_zone: Asia/Tokyo",), 21),
    ],
)
def test_zone_beside_a_log_holds_when_none_is_said_nearer(
    ingest_file: IngestFile, tmp_path: Path, name: str, above: tuple[str, ...], hour: int
) -> None:
    path, sidecar = tmp_path / name, tmp_path / "about.yaml"
    sidecar.write_text("zone: America/New_York\n")
    path.write_text(
        "\n".join((*above, HEADER, "2024/04/05 06:17:19.635, 0, GPU-1, 1 W, 1 %, 1 MiB"))
    )
    (row,) = ingest_file(path, CSV, (sidecar,)).frames["gpu_samples"].to_dicts()
    assert row["sampled_at"].hour == hour


def test_messages_stay_short_and_quote_nothing_when_a_field_is_huge(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    huge = "h" * 10_000
    with pytest.raises(LandingFileError) as refused:
        ingested(ingest_file, tmp_path, f"# time_zone: {huge}", HEADER)
    assert len(str(refused.value)) < 1000
    row = "2024/04/05 06:17:19.635, 0, GPU-1, 1 {}, 1 %, 1 MiB"
    outcome = ingested(ingest_file, tmp_path, HEADER, row.format("W"), row.format(huge))
    assert outcome.manifest.rejects == {"power.draw: unknown unit": 1}


def test_log_is_refused_when_the_time_zone_is_none(ingest_file: IngestFile, tmp_path: Path) -> None:
    with pytest.raises(LandingFileError, match="line 1: time_zone: no time zone"):
        ingested(ingest_file, tmp_path, "# time_zone: Mars/Olympus", HEADER)


def test_local_times_are_rejected_when_clocks_change(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    times = ["2026/11/01 00:59:59.000", "2026/11/01 01:30:00.000", "2026/03/08 02:30:00.000"]
    outcome = ingested(
        ingest_file,
        tmp_path,
        "# time_zone: America/New_York",
        HEADER,
        *(f"{time}, 0, GPU-1, 70 W, 5 %, 1 MiB" for time in times),
        name="log.csv",
    )
    assert outcome.frames["gpu_samples"]["sampled_at"].to_list() == [
        datetime(2026, 11, 1, 4, 59, 59)
    ]
    assert outcome.manifest.rejects == {
        "timestamp: the zone has this local time twice": 1,
        "timestamp: the zone skips this local time": 1,
    }


def test_log_is_refused_when_several_gpus_interleave_without_a_name(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    lines = (
        "timestamp, power.draw [W]",
        "2024/04/05 06:17:19.635, 70.00 W",
        "2024/04/05 06:17:19.640, 90.00 W",
    )
    with pytest.raises(LandingFileError, match="no column tells which GPU a row is of"):
        ingested(ingest_file, tmp_path, *lines)
    outcome = ingested(ingest_file, tmp_path, "# gpu_uuid: GPU-1", *lines)
    assert outcome.frames["gpu_samples"]["gpu_uuid"].to_list() == ["GPU-1", "GPU-1"]


def test_gpus_are_named_by_host_and_index_when_uuids_are_masked(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "# hostname: gpu-us-9",
        HEADER,
        "2024/04/05 06:17:19.635, 1, GPU-00000000-0000-0000-0000-000000000000, 70 W, 5 %, 1 MiB",
    )
    row = outcome.frames["gpu_samples"].to_dicts()[0]
    assert (row["gpu_uuid"], row["hostname"]) == ("gpu-us-9:1", "gpu-us-9")


def test_snapshot_has_the_time_of_its_name_when_it_has_no_timestamp(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    lines = ("uuid, power.draw [W]", "GPU-1, 70.00 W")
    outcome = ingested(ingest_file, tmp_path, *lines, name="20261001T000500Z.csv")
    assert outcome.frames["gpu_samples"]["sampled_at"].to_list() == [datetime(2026, 10, 1, 0, 5)]
    with pytest.raises(LandingFileError, match="says when the GPUs were read"):
        ingested(ingest_file, tmp_path, *lines)


def test_first_reading_of_a_loop_is_read_when_nothing_dates_the_others(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    lines = ("uuid, power.draw [W]", "GPU-1, 70.00 W", "GPU-2, 80.00 W", "GPU-1, 90.00 W")
    outcome = ingested(ingest_file, tmp_path, *lines, name="20261001T000500Z.csv")
    assert outcome.frames["gpu_samples"]["power_watts"].to_list() == [70.0, 80.0]
    assert outcome.rejects.select("source_line", "reason").rows() == [
        (4, "a second reading of the GPU, and nothing says when it was taken; log the timestamp")
    ]


def test_log_is_refused_when_it_is_binary(ingest_file: IngestFile, tmp_path: Path) -> None:
    path = tmp_path / "log.UTC.csv"
    path.write_bytes(HEADER.encode() + b"\n\0\0\n")
    with pytest.raises(LandingFileError, match="line 2: the file is binary"):
        ingest_file(path, CSV)


@pytest.mark.parametrize(
    "text",
    [
        "date,power.draw\n",
        "cluster,zone,power.draw_kw\n1,2,3\n",
        "timestamp, gpu_name, pid, used_gpu_memory [MiB]\n",
        "x 1\n",
    ],
)
def test_other_tables_are_not_claimed_when_they_are_no_query_of_gpus(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    assert CSV.recognise(preview_of(path)) is None


# Per capture: time, power, utilisation and memory used, idle and under load.
CAPTURES = {
    "linux-x86_64__nvidia-geforce-rtx-2080-super__595.71.05": [
        (datetime(2026, 6, 24, 8, 26, 34, 977_000), 39.32, 0.0, 214),
        (datetime(2026, 6, 24, 8, 26, 49, 788_000), 111.5, 0.08, 819),
    ],
    "linux-x86_64__nvidia-geforce-rtx-2080-super__610.57.04": [
        (datetime(2026, 8, 12, 19, 53, 45, 370_000), 39.17, 0.0, 211),
        (datetime(2026, 8, 12, 19, 54, 0, 311_000), 98.14, 0.08, 815),
    ],
    "linux-x86_64__nvidia-geforce-rtx-4080-super__595.71.05": [
        (datetime(2026, 6, 26, 9, 59, 44, 226_000), 26.2, 0.0, 596),
        (datetime(2026, 6, 26, 9, 59, 58, 761_000), 84.24, 0.07, 1474),
    ],
    "linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01": [
        (datetime(2026, 7, 14, 8, 12, 38, 696_000), 69.85, 0.0, 0),
        (datetime(2026, 7, 14, 8, 12, 53, 353_000), 631.95, 1.0, 19_818),
    ],
    "linux-x86_64__nvidia-h200__590.48.01": [
        (datetime(2026, 7, 3, 22, 10, 46, 109_000), 77.71, 0.0, 0),
        (datetime(2026, 7, 3, 22, 11, 9, 763_000), 627.4, 1.0, 32_362),
    ],
    "linux-x86_64__nvidia-l40s__595.80": [
        (datetime(2026, 7, 3, 8, 33, 38, 737_000), 144.97, 1.0, 0),
        (datetime(2026, 7, 3, 8, 33, 53, 415_000), 110.23, 0.09, 1235),
    ],
}


@pytest.mark.parametrize("name", CAPTURES)
def test_both_readings_land_in_utc_when_a_capture_is_in_local_time(
    ingest_file: IngestFile, shared_data: Path, name: str
) -> None:
    path = shared_data / "gpu_metrics" / "nvidia_smi_captures" / f"{name}.txt.gz"
    assert CAPTURE.recognise(preview_of(path))
    assert CSV.recognise(preview_of(path)) is None
    outcome = ingest_file(path, CAPTURE)
    rows = outcome.frames["gpu_samples"]
    found = rows.select("sampled_at", "power_watts", "gpu_util_ratio", "memory_used_bytes").rows()
    assert found == [(*reading[:3], reading[3] * 1_048_576.0) for reading in CAPTURES[name]]
    assert rows["gpu_uuid"].to_list() == [f"{name}:0"] * 2
    assert outcome.manifest.rejects == {}
    assert set(outcome.manifest.skipped) == {"line of another section of the capture"}


def test_capture_is_refused_when_its_clock_does_not_fit(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path = tmp_path / "capture.txt"
    path.write_text(
        "collected_at:   2026-06-24T08:26:34Z\n# $ nvidia-smi --query-gpu=timestamp,index,power.draw "
        "--format=csv\n####\ntimestamp, index, power.draw [W]\n2026/06/24 10:33:00.000, 0, 39 W\n"
    )
    assert CAPTURE.recognise(preview_of(path))
    with pytest.raises(LandingFileError, match=r"line 5: the local time .* does not fit"):
        ingest_file(path, CAPTURE)


def test_zone_is_known_when_named_offset_or_in_the_file_name() -> None:
    assert zone_of("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert zone_of("-05:30") == timezone(-timedelta(hours=5, minutes=30))
    assert zone_in_name("a/gpu-1.UTC+0200.csv.gz") == timezone(timedelta(hours=2))
    assert zone_in_name("a/gpu-1_utc.csv") == UTC
    assert zone_in_name("a/cutch.csv") is None
    assert zone_of("nowhere") is None


def test_offset_is_a_quarter_hour_when_a_host_is_in_kathmandu() -> None:
    local, instant = datetime(2026, 1, 1, 5, 45, 3), datetime(2026, 1, 1, tzinfo=UTC)
    assert to_utc(local, zone_by_anchor(local, instant)) == datetime(2026, 1, 1, 0, 0, 3)


def test_fractions_keep_their_place_when_they_have_fewer_digits() -> None:
    assert local_time("2024/04/05 06:17:19.6") == datetime(2024, 4, 5, 6, 17, 19, 600_000)
    with pytest.raises(ClockError):
        local_time("2024-04-05 06:17:19")
