"""What every connector of requests says alike: why a field cannot be used, money, hosts.

Belongs here: values that are already told from their notation. How a format writes them belongs to
`json_fields` (epochs, numbers), `export_fields` (CSV, Parquet and JSON of the same record) and
`genai_fields` (attributes of spans).
"""

from __future__ import annotations

from decimal import Decimal
from urllib.parse import urlsplit

from tokenworks_sources.connectors.exact import stored


class FieldError(ValueError):
    """A field that cannot be used; its text is the reject reason, "field: what is wrong"."""


def money_of(amount: Decimal, field: str) -> Decimal:
    """A finite amount as the lake stores it, to 12 decimals.

    Raises:
        FieldError: it is too large for the lake.
    """
    try:
        return stored(amount)
    except ValueError as error:
        raise FieldError(f"{field}: too large") from error


def host_of(address: object) -> str | None:
    """`host[:port]` of an address or URL: a name before it, or what stands behind it, may hold a key."""
    if not isinstance(address, str) or not address:
        return None
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
    except ValueError:
        return None
    return parts.netloc.rpartition("@")[2] or None
