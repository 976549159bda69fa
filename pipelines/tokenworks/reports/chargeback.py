"""What each tenant is charged: served, waste, and its share of idle and overhead.

Here belongs reading `rpt_chargeback`, whose rows keep the month's policy; sharing is the
warehouse's work, so that what a tenant is charged in SQL is charged here. Its categories are moved
by single minor units until they come to that. Nothing here formats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from tokenworks.reports.ledger import CATEGORIES, CurrencyLedger, LedgerError
from tokenworks.reports.money import Key, from_minor, minor_digits, minor_step, to_units
from tokenworks.reports.rounding import Cell, grouped, settle

_TENANT, _PLATFORM = "tenant", "platform"
_SHARED = "tenant-share"
_LINE_NAMES = {
    "no_tenant": "(no tenant named)",
    "platform": "(platform: charged to no tenant)",
    "not_observed": "(not observed)",
    "unattributed": "(unattributed)",
}
IDLE_POLICIES: Mapping[str, str] = {
    "tenant-share": (
        "The idle of a deployment is shared among the tenants that it served in the month, in "
        "proportion to their served cost there; idle of GPUs that belong to no deployment, and of "
        "deployments that served nobody, among all tenants in proportion to their served cost in "
        "the same currency, and to nobody in a currency in which nobody has served cost above 0."
    ),
    "reserved": (
        "The idle of a deployment is charged to the tenants that reserved it, in proportion to the "
        "GPU-hours reserved; what nobody reserved stays with the platform."
    ),
    "platform": "Idle is charged to no tenant and stays with the platform.",
}
OVERHEAD_POLICIES: Mapping[str, str] = {
    "tenant-share": (
        "Overhead is shared among all tenants in proportion to their served cost in the same "
        "currency, and with nobody in a currency in which nobody has served cost above 0."
    ),
    "platform": "Overhead is charged to no tenant and stays with the platform.",
}
_ALWAYS = (
    "Billed hours of which no record says anything, and cost that no rule could place, are charged "
    "to nobody and keep lines of their own."
)


@dataclass(frozen=True)
class Policy:
    """Who bears idle and overhead in a month, by the names of `fleet.yaml`."""

    idle: str
    overhead: str

    @property
    def name(self) -> str:
        """Both names."""
        return f"idle {self.idle}, overhead {self.overhead}"

    @property
    def text(self) -> str:
        """What the names mean."""
        return f"{IDLE_POLICIES[self.idle]} {OVERHEAD_POLICIES[self.overhead]} {_ALWAYS}"


@dataclass(frozen=True)
class ChargebackLine:
    """One line of a chargeback: a tenant, or what no tenant can be charged with.

    Attributes:
        name: tenant, or what the line holds.
        is_tenant: whether somebody can be sent the bill.
        cost_centre: of the tenant in `fleet.yaml`; empty where none is named.
        amounts: amounts in the order of the ledger's categories, in minor units.
        total_usd: exact total in dollars; None where a rate is missing.
        input_tokens: input of served requests; None on lines that hold no requests.
        output_tokens: output of served requests.
        list_usd: list price of those that have one.
        contract_usd: the same at the prices that were agreed with the tenant; None without any.
    """

    name: str
    is_tenant: bool
    cost_centre: str
    amounts: tuple[Decimal, ...]
    total_usd: Decimal | None
    input_tokens: int | None
    output_tokens: int | None
    list_usd: Decimal | None
    contract_usd: Decimal | None

    @property
    def total(self) -> Decimal:
        """What the line comes to."""
        return sum(self.amounts, Decimal(0))


@dataclass(frozen=True)
class Chargeback:
    """The chargeback of one currency; its lines sum to the ledger's total in minor units.

    Attributes:
        currency: ISO 4217 code.
        lines: tenants first, then what no tenant can be charged with.
        total: of all lines.
        is_served: whether anybody has served cost above 0 in it, so that there are shares.
    """

    currency: str
    lines: tuple[ChargebackLine, ...]
    total: Decimal
    is_served: bool = True


def policy(frame: pl.LazyFrame) -> Policy:
    """The policy of the month; the default where nothing was charged."""
    found = frame.select("idle_policy", "overhead_policy").drop_nulls().unique().collect()
    idle, overhead = found.row(0) if found.height else (_SHARED, _SHARED)
    return Policy(idle, overhead)


def chargebacks(frame: pl.LazyFrame, ledgers: Sequence[CurrencyLedger]) -> tuple[Chargeback, ...]:
    """One chargeback for each ledger, in its order.

    Raises:
        LedgerError: when the charged amounts are not those of the ledger.
    """
    rows = frame.collect().rows(named=True)
    return tuple(_of_currency(ledger, rows) for ledger in ledgers)


def uncharged(frame: pl.LazyFrame) -> tuple[str, ...]:
    """Tenants whose requests cost nothing that the ledger knows."""
    names = frame.filter(pl.col("currency").is_null() & (pl.col("line_kind") == _TENANT))
    return tuple(sorted(str(name) for name in names.collect()["tenant_id"]))


def unshared(found: Sequence[Chargeback], chosen: Policy) -> tuple[str, ...]:
    """Currencies whose idle or overhead tenants were to share, and in which nobody has served cost above 0."""
    if _SHARED not in (chosen.idle, chosen.overhead):
        return ()
    return tuple(
        charged.currency
        for charged in found
        if not charged.is_served
        and any(line.name == _LINE_NAMES[_PLATFORM] and any(line.amounts) for line in charged.lines)
    )


def _of_currency(ledger: CurrencyLedger, rows: Sequence[Mapping[str, Any]]) -> Chargeback:
    own = sorted((row for row in rows if row["currency"] == ledger.currency), key=_order)
    amounts = _settled(own, ledger.currency)
    lines = tuple(_line(row, amounts[_key(row)]) for row in own)
    found = [sum(column, Decimal(0)) for column in zip(*amounts.values(), strict=True)]
    if found != list(ledger.categories.values()):
        raise LedgerError(
            f"rpt_chargeback and fct_cost_ledger disagree in {ledger.currency}: charged "
            f"{sum(found, Decimal(0))}, posted {ledger.total}. Run `tokenworks build` again."
        )
    is_served = any(row["served_cost"] > 0 for row in own)
    return Chargeback(ledger.currency, lines, ledger.total, is_served)


def _settled(rows: Sequence[Mapping[str, Any]], currency: str) -> dict[Key, tuple[Decimal, ...]]:
    """Amounts of each line by category: lines come to what they are charged, categories to the ledger's."""
    digits, step = minor_digits(currency), minor_step(currency)
    cells = [
        Cell(
            (category, _key(row)),
            *divmod(to_units(row[f"{category}_cost"]), step),
            int(row[f"{category}_amount"].scaleb(digits)),
        )
        for row in rows
        for category in CATEGORIES
    ]
    by_line = grouped(cells, 2)
    settle(by_line, {_key(row): int(row["total_amount"].scaleb(digits)) for row in rows})
    return {
        key: tuple(from_minor(cell.shown, currency) for cell in line)
        for key, line in by_line.items()
    }


def _key(row: Mapping[str, Any]) -> Key:
    return row["line_kind"], row["tenant_id"] or ""


def _order(row: Mapping[str, Any]) -> tuple[bool, str, str]:
    return row["line_kind"] != _TENANT, row["line_kind"], row["tenant_id"] or ""


def _line(row: Mapping[str, Any], amounts: tuple[Decimal, ...]) -> ChargebackLine:
    is_tenant = row["line_kind"] == _TENANT
    return ChargebackLine(
        name=row["tenant_id"] if is_tenant else _LINE_NAMES[row["line_kind"]],
        is_tenant=is_tenant,
        cost_centre=row["cost_centre"] or "",
        amounts=amounts,
        total_usd=row["total_cost_usd"],
        input_tokens=row["input_total_tokens"],
        output_tokens=row["output_total_tokens"],
        list_usd=row["cost_list_usd"],
        contract_usd=row["cost_contract_usd"],
    )
