"""The same seeded traffic under two policies, so that the true effect of a change is known.

Belongs here: one region's large and small tier, served by the sample's engines as they are and with
short requests of the large tier on the small one. Sessions stay closed loops: under another policy
the next turn comes when the answer of that policy has been read. No outage is planted.

What it costs is counted as the books count it: busy GPU time at the price of a GPU-hour, shared by
the deployment's own weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from tokenworks_sample.clock import HOUR
from tokenworks_sample.cluster import IMMEDIATE, Cluster
from tokenworks_sample.faults import PLAN, Outage
from tokenworks_sample.records import Attempt
from tokenworks_sample.serving import Engine
from tokenworks_sample.traffic import Session, Traffic
from tokenworks_sample.world import Deployment, World, build_world

LARGE, SMALL = "large-us", "small-us"
#: US dollars per GPU-hour, by deployment.
GPU_HOUR_USD = {LARGE: 1.35, SMALL: 0.40}
_NOTHING_FAILS = replace(PLAN, outage=Outage("", math.inf, math.inf))


@dataclass
class Region(Cluster):
    """Both tiers of the region behind one router.

    Attributes:
        small: the small tier.
        short_input: requests of the large tier below this many input tokens go to the small one; 0
            for none.
    """

    small: Traffic = field(kw_only=True)
    short_input: int = field(kw_only=True)
    last: dict[tuple[str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Engines of both tiers."""
        world = self.traffic.world
        self.engines = [
            Engine(replica, deployment)
            for deployment in (self.traffic.deployment, self.small.deployment)
            for replica in world.replicas_of(deployment.id)
        ]
        for engine in self.engines:
            engine.state = "ready"
        self.changes = []

    def _choose(self, session: Session, at: float) -> Engine:
        """As the sample's router does, among the engines of the tier that the policy names."""
        wanted = self.served_by(session)
        engines = [engine for engine in self.engines if engine.deployment.id == wanted]
        turn = session.first_block % len(engines)
        least = min(engines[turn:] + engines[:turn], key=lambda engine: engine.load)
        place = self.last.get((session.id, wanted))
        if place is not None and engines[place].load <= least.load + 8:
            least = engines[place]
        self.last[session.id, wanted] = engines.index(least)
        return least

    def served_by(self, session: Session) -> str:
        """The deployment of a session's next turn."""
        if session.workload.tier == "small":
            return SMALL
        turn = session.turns[session.next_turn]
        return SMALL if turn.input_tokens < self.short_input else LARGE


@dataclass
class MeteredHour:
    """GPU-seconds held, those of them with a request, and joules of both."""

    held: float = 0.0
    busy: float = 0.0
    joules: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What happened under one policy.

    Attributes:
        attempts: attempts that an engine served, by session and turn, in an order that no policy
            changes.
        hours: what the meters of the deployment's GPUs tell, by deployment and hour.
        busy_gpu_seconds, joules: of the deployment's GPUs while requests ran, by deployment and
            day.
    """

    attempts: dict[tuple[str, int], Attempt]
    hours: dict[tuple[str, int], MeteredHour]
    busy_gpu_seconds: dict[tuple[str, int], float]
    joules: dict[tuple[str, int], float]

    @property
    def active_usd(self) -> float:
        """Cost of busy capacity."""
        return sum(
            seconds / HOUR * GPU_HOUR_USD[name]
            for (name, _), seconds in self.busy_gpu_seconds.items()
        )


def simulate(seed: int, *, days: int, scale: float, short_input: int) -> Outcome:
    """Serve `days` of seeded traffic under a policy, to the last answer."""
    world = build_world()
    large, small = (
        Traffic(world, _deployment(world, name), seed, scale, math.inf) for name in (LARGE, SMALL)
    )
    region = Region(
        large, world.replicas_of(LARGE), _NOTHING_FAILS, math.inf,
        small=small, short_input=short_input,
    )  # fmt: skip
    for hour in range(days * 24):
        for traffic in (large, small):
            for start, session in traffic.hour(hour):
                region.push(start, session)
    ended: dict[tuple[str, int], Attempt] = {}
    day = 0
    while day < days or region.arrivals or any(engine.load for engine in region.engines):
        day += 1
        for attempt in region.run(day * 24 * HOUR):
            if attempt.replica is not None and attempt.turn.fate not in IMMEDIATE:
                turns = attempt.session.turns
                place = next(i for i, turn in enumerate(turns) if turn is attempt.turn)
                ended[attempt.session.id, place] = attempt
    hours = _metered(region, day * 24)
    return Outcome(dict(sorted(ended.items())), hours, *_while_busy(world, hours))


def _deployment(world: World, name: str) -> Deployment:
    return next(one for one in world.deployments if one.id == name)


def _metered(region: Region, hours: int) -> dict[tuple[str, int], MeteredHour]:
    """What the GPUs drew in each hour, from the quarters of each engine."""
    found: dict[tuple[str, int], MeteredHour] = {}
    for engine in region.engines:
        name, gpus = engine.deployment.id, len(engine.replica.gpus)
        marks = [*engine.quarters, (engine.joules, engine.busy)]
        for hour in range(hours):
            first, last = (marks[min(at, len(marks) - 1)] for at in (hour * 4, hour * 4 + 4))
            metered = found.setdefault((name, hour), MeteredHour())
            metered.held += HOUR * gpus
            metered.busy += (last[1] - first[1]) * gpus
            metered.joules += (last[0] - first[0]) * gpus
    return found


def _while_busy(
    world: World, hours: dict[tuple[str, int], MeteredHour]
) -> tuple[dict[tuple[str, int], float], dict[tuple[str, int], float]]:
    """Busy GPU-seconds and the joules of them, by deployment and day."""
    busy: dict[tuple[str, int], float] = {}
    joules: dict[tuple[str, int], float] = {}
    for (name, hour), metered in hours.items():
        key, empty = (name, hour // 24), _deployment(world, name).kind.empty_watts
        busy[key] = busy.get(key, 0.0) + metered.busy
        spent = metered.joules - empty * (metered.held - metered.busy)
        joules[key] = joules.get(key, 0.0) + spent
    return busy, joules
