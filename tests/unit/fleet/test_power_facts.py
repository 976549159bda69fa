"""What `fleet.yaml` says of water, contracted electricity, waiting work and idle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.fleet.fleet_yaml import CONNECTOR
from tokenworks_sources.errors import FleetError
from tokenworks_sources.fleet import load_fleet

FLEET = """
valid_from: 2026-09-01
sites:
  - id: eu
    region: eu-west
    time_zone: Europe/Amsterdam
    currency: EUR
    wue: 1.8
    energy_contracts:
      - {instrument: ppa, covers: 0.6, carbon_grams_per_kwh: 12}
      - {instrument: certificate, covers: 0.4, carbon_grams_per_kwh: 0, valid_from: 2027-01-01}
servers:
  - {id: srv, site: eu, gpu_model: L4, gpus: [GPU-a], ownership: leased}
tiers:
  - {id: batch, rank: 1, deferrable_hours: 6}
deployments:
  - {id: small, model: llama, tier: batch, site: eu, idle_limit: 0.4}
"""


def _written(tmp_path: Path, text: str = FLEET) -> Path:
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    return path


def test_facts_become_rows_when_stated(tmp_path: Path, ingest_file: Callable[..., Any]) -> None:
    frames = ingest_file(_written(tmp_path), CONNECTOR).frames
    assert frames["fleet_sites"]["wue_liters_per_kwh"].to_list() == [1.8]
    assert frames["fleet_tiers"]["deferrable_hours"].to_list() == [6]
    assert frames["fleet_deployments"]["idle_limit_ratio"].to_list() == [0.4]
    contracts = frames["fleet_energy_contracts"].sort("valid_from")
    columns = ("site_id", "instrument", "covered_ratio", "carbon_grams_per_kwh", "valid_from")
    assert contracts.select(columns).rows() == [
        ("eu", "ppa", 0.6, 12.0, datetime(2026, 9, 1)),
        ("eu", "certificate", 0.4, 0.0, datetime(2027, 1, 1)),
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "covers: 0.4",
            "covers: 0.5",
            r"sites\.eu\.energy_contracts: together they cover 1\.1 of the consumption from 2027-01-01",
        ),
        (
            "certificate, covers: 0.4, carbon_grams_per_kwh: 0, valid_from: 2027-01-01",
            "ppa, covers: 0.4, carbon_grams_per_kwh: 0",
            r"'ppa from 2026-09-01 00:00:00' stands twice",
        ),
        ("deferrable_hours: 6", "deferrable_hours: 25", r"tiers\.0\.deferrable_hours"),
        ("idle_limit: 0.4", "idle_limit: 40", r"deployments\.0\.idle_limit"),
    ],
)
def test_fleet_is_refused_when_its_facts_cannot_be(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in FLEET
    with pytest.raises(FleetError, match=message):
        load_fleet(_written(tmp_path, FLEET.replace(old, new)))
