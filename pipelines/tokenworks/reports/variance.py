"""Why cost moved from the last period to this one, in cents that add up.

Here belongs rounding `rpt_variance` for print. Finding the effects is the warehouse's work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from tokenworks.reports.money import Key, from_minor, post, round_to_minor, to_units

EFFECTS = ("volume", "mix", "efficiency", "price", "fx", "new", "discontinued")
PARTS: Mapping[str, tuple[str, ...]] = {
    "efficiency": ("cache", "batch", "idle"),
    "price": ("power", "capacity"),
}
NOT_SPLIT = "not_split"
CURRENCY = "USD"
# What stands for the period before the first of a calendar.
FIRST = "(no period before)"


@dataclass(frozen=True)
class SegmentChange:
    """What one segment adds to each effect; base plus effects is its cost now."""

    model: str
    tier: str
    region: str
    base: Decimal
    effects: Mapping[str, Decimal]
    tokens_base: int | None
    tokens: int | None
    usd_per_m_base: float | None
    usd_per_m: float | None

    @property
    def cost(self) -> Decimal:
        """Cost of the month."""
        return self.base + sum(self.effects.values(), Decimal(0))


@dataclass(frozen=True)
class Bridge:
    """From the cost of the month before to that of this month.

    Attributes:
        base_period: name of the period before.
        base: its cost.
        effects: what moved it, by name, in the order of `EFFECTS`; base plus effects is the cost.
        parts: of what an effect consists, by effect and part; parts sum to their effect, with
            what no segment could tell as `NOT_SPLIT`.
        segments: the same by segment; they sum to the bridge.
        unknown: segments left out, since an exchange rate is missing.
    """

    base_period: str
    base: Decimal
    effects: Mapping[str, Decimal]
    parts: Mapping[tuple[str, str], Decimal]
    segments: tuple[SegmentChange, ...]
    unknown: tuple[str, ...]

    @property
    def cost(self) -> Decimal:
        """Cost of the month."""
        return self.base + sum(self.effects.values(), Decimal(0))

    @property
    def has_base(self) -> bool:
        """Whether there is a month before to compare with."""
        return self.base != 0


def bridge(frame: pl.LazyFrame) -> Bridge | None:
    """The bridge of a period; None where it has no cost."""
    rows = frame.sort("model", "tier", "region").collect().rows(named=True)
    if not rows:
        return None
    known = [row for row in rows if row["change_usd"] is not None]
    unknown = [_name(row) for row in rows if row["change_usd"] is None]
    base = _units(known, "cost_base_usd")
    exact = {effect: _units(known, f"{effect}_effect_usd") for effect in EFFECTS}
    base_minor = round_to_minor(sum(base.values()), CURRENCY)
    cost_minor = round_to_minor(sum(_units(known, "cost_usd").values()), CURRENCY)
    totals = post(
        {(effect,): sum(exact[effect].values()) for effect in EFFECTS},
        CURRENCY,
        cost_minor - base_minor,
    )
    posted = {
        effect: post(exact[effect], CURRENCY, totals[effect,]) if known else {}
        for effect in EFFECTS
    }
    bases = post(base, CURRENCY, base_minor) if known else {}
    return Bridge(
        base_period=rows[0]["base_period"] or FIRST,
        base=from_minor(base_minor, CURRENCY),
        effects={effect: from_minor(totals[effect,], CURRENCY) for effect in EFFECTS},
        parts={
            key: amount
            for effect in PARTS
            for key, amount in _parts(known, effect, exact[effect], totals[effect,]).items()
        },
        segments=tuple(_segment(row, bases, posted) for row in known),
        unknown=tuple(unknown),
    )


def _parts(
    rows: Sequence[Mapping[str, Any]], effect: str, exact: Mapping[Key, int], total: int
) -> dict[tuple[str, str], Decimal]:
    """Parts of one effect over all segments that know all of theirs."""
    columns = {part: f"{effect}_{part}_usd" for part in PARTS[effect]}
    split = [row for row in rows if all(row[name] is not None for name in columns.values())]
    units: dict[Key, int] = {
        (part,): sum(_units(split, name).values()) for part, name in columns.items()
    }
    units[NOT_SPLIT,] = sum(exact.values()) - sum(units.values())
    posted = post(units, CURRENCY, total)
    return {(effect, part): from_minor(minor, CURRENCY) for (part,), minor in posted.items()}


def _key(row: Mapping[str, Any]) -> Key:
    return row["model"] or "", row["tier"] or "", row["region"] or ""


def _name(row: Mapping[str, Any]) -> str:
    return " · ".join(part for part in _key(row) if part)


def _units(rows: Sequence[Mapping[str, Any]], column: str) -> dict[Key, int]:
    return {_key(row): to_units(row[column]) for row in rows}


def _segment(
    row: Mapping[str, Any], bases: Mapping[Key, int], posted: Mapping[str, Mapping[Key, int]]
) -> SegmentChange:
    key = _key(row)
    return SegmentChange(
        model=key[0],
        tier=key[1],
        region=key[2],
        base=from_minor(bases[key], CURRENCY),
        effects={effect: from_minor(posted[effect][key], CURRENCY) for effect in EFFECTS},
        tokens_base=row["tokens_base"],
        tokens=row["tokens"],
        usd_per_m_base=row["usd_per_m_tokens_base"],
        usd_per_m=row["usd_per_m_tokens"],
    )
