"""The model of `fleet.yaml`: what the fleet is, since when, and what it costs.

Belongs here: reading and checking the file. Its rows in the lake are made by the connector
`connectors/fleet/fleet_yaml.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from tokenworks_sources.errors import FleetError, place_in_yaml

FOREVER = datetime(9999, 12, 31)
_KINDS = ("sites", "servers", "tiers", "deployments", "tenants")
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]


class _Dated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @field_validator("valid_from", "valid_to", mode="before")
    @classmethod
    def _to_utc(cls, value: object) -> object:
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime(value.year, value.month, value.day)
        if isinstance(value, datetime) and value.tzinfo:
            return value.astimezone(UTC).replace(tzinfo=None)
        return value

    @model_validator(mode="after")
    def _ends_after_start(self) -> _Dated:
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise ValueError("valid_to must be after valid_from")
        return self


class Site(_Dated):
    """Where GPUs stand."""

    id: Identifier
    region: str
    time_zone: str
    pue: float | None = Field(None, ge=1, le=3)
    facility_meter: str | None = None
    it_meter: str | None = None
    tariff: str | None = None
    grid_zone: str | None = None
    currency: Currency

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no IANA time zone, for example Europe/Amsterdam")
        return value


class Purchase(BaseModel):
    """What an owned server cost; straight-line over its life, as an annuity with a discount rate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price: Decimal = Field(ge=0)
    residual: Decimal = Field(Decimal(0), ge=0)
    life_months: int = Field(ge=1)
    currency: Currency
    discount_rate: float | None = Field(None, ge=0, le=1)
    opex_per_year: Decimal | None = Field(None, ge=0)


class Server(_Dated):
    """A server and its GPUs."""

    id: Identifier
    site: str
    hostname: str | None = None
    gpu_model: str
    gpus: list[Identifier] = Field(min_length=1)
    ownership: Literal["leased", "owned"]
    purchase: Purchase | None = None
    host_share: float | None = Field(None, ge=0, le=1)
    gpu_rated_watts: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _owned_has_purchase(self) -> Server:
        if (self.ownership == "owned") != (self.purchase is not None):
            raise ValueError("an owned server has a purchase, a leased one has none")
        return self


class Slo(BaseModel):
    """Service level objectives of a tier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ttft_seconds: float | None = Field(None, gt=0)
    tpot_seconds: float | None = Field(None, gt=0)
    e2e_seconds: float | None = Field(None, gt=0)


class Tier(_Dated):
    """A tier of models."""

    id: Identifier
    rank: int = Field(ge=1)
    slo: Slo = Slo()


class Weights(BaseModel):
    """Phase weights of the cost allocation (metrics §5.4, M7), in GPU-seconds per token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefill_seconds_per_token: float = Field(gt=0)
    decode_seconds_per_token: float = Field(gt=0)
    cache_read_seconds_per_token: float = Field(0.0, ge=0)


class Replica(_Dated):
    """One engine process group on one or more GPUs."""

    id: Identifier
    endpoint: str | None = None
    gpus: list[Identifier] = Field(min_length=1)


class Deployment(_Dated):
    """A model served at one site at one tier."""

    id: Identifier
    key: str | None = None
    model: str
    tier: str
    site: str
    precision: str | None = None
    max_num_seqs: int | None = Field(None, ge=1)
    max_num_batched_tokens: int | None = Field(None, ge=1)
    weights: Weights
    idle_power_watts: float | None = Field(None, ge=0)
    replicas: list[Replica] = Field(default_factory=list)


class Reservation(_Dated):
    """GPUs of a deployment that a tenant reserved."""

    deployment: str
    gpus: float = Field(gt=0)


class Tenant(_Dated):
    """Who is charged."""

    id: Identifier
    name: str
    cost_centre: str | None = None
    reservations: list[Reservation] = Field(default_factory=list)


class Chargeback(_Dated):
    """Who is charged with idle and overhead, for the months that begin in its period or after."""

    idle: Literal["tenant-share", "reserved", "platform"] = "tenant-share"
    overhead: Literal["tenant-share", "platform"] = "tenant-share"


class Operator(BaseModel):
    """Who runs the fleet."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)


class Fleet(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    valid_from: datetime
    # Marts are translated into US dollars: their columns end in _usd.
    reporting_currency: Literal["USD"] = "USD"
    operator: Operator | None = None
    sites: list[Site]
    servers: list[Server] = Field(default_factory=list)
    tiers: list[Tier] = Field(default_factory=list)
    deployments: list[Deployment] = Field(default_factory=list)
    tenants: list[Tenant] = Field(default_factory=list)
    chargeback: list[Chargeback] = Field(default_factory=list)

    @field_validator("chargeback", mode="before")
    @classmethod
    def _one_policy_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, dict) else value

    _dated = field_validator("valid_from", mode="before")(_Dated._to_utc.__func__)  # type: ignore[attr-defined]

    def start_of(self, item: _Dated) -> datetime:
        """From when on a fact holds: its own date, else the fleet's."""
        return item.valid_from or self.valid_from


def load_fleet(path: Path) -> Fleet:
    """Reads and checks a `fleet.yaml`.

    Raises:
        FleetError: names the field and what is allowed there.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        what = f"is not YAML: {place_in_yaml(error)}."
        raise FleetError(path, "file", what, "Fix the syntax.") from error
    try:
        fleet = Fleet.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "file"
        raise FleetError(path, field, f"{first['msg']}.", "See docs/fleet.md.") from error
    _check_references(path, fleet)
    _check_periods(path, fleet)
    _check_overlaps(path, fleet)
    return fleet


def _check_references(path: Path, fleet: Fleet) -> None:
    sites = {site.id for site in fleet.sites}
    tiers = {tier.id for tier in fleet.tiers}
    gpus = {gpu: server.site for server in fleet.servers for gpu in server.gpus}
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
                _known(path, field, gpu, set(gpus))
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


def _known(path: Path, field: str, name: str, known: set[str]) -> None:
    if name not in known:
        listed = ", ".join(sorted(known)) or "none is declared"
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


def _check_overlaps(path: Path, fleet: Fleet) -> None:
    """No GPU serves two replicas at once, and no endpoint means two replicas at once."""
    by_gpu: dict[str, list[tuple[datetime, datetime, str]]] = {}
    by_endpoint: dict[str, list[tuple[datetime, datetime, str]]] = {}
    for deployment in fleet.deployments:
        for replica in deployment.replicas:
            span = (fleet.start_of(replica), replica.valid_to or FOREVER, replica.id)
            for gpu in replica.gpus:
                by_gpu.setdefault(gpu, []).append(span)
            if replica.endpoint:
                by_endpoint.setdefault(replica.endpoint, []).append(span)
    for kind, spans_by_name in (("GPU", by_gpu), ("endpoint", by_endpoint)):
        for name, spans in spans_by_name.items():
            _no_overlap(path, kind, name, spans)


def _no_overlap(
    path: Path, kind: str, name: str, spans: list[tuple[datetime, datetime, str]]
) -> None:
    ordered = sorted(spans)
    for (_, end, first), (start, _, second) in pairwise(ordered):
        if start < end:
            raise FleetError(
                path,
                f"deployments.replicas.{second}",
                f"{kind} {name} belongs to replica {first} and to {second} from {start:%Y-%m-%d %H:%M}.",
                f"End {first} with valid_to before {second} begins, or give them different ones.",
            )
