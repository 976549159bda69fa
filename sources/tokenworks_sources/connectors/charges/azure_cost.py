"""Azure cost and usage details (EA, MCA, partner, pay-as-you-go), CSV or Parquet, into `charges`.

What the emitter gets wrong, and what happens here:

- Every agreement has its own column names, in three spellings, and a German portal puts the English
  one in brackets: `azure_columns.py` lists them. BOM, CRLF: read.
- Dates as `2021-02-02`, `9/2/2023` or `02.09.2023`. With points the day is first. With slashes nothing
  in the file says which is first, so its values decide: one above 12 in the first or second place
  (billing periods begin on the first and end on the last of a month), or both places equal everywhere.
  A file in which neither happens is refused until `about.yaml` beside it says `date_order`. The language
  of the header decides nothing: German exports write US dates too.
- The billing period ends on its last day: the next day is the exclusive end. Where it is missing
  (pay-as-you-go) it is the calendar month of the charge. A charge covers its day, UTC.
- Tags as JSON without the outer braces: they get them. E-mails and keys in tags become a mark; the
  account owner is not read.
- No currency at all (usage details of older enterprise agreements): `currency` of the `about.yaml` beside it
  says which one; without it the file is refused.
- The order of a customer agreement is `Azure plan` on every line: a charge is described by its product.
- No account column (pay-as-you-go): the customer, else the subscription, is what is billed.

An export has one cost, actual or amortised, and does not say which. Cost is EffectiveCost everywhere, so
the file keeps its sum. BilledCost is the same, but 0 where a reservation or savings plan covers the usage
or is left unused: there actual cost is 0 anyhow and amortised cost is on no invoice. Landing both exports
of a month would count it twice. A refund gives a purchase back: Purchase, Correction.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.charges import values
from tokenworks_sources.connectors.charges.azure_columns import (
    DATE_NAMES,
    MONEY_NAMES,
    NAMES,
    REQUIRED,
    TELLING,
    bare,
    own_name,
)
from tokenworks_sources.connectors.charges.azure_dates import date_order, day
from tokenworks_sources.connectors.charges.bill_file import BillFormat, names_of, read_bill
from tokenworks_sources.connectors.charges.bill_query import (
    Charges,
    Fault,
    Relation,
    unreadable,
)
from tokenworks_sources.connectors.charges.values import NULL, first, literal
from tokenworks_sources.contracts.charges import MONEY

# ChargeType in lower case: ChargeCategory, ChargeClass, CommitmentDiscountStatus.
CHARGE_TYPES: dict[str, tuple[str, str | None, str | None]] = {
    "usage": ("Usage", None, None),
    "purchase": ("Purchase", None, None),
    "refund": ("Purchase", "Correction", None),
    "tax": ("Tax", None, None),
    "adjustment": ("Adjustment", None, None),
    "roundingadjustment": ("Adjustment", None, None),
    "unusedreservation": ("Usage", None, "Unused"),
    "unusedsavingsplan": ("Usage", None, "Unused"),
}
FREQUENCIES = {"usagebased": "Usage-Based", "recurring": "Recurring", "onetime": "One-Time"}
PRICING = {
    "ondemand": "Standard",
    "spot": "Dynamic",
    "reservation": "Committed",
    "savingsplan": "Committed",
}
COVERED = "'reservation', 'savingsplan'"


def _check(path: Path, names: Sequence[str]) -> None:
    have = {bare(name) for name in names}
    lacking = [f"{name} ({NAMES[name][0]})" for name in REQUIRED if name not in have]
    if lacking:
        raise FORMAT.refuse(path, f"it lacks {', '.join(lacking)}.")
    if "currency" not in have and about.beside(path).currency is None:
        raise about.missing(path, "no column names a currency", "currency: EUR", "that of the bill")


def _charges(
    file: LandingFile, relation: Relation, connection: duckdb.DuckDBPyConnection
) -> Charges:
    order = date_order(file.path, relation, connection)
    sheet = _Sheet(relation, order, about.beside(file.path).currency)
    return Charges(
        {**sheet.periods(), **sheet.kinds(), **sheet.money(), **sheet.texts()}, sheet.faults()
    )


class _Sheet:
    """Expressions over the columns of one export."""

    def __init__(self, relation: Relation, order: str | None, currency: str | None) -> None:
        self._fields = relation.fields
        self._order = order
        is_named = self._has("currency")
        self._currency = self._text("currency") if is_named else literal(currency or "")
        self._type = "'usage'" if not self._has("charge_type") else self._lower("charge_type")
        self._model = self._lower("pricing_model")

    def periods(self) -> dict[str, str]:
        """The day of the charge and its billing period."""
        start = self._day("date")
        month = f"date_trunc('month', {start})"
        begin, end = (self._day(name) for name in ("billing_start", "billing_end"))
        return {
            "billing_period_start": first(begin, month),
            "billing_period_end": first(
                f"({end} + interval 1 day)", f"({month} + interval 1 month)"
            ),
            "charge_period_start": start,
            "charge_period_end": f"({start} + interval 1 day)",
        }

    def kinds(self) -> dict[str, str]:
        """What the row is."""
        unused = {name: kind for name, kind in CHARGE_TYPES.items() if kind[2]}
        return {
            "charge_category": _choice(self._type, {k: v[0] for k, v in CHARGE_TYPES.items()}),
            "charge_class": _choice(self._type, {k: v[1] for k, v in CHARGE_TYPES.items() if v[1]}),
            "charge_frequency": _choice(
                f"replace({self._lower('frequency')}, '-', '')", FREQUENCIES
            ),
            "pricing_category": _choice(self._model, PRICING),
            "commitment_discount_status": (
                f"coalesce({_choice(self._type, {k: v[2] for k, v in unused.items()})}, "
                f"case when {self._is_covered()} then 'Used' end)"
            ),
        }

    def money(self) -> dict[str, str]:
        """Costs, prices and quantities; prices only where they are in the billing currency."""
        cost = self._money("cost")
        unused = ", ".join(literal(name) for name, kind in CHARGE_TYPES.items() if kind[2])
        paid_before = f"({self._is_covered()}) or {self._type} in ({unused})"
        priced = f"{self._type} in ('usage', 'purchase') and {self._in_billing_currency()}"
        counted = f"{self._type} in ('usage', 'purchase')"
        return {
            "billed_cost": f"case when {paid_before} then cast(0 as {MONEY}) else {cost} end",
            "effective_cost": cost,
            "list_cost": self._money("public_cost"),
            "list_unit_price": f"case when {self._type} = 'usage' and {priced} then {self._money('public_price')} end",
            "contracted_unit_price": f"case when {priced} then {self._money('unit_price')} end",
            "pricing_quantity": f"case when {counted} then {self._money('quantity')} end",
            "pricing_unit": f"case when {counted} then {self._text('unit')} end",
        }

    def texts(self) -> dict[str, str]:
        """Identities, names and tags."""
        own = f"{self._lower('publisher_type')} in ('azure', 'microsoft')"
        return {
            "billing_account_id": first(
                self._text("billing_account_id"),
                self._text("customer_id"),
                self._text("subscription_id"),
            ),
            "billing_account_name": self._text("billing_account_name"),
            "billing_currency": self._currency,
            "charge_description": first(
                self._text("product"), self._text("order_name"), self._text("meter_name")
            ),
            "invoice_id": self._text("invoice_id"),
            "invoice_issuer_name": "'Microsoft'",
            "provider_name": "'Microsoft'",
            "publisher_name": f"case when {own} then 'Microsoft' else {self._text('publisher')} end",
            "service_name": first(self._text("meter_category"), self._text("service")),
            "region_id": f"lower(replace({self._text('location')}, ' ', ''))",
            "availability_zone": self._text("zone"),
            "resource_id": self._text("resource_id"),
            "resource_name": self._text("resource_name"),
            "resource_type": self._text("resource_type"),
            "sku_id": self._text("sku"),
            "sku_price_id": self._text("meter_id"),
            "sub_account_id": self._text("subscription_id"),
            "sub_account_name": self._text("subscription_name"),
            "commitment_discount_id": first(self._text("benefit_id"), self._text("reservation_id")),
            "tags": self._tags(),
        }

    def faults(self) -> list[Fault]:
        """Values that are there and unreadable, and types that Azure does not document."""
        found = [
            unreadable(bare(name), field, MONEY)
            for name, field in self._fields.items()
            if bare(name) in MONEY_NAMES
        ]
        found += [
            Fault(
                f"{field.sql} is not null and {day(field, self._order)} is null",
                f"{bare(name)}: not a date of the file's order",
            )
            for name, field in self._fields.items()
            if bare(name) in DATE_NAMES
        ]
        known = ", ".join(literal(name) for name in CHARGE_TYPES)
        found.append(Fault(f"{self._type} is null", "charge_type: missing"))
        found.append(Fault(f"{self._type} not in ({known})", "charge_type: unknown"))
        return found

    def _is_covered(self) -> str:
        return f"{self._type} = 'usage' and {self._model} in ({COVERED})"

    def _in_billing_currency(self) -> str:
        if not self._has("pricing_currency"):
            return "true"
        return f"{self._text('pricing_currency')} = {self._currency}"

    def _tags(self) -> str:
        fields = self._named("tags")
        if not fields:
            return NULL.sql
        given = values.tags(fields[0])
        return f"case when {given} <> '{{}}' then {given} end"

    def _has(self, name: str) -> bool:
        return bool(self._named(name))

    def _named(self, name: str) -> list[values.Field]:
        """The columns of an own name, best first."""
        return [self._fields[key] for key in sorted(self._fields) if bare(key) == name]

    def _text(self, name: str) -> str:
        found = [f"nullif(trim({values.text(field)}), '')" for field in self._named(name)]
        return first(*found) if found else NULL.sql

    def _lower(self, name: str) -> str:
        return f"lower({self._text(name)})"

    def _money(self, name: str) -> str:
        found = [values.money(field) for field in self._named(name)]
        return first(*found) if found else f"cast(null as {MONEY})"

    def _day(self, name: str) -> str:
        found = [day(field, self._order) for field in self._named(name)]
        return first(*found) if found else "cast(null as timestamp)"


def _choice(value: str, results: dict[str, str] | dict[str, str | None]) -> str:
    cases = " ".join(
        f"when {literal(name)} then {literal(result)}"
        for name, result in results.items()
        if result is not None
    )
    return f"case {value} {cases} end"


FORMAT = BillFormat(
    what="an Azure cost and usage export",
    hint="Land the CSV or Parquet files of a Cost Management export with all its columns.",
    name_of=own_name,
    check=_check,
    charges=_charges,
)


class AzureCost:
    """Connector of Azure cost and usage details."""

    name = "azure_cost"
    table = "charges"
    tables = ("charges",)
    version = "3"
    summary = "Azure cost and usage details (EA, MCA, partner, pay-as-you-go), CSV or Parquet"

    def recognise(self, preview: Preview) -> str | None:
        """A header, or a Parquet schema, with meters, subscriptions and a cost."""
        have = {bare(name) for name in names_of(FORMAT, preview)}
        whole = all(name in have for name in (*REQUIRED, *TELLING))
        return "columns of Azure meters, subscriptions and cost" if whole else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of `about.yaml`: the order of dates, the currency."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one row."""
        read_bill(file, sink, FORMAT)


CONNECTOR = AzureCost()
