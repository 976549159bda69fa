"""The price list that the installed `genai-prices` brings along, as a file that its connector reads.

Belongs here: the list as `data.json` has it, and under which names it prices the requests of the lake.
Nothing is fetched: the library could update itself over the network, and is never asked to.

The list finds a model by patterns (`starts_with`, `contains`, `regex`), the lake by its name. So each
provider and model that requests name is looked up as the library does it, and the name is added to what
the list spells out:

- The provider that a request names decides (`providers.py`); who names none has no vendor's price. The
  model does not tell: `openai/gpt-oss-120b` and `google/gemma-3-27b-it` are run by anyone.
- A request finds a price under its own provider's name first, so where that is not the list's (`gcp.gemini`
  for `google`), the models it asked for stand under that name as well.
- A cloud that resells (Claude on Vertex, GPT on Azure) has the maker's price where it has none of its own,
  as the library has it.
- Names are looked up as they are, then without what only says where the model lies: a resource path
  (`projects/…/models/gemini-2.5-flash`, `arn:…/us.anthropic.claude-…`) or LiteLLM's prefix.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from tokenworks_sources import landing
from tokenworks_sources.connectors.prices.genai_prices import CONNECTOR, names_of
from tokenworks_sources.engine import connected
from tokenworks_sources.lake.paths import partition_files, staging_folder
from tokenworks_sources.providers import vendor_of
from tokenworks_sources.settings import Settings

if TYPE_CHECKING:
    from genai_prices.types import (
        ConditionalPrice,
        MatchLogic,
        ModelInfo,
        ModelPrice,
        PriceVariant,
        Provider,
    )

Json = dict[str, object]


@dataclass(frozen=True, order=True)
class Named:
    """A model as requests name it; the provider is empty where they name none."""

    provider: str
    model: str


@dataclass(frozen=True)
class PriceList:
    """The list as a file, and what became of the names that requests use.

    Attributes:
        content: the file.
        version: of the library.
        found: names of models that it has.
        unknown: names whose vendor or model it has not.
        without_vendor: names of engines, gateways and requests that name no vendor.
    """

    content: bytes
    version: str
    found: tuple[Named, ...]
    unknown: tuple[Named, ...]
    without_vendor: tuple[Named, ...]

    @property
    def file_name(self) -> str:
        """Name of the file in the landing folder."""
        return f"genai-prices-{self.version}.json"


class _Entry(msgspec.Struct):
    """A vendor as the list's own file has it."""

    id: str
    name: str
    api_pattern: str
    models: list[Json]


@dataclass(frozen=True)
class _Sale:
    """A model that a vendor sells, which may be the model of another one that it resells."""

    vendor: str
    model: ModelInfo


def installed_list(seen: Iterable[Named]) -> PriceList:
    """The list of the installed library, which spells out the names of these models.

    Args:
        seen: models as requests name them, in any order.
    """
    import genai_prices
    from genai_prices.data import providers

    return price_list(providers, genai_prices.__version__, seen)


def price_list(vendors: list[Provider], version: str, seen: Iterable[Named]) -> PriceList:
    """See `installed_list`; the same vendors and names give the same bytes."""
    names = sorted(set(seen))
    sellers = {name: vendor_of(name.provider) for name in names}
    found = {
        name: sale
        for name, vendor in sellers.items()
        if vendor and (sale := _sale(vendors, vendor, name.model))
    }
    return PriceList(
        content=_content(vendors, found),
        version=version,
        found=tuple(found),
        unknown=tuple(name for name in names if sellers[name] and name not in found),
        without_vendor=tuple(name for name in names if not sellers[name]),
    )


def seen_models(settings: Settings) -> list[Named]:
    """Provider and model of all requests in the lake, as served and as asked for."""
    parts = [str(part) for part in partition_files(settings.lake, "requests")]
    if not parts:
        return []
    query = """
        select distinct coalesce(provider, ''), unnest([model_served, model_requested]) as model
        from read_parquet($parts, union_by_name = true)
        order by all
    """
    with connected(staging_folder(settings.lake, "prices") / "spill") as connection:
        rows = connection.execute(query, {"parts": parts}).fetchall()
    return [Named(provider, model) for provider, model in rows if model]


