"""GPUs that `fleet.yaml` counts and does not name: so many of a server, all of a server in a replica."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.fleet.fleet_yaml import CONNECTOR
from tokenworks_sources.errors import FleetError
from tokenworks_sources.fleet import load_fleet

FLEET = """
valid_from: 2025-02-27
sites: [{id: dc, region: cn, time_zone: UTC, currency: USD}]
tiers: [{id: all, rank: 1}]
servers:
  - {id: nodes, site: dc, gpu_model: NVIDIA H800, gpus: COUNT, ownership: leased}
  - {id: spare, site: dc, gpu_model: NVIDIA H800, gpus: [GPU-x, GPU-y], ownership: leased}
deployments:
  - {id: d, model: m, tier: all, site: dc, replicas: [{id: r, gpus: HELD}]}
"""


def written(tmp_path: Path, count: str, held: str) -> Path:
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET.replace("COUNT", count).replace("HELD", held))
    return path


def test_gpus_are_named_after_their_server_when_they_are_counted(
    tmp_path: Path, ingest_file: Any
) -> None:
    frames = ingest_file(written(tmp_path, "3", "[nodes, GPU-y]"), CONNECTOR).frames
    assert frames["fleet_servers"]["gpu_count"].to_list() == [3, 2]
    assert frames["fleet_gpus"]["gpu_uuid"].to_list() == [
        "nodes/0", "nodes/1", "nodes/2", "GPU-x", "GPU-y",
    ]  # fmt: skip
    assert frames["fleet_replicas"]["gpu_uuid"].to_list() == [
        "nodes/0", "nodes/1", "nodes/2", "GPU-y",
    ]  # fmt: skip


def test_replica_may_hold_some_when_they_are_counted(tmp_path: Path) -> None:
    (deployment,) = load_fleet(written(tmp_path, "8", "[nodes/6, nodes/7]")).deployments
    assert deployment.replicas[0].gpus == ["nodes/6", "nodes/7"]


@pytest.mark.parametrize(
    ("count", "held", "said"),
    [
        ("0", "[nodes]", "gpus: 0 is no number from 1 to 100,000"),
        ("100001", "[nodes]", "gpus: 100001 is no number from 1 to 100,000"),
        ("true", "[nodes]", r"servers\.0\.gpus: Input should be a valid list"),
        ("2", "[node]", r"'node' is not declared.*GPU-x, GPU-y, nodes, nodes/0, nodes/1, spare"),
        ("2", "[nodes, nodes/1]", "GPU nodes/1 belongs to replica r and to r"),
        ("200", "[node]", "nodes/112 and 184 more"),
    ],
)
def test_fleet_is_refused_when_counted_gpus_cannot_be(
    count: str, held: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(FleetError, match=said):
        load_fleet(written(tmp_path, count, held))
