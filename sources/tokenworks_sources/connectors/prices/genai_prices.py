"""The price list of `genai-prices` (`data.json`) into `prices`.

What the list means, and what happens here:

- Dollars per million tokens. `{base, tiers}` is a price by size of prompt: with more input tokens than
  `start`, all tokens of the request cost the tier's price.
- Several prices of a model: one holds from its `start_date` on, and one without a date always held
  before, which is what the library itself assumes; so it is valid from 2000-01-01 on.
- Prices by time of day (`start_time`): one column for the whole day would be wrong for half of it, so
  the model has no list price. Prices per thousand requests are no price of tokens.
- A model stands under its id and every name that `match` spells out with `equals`; patterns
  (`starts_with`, `contains`, `regex`) name no model that a price could stand under.
- `cache_write_mtok` is the write for five minutes, as `cache_write_1h_mtok` is for an hour.
- `price_variants` are prices of requests that ask for another tier, such as batch, flex or priority. What
  is asked for in another way (a faster answer, a route, a kind of search) has no tier, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json.records import first_record, records_of
from tokenworks_sources.connectors.prices.price_rows import (
    MILLION,
    NO_PRICE,
    OTHER_UNIT,
    STANDARD,
    Listed,
    PriceRows,
)

CLASSES = {
    "input_mtok": "input_uncached",
    "cache_read_mtok": "input_cache_read",
    "cache_write_mtok": "input_cache_write_5m",
    "cache_write_1h_mtok": "input_cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "output_reasoning",
    "input_audio_mtok": "input_audio",
    "cache_audio_read_mtok": "input_audio_cache_read",
    "output_audio_mtok": "output_audio",
}
ALWAYS = datetime(2000, 1, 1)
BY_TIME_OF_DAY = "priced by time of day"
OTHER_CONDITION = "priced by another condition than a service tier"
# A match that nests deeper than this is none that a person wrote.
DEPTH = 20


class GenaiPrices:
    """Connector of the data file of genai-prices."""

    name = "genai_prices"
    table = "prices"
    tables = ("prices",)
    version = "3"
    summary = "price list of genai-prices (data.json, or what `tokenworks prices` writes)"

    def recognise(self, preview: Preview) -> str | None:
        """Providers with an API pattern and models with prices."""
        record = first_record(preview) or {}
        models = record.get("models")
        if "api_pattern" not in record or not isinstance(models, list) or not models:
            return None
        first = models[0]
        telling = isinstance(first, dict) and "match" in first
        return "providers with api_pattern and models with match" if telling else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one price, the line that of the provider."""
        rows = PriceRows(sink, self.name, "USD")
        for line, provider in records_of(file.path):
            if isinstance(provider, str):
                sink.reject(line, provider, "")
                continue
            name, models = provider.get("id"), provider.get("models")
            if not isinstance(name, str) or not isinstance(models, list):
                sink.reject(line, "id, models: missing", "")
                continue
            for model in models:
                _read_model(rows, line, name, model)
        rows.close()


def names_of(model: Mapping[str, object]) -> list[str]:
    """Names under which a model of the list has prices: its id, and those that its match spells out."""
    return list(dict.fromkeys([str(model["id"]), *_equals(model.get("match"))]))


def _read_model(rows: PriceRows, line: int, provider: str, model: object) -> None:
    if not isinstance(model, dict) or not isinstance(model.get("id"), str):
        rows.reject(line, "models.id", "missing")
        return
    periods = [*_standard(model.get("prices")), *_variants(model.get("price_variants"))]
    if not any(period.prices for period in periods):
        rows.skip(NO_PRICE)
        return
    by_time = any(period.start is None and period.tier == STANDARD for period in periods)
    for period in periods:
        if period.start is None or (by_time and period.tier == STANDARD):
            rows.skip(BY_TIME_OF_DAY, len(period.prices))
        elif period.tier is None:
            rows.skip(OTHER_CONDITION, len(period.prices))
        else:
            place = _Place(line, provider, names_of(model), period.start, period.tier)
            for field, value in period.prices.items():
                _read_price(rows, place, field, value)


class _Place(NamedTuple):
    """What the prices of a period have in common."""

    line: int
    provider: str
    models: list[str]
    start: datetime
    tier: str


def _read_price(rows: PriceRows, place: _Place, field: str, value: object) -> None:
    token_class = CLASSES.get(field)
    if token_class is None:
        rows.skip(OTHER_UNIT)
        return

    def add(amount: object, above: int = 0) -> None:
        listed = Listed(field, token_class, amount, MILLION, above, place.tier)
        rows.add(place.line, place.provider, place.models, place.start, listed)

    if not isinstance(value, dict):
        add(value)
        return
    tiers = value.get("tiers")
    if not isinstance(tiers, list) or "base" not in value:
        rows.reject(place.line, field, "not a price by size of prompt")
        return
    add(value["base"])
    for tier in tiers:
        above = tier.get("start") if isinstance(tier, dict) else None
        if not isinstance(above, int) or isinstance(above, bool) or not 0 < above < 1 << 62:
            rows.reject(place.line, field, "not a price by size of prompt")
            continue
        add(tier.get("price"), above)


class _Period(NamedTuple):
    """Prices that hold together.

    Attributes:
        start: since when; None where that depends on more than a date.
        tier: the service tier that they are for; None where that depends on something else.
    """

    start: datetime | None
    tier: str | None
    prices: Mapping[str, object]


def _standard(prices: object) -> Iterator[_Period]:
    if isinstance(prices, dict):
        yield _Period(ALWAYS, STANDARD, prices)
        return
    for entry in prices if isinstance(prices, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("prices"), dict):
            yield _Period(_start(entry.get("constraint")), STANDARD, entry["prices"])


def _variants(variants: object) -> Iterator[_Period]:
    for entry in variants if isinstance(variants, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("prices"), dict):
            start = _start(entry.get("constraint"))
            yield _Period(start, _tier(entry.get("when")), entry["prices"])


def _tier(when: object) -> str | None:
    """`{"service_tier": "flex"}` and `{"processing": "batch"}` are tiers; a route or a speed is none."""
    if not isinstance(when, dict) or len(when) != 1:
        return None
    ((asked, value),) = when.items()
    if not isinstance(value, str) or asked not in ("service_tier", "processing"):
        return None
    return STANDARD if value == "default" else value


def _start(constraint: object) -> datetime | None:
    if constraint is None:
        return ALWAYS
    if not isinstance(constraint, dict) or set(constraint) - {"start_date", "type"}:
        return None
    try:
        return datetime.strptime(str(constraint.get("start_date")), "%Y-%m-%d")
    except ValueError:
        return None


def _equals(match: object, depth: int = 0) -> Iterator[str]:
    """Names that a match spells out."""
    if not isinstance(match, dict) or depth > DEPTH:
        return
    if isinstance(match.get("equals"), str):
        yield match["equals"]
    inner = match.get("or")
    for part in inner if isinstance(inner, list) else ():
        yield from _equals(part, depth + 1)


CONNECTOR = GenaiPrices()