def write_list(settings: Settings, prices: PriceList) -> tuple[Path, bool]:
    """Puts the list into the landing folder; whether that changed anything there."""
    target = settings.landing / CONNECTOR.table / CONNECTOR.name / prices.file_name
    settings.home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.home, prefix=".prices.") as folder:
        made = Path(folder) / prices.file_name
        made.write_bytes(prices.content)
        return target, landing.place(made, target, replace=True)


def _sale(vendors: list[Provider], vendor: str, model: str) -> _Sale | None:
    seller = next((candidate for candidate in vendors if candidate.id == vendor), None)
    if seller is None:
        return None
    for spelling in _spellings(vendor, model):
        found = seller.find_model(spelling, all_providers=vendors)
        if found:
            return _Sale(vendor, found)
    return None


def _spellings(vendor: str, model: str) -> Iterator[str]:
    """The name as it is, then what is left of it without the place where the model lies."""
    yield model
    prefix, slash, rest = model.partition("/")
    if slash and rest and vendor_of(prefix) == vendor:
        yield rest
    if "models/" in model or model.startswith("arn:"):
        yield model.rsplit("/", 1)[-1]


def _content(vendors: list[Provider], found: Mapping[Named, _Sale]) -> bytes:
    by_id = {vendor.id: vendor for vendor in vendors}
    entries = {
        vendor.id: _entry(vendor.id, vendor, [_model(model) for model in vendor.models])
        for vendor in vendors
    }
    for (place, _), (sale, names) in _missing(entries, found).items():
        entry = entries.setdefault(place, _entry(place, by_id[sale.vendor], []))
        # A model of its own, so that none of its other names is priced along with it.
        match = {"or": [{"equals": name} for name in names]}
        entry.models.append(_model(sale.model) | {"id": names[0], "match": match})
    # One vendor a line: a person can compare two lists.
    encoder = msgspec.json.Encoder(decimal_format="number")
    return b"[\n" + b",\n".join(encoder.encode(entry) for entry in entries.values()) + b"\n]\n"


def _missing(
    entries: Mapping[str, _Entry], found: Mapping[Named, _Sale]
) -> dict[tuple[str, int], tuple[_Sale, list[str]]]:
    """Names that the list does not spell out, by where they belong and the model they mean."""
    spelled_out = {
        place: {name for model in entry.models for name in names_of(model)}
        for place, entry in entries.items()
    }
    missing: dict[tuple[str, int], tuple[_Sale, list[str]]] = {}
    for name, sale in found.items():
        if name.model not in spelled_out.get(name.provider, ()):
            _, names = missing.setdefault((name.provider, id(sale.model)), (sale, []))
            names.append(name.model)
    return missing


def _entry(name: str, vendor: Provider, models: list[Json]) -> _Entry:
    return _Entry(name, vendor.name, vendor.api_pattern, models)


def _model(model: ModelInfo) -> Json:
    """A model as the list's own file has it, so far as prices go."""
    written: Json = {"id": model.id, "match": _match(model.match)}
    if isinstance(model.prices, list):
        written["prices"] = [_dated(price) for price in model.prices]
    else:
        written["prices"] = _amounts(model.prices)
    if model.price_variants:
        written["price_variants"] = [
            {"when": variant.when} | _dated(variant) for variant in model.price_variants
        ]
    return written


def _match(clause: MatchLogic) -> Json:
    """`ClauseOr(or_=[…])` as `{"or": […]}`; every clause has one field."""
    (field,) = dataclasses.fields(clause)
    value = getattr(clause, field.name)
    inner = [_match(part) for part in value] if isinstance(value, list) else value
    return {field.name.rstrip("_"): inner}


def _dated(price: ConditionalPrice | PriceVariant) -> Json:
    prices: Json = {"prices": _amounts(price.prices)}
    return {"constraint": price.constraint} | prices if price.constraint else prices


def _amounts(prices: ModelPrice) -> Json:
    return {unit: amount for unit, amount in vars(prices).items() if amount is not None}
