"""Langfuse's default model prices (`default-model-prices.json`) into `prices`.

What the list means, and what happens here:

- Dollars per token as JSON floats: read as decimals. Usage buckets exclude each other, as the lake's
  token classes do.
- One class under many names (`input_cached_tokens`, `input_cache_read`, `cache_read_input_tokens`): they
  are one price; where they disagree the class is a reject.
- A pricing tier has conditions: a sum of input buckets above a number is the size of the prompt, a
  service tier is a service tier. A tier with another condition is skipped with its prices.
- A price has held since `updatedAt` at the latest; what it was before is not in the file. `valid_from`
  of `about.yaml` beside it says otherwise.
- No provider: the list is Langfuse's. `matchPattern` is a pattern and no name, so a model stands under
  `modelName` alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.json.records import first_record, records_of
from tokenworks_sources.connectors.prices.price_rows import (
    NO_PRICE,
    OTHER_UNIT,
    STANDARD,
    Listed,
    PriceRows,
)

PROVIDER = "langfuse"
CLASSES = {
    "input": "input_uncached",
    "input_cached_tokens": "input_cache_read",
    "input_cache_read": "input_cache_read",
    "cache_read_input_tokens": "input_cache_read",
    "input_cache_creation": "input_cache_write_5m",
    "input_cache_creation_5m": "input_cache_write_5m",
    "cache_creation_input_tokens": "input_cache_write_5m",
    "cache_write_tokens": "input_cache_write_5m",
    "input_cache_creation_1h": "input_cache_write_1h",
    "input_audio": "input_audio",
    "input_audio_tokens": "input_audio",
    "input_cached_audio_tokens": "input_audio_cache_read",
    "output": "output",
    "output_reasoning": "output_reasoning",
    "output_reasoning_tokens": "output_reasoning",
    "reasoning_tokens": "output_reasoning",
    "output_audio": "output_audio",
    "output_audio_tokens": "output_audio",
}
SERVICE_TIERS = ("priority", "flex", "batch")
OTHER_NAME = "another name of a class that is priced"
_INPUT_SUM = re.compile(r"\^?\(?\^?(?:input|prompt)")


class LangfusePrices:
    """Connector of Langfuse's default model prices."""

    name = "langfuse_prices"
    table = "prices"
    tables = ("prices",)
    version = "2"
    summary = "Langfuse default model prices (default-model-prices.json)"

    def recognise(self, preview: Preview) -> str | None:
        """Models with a match pattern and prices."""
        record = first_record(preview) or {}
        telling = "matchPattern" in record and ("pricingTiers" in record or "prices" in record)
        return "models with matchPattern and prices" if telling else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of `about.yaml`, which may say since when the prices hold."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one price, the line that of the model."""
        said = about.beside(file.path)
        rows = PriceRows(sink, self.name, said.currency or "USD")
        for line, model in records_of(file.path):
            if isinstance(model, str):
                sink.reject(line, model, "")
                continue
            _read_model(rows, line, model, said.valid_from)
        rows.close()


def _read_model(
    rows: PriceRows, line: int, model: Mapping[str, object], valid_from: datetime | None
) -> None:
    name = model.get("modelName")
    since = valid_from or _updated(model.get("updatedAt"))
    if not isinstance(name, str) or since is None:
        missing = "updatedAt" if isinstance(name, str) else "modelName"
        rows.reject(line, missing, "missing")
        return
    tiers = list(_tiers(model))
    if not any(prices for _, prices in tiers):
        rows.skip(NO_PRICE)
    for condition, prices in tiers:
        if condition is None:
            rows.skip(
                "a tier with another condition than size of prompt or service tier", len(prices)
            )
            continue
        _read_prices(rows, line, name, since, condition, prices)


def _read_prices(
    rows: PriceRows,
    line: int,
    name: str,
    since: datetime,
    condition: tuple[int, str],
    prices: Mapping[str, object],
) -> None:
    values: dict[str, tuple[str, object]] = {}
    for key, value in prices.items():
        token_class = CLASSES.get(key)
        if token_class is None:
            rows.skip(OTHER_UNIT)
        elif token_class not in values:
            values[token_class] = (key, value)
        elif values[token_class][1] == value:
            rows.skip(OTHER_NAME)
        else:
            rows.reject(line, key, "another price than its other name")
    above, tier = condition
    for token_class, (key, value) in values.items():
        rows.add(line, PROVIDER, [name], since, Listed(key, token_class, value, 1, above, tier))


def _tiers(
    model: Mapping[str, object],
) -> Iterator[tuple[tuple[int, str] | None, Mapping[str, object]]]:
    """Condition (input tokens above, service tier) and prices of each tier; None where unknown."""
    own = model.get("prices")
    if isinstance(own, dict):
        yield (0, STANDARD), own
    given = model.get("pricingTiers")
    for tier in given if isinstance(given, list) else ():
        if isinstance(tier, dict) and isinstance(tier.get("prices"), dict):
            yield _condition(tier.get("conditions")), tier["prices"]


def _condition(conditions: object) -> tuple[int, str] | None:
    above, service_tier = 0, STANDARD
    for condition in conditions if isinstance(conditions, list) else ():
        if not isinstance(condition, dict):
            return None
        value, values = condition.get("value"), condition.get("values")
        if (
            condition.get("operator") == "gt"
            and isinstance(value, int)
            and 0 < value < 1 << 62
            and _INPUT_SUM.match(str(condition.get("usageDetailPattern")))
        ):
            above = value
        elif condition.get("key") == "service_tier" and isinstance(values, list):
            known = [tier for tier in SERVICE_TIERS if tier in values]
            if len(known) != 1:
                return None
            service_tier = known[0]
        else:
            return None
    return above, service_tier


def _updated(text: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


CONNECTOR = LangfusePrices()
