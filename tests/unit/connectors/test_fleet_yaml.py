"""Which YAML files are fleets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.fleet.fleet_yaml import CONNECTOR
from tokenworks_sources.errors import FleetError
from tokenworks_sources.landing import preview_of

CLAIM = "a YAML mapping with sites and servers or deployments"


def test_fleet_is_recognised_when_it_is_larger_than_the_head(tmp_path: Path) -> None:
    path = tmp_path / "fleet.yaml"
    servers = "".join(f'  - {{id: "srv-{n}", site: eu, gpus: [GPU-{n}]}}\n' for n in range(3_000))
    path.write_text(f"sites:\n  - {{id: eu}}\nservers:\n{servers}")
    assert path.stat().st_size > 100_000
    assert CONNECTOR.recognise(preview_of(path)) == CLAIM


def test_fleet_is_recognised_when_its_sites_lie_beyond_the_head(tmp_path: Path) -> None:
    """Programs write the sections by the alphabet: deployments and servers first."""
    path = tmp_path / "fleet.yaml"
    servers = "".join(f'  - {{id: "srv-{n}", site: eu, gpus: [GPU-{n}]}}\n' for n in range(3_000))
    path.write_text(f"deployments: []\nservers:\n{servers}sites:\n- id: eu\n")
    assert CONNECTOR.recognise(preview_of(path)) == CLAIM
    path.write_text(f"deployments: []\nservers:\n{servers}tenants: []\n")
    assert CONNECTOR.recognise(preview_of(path)) is None


@pytest.mark.parametrize(
    ("name", "text", "claim"),
    [
        ("fleet.yml", "deployments: []\nsites: []\n", CLAIM),
        ("fleet.yaml", "sites: []\ntenants: []\n", None),
        ("fleet.yaml", "a:\n  sites: []\n  servers: []\n", None),
        ("fleet.txt", "sites: []\nservers: []\n", None),
    ],
)
def test_yaml_is_claimed_when_it_has_sites_and_machines_alone(
    name: str, text: str, claim: str | None, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    assert CONNECTOR.recognise(preview_of(tmp_path / name)) == claim


@pytest.mark.parametrize(
    "text",
    [
        f"sites:\n  - {{id: eu, region: eu}}\nservers:\n  - {{id: s, site: {'A' * 100_000}, gpus: [GPU-1]}}\n",
        (
            "sites:\n  - {id: eu, region: eu}\nservers: []\ndeployments:\n"
            f"  - {{id: d, site: eu, model: m, gpus: [GPU-1], max_num_seqs: {'1' * 400}}}\n"
        ),
    ],
    ids=["huge name", "huge number"],
)
def test_fleet_is_refused_in_few_words_when_a_field_is_huge(
    text: str, tmp_path: Path, ingest_file: Any
) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    with pytest.raises(FleetError) as refused:
        ingest_file(path, CONNECTOR)
    assert len(str(refused.value)) < 2_000
