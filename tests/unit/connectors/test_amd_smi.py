"""amd-smi CSV through the lake: units of its source, times, identities."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.gpu_samples.amd_smi_csv import CONNECTOR
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

IngestFile = Callable[..., Any]


def ingested(ingest_file: IngestFile, tmp_path: Path, *lines: str, name: str = "m.csv") -> Any:
    path = tmp_path / "amd-1" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n\n")
    assert CONNECTOR.recognise(preview_of(path))
    return ingest_file(path, CONNECTOR)


def test_counter_is_in_joules_when_the_file_has_no_unit(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "gpu,total_energy_consumption",
        "0,339360563.211",
        "1,N/A",
        name="energy.20261001T000500Z.csv",
    )
    rows = outcome.frames["gpu_samples"].sort("gpu_uuid")
    columns = ("gpu_uuid", "gpu_index", "mig_instance_id", "energy_joules_total", "sampled_at")
    assert rows.select(columns).rows() == [
        ("amd-1:0", 0, "", 339_360_563.211, datetime(2026, 10, 1, 0, 5)),
        ("amd-1:1", 1, "", None, datetime(2026, 10, 1, 0, 5)),
    ]


def test_readings_are_kept_when_each_of_them_repeats_the_header(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "'CTRL' + 'C' to stop watching output:",
        "timestamp,gpu,socket_power",
        "1790813100,0,400",
        "timestamp,gpu,socket_power",
        "1790813101,0,410",
    )
    assert outcome.frames["gpu_samples"]["power_watts"].to_list() == [400.0, 410.0]
    assert outcome.rejects.is_empty()
    assert outcome.manifest.skipped == {"the header, before another reading": 1}


def test_the_first_reading_of_a_loop_is_read_when_nothing_dates_the_others(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    header = "device,GPU use (%)"
    lines = [header, "card0,88", "card1,7", header, "card0,90"]
    outcome = ingested(ingest_file, tmp_path, *lines, name="loop.20261001T000500Z.csv")
    assert outcome.frames["gpu_samples"]["gpu_util_ratio"].to_list() == [0.88, 0.07]
    assert outcome.manifest.rejects == {
        "a second reading of the GPU, and nothing says when it was taken; log the timestamp": 1
    }


def test_monitor_is_read_by_its_own_names_when_mem_is_a_share_there(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "timestamp,gpu,xcp,power_usage,max_power,hotspot_temperature,memory_temperature,gfx_clk,"
        "gfx,mem,mem_clock,vram_used,vram_free,vram_total,vram_percent",
        "1790813100,0,0,612,1000,61,44,2100,97,33,900,2,3,5,40.0",
        "1790813100,1,0,N/A,1000,N/A,N/A,N/A,N/A,N/A,N/A,2,3,5,40.0",
    )
    first, second = outcome.frames["gpu_samples"].sort("gpu_uuid").iter_rows(named=True)
    assert first["sampled_at"] == datetime(2026, 10, 1, 0, 5)
    assert (first["power_watts"], first["gpu_util_ratio"]) == (612.0, 0.97)
    assert first["mem_copy_util_ratio"] == 0.33
    assert (first["gpu_temperature_celsius"], first["memory_temperature_celsius"]) == (61.0, 44.0)
    assert (first["memory_used_bytes"], first["memory_free_bytes"]) == (2_097_152.0, 3_145_728.0)
    assert (second["gpu_uuid"], second["power_watts"]) == ("amd-1:1", None)
    assert outcome.rejects.is_empty()


def test_rocm_smi_is_read_by_its_units_when_it_warns_first(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "WARNING: AMD GPU device(s) is/are in a low-power state. Check power control/runtime_status",
        "",
        "device,Temperature (Sensor edge) (C),Temperature (Sensor junction) (C),"
        "Temperature (Sensor memory) (C),Average Graphics Package Power (W),GPU use (%),"
        "GPU Memory Allocated (VRAM%),GPU Memory Read/Write Activity (%),VRAM Total Memory (B),"
        "VRAM Total Used Memory (B),Accumulated Energy (uJ)",
        "card0,38.0,45.0,39.0,412.5,88,50,17,34359738368,17179869184,78098902297472.05",
        "card1,N/A,44.0,38.0,N/A (Secondary die),0,0,0,34359738368,10878976,78098902297472.05",
        name="rocm.20261001T000500Z.csv",
    )
    first, second = outcome.frames["gpu_samples"].sort("gpu_uuid").iter_rows(named=True)
    assert (first["gpu_uuid"], first["sampled_at"]) == ("amd-1:0", datetime(2026, 10, 1, 0, 5))
    assert (first["power_watts"], first["gpu_util_ratio"]) == (412.5, 0.88)
    assert (first["mem_copy_util_ratio"], first["memory_used_bytes"]) == (0.17, 17_179_869_184.0)
    assert (first["gpu_temperature_celsius"], first["memory_temperature_celsius"]) == (45.0, 39.0)
    assert (second["gpu_index"], second["power_watts"]) == (1, None)
    # The energy of the package would count twice.
    assert first["energy_joules_total"] is None
    assert outcome.rejects.is_empty()


def test_metrics_are_in_the_contracts_units_when_watched(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "timestamp,gpu,gfx_activity,umc_activity,socket_power,hotspot,mem,used_vram,free_vram",
        "1790813100,0,38,7,1201,61,44,2,3",
    )
    row = outcome.frames["gpu_samples"].row(0, named=True)
    assert row["sampled_at"] == datetime(2026, 10, 1, 0, 5)
    assert (row["gpu_util_ratio"], row["mem_copy_util_ratio"]) == (0.38, 0.07)
    assert (row["power_watts"], row["gpu_temperature_celsius"]) == (1201.0, 61.0)
    assert row["memory_temperature_celsius"] == 44.0
    assert (row["memory_used_bytes"], row["memory_free_bytes"]) == (2_097_152.0, 3_145_728.0)


def test_row_is_rejected_when_a_field_cannot_be_used(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "timestamp,gpu,total_energy_consumption",
        "1790813100,0,1.5",
        "1790813100,x,1.5",
        "1790813100,1,much",
        "1790813100,1,inf",
        "1790813100,1,-1",
        "soon,1,1",
        "1790813100,1",
    )
    assert sorted(outcome.rejects.select("source_line", "reason").rows()) == [
        (3, "gpu: not an index"),
        (4, "total_energy_consumption: not a number"),
        (5, "total_energy_consumption: not a number"),
        (6, "energy_joules_total: below 0"),
        (7, "timestamp: not an epoch"),
        (8, "another number of fields than the header: 2, not 3"),
    ]
    assert outcome.frames["gpu_samples"].height == 1


def test_file_is_refused_when_nothing_says_when_it_was_read(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    with pytest.raises(LandingFileError, match="neither a timestamp column nor the file name"):
        ingested(ingest_file, tmp_path, "gpu,total_energy_consumption", "0,1.5")


def test_file_is_not_claimed_when_only_a_gpu_column_is_like_it(tmp_path: Path) -> None:
    for header in ("gpu,price", "timestamp, uuid, power.draw [W]", "total_energy_consumption,x"):
        assert CONNECTOR.recognise(Preview(tmp_path / "x", header.encode())) is None


def test_real_counters_land_when_their_time_is_in_the_name(
    ingest_file: IngestFile, shared_data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mi355x.20261001T000500Z.csv"
    source = shared_data / "gpu_metrics" / "amd_mi355x_inferencex"
    shutil.copyfile(source / "gpu_metrics_energy_start.csv", path)
    outcome = ingest_file(path, CONNECTOR)
    assert outcome.manifest.rejects == {}
    rows = outcome.frames["gpu_samples"].sort("gpu_index")
    assert rows["gpu_index"].to_list() == list(range(8))
    assert rows["energy_joules_total"][0] == 416_143_212.215
