"""What a `fleet.yaml` must keep to as a whole: references, periods, who holds what.

Belongs here: rules between entries, each with its one error. The shape of an entry is in `fleet.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tokenworks_sources.allocation import MIG_SLICES, lacking, mig_share
from tokenworks_sources.errors import FleetError

if TYPE_CHECKING:
    from tokenworks_sources.fleet import Deployment, Fleet, Replica

FOREVER = datetime(9999, 12, 31)
_MOST_NAMES = 20
_KINDS = ("sites", "servers", "tiers", "deployments", "tenants")


class _Span(NamedTuple):
    start: datetime
    end: datetime
    replica: str
    part: Fraction


def check_fleet(path: Path, fleet: Fleet) -> None:
    """Checks what no single entry can tell.

    Raises:
        FleetError: names the field and what is allowed there.
    """
    _check_references(path, fleet)
    _check_periods(path, fleet)
    _check_overlaps(path, fleet)
    _check_energy_contracts(path, fleet)
    _check_revisions(path, fleet)
    for deployment in fleet.deployments:
        _check_allocation(path, deployment)
        _check_pools(path, deployment)


def _check_references(path: Path, fleet: Fleet) -> None:
    sites = {site.id for site in fleet.sites}
    tiers = {tier.id for tier in fleet.tiers}
    gpus = {gpu: server.site for server in fleet.servers for gpu in server.gpus}
    holders = set(gpus) | {server.id for server in fleet.servers}
    replicas = [replica.id for deployment in fleet.deployments for replica in deployment.replicas]
    _unique(path, "sites", [site.id for site in fleet.sites])
    _unique(path, "servers", [server.id for server in fleet.servers])
    _unique(path, "servers.gpus", [gpu for server in fleet.servers for gpu in server.gpus])
    _unique(path, "tiers", [tier.id for tier in fleet.tiers])
    _unique(path, "deployments", [deployment.id for deployment in fleet.deployments])
    _unique(path, "deployments.key", [item.key for item in fleet.deployments if item.key])
    _unique(path, "deployments.replicas", replicas)
    _unique(path, "tenants", [tenant.id for tenant in fleet.tenants])
    for server in fleet.servers:
        _known(path, f"servers.{server.id}.site", server.site, sites)
    for deployment in fleet.deployments:
        _known(path, f"deployments.{deployment.id}.site", deployment.site, sites)
        _known(path, f"deployments.{deployment.id}.tier", deployment.tier, tiers)
        for replica in deployment.replicas:
            for gpu in replica.gpus:
                field = f"deployments.{deployment.id}.replicas.{replica.id}.gpus"
                _known(path, field, gpu, gpus if gpu in gpus else holders)
                if gpus[gpu] != deployment.site:
                    what = f"{gpu!r} stands at {gpus[gpu]}, the deployment at {deployment.site}."
                    raise FleetError(path, field, what, "Use GPUs of the deployment's site.")
    for tenant in fleet.tenants:
        for reservation in tenant.reservations:
            field = f"tenants.{tenant.id}.reservations"
            _known(path, field, reservation.deployment, {item.id for item in fleet.deployments})


def _unique(path: Path, field: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FleetError(path, field, f"{name!r} stands twice.", "Give each its own id.")
        seen.add(name)


def _known(path: Path, field: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        listed = ", ".join(sorted(known)[:_MOST_NAMES]) or "none is declared"
        if len(known) > _MOST_NAMES:
            listed += f" and {len(known) - _MOST_NAMES:,} more"
        raise FleetError(path, field, f"{name!r} is not declared.", f"Use one of: {listed}.")


def _check_periods(path: Path, fleet: Fleet) -> None:
    """An end that lies before the start, the file's own start included."""
    named = [(f"{kind}.{item.id}", item) for kind in _KINDS for item in getattr(fleet, kind)]
    named += [
        (f"deployments.{deployment.id}.replicas.{replica.id}", replica)
        for deployment in fleet.deployments
        for replica in deployment.replicas
    ]
    for field, item in named:
        if item.valid_to and item.valid_to <= fleet.start_of(item):
            what = f"valid_to {item.valid_to} is not after its start {fleet.start_of(item)}."
            raise FleetError(path, field, what, "Correct one of the two.")


def _check_revisions(path: Path, fleet: Fleet) -> None:
    """Estimates follow one another, after the purchase."""
    for server in fleet.servers:
        revised = server.purchase.revised if server.purchase else []
        dates = [fleet.start_of(server), *(revision.valid_from for revision in revised)]
        for earlier, later in pairwise(dates):
            if later <= earlier:
                field = f"servers.{server.id}.purchase.revised"
                what = f"{later} is not after {earlier}."
                raise FleetError(path, field, what, "Date each revision after the one before.")


