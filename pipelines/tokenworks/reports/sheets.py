"""The sheets that are read first: summary and unit cost.

Here belongs which figure stands in which cell, and the formula that finds it again. The figures
come from `tables`; how a cell looks belongs to `workbook`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tokenworks.reports.corrections import totals as posted_totals
from tokenworks.reports.formatting import CATEGORY_NAMES, TOKEN_CLASS_NAMES, name
from tokenworks.reports.ledger import CATEGORIES, CurrencyLedger
from tokenworks.reports.money import minor_digits
from tokenworks.reports.read import BASES
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
from tokenworks.reports.unit_cost import ClassCost, SegmentCost

_FIRST = HEADER_ROW + 1
_BASIS_NAMES = {
    "marginal": "marginal",
    "active": "active",
    "fully_loaded": "fully loaded",
    "list": "list",
}
# Which column of the unit cost sheet holds the tokens that a basis stands on.
_TOKENS_OF_BASIS = {"marginal": 14, "active": 13, "fully_loaded": 13, "list": 15}
_UNIT_COST_FIRST_COST = 5
_UNIT_COST_FIRST_RATE = 9
# Categories, total, charged back, difference.
_SUMMARY_ROWS = len(CATEGORIES) + 3


def summary_sheet(tables: ReportTables, charged: Block, billed: Block, corrected: Block) -> Sheet:
    """Where the money went, tied to chargeback and charges by formula, and the headline table."""
    rows: list[list[Cell]] = []
    totals: list[list[Cell]] = []
    for ledger in tables.ledgers:
        rows += _summary_rows(ledger, charged, billed, _FIRST + len(rows))
    rows += _corrected_rows(tables, corrected)
    money = Block(
        ["Where the money went", "Currency", "Amount", "Share of ledger", "How it ties"],
        rows,
        totals,
    )
    headline = _headline_block(tables, money.bottom + 3)
    return Sheet(
        name="Summary",
        title="Summary",
        note=f"Window: {tables.window.text}",
        widths=(34, 16, 20, 20, 34, 14, 16, 14),
        blocks=(money, headline),
        charts=tuple(
            _where_chart(ledger, _FIRST + index * _SUMMARY_ROWS, (headline.bottom + 1, index * 3))
            for index, ledger in enumerate(tables.ledgers)
        ),
    )


def _where_chart(ledger: CurrencyLedger, first: int, at: tuple[int, int]) -> Chart:
    return Chart(
        title=f"Where the money went, {ledger.currency}",
        kind="bar",
        labels=0,
        series=(Series(ledger.currency, 2, COLOURS["served"]),),
        first=first,
        last=first + len(CATEGORIES) - 1,
        at=at,
        has_legend=False,
    )


def _summary_rows(
    ledger: CurrencyLedger, charged: Block, billed: Block, first: int
) -> list[list[Cell]]:
    currency = ledger.currency
    total_row = first + len(CATEGORIES)
    rows = []
    for index, category in enumerate(CATEGORIES):
        amount, row = ledger.categories[category], first + index
        share = amount / ledger.total if ledger.total else None
        formula = (
            f"=SUMIFS(Charges!{span(5 + index, billed.first, billed.last)},"
            f'Charges!{span(0, billed.first, billed.last)},"{currency}")'
        )
        rows.append(
            [
                Cell(CATEGORY_NAMES[category]),
                Cell(currency),
                Cell(amount, currency, formula),
                Cell(share, "percent", f'=IF(C${total_row}<>0,C{row}/C${total_row},"")'),
                Cell("sum of the Charges sheet"),
            ]
        )
    span_of_sum = f"C{first}:C{total_row - 1}"
    whole = Decimal(1) if ledger.total else None
    rows += [
        [
            Cell(f"Total {currency}", bold=True),
            Cell(currency, bold=True),
            Cell(ledger.total, currency, f"=SUM({span_of_sum})", bold=True),
            Cell(whole, "percent", f'=IF(C{total_row}<>0,C{total_row}/C{total_row},"")', bold=True),
            Cell("sum of the lines above", bold=True),
        ],
        *_charged_rows(ledger, charged, total_row),
    ]
    return rows


def _charged_rows(ledger: CurrencyLedger, charged: Block, total_row: int) -> list[list[Cell]]:
    """What the chargeback comes to, which must be the same."""
    currency, digits = ledger.currency, minor_digits(ledger.currency)
    back = (
        f"=SUMIFS(Chargeback!{span(2 + len(CATEGORIES), charged.first, charged.last)},"
        f'Chargeback!{span(1, charged.first, charged.last)},"{currency}")'
    )
    difference = f"=ROUND(C{total_row}-C{total_row + 1},{digits})"
    return [
        [
            Cell("Charged back"),
            Cell(currency),
            Cell(ledger.total, currency, back),
            Cell(None),
            Cell("sum of the Chargeback sheet"),
        ],
        [
            Cell("Difference"),
            Cell(currency),
            Cell(Decimal(0), currency, difference),
            Cell(None),
            Cell("must be zero"),
        ],
    ]


def _corrected_rows(tables: ReportTables, corrected: Block) -> list[list[Cell]]:
    """What was posted for closed periods; it comes on top of the period's own cost."""
    return [
        [
            Cell("Corrections of closed periods"),
            Cell(currency),
            Cell(
                amount,
                currency,
                f"=SUMIFS(Corrections!{span(8, corrected.first, corrected.last)},"
                f'Corrections!{span(7, corrected.first, corrected.last)},"{currency}")',
            ),
            Cell(None),
            Cell("on top: sum of the Corrections sheet"),
        ]
        for currency, amount in posted_totals(tables.corrections).items()
    ]


