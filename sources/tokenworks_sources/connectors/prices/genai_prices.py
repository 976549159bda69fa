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
- `cache_write_mtok` is the write for five minutes; the list has no price for an hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json_records import first_record, records_of
from tokenworks_sources.connectors.prices.price_rows import (
    MILLION,
    NO_PRICE,
    OTHER_UNIT,
    Listed,
    PriceRows,
)

CLASSES = {
    "input_mtok": "input_uncached",
    "cache_read_mtok": "input_cache_read",
    "cache_write_mtok": "input_cache_write_5m",
    "output_mtok": "output",
    "input_audio_mtok": "input_audio",
    "cache_audio_read_mtok": "input_audio_cache_read",
    "output_audio_mtok": "output_audio",
}
ALWAYS = datetime(2000, 1, 1)
BY_TIME_OF_DAY = "priced by time of day"
# A match that nests deeper than this is none that a person wrote.
DEPTH = 20


class GenaiPrices:
    """Connector of the data file of genai-prices."""

    name = "genai_prices"
    table = "prices"
    tables = ("prices",)
    version = "1"
    summary = "price list of genai-prices (data.json)"

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
        rows = PriceRows(sink, "USD")
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


def _read_model(rows: PriceRows, line: int, provider: str, model: object) -> None:
    if not isinstance(model, dict) or not isinstance(model.get("id"), str):
        rows.reject(line, "models.id", "missing")
        return
    names = list(dict.fromkeys([str(model["id"]), *_equals(model.get("match"))]))
    periods = list(_periods(model.get("prices")))
    listed = sum(len(prices) for _, prices in periods)
    if not listed:
        rows.skip(NO_PRICE)
        return
    if any(start is None for start, _ in periods):
        rows.skip(BY_TIME_OF_DAY, listed)
        return
    for start, prices in periods:
        assert start is not None
        for field, value in prices.items():
            _read_price(rows, line, (provider, names, start), field, value)


def _read_price(
    rows: PriceRows,
    line: int,
    model: tuple[str, list[str], datetime],
    field: str,
    value: object,
) -> None:
    token_class = CLASSES.get(field)
    if token_class is None:
        rows.skip(OTHER_UNIT)
        return
    provider, names, start = model
    if not isinstance(value, dict):
        rows.add(line, provider, names, start, Listed(field, token_class, value, MILLION))
        return
    tiers = value.get("tiers")
    if not isinstance(tiers, list) or "base" not in value:
        rows.reject(line, field, "not a price by size of prompt")
        return
    rows.add(line, provider, names, start, Listed(field, token_class, value["base"], MILLION))
    for tier in tiers:
        above = tier.get("start") if isinstance(tier, dict) else None
        if not isinstance(above, int) or isinstance(above, bool) or not 0 < above < 1 << 62:
            rows.reject(line, field, "not a price by size of prompt")
            continue
        rows.add(
            line,
            provider,
            names,
            start,
            Listed(field, token_class, tier.get("price"), MILLION, above),
        )


def _periods(prices: object) -> Iterator[tuple[datetime | None, Mapping[str, object]]]:
    """Since when which prices hold; None where that depends on more than a date."""
    if isinstance(prices, dict):
        yield ALWAYS, prices
        return
    for entry in prices if isinstance(prices, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("prices"), dict):
            yield _start(entry.get("constraint")), entry["prices"]


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
