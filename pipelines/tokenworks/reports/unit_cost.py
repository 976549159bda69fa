"""Unit cost of a month: sums divided by sums, never means of daily ratios.

Here belongs the roll-up of `rpt_unit_cost` to a month by any of model, tier and region. How a
request's cost is found belongs to the warehouse.

A day without tokens has no unit cost but may have idle cost. Its dollars still belong to the
month, so a class's fully loaded cost is the segment's fully loaded cost of the whole month, split
by the active cost of the classes; it is never rebuilt from the daily ratios.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from tokenworks.reports.money import Key, allocate, from_units, to_units
from tokenworks.reports.read import TOKEN_CLASSES

TOKENS = {
    "input_uncached": "input_uncached_tokens",
    "input_cache_read": "input_cache_read_tokens",
    "output": "output_total_tokens",
}
COSTS = (
    "cost_marginal_usd",
    "cost_active_usd",
    "cost_idle_usd",
    "cost_overhead_usd",
    "cost_fully_loaded_usd",
    "cost_list_usd",
)
_RATED = ("marginal", "active", "list")
_MILLION = 1_000_000


@dataclass(frozen=True)
class ClassCost:
    """Cost of one token class over the month; None is unknown, not free.

    Attributes:
        token_class: input_uncached, input_cache_read or output.
        tokens: tokens of the class.
        costs: dollars by basis (marginal, active, fully_loaded, list).
        rated_tokens: tokens that the dollars of a basis stand on; fewer than `tokens` where some
            day's rate is unknown.
    """

    token_class: str
    tokens: int | None
    costs: Mapping[str, Decimal | None]
    rated_tokens: Mapping[str, int]

    def usd_per_million(self, basis: str) -> Decimal | None:
        """Dollars per million tokens of this class, None where there is no such ratio."""
        cost, tokens = self.costs[basis], self.rated_tokens[basis]
        return None if cost is None or tokens == 0 else cost * _MILLION / tokens


@dataclass(frozen=True)
class SegmentCost:
    """Month total of one segment, such as (model, tier, region)."""

    key: tuple[str, ...]
    request_count: int | None
    costs: Mapping[str, Decimal | None]
    classes: tuple[ClassCost, ...]

    @property
    def idle_share(self) -> Decimal | None:
        """Idle cost divided by active plus idle cost; overhead is in neither."""
        idle, active = self.costs["cost_idle_usd"], self.costs["cost_active_usd"]
        if idle is None or active is None or active + idle == 0:
            return None
        return idle / (active + idle)

    def of_class(self, token_class: str) -> ClassCost:
        """Cost of one token class."""
        return next(found for found in self.classes if found.token_class == token_class)


def unit_costs(frame: pl.LazyFrame, by: Sequence[str]) -> tuple[SegmentCost, ...]:
    """Month totals of `rpt_unit_cost` by some of model, tier and region, sorted by them."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    ordered = frame.sort("event_date", "model", "tier", "region").collect()
    for row in ordered.iter_rows(named=True):
        groups[tuple(row[name] or "" for name in by)].append(row)
    return tuple(_segment(key, rows) for key, rows in sorted(groups.items()))


def total(segments: Sequence[SegmentCost], cost: str) -> Decimal | None:
    """A cost over several segments; None where none of them knows it."""
    known = [value for segment in segments if (value := segment.costs[cost]) is not None]
    return sum(known, Decimal(0)) if known else None


def _segment(key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> SegmentCost:
    costs = {name: _sum_money(rows, name) for name in COSTS}
    rated = {name: {basis: _rated(rows, name, basis) for basis in _RATED} for name in TOKEN_CLASSES}
    loaded = _split(
        costs["cost_fully_loaded_usd"], {name: rated[name]["active"] for name in TOKEN_CLASSES}
    )
    return SegmentCost(
        key=key,
        request_count=_sum_count(rows, "request_count"),
        costs=costs,
        classes=tuple(
            ClassCost(
                token_class=name,
                tokens=_sum_count(rows, TOKENS[name]),
                costs={
                    **{basis: _known(*rated[name][basis]) for basis in _RATED},
                    "fully_loaded": loaded[name],
                },
                rated_tokens={
                    **{basis: rated[name][basis][1] for basis in _RATED},
                    "fully_loaded": rated[name]["active"][1],
                },
            )
            for name in TOKEN_CLASSES
        ),
    )


def _rated(rows: Sequence[Mapping[str, Any]], token_class: str, basis: str) -> tuple[int, int]:
    """Units of 1e-12 dollars and tokens of the days whose rate and tokens are both known."""
    units = tokens = 0
    for row in rows:
        rate = row[f"usd_per_m_{token_class}_{basis}"]
        count = row[TOKENS[token_class]]
        if rate is not None and count:
            # The shortest text of a double is the decimal that was meant.
            dollars = Decimal(repr(rate)) * count / _MILLION
            units += to_units(round(dollars, 12))
            tokens += count
    return units, tokens


def _known(units: int, tokens: int) -> Decimal | None:
    return from_units(units) if tokens else None


def _split(
    amount: Decimal | None, active: Mapping[str, tuple[int, int]]
) -> dict[str, Decimal | None]:
    """Fully loaded cost by token class, in proportion to active cost.

    A class that is known to cost nothing gets zero; one whose cost is unknown gets None.
    """
    weights: dict[Key, int] = {(name,): units for name, (units, tokens) in active.items() if tokens}
    if amount is None or sum(weights.values()) <= 0:
        return dict.fromkeys(active)
    parts = allocate(to_units(amount), weights)
    return {name: from_units(parts[name,]) if (name,) in parts else None for name in active}


def _sum_money(rows: Sequence[Mapping[str, Any]], name: str) -> Decimal | None:
    known = [to_units(row[name]) for row in rows if row[name] is not None]
    return from_units(sum(known)) if known else None


def _sum_count(rows: Sequence[Mapping[str, Any]], name: str) -> int | None:
    known = [int(row[name]) for row in rows if row[name] is not None]
    return sum(known) if known else None
