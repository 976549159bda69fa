"""The fleet as plain data: sites, servers, deployments, replicas, tenants.

Belongs here: what the fleet is. What happens in it is in `serving` and `cluster`; what goes wrong
on purpose is in `faults`.

Two sites serve three tiers: six deployments on eleven GPUs. `build_world(pods)` repeats servers and
replicas, so that a larger sample is a larger fleet and not an overload.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from tokenworks_sample.clock import DAY

TIERS = (
    ("small", 1, 1.0, 0.07, 60.0),
    ("medium", 2, 1.5, 0.04, 180.0),
    ("large", 3, 2.0, 0.04, 360.0),
)
BLOCK_TOKENS = 256
CONTEXT_TOKENS = 16_384
ADDED_REPLICA_AT = 7.0 * DAY
LOADING_SECONDS = 600.0


@dataclass(frozen=True)
class GpuKind:
    """A GPU and its power: unallocated, engine loaded but empty, decoding, prefilling (watts)."""

    name: str
    memory_mib: int
    unallocated_watts: float
    empty_watts: float
    decode_watts: float
    decode_span_watts: float
    prefill_watts: float


A100 = GpuKind("NVIDIA A100-SXM4-80GB", 81_920, 52.0, 84.0, 205.0, 130.0, 385.0)
L4 = GpuKind("NVIDIA L4", 23_034, 13.0, 19.0, 46.0, 20.0, 70.0)


@dataclass(frozen=True)
class Site:
    """A site: one region, one meter, one tariff."""

    id: str
    time_zone: str
    pue: float
    meter: str
    grid_zone: str
    currency: str
    gateway: str


@dataclass(frozen=True)
class Server:
    """A server. `lease_rate` is the contracted price of a GPU-hour; None for an owned server."""

    id: str
    site: str
    hostname: str
    kind: GpuKind
    gpus: tuple[str, ...]
    host_watts: float
    lease_rate: Decimal | None = None
    list_rate: Decimal | None = None
    purchase_price: Decimal | None = None
    residual: Decimal | None = None
    life_months: int | None = None


@dataclass(frozen=True)
class StepLaw:
    """Seconds of one engine step: base + per running sequence + per KV token + per prefill token."""

    base: float
    per_sequence: float
    per_kv_token: float
    per_prefill_token: float


@dataclass(frozen=True)
class Deployment:
    """A model at a tier of a site, and how its engine behaves."""

    id: str
    model: str
    tier: str
    site: str
    precision: str
    kind: GpuKind
    law: StepLaw
    max_num_seqs: int
    max_num_batched_tokens: int
    kv_blocks: int
    weights: tuple[float, float, float]
    is_thinking: bool
    method: str = "phase-weighted"

    @property
    def shares(self) -> tuple[float, float, float]:
        """What a token weighs in the split of cost: uncached input, output, cached input."""
        return self.weights if self.method == "phase-weighted" else (1.0, 1.0, 0.0)


@dataclass(frozen=True)
class Replica:
    """GPUs that serve one deployment from `valid_from` (seconds since the start) on."""

    id: str
    deployment: str
    endpoint: str
    gpus: tuple[str, ...]
    valid_from: float = 0.0


@dataclass(frozen=True)
class Tenant:
    """Who is charged."""

    id: str
    name: str
    cost_centre: str


@dataclass(frozen=True)
class World:
    """The whole fleet."""

    sites: tuple[Site, ...]
    servers: tuple[Server, ...]
    deployments: tuple[Deployment, ...]
    replicas: tuple[Replica, ...]
    tenants: tuple[Tenant, ...]

    def site(self, site_id: str) -> Site:
        """The site of that id."""
        return next(site for site in self.sites if site.id == site_id)

    def server_of(self, gpu: str) -> Server:
        """The server that holds a GPU."""
        return next(server for server in self.servers if gpu in server.gpus)

    def replicas_of(self, deployment: str) -> tuple[Replica, ...]:
        """Replicas of a deployment, in order."""
        return tuple(r for r in self.replicas if r.deployment == deployment)


SITES = (
    Site("us-east", "America/New_York", 1.25, "meter-us-east", "US-PJM", "USD", "us"),
    Site("eu-west", "Europe/Amsterdam", 1.18, "meter-eu-west", "NL", "EUR", "eu"),
)
TENANTS = (
    Tenant("acme", "Acme Software", "1001"),
    Tenant("borealis", "Borealis Bank", "1002"),
    Tenant("cobalt", "Cobalt Robotics", "1003"),
    Tenant("delta", "Delta Records", "1004"),
    Tenant("evergreen", "Evergreen Retail", "1005"),
)
# Bases are weight bytes over memory bandwidth plus launch overhead: 16 GB over 0.30 TB/s, 48 GB
# over 2.0 TB/s, 70 GB over 2 x 2.0 TB/s with tensor parallelism. Prefill is near half of peak.
SMALL_LAW = StepLaw(0.0560, 0.00010, 4.4e-7, 0.000270)
MEDIUM_LAW = StepLaw(0.0285, 0.00012, 8.0e-8, 0.000310)
LARGE_LAW = StepLaw(0.0240, 0.00020, 9.0e-8, 0.000450)


def _deployments(site: str, short: str) -> tuple[Deployment, ...]:
    return (
        Deployment(
            f"small-{short}", "qwen3-8b", "small", site, "bf16", L4, SMALL_LAW,
            32, 8192, 150, (0.00027, 0.0140, 0.0000027), False,
        ),
        Deployment(
            f"medium-{short}", "magistral-small-24b", "medium", site, "bf16", A100, MEDIUM_LAW,
            64, 8192, 480, (0.00031, 0.0071, 0.0000031), True,
        ),
        Deployment(
            f"large-{short}", "deepseek-r1-distill-llama-70b", "large", site, "int8", A100,
            LARGE_LAW, 48, 8192, 716, (0.00045, 0.0060, 0.0000045), True,
            "uncached-tokens" if short == "eu" else "phase-weighted",
        ),
    )  # fmt: skip


def _gpu_ids(short: str, letter: str, pod: int, count: int) -> tuple[str, ...]:
    group = f"{'5a' if short == 'us' else '7e'}{ord(letter):02x}{pod:04x}"
    return tuple(f"GPU-{group}-0c1d-4e2f-8a3b-{index:012x}" for index in range(count))


def _us_pod(pod: int) -> tuple[tuple[Server, ...], tuple[Replica, ...]]:
    tag = "" if pod == 0 else f"-p{pod}"
    a, b = _gpu_ids("us", "a", pod, 4), _gpu_ids("us", "b", pod, 2)
    servers = (
        Server(f"srv-us-a{tag}", "us-east", f"gpu-us-a{tag}", A100, a, 460.0,
               lease_rate=Decimal("1.35"), list_rate=Decimal("1.80")),
        Server(f"srv-us-b{tag}", "us-east", f"gpu-us-b{tag}", L4, b, 170.0,
               purchase_price=Decimal("12480.00"), residual=Decimal("960.00"), life_months=48),
    )  # fmt: skip
    return servers, (
        _replica("large-us", 0, pod, a[0:2]),
        _replica("medium-us", 0, pod, a[2:3]),
        _replica("medium-us", 1, pod, a[3:4], ADDED_REPLICA_AT),
        _replica("small-us", 0, pod, b[0:1]),
        _replica("small-us", 1, pod, b[1:2]),
    )


def _eu_pod(pod: int) -> tuple[tuple[Server, ...], tuple[Replica, ...]]:
    tag = "" if pod == 0 else f"-p{pod}"
    a, b = _gpu_ids("eu", "a", pod, 4), _gpu_ids("eu", "b", pod, 1)
    servers = (
        Server(f"srv-eu-a{tag}", "eu-west", f"gpu-eu-a{tag}", A100, a, 460.0,
               lease_rate=Decimal("1.40"), list_rate=Decimal("1.75")),
        Server(f"srv-eu-b{tag}", "eu-west", f"gpu-eu-b{tag}", L4, b, 140.0,
               lease_rate=Decimal("0.55"), list_rate=Decimal("0.70")),
    )  # fmt: skip
    return servers, (
        _replica("large-eu", 0, pod, a[0:2]),
        _replica("medium-eu", 0, pod, a[2:3]),
        _replica("small-eu", 0, pod, b[0:1]),
    )


def _replica(
    deployment: str, index: int, pod: int, gpus: tuple[str, ...], valid_from: float = 0.0
) -> Replica:
    name = f"{deployment}-{index}" + ("" if pod == 0 else f"-p{pod}")
    return Replica(name, deployment, f"{name}.fleet.internal:8000", gpus, valid_from)


def build_world(pods: int = 1) -> World:
    """The fleet, with every server and replica repeated `pods` times."""
    servers: list[Server] = []
    replicas: list[Replica] = []
    for pod in range(pods):
        for more_servers, more_replicas in (_us_pod(pod), _eu_pod(pod)):
            servers.extend(more_servers)
            replicas.extend(more_replicas)
    deployments = (*_deployments("us-east", "us"), *_deployments("eu-west", "eu"))
    return World(SITES, tuple(servers), deployments, tuple(replicas), TENANTS)
