"""EnergyZero answers (Dutch day-ahead prices, GraphQL and REST JSON) into `grid_prices`.

What the publisher gets wrong, and what happens here:

- Three shapes. GraphQL has floats, `energyPriceExcl` and `energyPriceIncl`, and add-ons per interval;
  REST has decimals as text in four lists. Both become up to four rows per interval: `market`,
  `with_vat`, `all_in` (with energy tax and purchasing cost) and `all_in_with_vat`. Digits are exact. The
  first REST API answers one price an hour, and does not say whether it holds value-added tax: a sidecar
  has to (`energyzero_prices.py`).
- Neither names zone, currency or unit: EnergyZero sells in the Netherlands, in EUR per kWh.
- The GraphQL answer mixes gas in where it is asked for: skipped. The REST answer does not say what it
  is: a file whose name says gas is refused, and one of the first API whose prices change once a day.
- An empty answer, and one that is an error, are errors here: a day without prices must show.

One record is one price of one basis.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.exact import decimal_of, stored
from tokenworks_sources.connectors.grid_prices import energyzero_prices
from tokenworks_sources.connectors.grid_prices.rows import PriceRow, frame_of, utc_of
from tokenworks_sources.connectors.json.document import read_document
from tokenworks_sources.errors import LandingFileError

ZONE, CURRENCY = "NL", "EUR"
# Names of the lists of a REST answer, and the basis of their prices.
REST_LISTS = {
    "base": "market",
    "base_with_vat": "with_vat",
    "all_in": "all_in",
    "all_in_with_vat": "all_in_with_vat",
}

# Basis, start, end and price of one record, still unjudged.
Quoted = tuple[str, object, object, Decimal | None]


class EnergyZero:
    """Connector of EnergyZero's APIs."""

    name = "energyzero"
    table = "grid_prices"
    tables = ("grid_prices",)
    version = "2"
    summary = "EnergyZero JSON (GraphQL and REST): Dutch day-ahead prices by hour"

    def recognise(self, preview: Preview) -> str | None:
        """JSON with the keys of one of the shapes, its empty or its error answer."""
        text = (preview.text or "").strip()
        if not text.startswith("{"):
            return None
        if '"energyMarketPrices"' in text:
            return "JSON key data.energyMarketPrices"
        if '"base_with_vat"' in text or all(
            f'"{key}"' in text for key in ("interval", "range", "base")
        ):
            return "JSON keys interval, range, base"
        if all(f'"{key}"' in text for key in ("Prices", "readingDate")):
            return "JSON keys Prices, readingDate"
        if "".join(text.split()) == '{"data":[]}':
            return "JSON data without energyMarketPrices"
        return "JSON error of DailyEnergyPrices" if "EnergyPricesRequest." in text else None

    def version_of(self, file: LandingFile) -> str:
        """See `registry.Versioned`."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        quotes = _quotes(file, read_document(file.path, "an EnergyZero answer"))
        rows: dict[str, list[PriceRow]] = {}
        number = 0
        for number, quote in enumerate(quotes, 1):
            if quote is None:
                sink.skip("gas, not electricity", 1)
                continue
            basis, start, end, price = quote
            begin, until = utc_of(start), utc_of(end)
            if begin is None or until is None:
                sink.reject(number, "interval: no start and end in UTC", "")
            elif price is None:
                sink.reject(number, "price: not a number", "")
            else:
                seconds = int((until - begin) / timedelta(seconds=1))
                rows.setdefault(basis, []).append(PriceRow(number, begin, seconds, stored(price)))
        if not number:
            raise LandingFileError(
                file.path, "the answer holds no prices.", "Ask for days that are published."
            )
        sink.expect(number)
        for basis, priced in rows.items():
            frame = frame_of(
                priced, zone=ZONE, market="day_ahead", price_basis=basis, currency=CURRENCY
            )
            sink.write("grid_prices", frame)


def _quotes(file: LandingFile, document: object) -> Iterator[Quoted | None]:
    """Every record of the answer; None for one of gas."""
    if isinstance(document, Mapping):
        is_first = energyzero_prices.is_answer(document)
        if is_first or any(isinstance(document.get(name), list) for name in REST_LISTS):
            if "gas" in file.name.lower():
                raise LandingFileError(
                    file.path,
                    "its name says gas, and the answer does not say otherwise.",
                    "Rename it if it holds electricity.",
                )
            return _first(file, document) if is_first else _rest(document)
        data = document.get("data")
        market = data.get("energyMarketPrices") if isinstance(data, Mapping) else None
        prices = market.get("prices") if isinstance(market, Mapping) else None
        if isinstance(prices, list):
            return _graphql(prices)
        if "data" in document and not document.get("errors"):
            return iter(())
    raise LandingFileError(
        file.path,
        "the API answered with an error instead of prices.",
        "Look at its message, correct the request and download again.",
    )


def _first(file: LandingFile, document: Mapping[str, object]) -> Iterator[Quoted | None]:
    for basis, start, end, price in energyzero_prices.quoted(file, document):
        yield basis, start, end, _decimal(price)


def _rest(document: Mapping[str, object]) -> Iterator[Quoted | None]:
    for name, basis in REST_LISTS.items():
        quotes = document.get(name)
        for quote in quotes if isinstance(quotes, list) else ():
            given = quote if isinstance(quote, Mapping) else {}
            price = given.get("price")
            value = price.get("value") if isinstance(price, Mapping) else None
            yield basis, given.get("start"), given.get("end"), _decimal(value)


def _graphql(prices: list[object]) -> Iterator[Quoted | None]:
    for price in prices:
        given = price if isinstance(price, Mapping) else {}
        if given.get("type", "Electricity") != "Electricity":
            yield None
            continue
        costs = given.get("additionalCosts")
        for suffix, basis, with_costs in (
            ("Excl", "market", "all_in"),
            ("Incl", "with_vat", "all_in_with_vat"),
        ):
            market = _decimal(given.get(f"energyPrice{suffix}"))
            yield basis, given.get("from"), given.get("till"), market
            if isinstance(costs, list) and costs:
                total = _sum(market, [_cost(cost, suffix) for cost in costs])
                yield with_costs, given.get("from"), given.get("till"), total


def _cost(cost: object, suffix: str) -> Decimal | None:
    return _decimal(cost.get(f"price{suffix}")) if isinstance(cost, Mapping) else None


def _sum(market: Decimal | None, costs: list[Decimal | None]) -> Decimal | None:
    """The total; None where any part is unknown."""
    total = market
    for cost in costs:
        total = None if total is None or cost is None else total + cost
    return total


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    return decimal_of(str(value))


CONNECTOR = EnergyZero()
