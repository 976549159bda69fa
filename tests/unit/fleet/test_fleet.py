"""`fleet.yaml`: what is accepted, and the one clear error for each way to contradict oneself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tokenworks_sources.connectors.fleet.fleet_yaml import CONNECTOR
from tokenworks_sources.errors import FleetError
from tokenworks_sources.fleet import load_fleet

GOOD = """
valid_from: 2026-09-01
sites:
  - {id: eu, region: eu-west, time_zone: Europe/Amsterdam, pue: 1.2, currency: EUR, facility_meter: M1,
     it_meter: M2, tariff: 539f6a23ec4f024411ec8bf9}
servers:
  - id: srv-1
    site: eu
    gpu_model: NVIDIA H100 80GB HBM3
    gpus: [GPU-a, GPU-b]
    ownership: owned
    purchase: {price: 320000.10, residual: 32000, life_months: 48, currency: USD,
               discount_rate: 0.1, opex_per_year: 12000}
    host_share: 0.15
    gpu_rated_watts: 700
tiers:
  - {id: small, rank: 1, slo: {ttft_seconds: 1.0}}
deployments:
  - id: small-eu
    model: llama-3.1-8b-instruct
    tier: small
    site: eu
    weights: {prefill_seconds_per_token: 0.00002, decode_seconds_per_token: 0.0004}
    replicas:
      - {id: r-0, endpoint: "r-0:8000", gpus: [GPU-a], valid_to: 2026-10-01T12:00:00+02:00}
      - {id: r-1, endpoint: "r-0:8000", gpus: [GPU-a, GPU-b], valid_from: 2026-10-01T10:00:00Z}
tenants:
  - {id: acme, name: Acme}
"""


def _fleet(tmp_path: Path, text: str = GOOD, old: str = "", new: str = "") -> Path:
    assert old in text
    path = tmp_path / "fleet.yaml"
    path.write_text(text.replace(old, new))
    return path


def test_operator_stands_on_every_site_and_is_unknown_when_not_named(
    tmp_path: Path, ingest_file: Callable[..., Any]
) -> None:
    named = _fleet(tmp_path, old="sites:\n", new="operator: {name: Halyard AI}\nsites:\n")
    sites = ingest_file(named, CONNECTOR).frames["fleet_sites"]
    assert sites["operator_name"].to_list() == ["Halyard AI"]
    assert load_fleet(_fleet(tmp_path)).operator is None


def test_every_entry_becomes_a_row(tmp_path: Path, ingest_file: Callable[..., Any]) -> None:
    outcome = ingest_file(_fleet(tmp_path), CONNECTOR)
    rows = {table: frame.height for table, frame in outcome.frames.items()}
    assert rows == {
        "fleet_sites": 1,
        "fleet_energy_contracts": 0,
        "fleet_servers": 1,
        "fleet_depreciation": 0,
        "fleet_gpus": 2,
        "fleet_replicas": 3,
        "fleet_deployments": 1,
        "fleet_allocations": 1,
        "fleet_tiers": 1,
        "fleet_tenants": 1,
        "fleet_reservations": 0,
        "fleet_contract_prices": 0,
        "fleet_alternatives": 0,
        "fleet_chargeback": 0,
        "fleet_books": 1,
        # Calendar months of three years before and fifteen from the fleet's first date.
        "fleet_fiscal_periods": 216,
    }
    assert outcome.manifest.records_in == 11 + 1 + 216
    server = outcome.frames["fleet_servers"].row(0, named=True)
    assert server["purchase_price"] == Decimal("320000.10")
    assert server["discount_rate_ratio"] == 0.1
    assert server["opex_per_year"] == Decimal(12000)
    assert (server["host_share_ratio"], server["gpu_rated_watts"]) == (0.15, 700.0)
    site = outcome.frames["fleet_sites"].row(0, named=True)
    assert (site["facility_meter_id"], site["it_meter_id"]) == ("M1", "M2")
    assert site["tariff_id"] == "539f6a23ec4f024411ec8bf9"
    replicas = outcome.frames["fleet_replicas"]
    assert replicas.select("replica_id", "gpu_uuid", "valid_from", "valid_to").rows() == [
        ("r-0", "GPU-a", datetime(2026, 9, 1), datetime(2026, 10, 1, 10)),
        ("r-1", "GPU-a", datetime(2026, 10, 1, 10), None),
        ("r-1", "GPU-b", datetime(2026, 10, 1, 10), None),
    ]


POLICIES = """
chargeback:
  - {idle: platform}
  - {idle: reserved, overhead: platform, valid_from: 2026-10-01}
