"""ENTSO-E day-ahead and intraday prices (document A44, XML) into `grid_prices`.

What the publisher gets wrong, and what happens here:

- Curve type A03 leaves out every position whose price repeats the one before: it is filled to the end
  of its period. The filled rows carry the line of the point that they repeat. Type A01, and a series
  that names no type, has a point for every position, so a gap there is unknown and stays a gap.
- The resolution changes within a document (PT60M to PT15M on 2025-10-01): each period has its own.
  A summer-time day has 23 or 25 hours, which positions count through, because times are UTC.
- Prices are per MWh and may be negative; they become a price per kWh without rounding.
- Zones are energy identification codes: the common ones become bidding zones (`DE-LU`), others stay.
- A second auction of a day (sequence 2 and up) stands beside the first: skipped, counted.
- "No data" comes as an acknowledgement document: an error that says so.

One record is one point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import polars as pl

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.exact import decimal_of, per_kwh, stored
from tokenworks_sources.connectors.grid_prices.entsoe_reader import (
    ACKNOWLEDGEMENT,
    MOST_POINTS,
    DocumentReader,
    Period,
    Point,
    Series,
)
from tokenworks_sources.connectors.grid_prices.rows import PriceRow, frame_of, utc_of
from tokenworks_sources.connectors.grid_prices.zones import zone_of
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

_ROOT = re.compile(r"<(?:[\w.-]+:)?(Publication|Acknowledgement)_MarketDocument[\s>]")
_TYPE = re.compile(r"<(?:[\w.-]+:)?type>\s*A44\s*</")
_RESOLUTIONS = {"PT1M": 60, "PT5M": 300, "PT15M": 900, "PT30M": 1800, "PT60M": 3600, "P1D": 86_400}
_MARKETS = {"A01": "day_ahead", "A07": "intraday"}
_SEQUENCE = "classificationSequence_AttributeInstanceComponent.position"
_POSITION = re.compile(r"[0-9]{1,9}")
REPEATS = "A03"


class Entsoe:
    """Connector of ENTSO-E price documents."""

    name = "entsoe"
    table = "grid_prices"
    tables = ("grid_prices",)
    version = "1"
    summary = "ENTSO-E price document (A44 XML): day-ahead prices, left-out positions filled"

    def recognise(self, preview: Preview) -> str | None:
        """The root of a price document, or of the answer that there is none."""
        text = preview.text
        found = _ROOT.search(text) if text and text.lstrip().startswith("<") else None
        if text is None or found is None:
            return None
        if found[1] == "Acknowledgement":
            return "XML Acknowledgement_MarketDocument"
        is_price = _TYPE.search(text) or "price.amount" in text
        return "XML Publication_MarketDocument with prices" if is_price else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`."""
        reader = DocumentReader(file.path, lambda series: _hand_over(series, sink))
        with open_decompressed(file.path) as stream:
            reader.read(stream)
        if reader.root == ACKNOWLEDGEMENT:
            raise LandingFileError(
                file.path,
                "the API answered with an acknowledgement: it has no prices for the request.",
                "Check zone and dates of the request; remove this file.",
            )
        if not reader.points:
            raise LandingFileError(
                file.path, "the document has no points.", "Download it again, whole."
            )
        sink.expect(reader.points)


def _hand_over(series: Series, sink: Sink) -> None:
    points = sum(len(period.points) for period in series.periods)
    sequence = series.facts.get(_SEQUENCE, "1")
    if sequence != "1":
        sink.skip("another auction of the same day (sequence 2 or later)", points)
        return
    for period in series.periods:
        fault = _fault_of(series) or _fault_in(period)
        if fault:
            for point in period.points:
                sink.reject(point.number, fault, _raw(point))
        else:
            _write(series, period, sink)


def _fault_of(series: Series) -> str | None:
    """What makes every price of a series useless, or None."""
    facts = series.facts
    if not facts.get("in_Domain.mRID"):
        return "in_Domain.mRID: missing"
    if not re.fullmatch(r"[A-Z]{3}", facts.get("currency_Unit.name", "")):
        return "currency_Unit.name: not an ISO 4217 code"
    if facts.get("price_Measure_Unit.name", "MWH") != "MWH":
        return "price_Measure_Unit.name: not MWH"
    if facts.get("contract_MarketAgreement.type", "A01") not in _MARKETS:
        return "contract_MarketAgreement.type: neither day-ahead nor intraday"
    return None


def _fault_in(period: Period) -> str | None:
    start, seconds = utc_of(period.start), _RESOLUTIONS.get(period.resolution or "")
    if start is None:
        return "timeInterval: no start in UTC"
    if seconds is None:
        return "resolution: not one of " + ", ".join(_RESOLUTIONS)
    end = utc_of(period.end)
    if end is None:
        return "timeInterval: no end in UTC"
    if not timedelta(0) < end - start <= timedelta(seconds=seconds) * MOST_POINTS:
        return "timeInterval: ends before it starts, or spans too much"
    return None


def _write(series: Series, period: Period, sink: Sink) -> None:
    start, end = utc_of(period.start), utc_of(period.end)
    assert start is not None
    assert end is not None
    seconds = _RESOLUTIONS[period.resolution or ""]
    last = int((end - start) / timedelta(seconds=seconds))
    prices = _priced(period, last, sink)
    repeats = series.facts.get("curveType") == REPEATS
    rows = []
    for position, (number, price) in _filled(prices, last) if repeats else _given(prices):
        begin = start + timedelta(seconds=seconds * (position - 1))
        rows.append(PriceRow(number, begin, seconds, price, int(position in prices)))
    if rows:
        sink.write("grid_prices", _frame(series, rows))


Priced = tuple[int, Decimal]


def _priced(period: Period, last: int, sink: Sink) -> dict[int, Priced | None]:
    """Number and price of each point by position; None where the price is unreadable."""
    found: dict[int, Priced | None] = {}
    for point in period.points:
        text = point.position or ""
        position = int(text) if _POSITION.fullmatch(text) else 0
        price = decimal_of(point.price)
        if not 1 <= position <= last:
            sink.reject(point.number, "position: not within its period", _raw(point))
        elif position in found:
            sink.reject(point.number, "position: given twice", _raw(point))
        elif price is None:
            found[position] = None
            sink.reject(point.number, "price.amount: not a number", _raw(point))
        else:
            found[position] = (point.number, stored(per_kwh(price)))
    return found


def _given(prices: dict[int, Priced | None]) -> Iterator[tuple[int, Priced]]:
    for position, priced in sorted(prices.items()):
        if priced:
            yield position, priced


def _filled(prices: dict[int, Priced | None], last: int) -> Iterator[tuple[int, Priced]]:
    """Every position with the last price before it; none after one that is unreadable."""
    known: Priced | None = None
    for position in range(1, last + 1):
        known = prices.get(position, known)
        if known:
            yield position, known


def _frame(series: Series, rows: list[PriceRow]) -> pl.DataFrame:
    facts = series.facts
    return frame_of(
        rows,
        zone=zone_of(facts["in_Domain.mRID"]),
        market=_MARKETS[facts.get("contract_MarketAgreement.type", "A01")],
        price_basis="market",
        currency=facts["currency_Unit.name"],
    )


def _raw(point: Point) -> str:
    return f"position={point.position}, price.amount={point.price}"


CONNECTOR = Entsoe()
