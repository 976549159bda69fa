"""What lessors and vendors charge, as numbers, and the months of an owned server.

Belongs here: the charges. Their FOCUS rows are written by `emit_focus`.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tokenworks_sample.clock import DAY, START, at
from tokenworks_sample.faults import FaultPlan
from tokenworks_sample.series import cents
from tokenworks_sample.world import Server, World

NETWORK_PER_DAY = {"us-east": Decimal("6.40"), "eu-west": Decimal("5.10")}
STORAGE_PER_DAY = {"us-east": Decimal("2.25"), "eu-west": Decimal("2.05")}
SOFTWARE_PER_DAY = Decimal("4.00")
CREDIT = Decimal("-6.50")
CREDIT_DAY = 6


@dataclass(frozen=True)
class Charge:
    """One charge. `resource` is a server, a site or nothing; the period is in days."""

    kind: str
    resource: str
    site: str
    issuer: str
    service: str
    start_day: int
    end_day: int
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    list_price: Decimal | None
    cost: Decimal
    currency: str

    @property
    def month(self) -> str:
        """Billing month."""
        return at(self.start_day * DAY).strftime("%Y-%m")


def lease_rate(server: Server, day: int, plan: FaultPlan) -> Decimal:
    """The contracted price of a GPU-hour on a day."""
    if server.lease_rate is None:
        raise ValueError(f"{server.id} is owned and has no lease")
    change = plan.price_change
    is_changed = server.id.startswith(change.server) and day >= change.day
    return change.after if is_changed else server.lease_rate


def all_charges(world: World, plan: FaultPlan, days: int) -> list[Charge]:
    """Every charge of the sample, in a fixed order."""
    charges: list[Charge] = []
    for day in range(days):
        charges.extend(_leases(world, plan, day))
        for site in world.sites:
            for kind, prices in (("network", NETWORK_PER_DAY), ("storage", STORAGE_PER_DAY)):
                price = prices[site.id]
                charges.append(
                    Charge(kind, site.id, site.id, "Halyard Cloud", kind.title(), day, day + 1,
                           Decimal(1), "Days", price, price, price, site.currency)
                )  # fmt: skip
    charges.extend(_software(days))
    if days > CREDIT_DAY:
        leased = next(s for s in world.servers if s.id == "srv-eu-a")
        charges.append(
            Charge("credit", leased.id, leased.site, "Lumen Leasing EU", "GPU Servers", CREDIT_DAY,
                   CREDIT_DAY + 1, None, "", None, None, CREDIT, "EUR")
        )  # fmt: skip
    return charges


def _leases(world: World, plan: FaultPlan, day: int) -> list[Charge]:
    charges = []
    for server in world.servers:
        if server.lease_rate is None:
            continue
        price, hours = lease_rate(server, day, plan), Decimal(24 * len(server.gpus))
        site = world.site(server.site)
        issuer = "Lumen Leasing US" if site.currency == "USD" else "Lumen Leasing EU"
        charges.append(
            Charge("lease", server.id, site.id, issuer, "GPU Servers", day, day + 1, hours,
                   "GPU-Hours", price, server.list_rate, price * hours, site.currency)
        )  # fmt: skip
    return charges


def _software(days: int) -> list[Charge]:
    """The gateway's licence: billed by calendar month, so one charge per month touched."""
    turn = min(days, 13)
    spans = [(0, turn)] + ([(turn, days)] if days > turn else [])
    return [
        Charge("software", "", "", "Portcullis Software", "Gateway Licence", start, end,
               Decimal(end - start), "Days", SOFTWARE_PER_DAY, SOFTWARE_PER_DAY,
               SOFTWARE_PER_DAY * (end - start), "USD")
        for start, end in spans
    ]  # fmt: skip


def amortisation_per_day(server: Server, day: int) -> Decimal:
    """Straight line: an equal part per month of life, spread evenly over that month's days.

    Servers went into service when the sample starts, so their months begin on its day of the month.
    """
    if server.purchase_price is None or server.residual is None or server.life_months is None:
        return Decimal(0)
    when = at(day * DAY)
    first = when - timedelta(days=START.day - 1)
    monthly = (server.purchase_price - server.residual) / server.life_months
    return monthly / monthrange(first.year, first.month)[1]


def invoice_id(charge: Charge) -> str:
    """One invoice per issuer and month."""
    initials = "".join(word[0] for word in charge.issuer.split())
    return f"INV-{initials}-{charge.month}-{charge.currency}"


def total(charges: list[Charge], currency: str) -> Decimal:
    """Sum of the charges of a currency, which are whole cents each."""
    return cents(sum((c.cost for c in charges if c.currency == currency), Decimal(0)))
