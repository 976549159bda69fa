"""dcgm-exporter scrapes through the lake: names, units, sentinels, MIG, shared GPUs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.gpu_samples.dcgm_prometheus import CONNECTOR
from tokenworks_sources.landing import preview_of

IngestFile = Callable[..., Any]
LABELS = 'gpu="0",UUID="GPU-1",modelName="NVIDIA H100",Hostname="gpu-us-1"'


def ingested(ingest_file: IngestFile, tmp_path: Path, *samples: str) -> Any:
    """One scrape of those samples, `{}` standing for the labels of one GPU."""
    path = tmp_path / "20261001T000500Z.prom"
    path.write_text("".join(sample.replace("{}", f"{{{LABELS}}}") + "\n" for sample in samples))
    assert CONNECTOR.recognise(preview_of(path)) == "metrics named DCGM_*"
    return ingest_file(path, CONNECTOR)


def real(ingest_file: IngestFile, shared_data: Path, tmp_path: Path, name: str) -> Any:
    """A real file, its time of collection added to its name."""
    path = tmp_path / f"{name}_20230301T120000Z.ini"
    shutil.copyfile(shared_data / "gpu_metrics" / "dcgm_exporter_text" / f"{name}.ini", path)
    assert CONNECTOR.recognise(preview_of(path))
    return ingest_file(path, CONNECTOR)


def test_units_are_the_contracts_when_a_whole_gpu_is_scraped(
    ingest_file: IngestFile, shared_data: Path, tmp_path: Path
) -> None:
    outcome = real(ingest_file, shared_data, tmp_path, "1_workload")
    row, other = outcome.frames["gpu_samples"].to_dicts()
    assert row["sampled_at"] == datetime(2023, 3, 1, 12)
    assert row["gpu_uuid"] == "GPU-7a2e92f2-be71-d37e-a744-541600ffc722"
    assert row["mig_instance_id"] == ""
    assert row["gpu_model"] == "Tesla T4"
    assert row["driver_version"] == "525.60.13"
    assert row["hostname"] == "nvidia-dcgm-exporter-s228n"
    assert row["pod"] == "runai-reservation-gpu-qa-mig-worker-gpu-1-kvltw"
    assert row["power_watts"] == 28.722
    assert row["energy_joules_total"] == 9022.652
    assert row["memory_used_bytes"] == 134_217_728.0
    assert row["memory_free_bytes"] == 15_551_430_656.0
    assert row["gpu_util_ratio"] == 0.0
    assert row["sm_clock_mhz"] == 585.0
    assert row["gr_engine_active_ratio"] == 0.000039
    assert row["pcie_rx_bytes_per_second"] == 420_785.0
    assert row["sm_active_ratio"] is None
    assert (other["gpu_index"], other["pod"], other["power_watts"]) == (1, None, 17.035)
    assert outcome.manifest.skipped == {"a DCGM field that no column holds": 8}
    assert outcome.manifest.rejects == {}


def test_units_are_the_contracts_when_the_exporter_is_older_than_its_names(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    gpu = '{gpu="0",uuid="GPU-1"}'
    outcome = ingested(
        ingest_file,
        tmp_path,
        "# TYPE dcgm_power_usage gauge",
        f"dcgm_power_usage{gpu} 31.5",
        f"dcgm_total_energy_consumption{gpu} 7.5e+06",
        f"dcgm_gpu_utilization{gpu} 37",
        f"dcgm_fb_used{gpu} 1024",
        f"dcgm_sm_clock{gpu} 135",
        f"dcgm_nvlink_bandwidth_total{gpu} 5",
    )
    (row,) = outcome.frames["gpu_samples"].to_dicts()
    assert (row["gpu_uuid"], row["gpu_index"], row["power_watts"]) == ("GPU-1", 0, 31.5)
    assert (row["energy_joules_total"], row["gpu_util_ratio"]) == (7_500.0, 0.37)
    assert (row["memory_used_bytes"], row["sm_clock_mhz"]) == (1_073_741_824.0, 135.0)
    assert outcome.manifest.skipped == {"a metric that no column holds": 1}


def test_board_power_repeats_per_instance_when_mig_is_on(
    ingest_file: IngestFile, shared_data: Path, tmp_path: Path
) -> None:
    """Adding the four rows up would report 437 W for a board that draws 106 to 112 W."""
    outcome = real(ingest_file, shared_data, tmp_path, "4_Active_Workloads")
    rows = outcome.frames["gpu_samples"]
    assert rows.select(
        "mig_instance_id", "mig_profile", "power_watts", "energy_joules_total"
    ).rows() == [
        ("7", "1g.5gb", 112.252, 6890.956),
        ("8", "1g.5gb", 106.463, 6890.956),
        ("9", "1g.5gb", 106.463, 6890.956),
        ("5", "2g.10gb", 112.252, 6890.956),
    ]
    assert set(rows["gpu_uuid"]) == {"GPU-473571f2-fb37-ef7e-50fe-9885b74a23cd"}
    assert rows["gpu_util_ratio"].to_list() == [None] * 4
    assert rows["gr_engine_active_ratio"].to_list() == [0.0, 0.408493, 0.0, 0.0]
    assert outcome.manifest.skipped == {"title line": 1, "a DCGM field that no column holds": 8}


@pytest.mark.parametrize(
    ("name", "readings"),
    [("Active_1g.5gb", (115.294, 27151.028)), ("Idle_1g.5gb_allocated", (75.69, 4617.218))],
)
def test_file_lands_when_a_title_that_is_no_comment_stands_first(
    ingest_file: IngestFile,
    shared_data: Path,
    tmp_path: Path,
    name: str,
    readings: tuple[float, float],
) -> None:
    outcome = real(ingest_file, shared_data, tmp_path, name)
    (row,) = outcome.frames["gpu_samples"].to_dicts()
    assert (row["power_watts"], row["energy_joules_total"]) == readings
    assert outcome.manifest.skipped["title line"] == 1


def test_catalogues_of_counters_are_not_claimed_when_they_name_fields(shared_data: Path) -> None:
    folder = shared_data / "gpu_metrics" / "dcgm_exporter_text"
    for name in ("nvidia_default-counters.csv", "nvidia_dcp-metrics-included.csv"):
        assert CONNECTOR.recognise(preview_of(folder / name)) is None


def test_value_is_null_when_the_exporter_writes_a_sentinel(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "DCGM_FI_DEV_MEMORY_TEMP{} 9223372036854775794",
        "DCGM_FI_DEV_GPU_TEMP{} 2147483632",
        "DCGM_FI_DEV_POWER_USAGE{} 140737488355328.000000",
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{} 9223372036854775792",
        "DCGM_FI_DEV_XID_ERRORS{} 2147483635",
        "DCGM_FI_PROF_SM_ACTIVE{} 140737488355330",
        "DCGM_FI_DEV_SM_CLOCK{} 1980",
    )
    (row,) = outcome.frames["gpu_samples"].to_dicts()
    assert row["sm_clock_mhz"] == 1980.0
    for column in (
        "memory_temperature_celsius",
        "gpu_temperature_celsius",
        "power_watts",
        "energy_joules_total",
        "xid_last",
        "sm_active_ratio",
    ):
        assert row[column] is None
    assert outcome.manifest.rejects == outcome.manifest.skipped == {}


def test_value_is_kept_when_a_counter_passes_the_sentinel_of_a_smaller_type(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{} 5147483632",
        "DCGM_FI_PROF_PCIE_TX_BYTES{} 50000000000",
        "DCGM_FI_DEV_SM_CLOCK_HERTZ{} 2505000000",
        "DCGM_FI_DEV_FB_USED_BYTES{} 85899345920",
    )
    (row,) = outcome.frames["gpu_samples"].to_dicts()
    assert row["energy_joules_total"] == 5_147_483.632
    assert row["pcie_tx_bytes_per_second"] == 50_000_000_000.0
    assert row["sm_clock_mhz"] == 2505.0
    assert row["memory_used_bytes"] == 85_899_345_920.0


def test_values_agree_when_fields_have_their_names_of_any_release(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    old = ingested(
        ingest_file,
        tmp_path,
        "DCGM_FI_DEV_GPU_UTIL{} 57",
        "DCGM_FI_DEV_MEM_COPY_UTIL{} 29",
        "DCGM_FI_DEV_POWER_USAGE{} 431.5",
        "DCGM_FI_DEV_FB_USED{} 1024",
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE{} 0.25",
        "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS{} 4",
    ).frames["gpu_samples"]
    new = ingested(
        ingest_file,
        tmp_path,
        "DCGM_FI_DEV_GPU_UTIL_RATIO{} 0.57",
        "DCGM_FI_DEV_MEMORY_UTIL_RATIO{} 0.29",
        "DCGM_FI_DEV_BOARD_POWER_WATTS{} 431.5",
        "DCGM_FI_DEV_FB_USED_BYTES{} 1073741824",
        "DCGM_FI_PROF_TENSOR_UTIL_RATIO{} 0.25",
        "DCGM_FI_DEV_CLOCKS_EVENT_REASONS{} 4",
    ).frames["gpu_samples"][-1]
    columns = (
        "gpu_util_ratio",
        "mem_copy_util_ratio",
        "power_watts",
        "memory_used_bytes",
        "tensor_active_ratio",
        "throttle_reasons",
    )
    expected = (0.57, 0.29, 431.5, 1_073_741_824.0, 0.25, "0x0000000000000004")
    assert old.select(columns).row(0) == expected
    assert new.select(columns).row(0) == expected


@pytest.mark.parametrize(
    ("value", "witness", "ratio"),
    [
        ("38", "DCGM_FI_DEV_SM_CLOCK{} 1980", 0.38),
        ("1", "DCGM_FI_DEV_SM_CLOCK{} 1980", None),
        ("0", "DCGM_FI_DEV_SM_CLOCK{} 1980", 0.0),
        ("1", "DCGM_FI_DEV_SM_CLOCK_HERTZ{} 1980000000", 1.0),
        ("0.38", "DCGM_FI_DEV_SM_CLOCK{} 1980", 0.38),
    ],
)
def test_utilisation_is_a_percentage_or_a_ratio_when_the_release_says_so(
    ingest_file: IngestFile, tmp_path: Path, value: str, witness: str, ratio: float | None
) -> None:
    outcome = ingested(ingest_file, tmp_path, f"DCGM_FI_DEV_GPU_UTIL_RATIO{{}} {value}", witness)
    assert outcome.frames["gpu_samples"]["gpu_util_ratio"].to_list() == [ratio]
    reason = "DCGM_FI_DEV_GPU_UTIL_RATIO 1: a ratio or a percentage, and nothing tells which"
    assert outcome.manifest.skipped == ({reason: 1} if ratio is None else {})


def test_one_is_a_percentage_when_another_gpu_is_above_it(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    other = 'DCGM_FI_DEV_GPU_UTIL_RATIO{gpu="1",UUID="GPU-2"} 97'
    outcome = ingested(ingest_file, tmp_path, "DCGM_FI_DEV_GPU_UTIL_RATIO{} 1", other)
    assert outcome.frames["gpu_samples"]["gpu_util_ratio"].to_list() == [0.01, 0.97]


def test_new_name_wins_when_a_field_is_exported_twice(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "DCGM_FI_DEV_POWER_USAGE{} 400",
        "DCGM_FI_DEV_BOARD_POWER_WATTS{} 401",
    )
    assert outcome.frames["gpu_samples"]["power_watts"].to_list() == [401.0]
    assert outcome.manifest.skipped == {"the same value under another name": 1}


def test_pods_are_joined_and_deviating_values_rejected_when_a_gpu_is_shared(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    labels = 'gpu="0",UUID="GPU-1",namespace="prod"'
    outcome = ingested(
        ingest_file,
        tmp_path,
        f'DCGM_FI_DEV_POWER_USAGE{{{labels},pod="b"}} 400',
        f'DCGM_FI_DEV_POWER_USAGE{{{labels},pod="a"}} 400',
        f'DCGM_FI_DEV_GPU_UTIL{{{labels},pod="a"}} 50',
        f'DCGM_FI_DEV_GPU_UTIL{{{labels},pod="b"}} 60',
    )
    (row,) = outcome.frames["gpu_samples"].to_dicts()
    assert (row["pod"], row["namespace"], row["power_watts"], row["gpu_util_ratio"]) == (
        "a,b",
        "prod",
        400.0,
        0.5,
    )
    assert outcome.manifest.skipped == {"the same sample again": 1}
    assert outcome.manifest.rejects == {
        "another value of the same sample came earlier in the scrape": 1
    }


def test_host_and_index_name_the_gpu_when_there_is_no_uuid(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        'DCGM_FI_DEV_POWER_USAGE{gpu="3",hostname="gpu-us-1"} 400',
        'DCGM_FI_DEV_POWER_USAGE{gpu="3"} 410',
        'DCGM_FI_DEV_GPU_UTIL{gpu="3",hostname="gpu-us-1"} 101',
    )
    assert outcome.frames["gpu_samples"]["gpu_uuid"].to_list() == ["gpu-us-1:3"]
    assert outcome.manifest.rejects == {
        "neither a UUID nor a host and an index": 1,
        "gpu_util_ratio: above 1.0": 1,
    }


def test_attributes_follow_the_scrape_when_a_gpu_changes_its_pod(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        "# scraped_at 1790813100",
        'DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1",pod="a"} 400',
        "-----------------------",
        "# scraped_at 1790813130",
        'DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1",pod="b"} 500',
    )
    rows = outcome.frames["gpu_samples"]
    assert rows.select("sampled_at", "pod", "power_watts").rows() == [
        (datetime(2026, 10, 1, 0, 5), "a", 400.0),
        (datetime(2026, 10, 1, 0, 5, 30), "b", 500.0),
    ]
    assert outcome.manifest.skipped == {"separator line": 1}


@pytest.mark.parametrize(
    ("old", "new", "ratio"),
    [("1", "1", 0.01), ("100", "1", 1.0), ("40", "40", 0.4), ("40", "0.4", 0.4)],
)
def test_utilisation_is_known_when_a_scrape_has_it_under_both_names(
    ingest_file: IngestFile, tmp_path: Path, old: str, new: str, ratio: float
) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        f"DCGM_FI_DEV_GPU_UTIL{{}} {old}",
        f"DCGM_FI_DEV_GPU_UTIL_RATIO{{}} {new}",
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE{} 0.25",
    )
    assert outcome.frames["gpu_samples"]["gpu_util_ratio"].to_list() == [ratio]
    assert outcome.frames["gpu_samples"]["gr_engine_active_ratio"].to_list() == [0.25]
    assert outcome.manifest.skipped == {"the same value under another name": 1}


@pytest.mark.parametrize("label", ["Hostname", "hostname"])
def test_host_is_the_same_when_its_label_has_the_old_or_the_new_name(
    ingest_file: IngestFile, tmp_path: Path, label: str
) -> None:
    line = f'DCGM_FI_DEV_POWER_USAGE{{gpu="3",UUID="GPU-9",{label}="node-7"}} 300'
    (row,) = ingested(ingest_file, tmp_path, line).frames["gpu_samples"].to_dicts()
    assert (row["gpu_uuid"], row["gpu_index"], row["hostname"]) == ("GPU-9", 3, "node-7")


@pytest.mark.parametrize(
    ("name", "rows", "boards", "with_util"),
    [
        ("1_workload.ini", 2, 2, 2),
        ("4_Active_Workloads.ini", 4, 1, 0),
        ("Active_1g.5gb.ini", 1, 1, 0),
        ("Idle_1g.5gb_allocated.ini", 1, 1, 0),
    ],
)
def test_no_value_is_beyond_its_unit_when_a_real_scrape_is_read(
    ingest_file: IngestFile,
    tmp_path: Path,
    shared_data: Path,
    name: str,
    rows: int,
    boards: int,
    with_util: int,
) -> None:
    text = (shared_data / "gpu_metrics/dcgm_exporter_text" / name).read_text()
    path = tmp_path / "20261001T000500Z.prom"
    path.write_text(text)
    outcome = ingest_file(path, CONNECTOR)
    found = outcome.frames["gpu_samples"]
    assert found.height == rows
    assert found["gpu_uuid"].n_unique() == boards
    assert found["gpu_util_ratio"].count() == with_util
    assert found["power_watts"].is_between(5, 700).all()
    # Board energy in joules since the driver was loaded: below 3 years at 700 W.
    assert found["energy_joules_total"].is_between(1, 6.7e10).all()
    assert found["memory_temperature_celsius"].drop_nulls().is_between(0, 120).all()
    assert outcome.manifest.rejects == {}
