"""The model of `fleet.yaml`: what the fleet is, since when, and what it costs.

Belongs here: reading and checking the file. Its rows in the lake are made by the connector
`connectors/fleet/fleet_yaml.py`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import available_timezones

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from tokenworks_sources.allocation import (
    Headroom,
    Method,
    ModelFacts,
    Weights,
    WeightSource,
)
from tokenworks_sources.currencies import MINOR_DIGITS
from tokenworks_sources.errors import FleetError, place_in_yaml
from tokenworks_sources.fiscal import Books
from tokenworks_sources.fleet_checks import check_fleet
from tokenworks_sources.fleet_gpus import named_after_server, with_whole_servers


def _known_currency(value: str) -> str:
    if value not in MINOR_DIGITS:
        raise ValueError(f"{value!r} is no currency code of ISO 4217, for example USD")
    return value


Currency = Annotated[str, AfterValidator(_known_currency)]
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


class EnergyContract(_Dated):
    """A contract or certificate for a share of a site's electricity."""

    instrument: Literal["certificate", "ppa", "supplier"]
    covers: float = Field(gt=0, le=1)
    carbon_grams_per_kwh: float = Field(ge=0)


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
    wue: float | None = Field(None, ge=0)
    energy_contracts: list[EnergyContract] = Field(default_factory=list)
    currency: Currency

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            raise ValueError(f"{value!r} is no IANA time zone, for example Europe/Amsterdam")
        return value


class Revision(_Dated):
    """A new estimate of an owned server's life, and of its value at the end; what was written off stays."""

    valid_from: datetime
    valid_to: None = None
    life_months: int = Field(ge=1)
    residual: Decimal | None = Field(None, ge=0)


class Purchase(BaseModel):
    """What an owned server cost; straight-line over its life, as an annuity with a discount rate."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    price: Decimal = Field(ge=0)
    residual: Decimal = Field(Decimal(0), ge=0)
    life_months: int = Field(ge=1)
    currency: Currency
    discount_rate: float | None = Field(None, ge=0, le=1)
    opex_per_year: Decimal | None = Field(None, ge=0)
    revised: list[Revision] = Field(default_factory=list)


class Server(_Dated):
    """A server and its GPUs."""

    id: Identifier
    site: str
    hostname: str | None = None
    gpu_model: str
    gpu_memory_gb: float | None = Field(None, gt=0)
    gpus: list[Identifier] = Field(min_length=1)
    ownership: Literal["leased", "owned"]
    purchase: Purchase | None = None
    host_share: float | None = Field(None, ge=0, le=1)
    gpu_rated_watts: float | None = Field(None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _counted_gpus(cls, value: object) -> object:
        return named_after_server(value)

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
    deferrable_hours: int | None = Field(None, ge=1, le=24)


class Replica(_Dated):
    """One engine process group on one or more GPUs, or on a part of each: a MIG slice, or a share in taking turns."""

    id: Identifier
    endpoint: str | None = None
    role: Literal["unified", "prefill", "decode"] = "unified"
    gpus: list[Identifier] = Field(min_length=1)
    mig: str | None = None
    share: float | None = Field(None, gt=0, le=1)

    @model_validator(mode="after")
    def _one_part(self) -> Replica:
        if self.mig is not None and self.share is not None:
            raise ValueError("a replica holds a slice (mig) or a share of its GPUs, not both")
        return self


class Allocation(BaseModel):
    """How the cost of a deployment is split, from a date on until the next entry begins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method = "phase-weighted"
    weights: WeightSource = "auto"
    headroom: Headroom = "measure"
    valid_from: datetime | None = None

    _dated = field_validator("valid_from", mode="before")(_Dated._to_utc.__func__)  # type: ignore[attr-defined]


class Alternative(_Dated):
    """A priced model that could be bought in place of a deployment, as the prices name it."""

    provider: str
    model: str


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
    weights: Weights | None = None
    allocation: list[Allocation] = Field(default_factory=lambda: [Allocation()], min_length=1)
    model_facts: ModelFacts | None = None
    idle_power_watts: float | None = Field(None, ge=0)
    idle_limit: float | None = Field(None, gt=0, le=1)
    alternatives: list[Alternative] = Field(default_factory=list)
    replicas: list[Replica] = Field(default_factory=list)

    @field_validator("allocation", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return [value] if isinstance(value, dict) else value


class Reservation(_Dated):
    """GPUs of a deployment that a tenant reserved."""

    deployment: str
    gpus: float = Field(gt=0)


class ContractPrice(_Dated):
    """What a tenant agreed to pay for a million tokens of a model; a later entry ends an earlier one."""

    model: Identifier
    input: Decimal = Field(ge=0, decimal_places=12)
    cached_input: Decimal | None = Field(None, ge=0, decimal_places=12)
    output: Decimal = Field(ge=0, decimal_places=12)
    currency: Currency


class Tenant(_Dated):
    """Who is charged."""

    id: Identifier
    name: str
    cost_centre: str | None = None
    reservations: list[Reservation] = Field(default_factory=list)
    contract_prices: list[ContractPrice] = Field(default_factory=list)


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
    books: Books = Books()

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
        fleet = with_whole_servers(Fleet.model_validate(document))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "file"
        raise FleetError(path, field, f"{first['msg']}.", "See docs/fleet.md.") from error
    check_fleet(path, fleet)
    return fleet
