"""Prices, exchange rates, grid intensity and grid prices as CSV files with the contracts' column names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokenworks_sample.clock import DAY, HOUR, day_name, iso
from tokenworks_sample.landing import write_csv
from tokenworks_sample.series import LIST_PRICES, eur_usd, grid
from tokenworks_sample.world import Site, World

PRICE_HEADER = (
    "provider",
    "model",
    "token_class",
    "valid_from",
    "price_per_million_tokens",
    "currency",
)
FX_HEADER = ("rate_date", "base_currency", "quote_currency", "rate")
CARBON_HEADER = ("zone", "method", "interval_start", "interval_seconds", "carbon_grams_per_kwh")
POWER_PRICE_HEADER = (
    "zone", "market", "price_basis", "interval_start", "interval_seconds", "price_per_kwh", "currency",
)  # fmt: skip
TOKEN_CLASSES = ("input_uncached", "input_cache_read", "output")


def write_series(landing: Path, world: World, days: int) -> None:
    """All four tables."""
    write_csv(landing / "prices/mapped/list_prices.csv", PRICE_HEADER, _prices())
    write_csv(landing / "fx_rates/mapped/eur_usd.csv", FX_HEADER, _rates(days))
    for site in world.sites:
        name = f"mapped/{site.grid_zone.lower()}.csv"
        write_csv(landing / "grid_intensity" / name, CARBON_HEADER, _carbon(site, days))
        write_csv(landing / "grid_prices" / name, POWER_PRICE_HEADER, _power_prices(site, days))


def _prices() -> Iterator[dict[str, str]]:
    for model, changes in LIST_PRICES.items():
        for day, *prices in changes:
            for token_class, price in zip(TOKEN_CLASSES, prices, strict=True):
                values = ("market", model, token_class, iso(day * DAY), price, "USD")
                yield dict(zip(PRICE_HEADER, values, strict=True))


def _rates(days: int) -> Iterator[dict[str, str]]:
    for day in range(days):
        values = (day_name(day), "EUR", "USD", str(eur_usd(day)))
        yield dict(zip(FX_HEADER, values, strict=True))


def _carbon(site: Site, days: int) -> Iterator[dict[str, str]]:
    for hour in range(days * 24):
        grams, _ = grid(site.grid_zone, site.time_zone, hour)
        values = (site.grid_zone, "average", iso(hour * HOUR), str(HOUR), grams)
        yield dict(zip(CARBON_HEADER, values, strict=True))


def _power_prices(site: Site, days: int) -> Iterator[dict[str, str]]:
    for hour in range(days * 24):
        _, price = grid(site.grid_zone, site.time_zone, hour)
        start = (iso(hour * HOUR), str(HOUR))
        values = (site.grid_zone, "day_ahead", "market", *start, price, site.currency)
        yield dict(zip(POWER_PRICE_HEADER, values, strict=True))
