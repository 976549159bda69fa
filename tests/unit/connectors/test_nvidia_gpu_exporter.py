"""nvidia_gpu_exporter scrapes through the lake, and against the nvidia-smi output behind them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.gpu_samples import nvidia_gpu_exporter, nvidia_smi_capture
from tokenworks_sources.landing import preview_of

CONNECTOR = nvidia_gpu_exporter.CONNECTOR
IngestFile = Callable[..., Any]
UUID = "1c67088e-9ecb-4564-bb97-6151ecc2ef64"


def ingested(ingest_file: IngestFile, tmp_path: Path, *samples: str) -> Any:
    path = tmp_path / "gpu-us-1" / "20261001T000500Z.prom"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"nvidia_smi_{sample}\n" for sample in samples))
    assert CONNECTOR.recognise(preview_of(path)) == "metrics named nvidia_smi_*"
    return ingest_file(path, CONNECTOR)


def test_units_are_the_contracts_when_a_whole_gpu_is_scraped(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    label = f'{{uuid="{UUID}"}}'
    outcome = ingested(
        ingest_file,
        tmp_path,
        f'gpu_info{{uuid="{UUID}",name="NVIDIA H200",driver_version="590.48.01",index="3"}} 1',
        f"index{label} 3",
        f"power_draw_instant_watts{label} 90",
        f"power_draw_average_watts{label} 80",
        f"power_draw_watts{label} 84.24",
        f"energy_joules_total{label} 1234.5",
        f"utilization_gpu_ratio{label} 0.07",
        f"memory_used_bytes{label} 1.545601024e+09",
        f"clocks_current_sm_clock_hz{label} 2.805e+09",
        f"temperature_gpu{label} 46",
        f"clocks_event_reasons_active{label} 4",
        f"xid_errors_total{label} 2",
        f'compute_app_info{{uuid="{UUID}",process_name="/opt/ada/secret"}} 1',
        "failed_scrapes_total 0",
    )
    row = outcome.frames["gpu_samples"].row(0, named=True)
    given = {name: value for name, value in row.items() if value is not None}
    del given["source_file"], given["source_digest"], given["event_date"]
    assert given == {
        "sampled_at": datetime(2026, 10, 1, 0, 5),
        "gpu_uuid": f"GPU-{UUID}",
        "mig_instance_id": "",
        "gpu_index": 3,
        "gpu_model": "NVIDIA H200",
        "driver_version": "590.48.01",
        "gpu_util_ratio": 0.07,
        "memory_used_bytes": 1_545_601_024.0,
        "power_watts": 84.24,
        "energy_joules_total": 1234.5,
        "sm_clock_mhz": 2805.0,
        "gpu_temperature_celsius": 46.0,
        "throttle_reasons": "0x0000000000000004",
        "source_line": 1,
    }
    assert outcome.rejects.is_empty()


def test_units_are_the_contracts_when_the_exporter_asks_the_driver(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    label = '{minor_number="0",name="Tesla T4",uuid="GPU-1"}'
    path = tmp_path / "gpu-us-1" / "20261001T000500Z.prom"
    path.parent.mkdir()
    path.write_text(
        f"nvidia_gpu_duty_cycle{label} 12\nnvidia_gpu_power_usage_milliwatts{label} 27500\n"
        f"nvidia_gpu_memory_used_bytes{label} 1.048576e+06\nnvidia_gpu_num_devices 1\n"
        f"nvidia_gpu_temperature_celsius{label} 34\nnvidia_gpu_fanspeed_percent{label} 0\n"
    )
    assert CONNECTOR.recognise(preview_of(path)) == "metrics named nvidia_gpu_*"
    outcome = ingest_file(path, CONNECTOR)
    (row,) = outcome.frames["gpu_samples"].to_dicts()
    assert (row["gpu_uuid"], row["gpu_util_ratio"], row["power_watts"]) == ("GPU-1", 0.12, 27.5)
    assert (row["memory_used_bytes"], row["gpu_temperature_celsius"]) == (1_048_576.0, 34.0)
    assert row["gpu_index"] is None
    assert outcome.manifest.skipped == {"a metric of nvidia-smi that no column holds": 2}


def test_memory_is_of_the_instance_when_mig_is_on(ingest_file: IngestFile, tmp_path: Path) -> None:
    outcome = ingested(
        ingest_file,
        tmp_path,
        f'power_draw_watts{{uuid="{UUID}"}} 300',
        f'mig_memory_used_bytes{{gpu_instance_id="2",uuid="{UUID}"}} 7',
        f'mig_memory_used_bytes{{gpu_instance_id="7",uuid="{UUID}"}} 5',
    )
    rows = outcome.frames["gpu_samples"].sort("mig_instance_id")
    assert rows.select("mig_instance_id", "memory_used_bytes", "power_watts").rows() == [
        ("", None, 300.0),
        ("2", 7.0, None),
        ("7", 5.0, None),
    ]


def test_gpu_is_named_by_host_and_index_when_its_uuid_is_masked(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    label = '{uuid="00000000-0000-0000-0000-000000000000"}'
    outcome = ingested(ingest_file, tmp_path, f"index{label} 2", f"power_draw_watts{label} 1")
    assert outcome.frames["gpu_samples"]["gpu_uuid"].to_list() == ["gpu-us-1:2"]


@pytest.mark.parametrize(
    ("sample", "reason"),
    [
        ("power_draw_watts 5", "no UUID"),
        (f'power_draw_watts{{uuid="{UUID}"}} -5', "power_watts: below 0.0"),
        (f'utilization_gpu_ratio{{uuid="{UUID}"}} 38', "gpu_util_ratio: above 1.0"),
        (f'power_draw_watts{{uuid="{UUID}"}} watt', "the value is not a number"),
    ],
)
def test_sample_is_rejected_when_it_cannot_be_used(
    sample: str, reason: str, ingest_file: IngestFile, tmp_path: Path
) -> None:
    good = f'temperature_gpu{{uuid="{UUID}"}} 46'
    outcome = ingested(ingest_file, tmp_path, good, sample)
    (given,) = outcome.rejects["reason"].to_list()
    assert given.startswith(reason)
    assert outcome.frames["gpu_samples"].height == 1


MACHINES = (
    "linux-x86_64__nvidia-geforce-rtx-2080-super__595.71.05",
    "linux-x86_64__nvidia-geforce-rtx-2080-super__610.57.04",
    "linux-x86_64__nvidia-geforce-rtx-4080-super__595.71.05",
    "linux-x86_64__nvidia-h100-80gb-hbm3__590.48.01",
    "linux-x86_64__nvidia-h200__590.48.01",
    "linux-x86_64__nvidia-l40s__595.80",
)


@pytest.mark.parametrize("machine", MACHINES)
def test_values_equal_those_of_nvidia_smi_when_both_are_of_one_reading(
    machine: str, ingest_file: IngestFile, shared_data: Path, tmp_path: Path
) -> None:
    metrics = shared_data / "gpu_metrics"
    capture = metrics / "nvidia_smi_captures" / f"{machine}.txt.gz"
    ingest_file(capture, nvidia_smi_capture.CONNECTOR)
    for hour, load in enumerate(("idle", "load")):
        path = tmp_path / f"{machine}.20260101T{hour:02}0000Z.metrics.gz"
        shutil.copyfile(
            metrics / "nvidia_gpu_exporter_prom" / f"{machine}__{load}.metrics.gz", path
        )
        outcome = ingest_file(path, CONNECTOR)
        assert outcome.manifest.rejects == {}
    identity = (
        "sampled_at",
        "gpu_uuid",
        "source_file",
        "source_line",
        "source_digest",
        "event_date",
    )
    rows = outcome.frames["gpu_samples"].sort("sampled_at").drop(identity).rows()
    assert len(rows) == 4
    assert rows[:2] == rows[2:]
    assert rows[0] != rows[1]
