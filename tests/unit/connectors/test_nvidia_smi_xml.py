"""nvidia-smi XML through the lake: three schemas, MIG, clocks without a zone, hostile documents."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.gpu_samples.nvidia_smi_xml import CONNECTOR
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import preview_of

IngestFile = Callable[..., Any]
HEAD = '<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n'


def gpu(inside: str = "", uuid: str = "GPU-1", bus: str = "00000000:01:00.0") -> str:
    return (
        f'<gpu id="{bus}"><product_name>NVIDIA H100, PCIe</product_name><uuid>{uuid}</uuid>'
        f"{inside}</gpu>"
    )


def document(*inside: str, stamp: str | None = "Fri Apr  5 06:17:19 2024") -> str:
    time = f"<timestamp>{stamp}</timestamp>" if stamp else ""
    driver = "<driver_version>550.54</driver_version>"
    return f"{HEAD}<nvidia_smi_log>\n{time}{driver}{''.join(inside)}</nvidia_smi_log>\n"


def ingested(
    ingest_file: IngestFile, tmp_path: Path, text: str, name: str = "gpu-us-1.UTC.xml"
) -> Any:
    path = tmp_path / "gpu-us-1" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    assert CONNECTOR.recognise(preview_of(path)) == "XML with the root nvidia_smi_log"
    return ingest_file(path, CONNECTOR)


def test_every_column_is_filled_when_the_document_is_whole(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    inside = """
        <fb_memory_usage><total>81559 MiB</total><reserved>1 MiB</reserved>
          <used>2 MiB</used><free>3 MiB</free></fb_memory_usage>
        <bar1_memory_usage><used>9 MiB</used></bar1_memory_usage>
        <utilization><gpu_util>38 %</gpu_util><memory_util>7 %</memory_util></utilization>
        <temperature><gpu_temp>61 C</gpu_temp><memory_temp>N/A</memory_temp></temperature>
        <gpu_power_readings><power_draw>433.78 W</power_draw></gpu_power_readings>
        <module_power_readings><power_draw>900.00 W</power_draw></module_power_readings>
        <clocks><sm_clock>1980 MHz</sm_clock><mem_clock>2619 MHz</mem_clock></clocks>
        <max_clocks><sm_clock>1 MHz</sm_clock></max_clocks>
        <clocks_event_reasons>
          <clocks_event_reason_sw_power_cap>Active</clocks_event_reason_sw_power_cap>
          <clocks_event_reason_gpu_idle>Not Active</clocks_event_reason_gpu_idle>
          <clocks_event_reason_hw_slowdown>Active</clocks_event_reason_hw_slowdown>
        </clocks_event_reasons>
        <processes><process_info><process_name>/opt/ada/secret</process_name></process_info>
        </processes>"""
    outcome = ingested(ingest_file, tmp_path, document(gpu(inside)))
    row = outcome.frames["gpu_samples"].row(0, named=True)
    given = {name: value for name, value in row.items() if value is not None}
    assert "secret" not in repr(given)
    del given["source_file"], given["source_digest"], given["event_date"]
    assert given == {
        "sampled_at": datetime(2024, 4, 5, 6, 17, 19),
        "gpu_uuid": "GPU-1",
        "mig_instance_id": "",
        "gpu_model": "NVIDIA H100, PCIe",
        "driver_version": "550.54",
        "gpu_util_ratio": 0.38,
        "mem_copy_util_ratio": 0.07,
        "memory_used_bytes": 2_097_152.0,
        "memory_free_bytes": 3_145_728.0,
        "memory_reserved_bytes": 1_048_576.0,
        "power_watts": 433.78,
        "sm_clock_mhz": 1980.0,
        "mem_clock_mhz": 2619.0,
        "gpu_temperature_celsius": 61.0,
        "throttle_reasons": "0x000000000000000C",
        "source_line": 1,
    }


@pytest.mark.parametrize(
    ("inside", "watts"),
    [
        ("<power_readings><power_draw>67.03 W</power_draw></power_readings>", 67.03),
        ("<gpu_power_readings><power_draw>22.78 W</power_draw></gpu_power_readings>", 22.78),
        (
            (
                "<gpu_power_readings><instant_power_draw>11.63 W</instant_power_draw>"
                "<average_power_draw>11.60 W</average_power_draw></gpu_power_readings>"
                "<module_power_readings><average_power_draw>90 W</average_power_draw>"
                "</module_power_readings>"
            ),
            11.60,
        ),
        (
            (
                "<gpu_power_readings><instant_power_draw>11.63 W</instant_power_draw>"
                "<average_power_draw>N/A</average_power_draw></gpu_power_readings>"
            ),
            11.63,
        ),
        ("<power_readings><power_draw>N/A</power_draw></power_readings>", None),
        ("<power_readings><power_draw>Unknown Error</power_draw></power_readings>", None),
        ("", None),
    ],
)
def test_power_is_the_boards_when_schemas_differ(
    inside: str, watts: float | None, ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(ingest_file, tmp_path, document(gpu(inside)))
    assert outcome.frames["gpu_samples"]["power_watts"].to_list() == [watts]


def test_each_gpu_instance_has_a_row_when_mig_is_on(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    def device(instance: int, compute: int, used: int) -> str:
        return (
            f"<mig_device><index>0</index><gpu_instance_id>{instance}</gpu_instance_id>"
            f"<compute_instance_id>{compute}</compute_instance_id>"
            f"<fb_memory_usage><used>{used} MiB</used></fb_memory_usage></mig_device>"
        )

    inside = (
        f"<mig_devices>{device(3, 0, 12)}{device(3, 1, 12)}{device(4, 0, 1)}</mig_devices>"
        "<fb_memory_usage><used>50 MiB</used><free>7 MiB</free></fb_memory_usage>"
        "<gpu_power_readings><power_draw>67.03 W</power_draw></gpu_power_readings>"
    )
    outcome = ingested(ingest_file, tmp_path, document(gpu(inside)))
    rows = outcome.frames["gpu_samples"].sort("mig_instance_id")
    columns = ("mig_instance_id", "memory_used_bytes", "memory_free_bytes", "power_watts")
    assert rows.select(columns).rows() == [
        ("3", 12_582_912.0, None, 67.03),
        ("4", 1_048_576.0, None, 67.03),
    ]


@pytest.mark.parametrize(
    ("name", "comment", "hour"),
    [
        ("a.UTC.xml", "", 6),
        ("a.UTC-0500.xml", "", 11),
        ("a.xml", "<!-- time_zone: America/New_York -->", 10),
        ("a.UTC.xml", "<!-- time_zone: +02:00 -->", 4),
    ],
)
def test_time_is_utc_when_the_zone_is_declared(
    name: str, comment: str, hour: int, ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(ingest_file, tmp_path, document(comment, gpu()), name)
    times = outcome.frames["gpu_samples"]["sampled_at"].to_list()
    assert times == [datetime(2024, 4, 5, hour, 17, 19)]


def test_zone_beside_a_document_holds_when_none_is_said_in_it(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    path, sidecar = tmp_path / "a.xml", tmp_path / "about.yaml"
    sidecar.write_text("zone: -05:00\n")
    path.write_text(document(gpu()))
    (row,) = ingest_file(path, CONNECTOR, (sidecar,)).frames["gpu_samples"].to_dicts()
    assert row["sampled_at"] == datetime(2024, 4, 5, 11, 17, 19)


def test_gpus_are_named_by_host_and_bus_when_the_uuid_is_masked(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    masked = "GPU-00000000-0000-0000-0000-000000000000"
    text = document(
        "<!-- hostname: gpu-eu-2 -->", gpu(uuid=masked), gpu(uuid=masked, bus="00000000:02:00.0")
    )
    rows = ingested(ingest_file, tmp_path, text).frames["gpu_samples"]
    assert rows["gpu_uuid"].to_list() == ["gpu-eu-2:00000000:01:00.0", "gpu-eu-2:00000000:02:00.0"]
    assert rows["hostname"].to_list() == ["gpu-eu-2", "gpu-eu-2"]


def test_all_whole_documents_land_when_a_log_was_stopped(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    first = document(gpu(), gpu(uuid="GPU-2"))
    second = document(gpu(), stamp="Fri Apr  5 06:17:20 2024")
    outcome = ingested(ingest_file, tmp_path, first + "\n" + second + second[:150])
    rows = outcome.frames["gpu_samples"]
    assert rows.sort("source_line")["sampled_at"].dt.second().to_list() == [19, 19, 20]
    assert outcome.rejects["reason"].to_list() == ["not XML: the document is cut off or damaged"]


def test_first_document_is_read_when_nothing_dates_the_others(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    text = document(gpu(), stamp=None) + document(gpu(), gpu(uuid="GPU-2"), stamp=None)
    outcome = ingested(ingest_file, tmp_path, text, "gpu-us-1.20261001T000500Z.xml")
    assert outcome.frames["gpu_samples"]["gpu_uuid"].to_list() == ["GPU-1", "GPU-2"]
    assert outcome.rejects["reason"].to_list() == [
        "a second reading of the GPU, and nothing says when it was taken; log the timestamp"
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (document(gpu(), stamp="2024-04-05"), "timestamp: not Www Mmm dd HH:MM:SS YYYY"),
        (document(gpu(), stamp="Fri Feb 31 06:17:19 2024"), "timestamp: no such day or time"),
        (
            document(gpu("<utilization><gpu_util>lots</gpu_util></utilization>")),
            "utilization.gpu: not a number",
        ),
        (
            document(gpu("<power_readings><power_draw>5 hp</power_draw></power_readings>")),
            "power.draw: unknown unit",
        ),
    ],
)
def test_reading_is_rejected_when_a_value_cannot_be_used(
    text: str, reason: str, ingest_file: IngestFile, tmp_path: Path
) -> None:
    outcome = ingested(ingest_file, tmp_path, text)
    assert outcome.rejects["reason"].to_list() == [reason]
    assert outcome.frames["gpu_samples"].is_empty()


BOMB = (
    '<!DOCTYPE nvidia_smi_log [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n'
    "<nvidia_smi_log><timestamp>&b;</timestamp></nvidia_smi_log>"
)
EXTERNAL = (
    '<!DOCTYPE nvidia_smi_log [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n'
    "<nvidia_smi_log><timestamp>&x;</timestamp></nvidia_smi_log>"
)


@pytest.mark.parametrize(
    ("text", "name", "what"),
    [
        (BOMB, "a.UTC.xml", "declares a document type or entities"),
        (EXTERNAL, "a.UTC.xml", "declares a document type or entities"),
        (document(gpu()), "a.xml", "nothing says of which zone"),
        (document("<!-- time_zone: Mars/Olympus -->", gpu()), "a.UTC.xml", "is no zone"),
        (document(gpu(), stamp=None), "a.UTC.xml", "neither a timestamp nor the file name"),
        (document(), "a.UTC.xml", "no GPU is in it"),
        (document(gpu())[:-40], "a.UTC.xml", "the XML cannot be read"),
        (document(gpu("<a>" * 500 + "</a>" * 500)), "a.UTC.xml", "nested deeper"),
        (
            document(gpu(f"<mig_devices>{'<mig_device></mig_device>' * 65}</mig_devices>")),
            "a.UTC.xml",
            "too many MIG devices",
        ),
    ],
)
def test_file_is_refused_when_it_is_hostile_or_has_no_time(
    text: str, name: str, what: str, ingest_file: IngestFile, tmp_path: Path
) -> None:
    with pytest.raises(LandingFileError, match=what):
        ingested(ingest_file, tmp_path, text, name)


@pytest.mark.parametrize(
    ("name", "watts", "util", "used_mib"),
    [
        ("gtx-1070-ti", None, 0.0, 42),
        ("gtx-1660-ti", 8.93, 0.0, 0),
        ("quadro-p2000-v12", 4.61, 0.0, 1),
        ("quadro-p400", None, 0.0, 0),
        ("rtx-3060-v12", 11.6, 0.0, 116),
        ("rtx-3080-v12", 22.78, 0.0, 1128),
        ("rtx-3090-v12", 27.23, 0.0, 1),
        ("tesla-t4", 26.78, 0.0, 1032),
    ],
)
def test_real_documents_land_when_their_schemas_differ(
    name: str,
    watts: float | None,
    util: float,
    used_mib: int,
    ingest_file: IngestFile,
    shared_data: Path,
    tmp_path: Path,
) -> None:
    path = tmp_path / f"{name}.UTC.20230601T000000Z.xml.gz"
    shutil.copyfile(shared_data / "gpu_metrics" / "nvidia_smi_xml" / f"{name}.xml.gz", path)
    outcome = ingest_file(path, CONNECTOR)
    (row,) = outcome.frames["gpu_samples"].to_dicts()
    assert outcome.manifest.rejects == {}
    assert (row["power_watts"], row["gpu_util_ratio"]) == (watts, util)
    assert row["memory_used_bytes"] == used_mib * 1_048_576
