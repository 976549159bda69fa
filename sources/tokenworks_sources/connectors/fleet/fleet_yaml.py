"""`fleet.yaml` into the fleet tables.

What people get wrong: a GPU in two replicas at once, a replica of a tier that is not declared, dates
without a zone (read as UTC here, as everywhere). Each is refused with the field's path, because a
fleet that contradicts itself would put dollars on the wrong model without a trace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import date
from decimal import Decimal

import polars as pl

from tokenworks_sources.allocation import ModelFacts, mig_share
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.contracts import fleet as contracts
from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.depreciation import Estimate, stretches
from tokenworks_sources.errors import FleetError
from tokenworks_sources.fiscal import calendars
from tokenworks_sources.fleet import Deployment, Fleet, Replica, Server, load_fleet
from tokenworks_sources.landing import HEAD_BYTES

# The head of a large fleet ends within an entry, so it is not parsed.
_SITES = re.compile(r"(?m)^sites:")
_MACHINES = re.compile(r"(?m)^(?:servers|deployments):")

Row = dict[str, str | int | float | Decimal | date | None]


class FleetYaml:
    """Connector of `fleet.yaml`."""

    name = "fleet_yaml"
    table = "fleet"
    tables = tuple(contract.table for contract in contracts.CONTRACTS)
    version = "6"
    summary = "fleet.yaml: sites, servers, GPUs, deployments, replicas, tiers, tenants"

    def recognise(self, preview: Preview) -> str | None:
        """A YAML file with `sites` and `deployments` or `servers` at the start of a line."""
        if preview.path.suffix not in (".yaml", ".yml") or preview.text is None:
            return None
        if _MACHINES.search(preview.text) and (
            _SITES.search(preview.text) or _has_sites_below(preview)
        ):
            return "a YAML mapping with sites and servers or deployments"
        return None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one row that the file says or implies."""
        fleet = load_fleet(file.path)
        line = 0
        for table, rows_of in _TABLES.items():
            rows = list(rows_of(fleet))
            if not rows:
                continue
            numbered = [{**row, "source_line": line + n} for n, row in enumerate(rows, 1)]
            line += len(rows)
            schema = {
                name: kind
                for name, kind in polars_schema(contract_of(table)).items()
                if name not in ("source_file", "source_digest")
            }
            try:
                frame = pl.DataFrame(numbered, schema=schema)
            except OverflowError as error:
                what = "a number is larger than any column holds."
                raise FleetError(file.path, table, what, "Correct the number.") from error
            sink.write(table, frame)
        sink.expect(line)


def _has_sites_below(preview: Preview) -> bool:
    """Whether sites follow behind the head: programs write sections by the alphabet."""
    if len(preview.head) < HEAD_BYTES:
        return False
    with preview.path.open("rb") as stream:
        stream.seek(preview.head.rfind(b"\n") + 1)
        return any(line.startswith(b"sites:") for line in stream)


def _sites(fleet: Fleet) -> Iterator[Row]:
    for site in fleet.sites:
        yield {
            "site_id": site.id,
            "region": site.region,
            "time_zone": site.time_zone,
            "pue_ratio": site.pue,
            "facility_meter_id": site.facility_meter,
            "it_meter_id": site.it_meter,
            "tariff_id": site.tariff,
            "grid_zone": site.grid_zone,
            "wue_liters_per_kwh": site.wue,
            "currency": site.currency,
            "operator_name": fleet.operator.name if fleet.operator else None,
            "valid_from": fleet.start_of(site),
            "valid_to": site.valid_to,
        }


def _energy_contracts(fleet: Fleet) -> Iterator[Row]:
    for site in fleet.sites:
        for contract in site.energy_contracts:
            yield {
                "site_id": site.id,
                "instrument": contract.instrument,
                "covered_ratio": contract.covers,
                "carbon_grams_per_kwh": contract.carbon_grams_per_kwh,
                "valid_from": fleet.start_of(contract),
                "valid_to": contract.valid_to,
            }


