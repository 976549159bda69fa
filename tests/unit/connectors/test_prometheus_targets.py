"""Whose samples a dump of Prometheus holds, where the address of a target does not say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.connectors.prometheus_cases import AT, ENGINE, IngestFile, answer, ingested, matrix
from tokenworks_sources.errors import LandingFileError


def of_engines(
    ingest_file: IngestFile, tmp_path: Path, *labels: dict[str, str]
) -> list[tuple[str, float]]:
    """Instance and running requests of engines that run 1, 2, … of them."""
    path = tmp_path / "engine-0" / "dump.json"
    path.parent.mkdir()
    series = [
        matrix("vllm:num_requests_running", ENGINE | more, (AT, f"{number}"))
        for number, more in enumerate(labels, 1)
    ]
    path.write_text(answer(*series))
    frame = ingested(ingest_file, path).frames["engine_samples"].sort("instance")
    return list(frame.select("instance", "requests_running").rows())


@pytest.mark.parametrize("label", ["hostname", "host", "nodename", "node"])
@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "0.0.0.0", "[::1]"])
def test_hosts_stay_apart_when_an_agent_on_each_scrapes_itself(
    ingest_file: IngestFile, tmp_path: Path, address: str, label: str
) -> None:
    own = {"instance": f"{address}:8000"}
    rows = of_engines(ingest_file, tmp_path, own | {label: "gpu-a"}, own | {label: "gpu-b"})
    assert rows == [("gpu-a:8000", 1.0), ("gpu-b:8000", 2.0)]


def test_pods_stay_apart_when_a_sidecar_scrapes_each(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    own = {"instance": "localhost:8000", "node": "gpu-a"}
    rows = of_engines(ingest_file, tmp_path, own | {"pod": "p-0"}, own | {"pod": "p-1"})
    assert rows == [("p-0", 1.0), ("p-1", 2.0)]


def test_an_address_stays_when_no_label_names_a_host(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    assert of_engines(ingest_file, tmp_path, {"instance": "localhost:8000"}) == [
        ("localhost:8000", 1.0)
    ]


def test_a_dump_is_refused_when_clusters_share_the_name_of_an_instance(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    with pytest.raises(LandingFileError, match=r"more than one cluster\. Query label_join"):
        of_engines(ingest_file, tmp_path, {"cluster": "eu"}, {"cluster": "us"})


def test_clusters_are_read_when_their_instances_have_names_of_their_own(
    ingest_file: IngestFile, tmp_path: Path
) -> None:
    eu, us = ({"cluster": name, "instance": f"{name}/10.0.0.1:8000"} for name in ("eu", "us"))
    assert of_engines(ingest_file, tmp_path, eu, us) == [
        ("eu/10.0.0.1:8000", 1.0),
        ("us/10.0.0.1:8000", 2.0),
    ]
