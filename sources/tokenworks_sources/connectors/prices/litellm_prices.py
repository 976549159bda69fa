"""LiteLLM's price map (`model_prices_and_context_window.json`) into `prices`.

What the map means, and what happens here:

- Dollars per token as JSON floats in E notation (`5e-08`): read as decimals, never as floats.
- The map has no dates, so `about.yaml` beside it must say `valid_from`; without it the file is refused.
- One key packs class, life of a cache entry, size of prompt and service tier:
  `cache_creation_input_token_cost_above_1hr_above_200k_tokens_priority`. With more input tokens than the
  threshold all tokens of the request cost that price, as LiteLLM itself does it. `tiered_pricing` of
  Alibaba's models likewise: its ranges are of the prompt.
- `cache_creation_…` without a life is the write for five minutes; twelve hours have no class.
- A price that an answer of the proxy does not know is null, not left out: skipped.
- `sample_spec` describes the format and is no model. Prices per image, second, page, query or character,
  and of image or video tokens, are no class of tokens that a log counts.
- A model is looked up with and without the provider in front (`dashscope/qwen-flash`), so it stands
  under both, unless the shorter name is an entry of the same provider.
- `deprecation_date` ends no price: requests of a deprecated model still cost it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

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

PROVIDER = "litellm_provider"
SAMPLE = "sample_spec"
NO_VALUE = "a price of null"
CLASSES = {
    "input_cost_per_token": "input_uncached",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "output_reasoning",
    "cache_read_input_token_cost": "input_cache_read",
    "cache_creation_input_token_cost": "input_cache_write_5m",
    "input_cost_per_audio_token": "input_audio",
    "cache_read_input_audio_token_cost": "input_audio_cache_read",
    "output_cost_per_audio_token": "output_audio",
}
# The older name of DeepSeek's entries, which have both.
OLDER = {"input_cost_per_token_cache_hit": "cache_read_input_token_cost"}
LIVES = {"5m": "input_cache_write_5m", "1hr": "input_cache_write_1h"}
TIERS = {
    "batches": "batch",
    "priority": "priority",
    "flex": "flex",
    "balanced": "balanced",
    "ultrafast": "ultrafast",
}
_KEY = re.compile(
    rf"(?P<base>{'|'.join(CLASSES)})(?:_above_(?P<life>\d+(?:hr|m)))?"
    rf"(?:_above_(?P<thousands>\d{{1,6}})k_tokens)?(?:_(?P<tier>{'|'.join(TIERS)}))?"
)


class LitellmPrices:
    """Connector of LiteLLM's price map."""

    name = "litellm_prices"
    table = "prices"
    tables = ("prices",)
    version = "3"
    summary = "LiteLLM price map (model_prices_and_context_window.json); about.yaml says valid_from"

    def recognise(self, preview: Preview) -> str | None:
        """Entries that name a provider and a cost."""
        entries = [
            value for value in (first_record(preview) or {}).values() if isinstance(value, dict)
        ]
        telling = [
            entry for entry in entries if PROVIDER in entry and any("cost" in key for key in entry)
        ]
        return "models with litellm_provider and costs" if telling else None

    def version_of(self, file: LandingFile) -> str:
        """Version with the digest of `about.yaml`, which says since when the prices hold."""
        return about.version_with(self.version, file.path)

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one price, the line that of the entry."""
        since = _since(file)
        rows = PriceRows(sink, self.name, about.beside(file.path).currency or "USD")
        for line, entries in records_of(file.path):
            if isinstance(entries, str):
                sink.reject(line, entries, "")
                continue
            for number, (model, entry) in enumerate(entries.items(), start=1):
                _read_entry(rows, number, model, entry, since, entries)
        rows.close()


def _since(file: LandingFile) -> datetime:
    since = about.beside(file.path).valid_from
    if since is None:
        why = "the price map does not say since when its prices hold"
        raise about.missing(file.path, why, "valid_from: YYYY-MM-DD", about.DAY_OF_LIST)
    return since


def _read_entry(
    rows: PriceRows,
    line: int,
    model: str,
    entry: object,
    since: datetime,
    entries: Mapping[str, object],
) -> None:
    if model == SAMPLE:
        rows.skip("the description of the format")
        return
    provider = entry.get(PROVIDER) if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(provider, str):
        rows.reject(line, PROVIDER, "missing")
        return
    models = _names(model, provider, entries)
    found = False
    for key, value in entry.items():
        if "cost" not in key and key != "tiered_pricing":
            continue
        found = True
        if value is None:
            rows.skip(NO_VALUE)
            continue
        if key in OLDER and OLDER[key] in entry:
            rows.skip("an older name of a price that stands beside it")
            continue
        prices = list(_listed(OLDER.get(str(key), str(key)), value))
        for price in prices:
            rows.add(line, provider, models, since, price)
        if not prices:
            rows.skip(OTHER_UNIT)
    if not found:
        rows.skip(NO_PRICE)


def _names(model: str, provider: str, entries: Mapping[str, object]) -> list[str]:
    short = model.removeprefix(f"{provider}/")
    other = entries.get(short)
    taken = isinstance(other, dict) and other.get(PROVIDER) == provider
    return [model] if short == model or taken else [model, short]


def _listed(key: str, value: object) -> Iterator[Listed]:
    """The prices that a key holds; none where it is not of tokens."""
    if key == "tiered_pricing":
        yield from _by_range(value)
        return
    match = _KEY.fullmatch(key)
    if match is None:
        return
    token_class = CLASSES[match["base"]]
    if match["life"]:
        if match["base"] != "cache_creation_input_token_cost" or match["life"] not in LIVES:
            return
        token_class = LIVES[match["life"]]
    above = int(match["thousands"] or 0) * 1000
    yield Listed(key, token_class, value, 1, above, TIERS.get(match["tier"] or "", STANDARD))


def _by_range(ranges: object) -> Iterator[Listed]:
    for part in ranges if isinstance(ranges, list) else ():
        limits = part.get("range") if isinstance(part, dict) else None
        if not isinstance(limits, list) or not limits:
            return  # by something else than the size of the prompt
        try:
            above = int(limits[0])
        except (TypeError, ValueError, OverflowError):
            return
        for key, value in part.items():
            if key in CLASSES and 0 <= above < 1 << 62:
                yield Listed(f"tiered_pricing.{key}", CLASSES[key], value, 1, above)


CONNECTOR = LitellmPrices()
