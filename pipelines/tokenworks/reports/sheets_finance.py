"""The sheets of the books: chargeback, and the billed lines behind every figure.

Here belongs which figure stands in which cell, and the formula that finds it again. The figures
come from `tables`; how a cell looks belongs to `workbook`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokenworks.reports.formatting import CATEGORY_NAMES
from tokenworks.reports.ledger import CATEGORIES
from tokenworks.reports.sheet import (
    COLOURS,
    HEADER_ROW,
    Block,
    Cell,
    Chart,
    Series,
    Sheet,
    sum_of_currency,
)
from tokenworks.reports.tables import ReportTables

_FIRST = HEADER_ROW + 1
_SHARES = ("Served", "Waste", "Idle share", "Overhead share", "Unattributed")
# Rows that a chart covers, and one to spare.
_CHART_ROWS = 17


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
                    Cell(line.contract_usd, "usd"),
                ]
            )
        spans.append((charged.currency, start, start + len(charged.lines) - 1))
    totals = _chargeback_totals(tables, HEADER_ROW + len(rows)) if rows else []
    headers = [
        *("Tenant", "Currency", *_SHARES, "Total", "Total, USD at the days' rates"),
        *("Cost centre", "Input tokens", "Output tokens", "List price of these, USD"),
        "Contract price of these, USD",
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
        note=f"Policy: {tables.policy.name}. {tables.policy_text} Tokens stand on the line of the "
        f"tenant's main currency.{without}",
        widths=(34, 10, 16, 16, 16, 16, 16, 18, 18, 16, 16, 16, 18, 18),
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
                Cell(line.said.description),
                Cell(line.said.issuer),
                Cell(line.said.begins, "time"),
                Cell(line.said.ends, "time"),
            ]
        )
    headers = [
        *("Currency", "Bill", "Line", "Source", "Component"),
        *(CATEGORY_NAMES[category] for category in CATEGORIES),
        *("Total", "What was billed", "Billed by", "From (UTC)", "Until (UTC)"),
    ]
    return Sheet(
        name="Charges",
        title="Billed lines and where they landed",
        note="What each line of each bill paid for in this month's hours. The columns sum to the "
        "categories of every other sheet; request by request it stands in fct_cost_ledger.",
        widths=(10, 34, 34, 16, 16, 16, 16, 16, 16, 16, 18, 44, 24, 18, 18),
        blocks=(Block(headers, rows),),
    )