def _check_energy_contracts(path: Path, fleet: Fleet) -> None:
    """At no time do contracts cover more than what a site consumes, and none stands twice."""
    for site in fleet.sites:
        field = f"sites.{site.id}.energy_contracts"
        dated = [(fleet.start_of(item), item) for item in site.energy_contracts]
        _unique(path, field, [f"{item.instrument} from {start}" for start, item in dated])
        for start, _ in dated:
            held = [one for since, one in dated if since <= start < (one.valid_to or FOREVER)]
            covered = sum(one.covers for one in held)
            if covered > 1 + 1e-9:
                what = f"together they cover {covered:g} of the consumption from {start}."
                raise FleetError(
                    path, field, what, "Lower covers so that they add up to 1 at most."
                )


def _check_overlaps(path: Path, fleet: Fleet) -> None:
    """No GPU holds more at once than it has, and no endpoint means two replicas at once."""
    by_gpu: dict[str, list[_Span]] = {}
    by_endpoint: dict[str, list[_Span]] = {}
    memory = {gpu: server.gpu_memory_gb for server in fleet.servers for gpu in server.gpus}
    for deployment in fleet.deployments:
        for replica in deployment.replicas:
            start, end = fleet.start_of(replica), replica.valid_to or FOREVER
            for gpu in replica.gpus:
                part = _part(path, deployment, replica, memory[gpu])
                by_gpu.setdefault(gpu, []).append(_Span(start, end, replica.id, part))
            if replica.endpoint:
                span = _Span(start, end, replica.id, Fraction(1))
                by_endpoint.setdefault(replica.endpoint, []).append(span)
    for kind, spans_by_name in (("GPU", by_gpu), ("endpoint", by_endpoint)):
        for name, spans in spans_by_name.items():
            _no_overlap(path, kind, name, spans)


def _part(path: Path, deployment: Deployment, replica: Replica, memory: float | None) -> Fraction:
    """How much of each of its GPUs a replica computes on."""
    if replica.mig is None:
        return Fraction(1) if replica.share is None else Fraction(str(replica.share))
    field = f"deployments.{deployment.id}.replicas.{replica.id}.mig"
    if memory is None:
        what = f"{replica.mig!r} is a part of a GPU whose memory is not stated."
        raise FleetError(path, field, what, "Give its server `gpu_memory_gb`.")
    try:
        return Fraction(mig_share(replica.mig, memory)[0], MIG_SLICES)
    except ValueError as error:
        what = "Use the profile that nvidia-smi names."
        raise FleetError(path, field, f"{error}.", what) from error


def _check_allocation(path: Path, deployment: Deployment) -> None:
    """Each entry has what its method needs, and they follow one another."""
    field = f"deployments.{deployment.id}.allocation"
    entries = deployment.allocation
    for earlier, later in pairwise(entries):
        if later.valid_from is None or (
            earlier.valid_from and later.valid_from <= earlier.valid_from
        ):
            what = f"{later.method} has no valid_from after that of {earlier.method}."
            raise FleetError(path, field, what, "Date each entry but the first, in order.")
    for entry in entries:
        if missing := lacking(entry.method, deployment.model_facts):
            raise FleetError(
                path,
                f"deployments.{deployment.id}.model_facts",
                f"the method {entry.method} needs {', '.join(missing)}.",
                "State them (the model's config.json has them), or choose another method.",
            )
        if entry.weights == "stated" and deployment.weights is None:
            what = "weights: stated, but the deployment states no weights."
            raise FleetError(path, field, what, "Give the deployment `weights`, or say `auto`.")
        if entry.headroom == "idle" and deployment.max_num_seqs is None:
            what = "headroom: idle needs the size of a full batch."
            raise FleetError(path, field, what, "Give the deployment `max_num_seqs`.")


def _check_pools(path: Path, deployment: Deployment) -> None:
    """Who prefills needs someone who decodes."""
    roles = {replica.role for replica in deployment.replicas}
    if len(roles & {"prefill", "decode"}) == 1 and "unified" not in roles:
        (role,) = roles
        raise FleetError(
            path,
            f"deployments.{deployment.id}.replicas",
            f"all replicas have the role {role}.",
            "Name the other pool's replicas too, or leave the role out.",
        )


def _no_overlap(path: Path, kind: str, name: str, spans: list[_Span]) -> None:
    for span in sorted(spans):
        held = sorted(other for other in spans if other.start <= span.start < other.end)
        if sum(other.part for other in held) <= 1:
            continue
        first, second = held[0], held[-1]
        raise FleetError(
            path,
            f"deployments.replicas.{second.replica}",
            f"{kind} {name} belongs to replica {first.replica} and to {second.replica} "
            f"from {span.start:%Y-%m-%d %H:%M}.",
            f"End {first.replica} with valid_to before {second.replica} begins, or give them "
            "different ones; engines that take turns on a GPU each state their `share` of it.",
        )
