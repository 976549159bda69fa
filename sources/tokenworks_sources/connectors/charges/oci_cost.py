"""Oracle Cloud cost report, CSV, into `charges` in FOCUS terms.

What the emitter gets wrong, and what happens here:

- Times as `2023-11-13T10:00Z`, without seconds: read. All are UTC.
- One cost, `cost/myCost`, at the contract's price: it is BilledCost, EffectiveCost and ContractedCost.
  Oracle has no amortised cost, and `cost/myCostOverage` is the part of it beyond the commitment, so
  taking that as billed would lose what the commitment pays. No list price: ListCost is unknown.
- A correction repeats its row with `lineItem/isCorrection` true: ChargeClass is Correction.
- No billing period: the calendar month of the usage, UTC, which is Oracle's billing cycle.
- Tags in columns `tags/<namespace>.<key>`, some with a backslash: one JSON object by the whole name,
  e-mails and keys in it a mark.
- Rows of usage alone (usage reports have no `cost/` columns) are another file and no charge.
- `product/region` is empty for global services: null.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.charges import values
from tokenworks_sources.connectors.charges.bill_file import BillFormat, names_of, read_bill
from tokenworks_sources.connectors.charges.bill_query import Charges, Relation, unreadable
from tokenworks_sources.connectors.charges.values import NULL, first
from tokenworks_sources.contracts.charges import MONEY

TAG = "tags/"
REQUIRED = (
    "lineItem/tenantId",
    "lineItem/intervalUsageStart",
    "lineItem/intervalUsageEnd",
    "product/service",
    "cost/myCost",
    "cost/currencyCode",
)
MONEY_COLUMNS = (
    "cost/myCost",
    "cost/unitPrice",
    "usage/billedQuantity",
    "usage/consumedQuantity",
)
TIME_COLUMNS = ("lineItem/intervalUsageStart", "lineItem/intervalUsageEnd")
OTHER_COLUMNS = (
    "lineItem/isCorrection",
    "product/Description",
    "product/availabilityDomain",
    "product/compartmentId",
    "product/compartmentName",
    "product/region",
    "product/resourceId",
    "product/resource",
    "cost/productSku",
    "cost/billingUnitReadable",
    "cost/skuUnitDescription",
    "cost/subscriptionId",
)
KNOWN = {name.lower(): name for name in (*REQUIRED, *MONEY_COLUMNS, *TIME_COLUMNS, *OTHER_COLUMNS)}


def _name_of(header: str) -> str | None:
    return header if header.startswith(TAG) else KNOWN.get(header.lower())


def _check(path: Path, names: Sequence[str]) -> None:
    lacking = [name for name in REQUIRED if name not in names]
    if lacking:
        raise FORMAT.refuse(path, f"it lacks {', '.join(lacking)}.")


def _charges(
    file: LandingFile, relation: Relation, connection: duckdb.DuckDBPyConnection
) -> Charges:
    fields = relation.fields
    text = {name: values.text(fields.get(name, NULL)) for name in KNOWN.values()}
    money = {name: values.money(fields.get(name, NULL)) for name in MONEY_COLUMNS}
    start, end = (values.moment(fields[name]) for name in TIME_COLUMNS)
    month = f"date_trunc('month', {start})"
    tags = {name.removeprefix(TAG): field for name, field in fields.items() if name.startswith(TAG)}
    unit = first(text["cost/billingUnitReadable"], text["cost/skuUnitDescription"])
    return Charges(
        {
            # A subscription is what Oracle bills; a trial has none, and its tenancy is billed.
            "billing_account_id": first(text["cost/subscriptionId"], text["lineItem/tenantId"]),
            "billing_currency": text["cost/currencyCode"],
            "billing_period_start": month,
            "billing_period_end": f"{month} + interval 1 month",
            "charge_period_start": start,
            "charge_period_end": end,
            "charge_category": "'Usage'",
            "charge_class": (
                f"case when lower({text['lineItem/isCorrection']}) = 'true' then 'Correction' end"
            ),
            "charge_description": text["product/Description"],
            "charge_frequency": "'Usage-Based'",
            "billed_cost": money["cost/myCost"],
            "effective_cost": money["cost/myCost"],
            "contracted_cost": money["cost/myCost"],
            "contracted_unit_price": money["cost/unitPrice"],
            "pricing_quantity": money["usage/billedQuantity"],
            "pricing_unit": unit,
            "pricing_category": "'Standard'",
            "consumed_quantity": money["usage/consumedQuantity"],
            "invoice_issuer_name": "'Oracle'",
            "provider_name": "'Oracle'",
            "publisher_name": "'Oracle'",
            "service_name": text["product/service"],
            "region_id": text["product/region"],
            "availability_zone": text["product/availabilityDomain"],
            "resource_id": first(text["product/resourceId"], text["product/resource"]),
            "sku_id": text["cost/productSku"],
            "sub_account_id": first(text["product/compartmentId"], text["lineItem/tenantId"]),
            "sub_account_name": text["product/compartmentName"],
            "tags": values.tag_columns(tags),
        },
        [
            unreadable(name, fields[name], kind)
            for names, kind in ((MONEY_COLUMNS, MONEY), (TIME_COLUMNS, "timestamp"))
            for name in names
            if name in fields
        ],
    )


FORMAT = BillFormat(
    what="an Oracle Cloud cost report",
    hint="Land the CSV files of the folder reports/cost-csv, plain or as they are compressed.",
    name_of=_name_of,
    check=_check,
    charges=_charges,
)


class OciCost:
    """Connector of Oracle Cloud cost reports."""

    name = "oci_cost"
    table = "charges"
    tables = ("charges",)
    version = "2"
    summary = "Oracle Cloud (OCI) cost report, CSV"

    def recognise(self, preview: Preview) -> str | None:
        """A header with the columns of usage and cost."""
        names = names_of(FORMAT, preview)
        whole = all(name in names for name in ("lineItem/intervalUsageStart", "cost/myCost"))
        return "columns lineItem/intervalUsageStart and cost/myCost" if whole else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one row."""
        read_bill(file, sink, FORMAT)


CONNECTOR = OciCost()