def _servers(fleet: Fleet) -> Iterator[Row]:
    for server in fleet.servers:
        purchase = server.purchase
        yield {
            "server_id": server.id,
            "site_id": server.site,
            "hostname": server.hostname,
            "gpu_model": server.gpu_model,
            "gpu_count": len(server.gpus),
            "ownership": server.ownership,
            "purchase_price": purchase.price if purchase else None,
            "residual_value": purchase.residual if purchase else None,
            "useful_life_months": purchase.life_months if purchase else None,
            "currency": purchase.currency if purchase else None,
            "discount_rate_ratio": purchase.discount_rate if purchase else None,
            "opex_per_year": purchase.opex_per_year if purchase else None,
            "host_share_ratio": server.host_share,
            "gpu_rated_watts": server.gpu_rated_watts,
            "valid_from": fleet.start_of(server),
            "valid_to": server.valid_to,
        }


def _depreciation(fleet: Fleet) -> Iterator[Row]:
    for server in fleet.servers:
        purchase = server.purchase
        if purchase is None:
            continue
        first = Estimate(fleet.start_of(server), purchase.life_months, purchase.residual)
        known, residual = [first], purchase.residual
        for revision in purchase.revised:
            residual = residual if revision.residual is None else revision.residual
            known.append(Estimate(revision.valid_from, revision.life_months, residual))
        rate = purchase.discount_rate
        parts = stretches(first.valid_from, purchase.price, first, known[1:], rate)
        for estimate, part in zip(known[1:], parts, strict=True):
            yield {"server_id": server.id, **asdict(part), "valid_from": estimate.valid_from}


def _gpus(fleet: Fleet) -> Iterator[Row]:
    for server in fleet.servers:
        for index, gpu in enumerate(server.gpus):
            yield _gpu(fleet, server, index, gpu)


def _gpu(fleet: Fleet, server: Server, index: int, gpu: str) -> Row:
    return {
        "gpu_uuid": gpu,
        "server_id": server.id,
        "gpu_index": index,
        "valid_from": fleet.start_of(server),
        "valid_to": server.valid_to,
    }


def _replicas(fleet: Fleet) -> Iterator[Row]:
    memory = {gpu: server.gpu_memory_gb for server in fleet.servers for gpu in server.gpus}
    for deployment in fleet.deployments:
        for replica in deployment.replicas:
            for gpu in replica.gpus:
                yield {
                    "replica_id": replica.id,
                    "deployment_id": deployment.id,
                    "gpu_uuid": gpu,
                    "endpoint": replica.endpoint,
                    "role": replica.role,
                    "mig_profile": replica.mig,
                    "gpu_share_ratio": _share(replica, memory[gpu]),
                    "valid_from": fleet.start_of(replica),
                    "valid_to": replica.valid_to,
                }


def _share(replica: Replica, gigabytes: float | None) -> float | None:
    """The part of each of its GPUs that a replica holds; None where it holds all of it."""
    if replica.mig and gigabytes:
        return mig_share(replica.mig, gigabytes)[1]
    return replica.share


def _deployments(fleet: Fleet) -> Iterator[Row]:
    for deployment in fleet.deployments:
        yield _deployment(fleet, deployment)


def _deployment(fleet: Fleet, deployment: Deployment) -> Row:
    weights = deployment.weights
    facts = (deployment.model_facts or ModelFacts()).model_dump()
    return {
        "deployment_id": deployment.id,
        "deployment_key": deployment.key,
        "model": deployment.model,
        "tier": deployment.tier,
        "site_id": deployment.site,
        "precision": deployment.precision,
        "max_num_seqs": deployment.max_num_seqs,
        "max_num_batched_tokens": deployment.max_num_batched_tokens,
        "prefill_weight": weights.prefill_seconds_per_token if weights else None,
        "decode_weight": weights.decode_seconds_per_token if weights else None,
        "cache_read_weight": weights.cache_read_seconds_per_token if weights else None,
        "idle_power_watts": deployment.idle_power_watts,
        "idle_limit_ratio": deployment.idle_limit,
        **{f"model_{name}": fact for name, fact in facts.items()},
        "valid_from": fleet.start_of(deployment),
        "valid_to": deployment.valid_to,
    }


