"""Unit cost of a month: sums divided by sums, never means of daily ratios.

Here belongs the roll-up of `rpt_unit_cost` to a month by any of model, tier and region. How a
request's cost is found belongs to the warehouse.

A day without tokens has no unit cost but may have idle cost. Its dollars still belong to the
month, so a class's fully loaded cost is its active cost times the segment's fully loaded dollars
of the whole month per active dollar; it is never rebuilt from the daily ratios.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from tokenworks.reports.money import from_units, to_units
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
    """Month total of one segment, such as (model, tier, region).

    Attributes:
        key: values of the dimensions, empty where unknown.
        request_count: requests, served or not.
        costs: dollars by column of `COSTS`.
        classes: cost by token class.
        idle_of: idle and active units of the days on which both are known.
    """

    key: tuple[str, ...]
    request_count: int | None
    costs: Mapping[str, Decimal | None]
    classes: tuple[ClassCost, ...]
    idle_of: tuple[int, int]

    @property
    def idle_share(self) -> Decimal | None:
        """Idle cost divided by active plus idle cost, over the days on which both are known."""
        idle, active = self.idle_of
        return Decimal(idle) / (idle + active) if idle + active else None

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


def _segment(key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> SegmentCost:
    costs = {name: _sum_money(rows, name) for name in COSTS}
    rated = {name: {basis: _rated(rows, name, basis) for basis in _RATED} for name in TOKEN_CLASSES}
    whole = _paired(rows, "cost_fully_loaded_usd", "cost_active_usd")
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
                    "fully_loaded": _loaded(rated[name]["active"], whole),
                },
                rated_tokens={
                    **{basis: rated[name][basis][1] for basis in _RATED},
                    "fully_loaded": rated[name]["active"][1],
                },
            )
            for name in TOKEN_CLASSES
        ),
        idle_of=_paired(rows, "cost_idle_usd", "cost_active_usd"),
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


def _loaded(active: tuple[int, int], whole: tuple[int, int]) -> Decimal | None:
    """A class's active cost, carried up by what the whole segment costs per active dollar."""
    units, tokens = active
    loaded_units, active_units = whole
    if not tokens or active_units <= 0:
        return None
    return from_units((2 * units * loaded_units + active_units) // (2 * active_units))


def _paired(rows: Sequence[Mapping[str, Any]], first: str, second: str) -> tuple[int, int]:
    """Units of two costs over the days on which both are known."""
    known = [row for row in rows if row[first] is not None and row[second] is not None]
    return sum(to_units(row[first]) for row in known), sum(to_units(row[second]) for row in known)


def _sum_money(rows: Sequence[Mapping[str, Any]], name: str) -> Decimal | None:
    known = [to_units(row[name]) for row in rows if row[name] is not None]
    return from_units(sum(known)) if known else None


def _sum_count(rows: Sequence[Mapping[str, Any]], name: str) -> int | None:
    known = [int(row[name]) for row in rows if row[name] is not None]
    return sum(known) if known else None
