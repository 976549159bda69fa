"""What the allocation of the sample's dollars needs to know, and its simplest questions.

Belongs here: energy of GPUs by hour, who holds a GPU, exchange. What follows in dollars is in
`electricity` and `costs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from tokenworks_sample.accounts import Accounts
from tokenworks_sample.charges import Charge
from tokenworks_sample.clock import DAY, HOUR, QUARTER
from tokenworks_sample.faults import FaultPlan
from tokenworks_sample.meter import BillLine
from tokenworks_sample.records import Scraped
from tokenworks_sample.series import eur_usd
from tokenworks_sample.serving import Engine
from tokenworks_sample.world import Replica, Server, World

QUARTERS_PER_HOUR = HOUR // QUARTER


@dataclass(frozen=True)
class Facts:
    """What the allocation needs to know."""

    world: World
    plan: FaultPlan
    days: int
    accounts: Accounts
    engines: dict[str, Engine]
    scraped: dict[str, Scraped]
    charges: Sequence[Charge]
    bills: Sequence[BillLine]
    watt_hours: dict[str, list[int]]

    @cached_property
    def holders(self) -> dict[str, Replica]:
        """Replica by GPU."""
        return {gpu: replica for replica in self.world.replicas for gpu in replica.gpus}

    @property
    def hours(self) -> int:
        """Hours of the sample."""
        return self.days * DAY // HOUR

    def holder(self, gpu: str, hour: int) -> str | None:
        """The deployment that holds a GPU in an hour; replicas come and go at full hours."""
        replica = self.holders.get(gpu)
        return replica.deployment if replica and replica.valid_from <= hour * HOUR else None

    def gpu_joules(self, server: Server, gpu: str, hour: int) -> float:
        """Energy of a GPU in an hour."""
        replica = self.holders.get(gpu)
        if replica is None:
            return server.kind.unallocated_watts * HOUR
        return hour_joules(self.engines[replica.id], hour)

    def gpus_of(self, site: str) -> list[tuple[Server, str]]:
        """The GPUs of a site with their servers."""
        return [
            (server, gpu)
            for server in self.world.servers
            if server.site == site
            for gpu in server.gpus
        ]


def dollars(amount: float, currency: str, day: int) -> float:
    """An amount in US dollars at that day's rate."""
    return amount if currency == "USD" else amount * float(eur_usd(day))


def hour_joules(engine: Engine, hour: int) -> float:
    """Energy of one GPU of a replica in an hour."""
    first = hour * QUARTERS_PER_HOUR
    return engine.quarters[first + QUARTERS_PER_HOUR][0] - engine.quarters[first][0]
