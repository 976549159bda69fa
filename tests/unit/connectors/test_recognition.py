"""Recognition over the whole registry: no file is claimed twice, and providers' formats by their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.connectors.registry import CONNECTORS, recognise
from tokenworks_sources.errors import LandingFileError, UnrecognisedFileError
from tokenworks_sources.landing import preview_of


def claims(path: Path) -> list[str]:
    """Names of the connectors that claim a file."""
    try:
        preview = preview_of(path)
    except LandingFileError:
        return []
    return [connector.name for connector in CONNECTORS if connector.recognise(preview)]


@pytest.mark.parametrize("folder", ["cloud_bills", "energy", "gpu_metrics", "llm_traces", "replay"])
def test_one_connector_at_most_claims_a_real_file(folder: str, shared_data: Path) -> None:
    files = [path for path in (shared_data / folder).rglob("*") if path.is_file()]
    assert {path.name: names for path in files if len(names := claims(path)) > 1} == {}


def test_one_connector_claims_each_file_of_the_sample_year(root: Path) -> None:
    files = [path for path in (root / "sample_data" / "landing").rglob("*") if path.is_file()]
    # A mapping tells how its neighbours are read, by their folder and not by their content.
    wrong = {
        str(path): names
        for path in files
        if "mapped" not in path.parts and len(names := claims(path)) != 1
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("pattern", "connector", "files"),
    [
        ("gpu_metrics/nvidia_smi_xml/*", "nvidia_smi_xml", 9),
        ("gpu_metrics/nvidia_gpu_exporter_prom/*", "nvidia_gpu_exporter", 13),
        ("gpu_metrics/nvidia_smi_captures/*", "nvidia_smi_capture", 6),
        ("gpu_metrics/amd_mi355x_inferencex/*.csv", "amd_smi_csv", 2),
    ],
)
def test_real_files_are_claimed_by_the_connector_of_their_format(
    pattern: str, connector: str, files: int, shared_data: Path
) -> None:
    found = [claims(path) for path in sorted(shared_data.glob(pattern))]
    assert found == [[connector]] * files


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("# gpu    pwr  gtemp\n# Idx      W      C\n    0     73     34\n", "output of a dmon"),
        ("#Date       Time        gpu    pwr\n 20250930   12:00:00   0   73\n", "output of a dmon"),
        ("Mon Nov 23 22:06:49 2026       \n+-----+\n| NVIDIA-SMI 535.104.05 |\n", "for people"),
        ("==============NVSMI LOG==============\n\nTimestamp : x\n", "for people"),
        ('{__name__="vllm:num_requests_running", model_name="m"} 3 1790813100000\n', "promtool"),
        ('{"resourceMetrics":[{"scopeMetrics":[]}]}\n', "metrics of OpenTelemetry"),
        ("#Entity   POWER\nID        W\nGPU 0     120.5\n", "output of a dmon"),
        (
            '{"service_kind": "openai", "experiments": [{"experiment": {"mode": "concurrency"}}]}',
            "raw requests of GenAI-Perf",
        ),
        ("2024/04/05 06:17:19.635, 0, 61.42 W\n", "nvidia-smi without its header"),
        ("0, 61.42, 2024/04/05 06:17:19.635\n", "nvidia-smi without its header"),
        ('{"elapsed_time": 2.5, "num_requests": 9, "total_num_tokens": 99}', "offline benchmark"),
        ('{\n "avg_latency": 1.5,\n "latencies": [1.4, 1.6]}', "offline benchmark"),
        (
            '{"custom_id": "a", "result": {"type": "succeeded", "message": {"id": "msg_1"}}}\n',
            "Anthropic's batches",
        ),
    ],
)
def test_what_a_file_lacks_is_said_when_a_tool_leaves_it_out(text: str, what: str) -> None:
    with pytest.raises(UnrecognisedFileError, match=what):
        recognise(Preview(Path("x"), text.encode()))
