"""The sheet that says why cost moved: the bridge with its chart, its parts, and every segment.

Here belongs which figure stands in which cell, and the formula that finds it again. The figures
come from `variance`; how a cell looks belongs to `workbook`.
"""

from __future__ import annotations

from decimal import Decimal

from tokenworks.reports.formatting import EFFECT_NAMES, PART_NAMES, name
from tokenworks.reports.sheet import (
    COLOURS,
    HEADER_ROW,
    Block,
    Cell,
    Chart,
    Series,
    Sheet,
    letter,
    span,
)
from tokenworks.reports.tables import ReportTables
from tokenworks.reports.variance import CURRENCY, EFFECTS, NOT_SPLIT, Bridge, SegmentChange

_FIRST = HEADER_ROW + 1
_CHART_ROWS = 17
_RISE, _FALL = "#c8553d", "#1d6b45"


def variance_sheet(tables: ReportTables) -> Sheet:
    """From last month's cost to this month's, with a chart, and the same by segment."""
    found = tables.bridge
    if found is None:
        steps = Block(["Step", "Amount, USD"], [])
        return Sheet("Variance", "Variance", "No cost was published.", (34, 18), (steps,))
    steps = _bridge_block(found)
    parts = _part_block(found, steps.bottom + 3)
    detail = _segment_block(found, max(parts.bottom, HEADER_ROW + _CHART_ROWS) + 3)
    left_out = (
        f" Left out, since a rate to dollars is missing: {', '.join(found.unknown)}."
        if found.unknown
        else ""
    )
    alone = (
        ""
        if found.has_base
        else f" The books hold no cost of {found.base_period}, so that all of it is new."
    )
    return Sheet(
        name="Variance",
        title=f"Why cost moved since {found.base_period}",
        note="All currencies in US dollars at the rates of their days. The effects sum to the "
        f"change, the segments to the effects.{alone}{left_out}",
        widths=(34, 18, 18, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16),
        blocks=(steps, parts, detail),
        charts=(
            Chart(
                title=f"Cost of {found.base_period} to this period, USD",
                kind="column",
                labels=0,
                series=(
                    Series("Carried", 2, None),
                    Series("Cost", 3, COLOURS["served"]),
                    Series("More", 4, _RISE),
                    Series("Less", 5, _FALL),
                ),
                first=steps.first,
                last=steps.last,
                at=(HEADER_ROW, 7),
            ),
        ),
    )


def _bridge_block(found: Bridge) -> Block:
    """The steps, and beside them the pieces of which the chart stacks its bars."""
    rows = [_step("Cost of " + found.base_period, found.base, Decimal(0), is_total=True)]
    level = found.base
    for effect, amount in found.effects.items():
        rows.append(_step(EFFECT_NAMES[effect], amount, level))
        level += amount
    last = _FIRST + len(rows)
    total = _step("Cost of the period", found.cost, Decimal(0), is_total=True)
    total[1] = Cell(found.cost, CURRENCY, f"=SUM(B{_FIRST}:B{last - 1})", bold=True)
    headers = ["Step", "Amount, USD", "Bar: carried", "Bar: cost", "Bar: more", "Bar: less"]
    return Block(headers, [*rows, total])


def _step(label: str, amount: Decimal, level: Decimal, *, is_total: bool = False) -> list[Cell]:
    """One bar: from where it starts, and how far it goes up or down."""
    carried = Decimal(0) if is_total else min(level, level + amount)
    pieces = (
        carried,
        amount if is_total else Decimal(0),
        amount if not is_total and amount > 0 else Decimal(0),
        -amount if not is_total and amount < 0 else Decimal(0),
    )
    return [
        Cell(label, bold=is_total),
        Cell(amount, CURRENCY, bold=is_total),
        *(Cell(piece, "usd") for piece in pieces),
    ]


def _part_block(found: Bridge, row: int) -> Block:
    """Of what efficiency and price consist."""
    rows = [
        [Cell(f"{EFFECT_NAMES[effect]}: {PART_NAMES[part]}"), Cell(amount, CURRENCY)]
        for (effect, part), amount in found.parts.items()
        if part != NOT_SPLIT or amount
    ]
    return Block(["Of which", "Amount, USD"], rows, row=row)


def _segment_block(found: Bridge, row: int) -> Block:
    rows = [_segment_row(segment, row + 1 + index) for index, segment in enumerate(found.segments)]
    last = row + len(rows)
    sums = [found.base, *found.effects.values(), found.cost]
    totals = [
        [
            *(Cell(text, bold=True) for text in ("Total", None, None)),
            *(
                Cell(amount, CURRENCY, f"=SUM({span(column, row + 1, last)})", bold=True)
                for column, amount in enumerate(sums, start=3)
            ),
        ]
    ]
    headers = [
        *("Model", "Tier", "Region", f"Cost of {found.base_period}, USD"),
        *(f"{EFFECT_NAMES[effect]}, USD" for effect in EFFECTS),
        "Cost of the period, USD",
        *("Tokens before", "Tokens", "USD per million before", "USD per million"),
    ]
    return Block(headers, rows, totals if rows else (), row=row)


def _segment_row(segment: SegmentChange, row: int) -> list[Cell]:
    last = letter(3 + len(EFFECTS))
    return [
        *(Cell(name(part)) for part in (segment.model, segment.tier, segment.region)),
        Cell(segment.base, CURRENCY),
        *(Cell(segment.effects[effect], CURRENCY) for effect in EFFECTS),
        Cell(segment.cost, CURRENCY, f"=SUM(D{row}:{last}{row})"),
        Cell(segment.tokens_base, "integer"),
        Cell(segment.tokens, "integer"),
        Cell(segment.usd_per_m_base, "rate"),
        Cell(segment.usd_per_m, "rate"),
    ]
