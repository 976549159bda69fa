"""The answers of EnergyZero's first REST API: hours and prices, and nothing of what the prices are.

`{"Prices": [{"price", "readingDate"}], "intervalType", "average", "fromDate", "tillDate"}`: whether the
request asked for value-added tax stands in the request alone, so that a sidecar has to say it. Whether it
asked for gas does too, but gas has one price a day, from six in the morning.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.connectors.grid_prices.rows import utc_of
from tokenworks_sources.errors import LandingFileError

# `interval` of the request: 4 is hours; days, months and years are means of them.
HOURS = 4
# Fewer hours may have one price by chance.
MOST_ALIKE = 6
_DUTCH = ZoneInfo("Europe/Amsterdam")
_GAS_DAY_BEGINS = timedelta(hours=6)


def is_answer(document: Mapping[str, object]) -> bool:
    """Whether a document has the shape."""
    return isinstance(document.get("Prices"), list) and "intervalType" in document


def quoted(
    file: LandingFile, document: Mapping[str, object]
) -> Iterator[tuple[str, object, object, object]]:
    """Basis, start, end and price of every hour.

    Raises:
        LandingFileError: it is not of hours, seems to be of gas, or nothing says what the prices are.
    """
    prices = document["Prices"]
    given = [
        price if isinstance(price, Mapping) else {}
        for price in (prices if isinstance(prices, list) else ())
    ]
    if document["intervalType"] != HOURS:
        raise LandingFileError(
            file.path, "its prices are not those of hours.", "Ask for interval=4."
        )
    if _is_gas(given):
        raise LandingFileError(
            file.path,
            "each day from six in the morning has one price, so it is gas.",
            "Ask for usageType=1, which is electricity.",
        )
    basis = about.beside(file.path).price_basis
    if given and basis is None:
        raise about.missing(
            file.path,
            "nothing says whether its prices hold value-added tax",
            "price_basis: market",
            "or with_vat, where the request said inclBtw=true",
        )
    for price in given:
        start = utc_of(price.get("readingDate"))
        end = None if start is None else (start + timedelta(hours=1)).isoformat() + "Z"
        yield str(basis), price.get("readingDate"), end, price.get("price")


def _is_gas(prices: list[Mapping[str, object]]) -> bool:
    days: dict[object, list[object]] = defaultdict(list)
    for price in prices:
        value, start = price.get("price"), utc_of(price.get("readingDate"))
        if start is not None and isinstance(value, int | float | Decimal):
            local = start.replace(tzinfo=UTC).astimezone(_DUTCH).replace(tzinfo=None)
            days[(local - _GAS_DAY_BEGINS).date()].append(value)
    longest = max(map(len, days.values()), default=0)
    return longest > MOST_ALIKE and all(len(set(day)) == 1 for day in days.values())
