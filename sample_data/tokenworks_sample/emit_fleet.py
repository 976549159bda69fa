"""The fleet as `fleet.yaml`.

Belongs here: the text of the file. A replica that was added later has its own `valid_from`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tokenworks_sample.clock import iso
from tokenworks_sample.series import TARIFF_IDS
from tokenworks_sample.world import TIERS, Deployment, Server, World


def write_fleet(path: Path, world: World) -> None:
    """Write the file."""
    document: dict[str, Any] = {
        "valid_from": iso(0),
        "reporting_currency": "USD",
        "sites": [_site(world, index) for index in range(len(world.sites))],
        "servers": [_server(world, server) for server in world.servers],
        "tiers": [
            {"id": tier, "rank": rank,
             "slo": {"ttft_seconds": ttft, "tpot_seconds": tpot, "e2e_seconds": e2e}}
            for tier, rank, ttft, tpot, e2e in TIERS
        ],
        "deployments": [_deployment(world, deployment) for deployment in world.deployments],
        "tenants": [
            {"id": tenant.id, "name": tenant.name, "cost_centre": tenant.cost_centre}
            for tenant in world.tenants
        ],
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document, sort_keys=False, width=100), encoding="utf-8")


def _site(world: World, index: int) -> dict[str, Any]:
    site = world.sites[index]
    tariff = {"tariff": TARIFF_IDS[site.id]} if site.id in TARIFF_IDS else {}
    return {
        "id": site.id, "region": site.id, "time_zone": site.time_zone, "pue": site.pue,
        "facility_meter": site.meter, "grid_zone": site.grid_zone, "currency": site.currency,
        **tariff,
    }  # fmt: skip


def _server(world: World, server: Server) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "id": server.id, "site": server.site, "hostname": server.hostname,
        "gpu_model": server.kind.name, "gpus": list(server.gpus),
        "ownership": "owned" if server.lease_rate is None else "leased",
    }  # fmt: skip
    if server.purchase_price is not None and server.residual is not None:
        entry["purchase"] = {
            "price": float(server.purchase_price), "residual": float(server.residual),
            "life_months": server.life_months, "currency": world.site(server.site).currency,
        }  # fmt: skip
    return entry


def _deployment(world: World, deployment: Deployment) -> dict[str, Any]:
    prefill, decode, cache_read = deployment.weights
    replicas: list[dict[str, Any]] = []
    for replica in world.replicas_of(deployment.id):
        entry: dict[str, Any] = {
            "id": replica.id, "endpoint": replica.endpoint, "gpus": list(replica.gpus),
        }  # fmt: skip
        if replica.valid_from > 0:
            entry["valid_from"] = iso(replica.valid_from)
        replicas.append(entry)
    is_default = deployment.method == "phase-weighted"
    return {
        "id": deployment.id,
        "key": deployment.id,
        "model": deployment.model,
        "tier": deployment.tier,
        "site": deployment.site,
        "precision": deployment.precision,
        "max_num_seqs": deployment.max_num_seqs,
        "max_num_batched_tokens": deployment.max_num_batched_tokens,
        "weights": {
            "prefill_seconds_per_token": prefill,
            "decode_seconds_per_token": decode,
            "cache_read_seconds_per_token": cache_read,
        },
        **({} if is_default else {"allocation": {"method": deployment.method}}),
        "idle_power_watts": deployment.kind.empty_watts,
        "replicas": replicas,
    }
