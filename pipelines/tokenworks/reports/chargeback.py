"""What each tenant is charged: served, waste, and its share of idle and overhead.

Here belongs the sharing policy and nothing that formats it. The ledger keeps idle as rows of its
own; sharing it is a view, and the policy's name goes with every table that shows it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tokenworks.reports.ledger import (
    CATEGORIES,
    IDLE,
    OVERHEAD,
    SERVED,
    UNATTRIBUTED,
    UNOBSERVED,
    WASTE,
    CurrencyLedger,
)
from tokenworks.reports.money import Key, allocate, from_minor, minor_digits, post

POLICY = "proportional to served cost"
POLICY_TEXT = (
    "Idle and overhead follow served cost. The idle of a deployment is shared among the tenants "
    "that it served in the month, in proportion to their served cost there; idle of GPUs that "
    "belong to no deployment, idle of deployments that served nobody, and overhead are shared "
    "among all tenants in proportion to their served cost in the same currency. Billed hours of "
    "which no record says anything are charged to nobody and keep a line of their own."
)
NO_TENANT = "(no tenant named)"
NOT_SHARED = "(not shared: nobody was served in this currency)"
NOT_OBSERVED = "(not observed)"
UNATTRIBUTED_LINE = "(unattributed)"
_TENANT, _SPECIAL = "0", "1"


@dataclass(frozen=True)
class ChargebackLine:
    """One line of a chargeback: a tenant, or what no tenant can be charged with."""

    name: str
    is_tenant: bool
    served: Decimal
    waste: Decimal
    idle: Decimal
    overhead: Decimal
    unattributed: Decimal

    @property
    def amounts(self) -> tuple[Decimal, ...]:
        """Amounts in the order of the ledger's categories."""
        return (self.served, self.waste, self.idle, self.overhead, self.unattributed)

    @property
    def total(self) -> Decimal:
        """What the line comes to."""
        return sum(self.amounts, Decimal(0))


@dataclass(frozen=True)
class Chargeback:
    """The chargeback of one currency; its lines sum to the ledger's total in minor units."""

    currency: str
    lines: tuple[ChargebackLine, ...]
    total: Decimal


def chargeback(ledger: CurrencyLedger) -> Chargeback:
    """Charge the ledger of one currency to its tenants."""
    exact = _exact_cells(ledger)
    posted: dict[str, dict[Key, int]] = {}
    for category in CATEGORIES:
        cells = exact[category]
        minor = int(ledger.categories[category].scaleb(minor_digits(ledger.currency)))
        posted[category] = post(cells, ledger.currency, minor) if cells else {}
    keys = sorted({key for cells in posted.values() for key in cells})
    lines = tuple(_line(key, posted, ledger.currency) for key in keys)
    return Chargeback(ledger.currency, lines, ledger.total)


def _line(key: Key, posted: Mapping[str, Mapping[Key, int]], currency: str) -> ChargebackLine:
    kind, name = key
    amounts = {
        category: from_minor(posted[category].get(key, 0), currency) for category in CATEGORIES
    }
    return ChargebackLine(
        name=name,
        is_tenant=kind == _TENANT,
        served=amounts[SERVED],
        waste=amounts[WASTE],
        idle=amounts[IDLE],
        overhead=amounts[OVERHEAD],
        unattributed=amounts[UNATTRIBUTED],
    )


def _exact_cells(ledger: CurrencyLedger) -> dict[str, dict[Key, int]]:
    """Exact units by category and line, shares included."""
    cells: dict[str, dict[Key, int]] = {category: defaultdict(int) for category in CATEGORIES}
    served_at: dict[str, dict[Key, int]] = defaultdict(lambda: defaultdict(int))
    pools: dict[tuple[str, str], int] = defaultdict(int)
    for row in ledger.rows:
        if row.category in (SERVED, WASTE):
            key = _tenant_key(row.tenant)
            cells[row.category][key] += row.units
            if row.category == SERVED:
                served_at[row.deployment][key] += row.units
        elif row.category == UNATTRIBUTED:
            cells[UNATTRIBUTED][_SPECIAL, UNATTRIBUTED_LINE] += row.units
        elif row.cause == UNOBSERVED:
            cells[row.category][_SPECIAL, NOT_OBSERVED] += row.units
        else:
            pools[row.category, row.deployment if row.category == IDLE else ""] += row.units
    everywhere = cells[SERVED]
    for (category, deployment), units in sorted(pools.items()):
        local = served_at.get(deployment, {}) if category == IDLE and deployment else {}
        for key, part in _share(units, local, everywhere).items():
            cells[category][key] += part
    return cells


def _tenant_key(tenant: str) -> Key:
    return (_TENANT, tenant) if tenant else (_SPECIAL, NO_TENANT)


def _share(units: int, local: Mapping[Key, int], everywhere: Mapping[Key, int]) -> dict[Key, int]:
    """Split a pool by served cost: of the deployment, else of the whole fleet, else not at all.

    A tenant whose served cost is a credit takes no share: a negative weight has no meaning.
    """
    for weights in (local, everywhere):
        positive = {key: weight for key, weight in weights.items() if weight > 0}
        if positive:
            return allocate(units, positive)
    return {(_SPECIAL, NOT_SHARED): units}