"""


def test_policies_and_reservations_become_rows_when_stated(
    tmp_path: Path, ingest_file: Callable[..., Any]
) -> None:
    reserved = "name: Acme, reservations: [{deployment: small-eu, gpus: 1.5}]}" + POLICIES
    outcome = ingest_file(_fleet(tmp_path, old="name: Acme}\n", new=reserved), CONNECTOR)
    policies = outcome.frames["fleet_chargeback"]
    assert policies.select("idle_policy", "overhead_policy", "valid_from").rows() == [
        ("platform", "tenant-share", datetime(2026, 9, 1)),
        ("reserved", "platform", datetime(2026, 10, 1)),
    ]
    reservations = outcome.frames["fleet_reservations"]
    assert reservations.select("tenant_id", "deployment_id", "gpu_count", "valid_from").rows() == [
        ("acme", "small-eu", 1.5, datetime(2026, 9, 1))
    ]


def test_alternatives_become_rows_when_a_deployment_names_them(
    tmp_path: Path, ingest_file: Callable[..., Any]
) -> None:
    named = "alternatives: [{provider: openai, model: gpt-5-nano}]\n    replicas:"
    frame = ingest_file(_fleet(tmp_path, old="replicas:", new=named), CONNECTOR).frames[
        "fleet_alternatives"
    ]
    assert frame.select("deployment_id", "provider", "model", "valid_from").rows() == [
        ("small-eu", "openai", "gpt-5-nano", datetime(2026, 9, 1))
    ]


def test_one_policy_needs_no_list(tmp_path: Path, ingest_file: Callable[..., Any]) -> None:
    path = _fleet(tmp_path, old="name: Acme}\n", new="name: Acme}\nchargeback: {idle: platform}\n")
    frame = ingest_file(path, CONNECTOR).frames["fleet_chargeback"]
    assert frame["idle_policy"].to_list() == ["platform"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "valid_from: 2026-10-01T10:00:00Z",
            "valid_from: 2026-10-01T09:59:00Z",
            (
                r"deployments\.replicas\.r-1: GPU GPU-a belongs to replica r-0 and to r-1 from "
                r"2026-10-01 09:59\. End r-0 with valid_to before r-1 begins"
            ),
        ),
        (
            "site: eu\n    gpu",
            "site: us\n    gpu",
            r"servers\.srv-1\.site: 'us' is not declared\. Use one of: eu\.",
        ),
        ("tier: small", "tier: large", r"deployments\.small-eu\.tier: 'large' is not declared"),
        (
            "gpus: [GPU-a, GPU-b], valid",
            "gpus: [GPU-z], valid",
            r"replicas\.r-1\.gpus: 'GPU-z' is not declared",
        ),
        ("pue: 1.2", "pue: 0.9", r"sites\.0\.pue: Input should be greater than or equal to 1"),
        ("Europe/Amsterdam", "Europe/Amsterdm", r"sites\.0\.time_zone: .* is no IANA time zone"),
        ("rank: 1", "rnk: 1", r"tiers\.0\.rank: Field required"),
        ("ownership: owned", "ownership: leased", r"servers\.0: .*an owned server has a purchase"),
        ("id: r-1", "id: r-0", r"deployments\.replicas: 'r-0' stands twice"),
        (
            "name: Acme}",
            "name: Acme, reservations: [{deployment: small-us, gpus: 1}]}",
            r"tenants\.acme\.reservations: 'small-us' is not declared",
        ),
        (
            "name: Acme}",
            "name: Acme}\nchargeback: {idle: nobody}",
            r"chargeback\.0\.idle: Input should be 'tenant-share', 'reserved' or 'platform'",
        ),
        (
            "valid_to: 2026-10-01T12:00:00+02:00",
            "valid_to: 2026-01-01",
            r"deployments\.small-eu\.replicas\.r-0: valid_to 2026-01-01 00:00:00 is not after its start",
        ),
        (
            "site: eu\n    weights",
            "site: us\n    weights",
            r"deployments\.small-eu\.site: 'us' is not declared",
        ),
        ("tenants:", "tenants: [", r"file: is not YAML"),
        (
            "    weights: {prefill",
            "    allocation: {method: flops}\n    model_facts: {layers: 32}\n    weights: {prefill",
            r"deployments\.small-eu\.model_facts: the method flops needs parameters_active, heads, head_dim, hidden, vocabulary\. State them",
        ),
        (
            "    weights: {prefill",
            "    allocation: {method: bytes}\n    weights: {prefill",
            r"method bytes needs parameters_total, layers, kv_heads, head_dim, bytes_per_weight, ",
        ),
        (
            "    weights: {prefill_seconds_per_token: 0.00002, decode_seconds_per_token: 0.0004}\n",
            "    allocation: {weights: stated}\n",
            r"deployments\.small-eu\.allocation: weights: stated, but the deployment states no weights",
        ),
        (
            "    weights: {prefill",
            "    allocation: [{method: tokens}, {method: equal-share}]\n    weights: {prefill",
            r"allocation: equal-share has no valid_from after that of tokens\. Date each entry",
        ),
        (
            "    weights: {prefill",
            "    allocation: {headroom: idle}\n    weights: {prefill",
            r"allocation: headroom: idle needs the size of a full batch\. Give the deployment `max_num",
        ),
        (
            "    weights: {prefill",
            "    allocation: {method: guess}\n    weights: {prefill",
            r"deployments\.0\.allocation\.0\.method: Input should be 'tokens', 'uncached-tokens'",
        ),
        (
            "gpus: [GPU-a], valid_to",
            "mig: 3g.40gb, gpus: [GPU-a], valid_to",
            r"replicas\.r-0\.mig: '3g\.40gb' is a part of a GPU whose memory is not stated\. Give its",
        ),
        (
            "currency: EUR, fac",
            "currency: DOLLARS, fac",
            "'DOLLARS' is no currency code of ISO 4217",
        ),
    ],
)
def test_fleet_is_refused_with_its_field_when_it_contradicts_itself(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(FleetError, match=message):
        load_fleet(_fleet(tmp_path, GOOD, old, new))


SLICED = """
valid_from: 2026-09-01
sites:
  - {id: eu, region: eu-west, time_zone: Europe/Amsterdam, pue: 1.2, currency: EUR}
