"""GPU prices of Oracle's public price list (`/cetools/api/v1/products`) into `gpu_offers`.

What the list means, and what happens here:

- Hundreds of products; only those metered by `GPU Per Hour` are offers of GPUs, for one GPU each. The
  others are skipped.
- The GPU stands in `displayName` among other words (`Compute - GPU - A100 - v2`): those go, the rest is
  the model as Oracle names it. The list knows no region, memory or count.
- The list has no date, so `about.yaml` beside it must say `observed_at`.
- `PAY_AS_YOU_GO` is on demand, other models are a commitment. A price for a range of use is not the
  price of an hour: a reject.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.exact import NOT_AN_AMOUNT, amount_of
from tokenworks_sources.connectors.gpu_offers.seen import observed_at
from tokenworks_sources.connectors.json.records import first_record, records_of
from tokenworks_sources.connectors.rows import Rows

METRIC = "gpu per hour"
NO_GPU = "a product that is not metered by GPU and hour"
PRICES = "currencyCodeLocalizations"
PADDING = frozenset({"oracle cloud infrastructure", "compute", "gpu"})
ON_DEMAND = "PAY_AS_YOU_GO"


class OraclePrices:
    """Connector of Oracle's public price list."""

    name = "oracle_prices"
    table = "gpu_offers"
    tables = ("gpu_offers",)
    version = "1"
    summary = "GPU prices of Oracle's price list (JSON); about.yaml says observed_at"

    def recognise(self, preview: Preview) -> str | None:
        """Items with a part number and prices by currency."""
        items = (first_record(preview) or {}).get("items")
        first = items[0] if isinstance(items, list) and items else None
        telling = isinstance(first, dict) and "partNumber" in first and PRICES in first
        return f"items with partNumber and {PRICES}" if telling else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of `about.yaml`, which says when the prices were seen."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one item, its number the line."""
        seen = observed_at(file)
        rows = Rows(sink, self.table)
        for line, page in records_of(file.path):
            items = page.get("items") if isinstance(page, dict) else None
            if not isinstance(items, list):
                sink.reject(line, page if isinstance(page, str) else "items: missing", "")
                continue
            for number, item in enumerate(items, start=1):
                _read_item(rows, sink, number, item, seen)
        rows.close()


def _read_item(rows: Rows, sink: Sink, line: int, item: object, seen: datetime) -> None:
    if not isinstance(item, dict):
        sink.reject(line, "items: not an object", "")
        return
    if str(item.get("metricName")).strip().lower() != METRIC:
        sink.skip(NO_GPU, 1)
        return
    offers = list(_offers(item, seen))
    fault = next((offer for offer in offers if isinstance(offer, str)), None)
    if fault or not offers:
        sink.reject(line, fault or f"{PRICES}: missing", "")
        return
    for position, offer in enumerate(offers):
        assert isinstance(offer, dict)
        rows.add(line, "", offer, 0 if position else 1)


def _offers(item: dict[str, object], seen: datetime) -> Iterator[dict[str, object] | str]:
    """One offer per currency and way of paying, or why it is none."""
    name = item.get("displayName")
    localized = item.get(PRICES)
    for local in localized if isinstance(localized, list) else ():
        prices = local.get("prices") if isinstance(local, dict) else None
        for price in prices if isinstance(prices, list) else ():
            amount = amount_of(price.get("value")) if isinstance(price, dict) else None
            if amount is None:
                yield f"value: {NOT_AN_AMOUNT}"
                continue
            if price.get("rangeMin"):
                yield "rangeMin: a price for a range of use"
                continue
            yield {
                "provider": "oracle",
                "offer_id": item.get("partNumber"),
                "observed_at": seen,
                "gpu_model": _model(name) if isinstance(name, str) else None,
                "gpu_count": 1,
                "purchase_option": "on_demand" if price.get("model") == ON_DEMAND else "reserved",
                "tier": price.get("model"),
                "price_per_hour": amount,
                "currency": local.get("currencyCode"),
            }


def _model(display_name: str) -> str | None:
    """The words of a product's name that are its own.

    >>> _model("Oracle Cloud Infrastructure - Compute - GPU - H100"), _model("Compute  - GPU - A10")
    ('H100', 'A10')
    """
    words = [" ".join(word.split()) for word in display_name.split(" - ")]
    return " ".join(word for word in words if word.lower() not in PADDING) or None


CONNECTOR = OraclePrices()
