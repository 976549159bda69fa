"""AWS Cost and Usage Report, legacy and 2.0, CSV or Parquet, into `charges` in FOCUS terms.

What the emitter gets wrong, and what happens here:

- Two spellings (`lineItem/UsageStartDate`, `line_item_usage_start_date`): both are read. `product` and
  `resource_tags` of CUR 2.0 are maps, in CSV as JSON text.
- Times as `2018-06-01T00:00:00Z`, with milliseconds, or as `2018-06-01 00:00:00`: UTC. A period that
  ends at `23:59:59` ends at midnight; one without length (fees, credits) is given one second.
- One row has one cost. BilledCost is always UnblendedCost, so the file sums to the invoice to the digit;
  usage that a savings plan covers is billed and taken back by its SavingsPlanNegation row.
  EffectiveCost is AWS's amortised cost: what was paid ahead is spread over covered usage, the unused part
  stands on the RIFee or SavingsPlanRecurringFee row, upfront fees are 0.
- What the amortised cost needs and the file lacks (no `reservation/…` columns beside DiscountedUsage)
  makes the row a reject: 0 would be a lie.
- ListCost is publicOnDemandCost for usage, the billed cost for all else. ContractedCost of discounted
  usage is unknown: the report has no price without the commitment.
- Costs went through doubles (17 digits, E notation): rounded half away from zero behind the 12th.
- The invoice id is empty until the month is closed. The identity of a line item repeats over hours, so
  rows are known by their line. Tax covers a whole month.
- Tags in columns of their own become one JSON object, e-mails and keys in it a mark.

A line item type that AWS does not document is a reject. ServiceCategory is not in the report: null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.charges import values
from tokenworks_sources.connectors.charges.aws_columns import (
    KINDS,
    MONEY_COLUMNS,
    PRODUCT_MAP,
    REQUIRED,
    TAG,
    TAG_MAP,
    TIME_COLUMNS,
    Kind,
    own_name,
)
from tokenworks_sources.connectors.charges.bill_file import BillFormat, names_of, read_bill
from tokenworks_sources.connectors.charges.bill_query import (
    Charges,
    Fault,
    Relation,
    unreadable,
)
from tokenworks_sources.connectors.charges.values import NULL, Field, first, literal
from tokenworks_sources.contracts.charges import MONEY

ENOUGH = 5
NOTHING = f"cast(0 as {MONEY})"


def _check(path: Path, names: Sequence[str]) -> None:
    lacking = [name for name in REQUIRED if name not in names]
    if lacking:
        raise FORMAT.refuse(path, f"it lacks {', '.join(lacking)}.")


def _charges(
    file: LandingFile, relation: Relation, connection: duckdb.DuckDBPyConnection
) -> Charges:
    report = _Report(relation)
    return Charges(
        {**report.periods(), **report.money(), **report.kinds(), **report.texts()},
        report.faults(),
    )


class _Report:
    """Expressions over the columns of one report."""

    def __init__(self, relation: Relation) -> None:
        self._fields = relation.fields
        self._type = self._text("line_item_line_item_type")

    def periods(self) -> dict[str, str]:
        """Both periods, the end exclusive."""
        start, end = (self._moment(f"line_item_usage_{which}_date") for which in ("start", "end"))
        return {
            "billing_period_start": self._moment("bill_billing_period_start_date"),
            "billing_period_end": _next_second(self._moment("bill_billing_period_end_date")),
            "charge_period_start": start,
            "charge_period_end": (
                f"case when {end} = {start} then {start} + interval 1 second else {_next_second(end)} end"
            ),
        }

    def money(self) -> dict[str, str]:
        """Costs, prices and quantities."""
        billed = self._money("line_item_unblended_cost")
        public = self._money("pricing_public_on_demand_cost")
        return {
            "billed_cost": billed,
            "effective_cost": self._by_kind(self._effective),
            "list_cost": self._by_kind(
                lambda name, kind: public if kind.priced else _same(name, billed)
            ),
            "contracted_cost": self._by_kind(
                lambda name, kind: (
                    f"cast(null as {MONEY})" if name == "DiscountedUsage" else _same(name, billed)
                )
            ),
            "list_unit_price": self._of_usage(self._money("pricing_public_on_demand_rate")),
            "contracted_unit_price": f"case when {self._type} = 'Usage' then {self._money('line_item_unblended_rate')} end",
            "pricing_quantity": self._of_usage(self._money("line_item_usage_amount")),
            "pricing_unit": self._of_usage(self._text("pricing_unit")),
            "consumed_quantity": self._of_usage(self._money("line_item_usage_amount")),
            "consumed_unit": self._of_usage(self._text("pricing_unit")),
        }

    def kinds(self) -> dict[str, str]:
        """What the type of the line item says."""
        spot = (
            f"when {self._text('pricing_term')} = 'Spot' then 'Dynamic' "
            if self._has("pricing_term")
            else ""
        )
        return {
            "charge_category": self._by_kind(lambda _, kind: literal(kind.category)),
            "charge_frequency": self._by_kind(lambda _, kind: literal(kind.frequency)),
            "commitment_discount_status": self._by_kind(lambda _, kind: _constant(kind.status)),
            "pricing_category": self._by_kind(
                lambda _, kind: (
                    _constant(kind.pricing)
                    if kind.pricing or not kind.priced
                    else f"case {spot}else 'Standard' end"
                    if spot
                    else "'Standard'"
                )
            ),
        }

    def texts(self) -> dict[str, str]:
        """Identities, names and tags."""
        entity = self._text("bill_billing_entity")
        region = first(self._product("region_code"), self._product("region"))
        return {
            "billing_account_id": self._text("bill_payer_account_id"),
            "billing_account_name": self._text("bill_payer_account_name"),
            "billing_currency": self._text("line_item_currency_code"),
            "charge_description": self._text("line_item_line_item_description"),
            "invoice_id": self._text("bill_invoice_id"),
            "invoice_issuer_name": first(self._text("bill_invoicing_entity"), entity),
            "provider_name": f"case when starts_with({entity}, 'AWS') then 'AWS' else {entity} end",
            "publisher_name": f"case when {entity} = 'AWS' then 'AWS' else {self._text('line_item_legal_entity')} end",
            "service_name": first(
                self._product("product_name"),
                self._product("servicename"),
                self._text("line_item_product_code"),
            ),
            "region_id": region,
            "region_name": (
                f"case when {self._product('location_type')} = 'AWS Region' "
                f"then {self._product('location')} end"
            ),
            "availability_zone": self._text("line_item_availability_zone"),
            "resource_id": self._text("line_item_resource_id"),
            "sku_id": self._product("sku"),
            "sku_price_id": self._text("pricing_rate_code"),
            "sub_account_id": self._text("line_item_usage_account_id"),
            "sub_account_name": self._text("line_item_usage_account_name"),
            "commitment_discount_id": first(
                self._text("savings_plan_savings_plan_a_r_n"),
                self._text("reservation_reservation_a_r_n"),
            ),
            "tags": self._tags(),
        }

    def faults(self) -> list[Fault]:
        """Values that are there and unreadable, types that nobody documents, lacking parts."""
        known = ", ".join(literal(name) for name in KINDS)
        found = [
            unreadable(name, self._fields[name], kind)
            for names, kind in ((MONEY_COLUMNS, MONEY), (TIME_COLUMNS, "timestamp"))
            for name in names
            if self._has(name)
        ]
        found.append(Fault(f"{self._type} is null", "line_item_line_item_type: missing"))
        found.append(Fault(f"{self._type} not in ({known})", "line_item_line_item_type: unknown"))
        for name, kind in KINDS.items():
            for part in kind.effective or ():
                column = part.removeprefix("-")
                condition = f"{self._type} = {literal(name)} and {self._money(column)} is null"
                found.append(Fault(condition, f"{column}: missing"))
        return found

    def _effective(self, name: str, kind: Kind) -> str:
        if name == "Fee":
            bought = f"{self._text('reservation_reservation_a_r_n')} is not null"
            return f"case when {bought} then {NOTHING} else {self._money('line_item_unblended_cost')} end"
        if kind.effective is None:
            return self._money("line_item_unblended_cost")
        parts = [
            f"- {self._money(part[1:])}" if part.startswith("-") else f"+ {self._money(part)}"
            for part in kind.effective
        ]
        return f"cast({NOTHING} {' '.join(parts)} as {MONEY})"

    def _by_kind(self, value: Callable[[str, Kind], str]) -> str:
        by_value: dict[str, list[str]] = {}
        for name, kind in KINDS.items():
            by_value.setdefault(value(name, kind), []).append(literal(name))
        cases = " ".join(
            f"when {self._type} in ({', '.join(names)}) then {sql}"
            for sql, names in by_value.items()
        )
        return f"case {cases} end"

    def _of_usage(self, sql: str) -> str:
        names = ", ".join(literal(name) for name, kind in KINDS.items() if kind.priced)
        return f"case when {self._type} in ({names}) then {sql} end"

    def _tags(self) -> str:
        columns = {
            name.removeprefix(TAG): field
            for name, field in self._fields.items()
            if name.startswith(TAG)
        }
        if TAG_MAP in self._fields:
            given = values.tags(self._fields[TAG_MAP])
            return f"case when {given} not in ('{{}}', 'null') then {given} end"
        return values.tag_columns(columns)

    def _product(self, key: str) -> str:
        """A column of the product, or an entry of its map."""
        column = self._text(f"product_{key}")
        if PRODUCT_MAP not in self._fields:
            return column
        field = self._fields[PRODUCT_MAP]
        entry = (
            f"json_extract_string(case when json_valid({field.sql}) then {field.sql} end, '$.\"{key}\"')"
            if field.kind == "VARCHAR"
            else f"cast({field.sql}[{literal(key)}] as varchar)"
        )
        return first(column, entry)

    def _has(self, name: str) -> bool:
        return name in self._fields

    def _field(self, name: str) -> Field:
        return self._fields.get(name, NULL)

    def _text(self, name: str) -> str:
        field = self._field(name)
        # Parquet writes what CSV leaves out as empty text.
        return f"nullif({values.text(field)}, '')" if field is not NULL else NULL.sql

    def _money(self, name: str) -> str:
        return values.money(self._field(name))

    def _moment(self, name: str) -> str:
        return values.moment(self._field(name))


def _next_second(sql: str) -> str:
    """The exclusive end of a period that AWS ends with its last second."""
    return (
        f"case when second({sql}) = 59 then date_trunc('second', {sql}) + interval 1 second "
        f"else {sql} end"
    )


def _same(name: str, billed: str) -> str:
    """The billed cost, but for what only takes back a covered cost."""
    return NOTHING if name == "SavingsPlanNegation" else billed


def _constant(value: str | None) -> str:
    return "cast(null as varchar)" if value is None else literal(value)


FORMAT = BillFormat(
    what="an AWS Cost and Usage Report",
    hint="Land the CSV (plain, gzip or zstd) or Parquet files that AWS delivers, one by one.",
    name_of=own_name,
    check=_check,
    charges=_charges,
)


class AwsCur:
    """Connector of AWS Cost and Usage Reports."""

    name = "aws_cur"
    table = "charges"
    tables = ("charges",)
    version = "2"
    summary = "AWS Cost and Usage Report, legacy or 2.0, CSV or Parquet"

    def recognise(self, preview: Preview) -> str | None:
        """A header, or a Parquet schema, with the line item columns."""
        names = names_of(FORMAT, preview)
        found = [name for name in REQUIRED if name in names]
        return (
            "columns of lineItem such as LineItemType and UnblendedCost"
            if len(found) >= ENOUGH
            else None
        )

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one row."""
        read_bill(file, sink, FORMAT)


CONNECTOR = AwsCur()
