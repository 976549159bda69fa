"""Prices, exchange rates and grid intensity as CSV files with the contracts' column names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tokenworks_sample.clock import DAY, HOUR, day_name, iso
from tokenworks_sample.landing import write_csv
from tokenworks_sample.series import LIST_PRICES, eur_usd, grid
from tokenworks_sample.world import World

PRICE_HEADER = (
    "provider",
    "model",
    "token_class",
    "valid_from",
    "price_per_million_tokens",
    "currency",
)
FX_HEADER = ("rate_date", "base_currency", "quote_currency", "rate")
GRID_HEADER = (
    "zone", "interval_start", "interval_seconds", "carbon_grams_per_kwh", "price_per_kwh", "currency",
)  # fmt: skip
TOKEN_CLASSES = ("input_uncached", "input_cache_read", "output")


def write_series(landing: Path, world: World, days: int) -> None:
    """All three tables."""
    write_csv(landing / "prices/mapped/list_prices.csv", PRICE_HEADER, _prices())
    write_csv(landing / "fx_rates/mapped/eur_usd.csv", FX_HEADER, _rates(days))
    for site in world.sites:
        path = landing / f"grid_intensity/mapped/{site.grid_zone.lower()}.csv"
        rows = _grid(site.grid_zone, site.time_zone, site.currency, days)
        write_csv(path, GRID_HEADER, rows)


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


def _grid(zone: str, time_zone: str, currency: str, days: int) -> Iterator[dict[str, str]]:
    for hour in range(days * 24):
        grams, price = grid(zone, time_zone, hour)
        values = (zone, iso(hour * HOUR), str(HOUR), grams, price, currency)
        yield dict(zip(GRID_HEADER, values, strict=True))
