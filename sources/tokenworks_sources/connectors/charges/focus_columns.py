"""FOCUS columns and the contract columns they fill. Plain data.

A contract column is the FOCUS column in snake_case, so the list is the contract's.
"""

from __future__ import annotations

from collections.abc import Collection

from tokenworks_sources.contracts.charges import CONTRACT

# FOCUS 1.3 deprecates ProviderName for ServiceProviderName, and 1.4 drops it. The others are names of
# before 1.0, which Oracle still writes.
ALTERNATIVES = {
    "provider_name": ("ProviderName", "ServiceProviderName", "Provider"),
    "publisher_name": ("PublisherName", "Publisher"),
    "invoice_issuer_name": ("InvoiceIssuerName", "InvoiceIssuer"),
    "region_id": ("RegionId", "Region"),
    "consumed_quantity": ("ConsumedQuantity", "UsageQuantity"),
    "consumed_unit": ("ConsumedUnit", "UsageUnit"),
}

# A file with this many of the required columns is FOCUS; what it lacks is then named.
ENOUGH_REQUIRED = 5


def focus_name(column: str) -> str:
    """The FOCUS name of a contract column.

    >>> focus_name("charge_period_start")
    'ChargePeriodStart'
    """
    return "".join(word.capitalize() for word in column.split("_"))


def sources_of(column: str, present: Collection[str]) -> list[str]:
    """The FOCUS columns that fill a contract column, best first, of those that are present."""
    names = ALTERNATIVES.get(column, (focus_name(column),))
    return [name for name in names if name in present]


REQUIRED = tuple(focus_name(column.name) for column in CONTRACT.columns if column.required)
KNOWN = frozenset(
    name
    for column in CONTRACT.columns
    for name in ALTERNATIVES.get(column.name, (focus_name(column.name),))
)
_FOLDED = {name.lower(): name for name in KNOWN}


def own_name(header: str) -> str | None:
    """The FOCUS name of a header; warehouses write all of it small or large, some with underscores."""
    if header in KNOWN:
        return header
    if header not in (header.lower(), header.upper()):
        return None
    return _FOLDED.get(header.lower().replace("_", ""))


def missing(present: Collection[str]) -> list[str]:
    """Required FOCUS columns that a file lacks."""
    return [name for name in REQUIRED if name not in present]


def is_focus(present: Collection[str]) -> bool:
    """Whether these column names are those of a FOCUS file, whole or not."""
    return len(REQUIRED) - len(missing(present)) >= ENOUGH_REQUIRED