servers:
  - {id: srv-1, site: eu, gpu_model: A100, gpu_memory_gb: 80, gpus: [GPU-a], ownership: leased}
tiers:
  - {id: small, rank: 1}
deployments:
  - id: chat
    model: llama
    tier: small
    site: eu
    allocation:
      - {method: tokens}
      - {method: phase-weighted, weights: fitted, valid_from: 2026-10-01}
    replicas:
      - {id: p, role: prefill, mig: 3g.40gb, gpus: [GPU-a]}
      - {id: d, role: decode, mig: 4g.40gb, gpus: [GPU-a]}
"""


def test_slices_and_dated_methods_become_rows(
    tmp_path: Path, ingest_file: Callable[..., Any]
) -> None:
    """3g.40gb computes on 3/7 of an 80 GB GPU and takes half of its memory: half."""
    frames = ingest_file(_fleet(tmp_path, SLICED), CONNECTOR).frames
    assert frames["fleet_replicas"].select("role", "mig_profile", "gpu_share_ratio").rows() == [
        ("prefill", "3g.40gb", 0.5),
        ("decode", "4g.40gb", 0.571429),
    ]
    found = frames["fleet_allocations"].select("method", "weight_source", "headroom", "valid_from")
    assert found.rows() == [
        ("tokens", "auto", "measure", datetime(2026, 9, 1)),
        ("phase-weighted", "fitted", "measure", datetime(2026, 10, 1)),
    ]
    assert frames["fleet_deployments"]["prefill_weight"].to_list() == [None]


def test_engines_that_take_turns_hold_the_shares_that_they_state(
    tmp_path: Path, ingest_file: Callable[..., Any]
) -> None:
    turns = SLICED.replace("mig: 3g.40gb", "share: 0.5").replace("mig: 4g.40gb", "share: 0.25")
    frames = ingest_file(_fleet(tmp_path, turns), CONNECTOR).frames
    found = frames["fleet_replicas"].select("replica_id", "mig_profile", "gpu_share_ratio")
    assert found.rows() == [("p", None, 0.5), ("d", None, 0.25)]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("mig: 4g.40gb", "share: 0.58", r"belongs to replica d and to p .* state their `share`"),
        ("mig: 4g.40gb", "share: 1.5", r"share: Input should be less than or equal to 1"),
        (
            "4g.40gb",
            "4g.40gb, share: 0.5",
            r"holds a slice \(mig\) or a share of its GPUs, not both",
        ),
        (
            "4g.40gb",
            "7g.80gb",
            r"replicas\.p: GPU GPU-a belongs to replica d and to p from 2026-09-01",
        ),
        (
            "4g.40gb",
            "4g.400gb",
            r"replicas\.d\.mig: '4g\.400gb' has more memory than a GPU of 80 GB",
        ),
        ("4g.40gb", "half", r"replicas\.d\.mig: 'half' is no MIG profile, for example 3g\.40gb"),
        (
            "role: decode",
            "role: prefill",
            r"deployments\.chat\.replicas: all replicas have the role",
        ),
    ],
)
def test_fleet_is_refused_when_its_slices_or_pools_cannot_be(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(FleetError, match=message):
        load_fleet(_fleet(tmp_path, SLICED, old, new))