def _allocations(fleet: Fleet) -> Iterator[Row]:
    for deployment in fleet.deployments:
        for entry in deployment.allocation:
            yield {
                "deployment_id": deployment.id,
                "method": entry.method,
                "weight_source": entry.weights,
                "headroom": entry.headroom,
                "valid_from": entry.valid_from or fleet.start_of(deployment),
            }


def _tiers(fleet: Fleet) -> Iterator[Row]:
    for tier in fleet.tiers:
        yield {
            "tier": tier.id,
            "rank": tier.rank,
            "slo_ttft_seconds": tier.slo.ttft_seconds,
            "slo_tpot_seconds": tier.slo.tpot_seconds,
            "slo_e2e_seconds": tier.slo.e2e_seconds,
            "deferrable_hours": tier.deferrable_hours,
            "valid_from": fleet.start_of(tier),
            "valid_to": tier.valid_to,
        }


def _tenants(fleet: Fleet) -> Iterator[Row]:
    for tenant in fleet.tenants:
        yield {
            "tenant_id": tenant.id,
            "tenant_name": tenant.name,
            "cost_centre": tenant.cost_centre,
            "valid_from": fleet.start_of(tenant),
            "valid_to": tenant.valid_to,
        }


def _reservations(fleet: Fleet) -> Iterator[Row]:
    for tenant in fleet.tenants:
        for reservation in tenant.reservations:
            yield {
                "tenant_id": tenant.id,
                "deployment_id": reservation.deployment,
                "gpu_count": reservation.gpus,
                "valid_from": fleet.start_of(reservation),
                "valid_to": reservation.valid_to,
            }


def _contract_prices(fleet: Fleet) -> Iterator[Row]:
    for tenant in fleet.tenants:
        for price in tenant.contract_prices:
            yield {
                "tenant_id": tenant.id,
                "model": price.model,
                "input_price": price.input,
                "cache_read_price": price.cached_input,
                "output_price": price.output,
                "currency": price.currency,
                "valid_from": fleet.start_of(price),
                "valid_to": price.valid_to,
            }


def _alternatives(fleet: Fleet) -> Iterator[Row]:
    for deployment in fleet.deployments:
        for alternative in deployment.alternatives:
            yield {
                "deployment_id": deployment.id,
                "provider": alternative.provider,
                "model": alternative.model,
                "valid_from": fleet.start_of(alternative),
                "valid_to": alternative.valid_to,
            }


def _chargeback(fleet: Fleet) -> Iterator[Row]:
    for policy in fleet.chargeback:
        yield {
            "idle_policy": policy.idle,
            "overhead_policy": policy.overhead,
            "valid_from": fleet.start_of(policy),
            "valid_to": policy.valid_to,
        }


def _books(fleet: Fleet) -> Iterator[Row]:
    yield {
        "calendar": fleet.books.calendar,
        "time_zone": fleet.books.time_zone,
        "valid_from": fleet.valid_from,
    }


def _fiscal_periods(fleet: Fleet) -> Iterator[Row]:
    for calendar, rows in calendars(fleet.books, fleet.valid_from.date()).items():
        for row in rows:
            yield {"calendar": calendar, **asdict(row), "valid_from": fleet.valid_from}


_TABLES: dict[str, Callable[[Fleet], Iterator[Row]]] = {
    "fleet_sites": _sites,
    "fleet_energy_contracts": _energy_contracts,
    "fleet_servers": _servers,
    "fleet_depreciation": _depreciation,
    "fleet_gpus": _gpus,
    "fleet_replicas": _replicas,
    "fleet_deployments": _deployments,
    "fleet_allocations": _allocations,
    "fleet_tiers": _tiers,
    "fleet_tenants": _tenants,
    "fleet_reservations": _reservations,
    "fleet_contract_prices": _contract_prices,
    "fleet_alternatives": _alternatives,
    "fleet_chargeback": _chargeback,
    "fleet_books": _books,
    "fleet_fiscal_periods": _fiscal_periods,
}

CONNECTOR = FleetYaml()
