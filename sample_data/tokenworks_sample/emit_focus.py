"""Charges as FOCUS 1.2 rows: one CSV per issuer and billing month.

Belongs here: columns and row kinds (usage, recurring, credit). The amounts come from `charges`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from tokenworks_sample.charges import Charge, invoice_id
from tokenworks_sample.clock import DAY, iso
from tokenworks_sample.landing import write_csv

HEADER = (
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency",
    "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit", "ContractedCost",
    "ContractedUnitPrice", "EffectiveCost", "InvoiceId", "InvoiceIssuerName", "ListCost",
    "ListUnitPrice", "PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName",
    "PublisherName", "RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType",
    "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SkuPriceId", "Tags",
)  # fmt: skip
SERVICES = {
    "lease": ("Compute", "Virtual Machines"),
    "credit": ("Compute", "Virtual Machines"),
    "network": ("Networking", "Content Delivery"),
    "storage": ("Storage", "Object Storage"),
    "software": ("AI and Machine Learning", "Generative AI"),
}
BILLING_MONTHS = {
    "2026-10": ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"),
    "2026-11": ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
}


def write_charges(folder: Path, charges: Sequence[Charge]) -> None:
    """All files; the order of rows is that of the charges."""
    files: dict[str, list[dict[str, str]]] = {}
    for charge in charges:
        files.setdefault(invoice_id(charge), []).append(_row(charge))
    for name, rows in files.items():
        write_csv(folder / f"{name}.csv", HEADER, rows)


def _row(charge: Charge) -> dict[str, str]:
    start, end = BILLING_MONTHS[charge.month]
    category, subcategory = SERVICES[charge.kind]
    row = {
        "BillingAccountId": "acct-fleet",
        "BillingAccountName": "Fleet operations",
        "BillingCurrency": charge.currency,
        "BillingPeriodStart": start,
        "BillingPeriodEnd": end,
        "ChargePeriodStart": iso(charge.start_day * DAY),
        "ChargePeriodEnd": iso(charge.end_day * DAY),
        "ChargeDescription": _description(charge),
        "InvoiceId": invoice_id(charge),
        "InvoiceIssuerName": charge.issuer,
        "ProviderName": charge.issuer,
        "PublisherName": charge.issuer,
        "ServiceCategory": category,
        "ServiceSubcategory": subcategory,
        "ServiceName": charge.service,
        "RegionId": charge.site,
        "RegionName": charge.site,
        "ResourceId": charge.resource,
        "ResourceName": charge.resource,
        "ResourceType": _resource_type(charge),
        "Tags": '{"team": "inference"}',
    }
    return row | _amounts(charge)


def _amounts(charge: Charge) -> dict[str, str]:
    cost = _money(charge.cost)
    costs = {"BilledCost": cost, "EffectiveCost": cost, "ContractedCost": cost}
    if charge.quantity is None or charge.unit_price is None or charge.list_price is None:
        return costs | {
            "ChargeCategory": "Credit", "ChargeFrequency": "One-Time", "ListCost": cost,
        }  # fmt: skip
    is_lease = charge.kind == "lease"
    sku = f"sku-{charge.kind}-{charge.resource or 'all'}"
    return costs | {
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based" if is_lease else "Recurring",
        "ListCost": _money(charge.list_price * charge.quantity),
        "ListUnitPrice": f"{charge.list_price:.6f}",
        "ContractedUnitPrice": f"{charge.unit_price:.6f}",
        "PricingCategory": "Standard",
        "PricingQuantity": f"{charge.quantity:.6f}",
        "PricingUnit": charge.unit,
        "ConsumedQuantity": f"{charge.quantity:.6f}",
        "ConsumedUnit": charge.unit,
        "SkuId": sku,
        "SkuPriceId": f"{sku}-{charge.unit_price:.2f}".replace(".", "p"),
    }


def _resource_type(charge: Charge) -> str:
    if not charge.resource:
        return ""
    return "GPU server" if charge.kind in ("lease", "credit") else "Site"


def _description(charge: Charge) -> str:
    return {
        "lease": f"GPU server lease {charge.resource}",
        "credit": "Service level credit",
        "network": f"Data transfer {charge.site}",
        "storage": f"Model and log storage {charge.site}",
        "software": "Gateway licence",
    }[charge.kind]


def _money(amount: Decimal) -> str:
    return f"{amount:.12f}"
