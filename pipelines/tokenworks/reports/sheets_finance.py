"""The sheets of the books: chargeback, variance and the billed lines behind every figure.

Here belongs which figure stands in which cell, and the formula that finds it again. The figures
come from `tables`; how a cell looks belongs to `workbook`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tokenworks.reports.formatting import CATEGORY_NAMES, EFFECT_NAMES, name
from tokenworks.reports.ledger import CATEGORIES
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
    sum_of_currency,
)
from tokenworks.reports.tables import ReportTables
from tokenworks.reports.variance import CURRENCY, EFFECTS, Bridge, SegmentChange

_FIRST = HEADER_ROW + 1
_SHARES = ("Served", "Waste", "Idle share", "Overhead share", "Unattributed")
# Rows that a chart covers, and one to spare.
_CHART_ROWS = 17
_RISE, _FALL = "#c8553d", "#1d6b45"


def chargeback_sheet(tables: ReportTables) -> Sheet:
    """Tenants and what each is charged, one currency after the other."""
    rows: list[list[Cell]] = []
    spans: list[tuple[str, int, int]] = []
    for charged in tables.chargebacks:
        start = _FIRST + len(rows)
        for line in charged.lines:
            row = _FIRST + len(rows)
            rows.append(
                [
                    Cell(line.name),
                    Cell(charged.currency),
                    *(Cell(amount, charged.currency) for amount in line.amounts),
                    Cell(line.total, charged.currency, f"=SUM(C{row}:G{row})"),
                    Cell(line.total_usd, "usd"),
                    Cell(line.cost_centre or None),
                    Cell(line.input_tokens, "integer"),
                    Cell(line.output_tokens, "integer"),
                    Cell(line.list_usd, "usd"),
                ]
            )
        spans.append((charged.currency, start, start + len(charged.lines) - 1))
    totals = _chargeback_totals(tables, HEADER_ROW + len(rows)) if rows else []
    headers = [
        *("Tenant", "Currency", *_SHARES, "Total", "Total, USD at the days' rates"),
        *("Cost centre", "Input tokens", "Output tokens", "List price of these, USD"),
    ]
    block = Block(headers, rows, totals)
    without = (
        f" Tenants whose requests cost nothing known: {', '.join(tables.uncharged)}."
        if tables.uncharged
        else ""
    )
    return Sheet(
        name="Chargeback",
        title="Chargeback by tenant",
        note=f"Policy: {tables.policy.name}. {tables.policy.text} Tokens stand on the line of the "
        f"tenant's main currency.{without}",
        widths=(34, 10, 16, 16, 16, 16, 16, 18, 18, 16, 16, 16, 18),
        blocks=(block,),
        charts=tuple(
            _tenant_chart(currency, first, last, (block.bottom + 1 + index * _CHART_ROWS, 0))
            for index, (currency, first, last) in enumerate(spans)
            if last >= first
        ),
    )


def _chargeback_totals(tables: ReportTables, last: int) -> list[list[Cell]]:
    return [
        [
            Cell(f"Total {ledger.currency}", bold=True),
            Cell(ledger.currency, bold=True),
            *(
                Cell(
                    amount,
                    ledger.currency,
                    sum_of_currency(column, 1, _FIRST, last, ledger.currency),
                    bold=True,
                )
                for column, amount in enumerate(
                    [*ledger.categories.values(), ledger.total], start=2
                )
            ),
        ]
        for ledger in tables.ledgers
    ]


def _tenant_chart(currency: str, first: int, last: int, at: tuple[int, int]) -> Chart:
    return Chart(
        title=f"Chargeback by tenant, {currency}",
        kind="bar",
        labels=0,
        series=tuple(
            Series(CATEGORY_NAMES[category], column, COLOURS[category])
            for column, category in enumerate(CATEGORIES, start=2)
        ),
        first=first,
        last=last,
        at=at,
    )


def variance_sheet(tables: ReportTables) -> Sheet:
    """From last month's cost to this month's, with a chart, and the same by segment."""
    found = tables.bridge
    if found is None:
        steps = Block(["Step", "Amount, USD"], [])
        return Sheet("Variance", "Variance", "No cost was published.", (34, 18), (steps,))
    steps = _bridge_block(found)
    detail = _segment_block(found, max(steps.bottom, HEADER_ROW + _CHART_ROWS) + 3)
    left_out = (
        f" Left out, since a rate to dollars is missing: {', '.join(found.unknown)}."
        if found.unknown
        else ""
    )
    return Sheet(
        name="Variance",
        title=f"Why cost moved since {found.base_month}",
        note="All currencies in US dollars at the rates of their days. The effects sum to the "
        f"change, the segments to the effects.{left_out}",
        widths=(34, 18, 18, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16),
        blocks=(steps, detail),
        charts=(
            Chart(
                title=f"Cost of {found.base_month} to this month, USD",
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
    rows = [_step("Cost of " + found.base_month, found.base, Decimal(0), is_total=True)]
    level = found.base
    for effect, amount in found.effects.items():
        rows.append(_step(EFFECT_NAMES[effect], amount, level))
        level += amount
    last = _FIRST + len(rows)
    total = _step("Cost of the month", found.cost, Decimal(0), is_total=True)
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
        *("Model", "Tier", "Region", f"Cost of {found.base_month}, USD"),
        *(f"{EFFECT_NAMES[effect]}, USD" for effect in EFFECTS),
        "Cost of the month, USD",
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


def charges_sheet(tables: ReportTables) -> Sheet:
    """Every billed line of the month and where it landed."""
    rows: list[Sequence[Cell]] = []
    for line in tables.charges:
        row = _FIRST + len(rows)
        rows.append(
            [
                *(Cell(text) for text in (line.currency, line.bill, line.line)),
                *(Cell(text) for text in (line.source, line.component)),
                *(Cell(amount, line.currency) for amount in line.amounts),
                Cell(line.total, line.currency, f"=SUM(F{row}:J{row})"),
            ]
        )
    headers = [
        *("Currency", "Bill", "Line", "Source", "Component"),
        *(CATEGORY_NAMES[category] for category in CATEGORIES),
        "Total",
    ]
    return Sheet(
        name="Charges",
        title="Billed lines and where they landed",
        note="What each line of each bill paid for in this month's hours. The columns sum to the "
        "categories of every other sheet; request by request it stands in fct_cost_ledger.",
        widths=(10, 34, 34, 16, 16, 16, 16, 16, 16, 16, 18),
        blocks=(Block(headers, rows),),
    )
