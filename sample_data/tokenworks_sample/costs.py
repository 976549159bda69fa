"""Where every charged dollar of the sample went, by plain accounting.

Belongs here: the allocation that the README of the sample writes out, done with floats and loops.
Lines go to hours, hours to GPUs, GPU-hours to states, busy time to tenants.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tokenworks_sample.accounts import Accounts
from tokenworks_sample.charges import Charge, amortisation_per_day
from tokenworks_sample.clock import HOUR
from tokenworks_sample.electricity import SitePower, orphaned_demand, site_power
from tokenworks_sample.facts import QUARTERS_PER_HOUR, Facts, dollars
from tokenworks_sample.serving import Engine
from tokenworks_sample.world import LOADING_SECONDS, Replica, Server


@dataclass
class Ledger:
    """US dollars by where they went."""

    served: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    served_by_deployment: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    waste: float = 0.0
    unattributed: float = 0.0
    overhead: float = 0.0
    idle: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    gpu_hours: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    def total(self) -> float:
        """Everything that was charged."""
        idle = sum(self.idle.values())
        return sum(self.served.values()) + self.waste + self.unattributed + self.overhead + idle


def allocate(facts: Facts) -> Ledger:
    """The whole ledger."""
    ledger = Ledger()
    power = {site.id: site_power(facts, site.id) for site in facts.world.sites}
    for charge in facts.charges:
        if charge.kind in ("network", "storage", "software"):
            ledger.overhead += _charge_usd(charge)
    for hour in range(facts.hours):
        pools: dict[str, float] = defaultdict(float)
        for server in facts.world.servers:
            busy = _server_hour(facts, ledger, server, hour, power[server.site])
            for deployment, cost in busy:
                pools[deployment] += cost
        for site, cost in orphaned_demand(facts, power, hour):
            ledger.idle[site, "unallocated"] += cost
        for deployment, pool in pools.items():
            _share(facts.accounts, ledger, deployment, hour, pool)
    return ledger


def _charge_usd(charge: Charge) -> float:
    days = charge.end_day - charge.start_day
    each = float(charge.cost) / days
    return sum(dollars(each, charge.currency, d) for d in range(charge.start_day, charge.end_day))


def _busy_seconds(engine: Engine, hour: int) -> float:
    first = hour * QUARTERS_PER_HOUR
    return engine.quarters[first + QUARTERS_PER_HOUR][1] - engine.quarters[first][1]


def _server_usd(facts: Facts, server: Server, hour: int) -> float:
    """Lease, amortisation and credits of a server in an hour."""
    day = hour // 24
    currency = facts.world.site(server.site).currency
    daily = float(amortisation_per_day(server, day))
    daily += sum(
        float(charge.cost)
        for charge in facts.charges
        if charge.resource == server.id and charge.start_day == day
    )
    return dollars(daily / 24, currency, day)


def _server_hour(
    facts: Facts, ledger: Ledger, server: Server, hour: int, power: SitePower
) -> Iterator[tuple[str, float]]:
    """Post the idle states of a server's GPUs; yield what their busy time cost, by deployment."""
    each = _server_usd(facts, server, hour) / len(server.gpus)
    for gpu in server.gpus:
        cost = each + power.usd(facts, server, gpu, hour)
        replica = facts.holders.get(gpu)
        assigned = _overlap(replica.valid_from, float("inf"), hour) if replica else 0.0
        _post(ledger, server.id, "unallocated", HOUR - assigned, cost)
        if replica is None or assigned == 0.0:
            continue
        busy = _busy_seconds(facts.engines[replica.id], hour)
        down = _not_ready(facts, replica, hour)
        _post(ledger, replica.deployment, "not_ready", down, cost)
        _post(ledger, replica.deployment, "ready_empty", assigned - down - busy, cost)
        ledger.gpu_hours[replica.deployment, "busy"] += busy / HOUR
        ledger.gpu_hours[replica.deployment, "assigned"] += assigned / HOUR
        yield replica.deployment, cost * busy / HOUR


def _post(ledger: Ledger, owner: str, cause: str, seconds: float, cost: float) -> None:
    if seconds > 0:
        ledger.gpu_hours[owner, cause] += seconds / HOUR
        ledger.idle[owner, cause] += cost * seconds / HOUR


def _overlap(start: float, end: float, hour: int) -> float:
    return max(0.0, min(end, (hour + 1) * HOUR) - max(start, hour * HOUR))


def _not_ready(facts: Facts, replica: Replica, hour: int) -> float:
    outage = facts.plan.outage
    seconds = _overlap(outage.start, outage.end, hour) if replica.id == outage.replica else 0.0
    if replica.valid_from > 0:
        seconds += _overlap(replica.valid_from, replica.valid_from + LOADING_SECONDS, hour)
    return seconds


def _share(accounts: Accounts, ledger: Ledger, deployment: str, hour: int, pool: float) -> None:
    """Split a deployment's busy hour by phase weights: served by tenant, and waste."""
    account = accounts.deployments[deployment]
    served = {t: w for (h, t), w in account.served_weight.items() if h == hour}
    wasted = sum(w for (h, _), w in account.waste_weight.items() if h == hour)
    whole = sum(served.values()) + wasted
    if whole == 0.0:
        ledger.unattributed += pool
        return
    for tenant, weight in served.items():
        ledger.served[tenant] += pool * weight / whole
        ledger.served_by_deployment[deployment] += pool * weight / whole
    ledger.waste += pool * wasted / whole
