"""Azure cost exports: which of their many column names means what. Plain data.

Enterprise agreement, customer and partner agreement, and pay-as-you-go name the same things
differently, and a portal in another language puts the English name in brackets behind its own:
`Maßeinheit (UnitOfMeasure)`.
"""

from __future__ import annotations

import re

# Own name: the headers that it stands under, lower-case.
NAMES = {
    "billing_account_id": ("billingaccountid",),
    "billing_account_name": ("billingaccountname",),
    "customer_id": ("customertenantid",),
    "billing_start": ("billingperiodstartdate", "billingperiodstart"),
    "billing_end": ("billingperiodenddate", "billingperiodend"),
    "date": ("date", "usagedatetime", "usagedate"),
    "cost": ("costinbillingcurrency", "cost", "pretaxcost"),
    "public_cost": ("paygcostinbillingcurrency",),
    "currency": ("billingcurrency", "billingcurrencycode", "currency", "currencycode"),
    "pricing_currency": ("pricingcurrency", "pricingcurrencycode"),
    "charge_type": ("chargetype",),
    "frequency": ("frequency",),
    "pricing_model": ("pricingmodel",),
    "quantity": ("quantity", "usagequantity", "consumedquantity"),
    "unit": ("unitofmeasure",),
    "unit_price": ("unitprice", "resourcerate"),
    "public_price": ("paygprice",),
    "product": ("productname", "product"),
    "order_name": ("productordername",),
    "sku": ("partnumber", "productid"),
    "meter_id": ("meterid",),
    "meter_name": ("metername",),
    "meter_category": ("metercategory",),
    "service": ("servicename", "consumedservice"),
    "subscription_id": ("subscriptionid", "subscriptionguid"),
    "subscription_name": ("subscriptionname",),
    "location": ("resourcelocationnormalized", "resourcelocation", "location"),
    "zone": ("availabilityzone",),
    "resource_id": ("resourceid", "instanceid", "instancename"),
    "resource_name": ("resourcename",),
    "resource_type": ("resourcetype",),
    "publisher_type": ("publishertype",),
    "publisher": ("publishername",),
    "reservation_id": ("reservationid",),
    "benefit_id": ("benefitid",),
    "invoice_id": ("invoiceid",),
    "tags": ("tags",),
}
REQUIRED = ("date", "cost", "subscription_id", "meter_category")
# Names that Azure alone writes, so that a sheet with a Date and a Cost is not taken for a bill.
TELLING = ("meter_category", "meter_id", "subscription_id", "tags")
MONEY_NAMES = ("cost", "public_cost", "quantity", "unit_price", "public_price")
DATE_NAMES = ("date", "billing_start", "billing_end")

_OWN = {header: own for own, headers in NAMES.items() for header in headers}
_BRACKET = re.compile(r"\(([A-Za-z]+)\)\s*$")


def own_name(header: str) -> str | None:
    """The own name of a header with its rank, `cost#0` before `cost#1`; None where it is not read.

    >>> own_name("Maßeinheit (UnitOfMeasure)"), own_name("PreTaxCost"), own_name("CostCenter")
    ('unit#0', 'cost#2', None)
    """
    english = _BRACKET.search(header)
    name = (english.group(1) if english else header).strip().lower()
    own = _OWN.get(name)
    return f"{own}#{NAMES[own].index(name)}" if own else None


def bare(name: str) -> str:
    """The own name without its rank."""
    return name.partition("#")[0]