def _headline_block(tables: ReportTables, row: int) -> Block:
    rows = [
        [
            Cell(name(found.tier)),
            Cell(name(found.region)),
            Cell(found.usd_per_m_input_uncached, "rate"),
            Cell(found.usd_per_m_input_cache_read, "rate"),
            Cell(found.usd_per_m_output, "rate"),
            Cell(found.idle_share, "percent"),
            Cell(found.p95_ttft_seconds, "seconds"),
            Cell(found.request_count, "integer"),
        ]
        for found in tables.headline
    ]
    headers = [
        "Tier",
        "Region",
        "USD per million uncached input",
        "USD per million cached input",
        "USD per million output",
        "Idle share",
        "p95 first token, seconds",
        "Requests",
    ]
    return Block(headers, rows, row=row)


def unit_cost_sheet(tables: ReportTables) -> Sheet:
    """Dollars per million tokens by model, tier, region and token class."""
    rows = [
        _unit_cost_row(segment, found, _FIRST + index)
        for index, (segment, found) in enumerate(
            (segment, found)
            for segment in tables.unit_cost
            for found in segment.classes
            if segment.request_count
        )
    ]
    last = HEADER_ROW + len(rows)
    costs = range(_UNIT_COST_FIRST_COST, _UNIT_COST_FIRST_RATE)
    totals = [
        [
            Cell("Total", bold=True),
            *(Cell(None, bold=True) for _ in range(_UNIT_COST_FIRST_COST - 1)),
            *(_column_total(rows, column, last) for column in costs),
        ]
    ]
    headers = [
        "Model",
        "Tier",
        "Region",
        "Token class",
        "Tokens",
        *(f"USD {_BASIS_NAMES[basis]}" for basis in BASES),
        *(f"USD per million, {_BASIS_NAMES[basis]}" for basis in BASES),
        "Tokens with known cost",
        "Tokens with known energy cost",
        "Tokens with a list price",
    ]
    return Sheet(
        name="Unit cost",
        title="Unit cost by model, tier, region and token class",
        note="USD per million = dollars of the month divided by tokens of the month. "
        "Empty cells are unknown.",
        widths=(26, 12, 14, 16, 16, 14, 14, 14, 14, 14, 14, 14, 14, 16, 16, 16),
        blocks=(Block(headers, rows, totals if rows else ()),),
    )


def _unit_cost_row(segment: SegmentCost, found: ClassCost, row: int) -> list[Cell]:
    rates = []
    for offset, basis in enumerate(BASES):
        cost = f"{letter(_UNIT_COST_FIRST_COST + offset)}{row}"
        tokens = f"{letter(_TOKENS_OF_BASIS[basis])}{row}"
        rate = found.usd_per_million(basis)
        formula = f'=IF({tokens}>0,{cost}/{tokens}*1000000,"")' if rate is not None else None
        rates.append(Cell(rate, "rate", formula))
    return [
        *(Cell(name(part)) for part in segment.key),
        Cell(TOKEN_CLASS_NAMES[found.token_class]),
        Cell(found.tokens, "integer"),
        *(Cell(found.costs[basis], "usd") for basis in BASES),
        *rates,
        *(Cell(found.rated_tokens[basis], "integer") for basis in ("active", "marginal", "list")),
    ]


def _column_total(rows: Sequence[Sequence[Cell]], column: int, last: int) -> Cell:
    """The sum of what is known; empty where nothing is."""
    known = [value for row in rows if isinstance(value := row[column].value, Decimal)]
    if not known:
        return Cell(None, bold=True)
    return Cell(sum(known), "usd", f"=SUM({span(column, _FIRST, last)})", bold=True)
