"""The sheets behind the figures: idle, reconciliation, data quality and assumptions.

Here belongs which figure stands in which cell. The sheets that finance reads first are in
`sheets`; how a cell looks belongs to `workbook`.
"""

from __future__ import annotations

from decimal import Decimal

from tokenworks.reports.assumptions import DEFINITIONS
from tokenworks.reports.corrections import totals as posted_totals
from tokenworks.reports.formatting import CATEGORY_NAMES, cause, check, name, telemetry
from tokenworks.reports.ledger import CATEGORIES
from tokenworks.reports.quality import GRADES, UNKNOWN_LIMIT
from tokenworks.reports.remedies import remedies
from tokenworks.reports.sheet import HEADER_ROW, Block, Cell, Sheet, span, sum_of_currency
from tokenworks.reports.tables import ReportTables

NO_DEPLOYMENT = "(no deployment)"
_FIRST = HEADER_ROW + 1


def idle_sheet(tables: ReportTables) -> Sheet:
    """Idle by day, deployment and cause, and the same by deployment alone."""
    rows = [
        [
            Cell(idle.day, "date"),
            Cell(name(idle.deployment, NO_DEPLOYMENT)),
            Cell(cause(idle.cause)),
            Cell(ledger.currency),
            Cell(idle.amount, ledger.currency),
        ]
        for ledger in tables.ledgers
        for idle in ledger.idle
    ]
    last = HEADER_ROW + len(rows)
    totals = [
        [
            Cell(f"Total {ledger.currency}", bold=True),
            Cell(None, bold=True),
            Cell(None, bold=True),
            Cell(ledger.currency, bold=True),
            Cell(
                ledger.categories["idle"],
                ledger.currency,
                sum_of_currency(4, 3, _FIRST, last, ledger.currency),
                bold=True,
            ),
        ]
        for ledger in tables.ledgers
        if ledger.idle
    ]
    headers = ["Day", "Deployment", "Cause", "Currency", "Amount"]
    return Sheet(
        name="Idle",
        title="Idle cost by cause",
        note="Money spent on GPUs that had no request to run. Left: by day. Right: by deployment "
        "and cause, found from the left by formula.",
        widths=(14, 26, 18, 10, 18, 4, 26, 18, 10, 18),
        blocks=(Block(headers, rows, totals), _idle_by_deployment(tables, last)),
    )


def _idle_by_deployment(tables: ReportTables, last: int) -> Block:
    amount, deployment, why, currency = (span(column, _FIRST, last) for column in (4, 1, 2, 3))
    rows: list[list[Cell]] = []
    for ledger in tables.ledgers:
        sums: dict[tuple[str, str], Decimal] = {}
        for idle in ledger.idle:
            key = (name(idle.deployment, NO_DEPLOYMENT), cause(idle.cause))
            sums[key] = sums.get(key, Decimal(0)) + idle.amount
        for key, total in sorted(sums.items()):
            row = _FIRST + len(rows)
            formula = f"=SUMIFS({amount},{deployment},G{row},{why},H{row},{currency},I{row})"
            rows.append(
                [
                    Cell(key[0]),
                    Cell(key[1]),
                    Cell(ledger.currency),
                    Cell(total, ledger.currency, formula),
                ]
            )
    return Block(["Deployment", "Cause", "Currency", "Amount"], rows, column=6)


def reconciliation_sheet(tables: ReportTables) -> Sheet:
    """Every check of the books that concerns the month."""
    rows: list[list[Cell]] = []
    for index, found in enumerate(tables.reconciliation):
        row = _FIRST + index
        formula = f"=ROUND(F{row}-E{row},12)" if found.difference is not None else None
        rows.append(
            [
                Cell(check(found.check)),
                Cell(found.subject),
                Cell(found.period_start, "time"),
                Cell(found.unit),
                Cell(found.expected, "number"),
                Cell(found.actual, "number"),
                Cell(found.difference, "number", formula),
                Cell(found.verdict),
            ]
        )
    headers = (
        "Check",
        "Subject",
        f"Period start ({tables.window.zone or 'UTC'})",
        "Unit",
        "Expected",
        "Found",
        "Difference",
        "Verdict",
    )
    bad, count = len(tables.unbalanced), len(tables.reconciliation)
    verdict = f"{count - bad} of {count} checks balance." if count else "No check was published."
    return Sheet(
        name="Reconciliation",
        title="Reconciliation",
        note=verdict,
        widths=(34, 34, 20, 12, 22, 22, 18, 16),
        blocks=(Block(headers, rows),),
    )


def corrections_sheet(tables: ReportTables) -> Sheet:
    """What became known of closed periods, posted here."""
    rows = [
        [
            Cell(found.corrected_period),
            Cell(found.bill),
            Cell(found.line or None),
            Cell(found.component),
            Cell(CATEGORY_NAMES.get(found.category, found.category)),
            Cell(cause(found.cause, "")),
            Cell(found.tenant or None),
            Cell(found.currency),
            Cell(found.amount, found.currency),
        ]
        for found in tables.corrections
    ]
    last = HEADER_ROW + len(rows)
    totals = [
        [
            Cell(f"Total {currency}", bold=True),
            *(Cell(None, bold=True) for _ in range(6)),
            Cell(currency, bold=True),
            Cell(amount, currency, sum_of_currency(8, 7, _FIRST, last, currency), bold=True),
        ]
        for currency, amount in posted_totals(tables.corrections).items()
    ]
    headers = [
        *("Corrected period", "Bill", "Line", "Component", "Category", "Cause", "Tenant"),
        *("Currency", "Amount"),
    ]
    return Sheet(
        name="Corrections",
        title="Corrections of closed periods",
        note="What became known of a closed period after it was closed, posted in this one; it "
        "comes on top of the month's own cost."
        if rows
        else "Nothing was posted in this period for a closed one.",
        widths=(18, 34, 24, 16, 16, 18, 18, 10, 18),
        blocks=(Block(headers, rows, totals),),
    )


def quality_sheet(tables: ReportTables) -> Sheet:
    """Cost by method and grade, and how many requests know each value."""
    methods = [
        [
            Cell(found.method),
            Cell(CATEGORY_NAMES[found.category]),
            Cell(cause(found.cause, "")),
            Cell(found.component),
            Cell(found.grade),
            Cell("accrued" if found.is_accrued else "billed"),
            Cell(found.currency),
            Cell(found.amount, found.currency),
        ]
        for found in tables.quality.methods
    ]
    method_block = Block(
        ["Method", "Category", "Cause", "Component", "Grade", "Bill", "Currency", "Amount"],
        methods,
    )
    share_block = _share_block(tables, method_block.bottom + 3)
    seen = telemetry(tables.quality.telemetry_coverage)
    return Sheet(
        name="Data quality",
        title="Data quality",
        note=f"Cost is {', '.join(GRADES[:-1])} or {GRADES[-1]}; the limit of the unknown share "
        f"is {UNKNOWN_LIMIT:.0%}. {' '.join((seen, *remedies(tables.quality)))}",
        widths=(38, 16, 18, 18, 16, 14, 12, 20),
        blocks=(method_block, share_block, _field_block(tables, share_block.bottom + 3)),
    )


def _share_block(tables: ReportTables, row: int) -> Block:
    """How sure each figure of the summary is, and the whole."""
    rows = [
        [
            Cell(CATEGORY_NAMES.get(category or "", "Total"), bold=category is None),
            Cell(ledger.currency, bold=category is None),
            *(
                Cell(share, "percent", bold=category is None)
                for share in (
                    *tables.quality.shares(ledger.currency, category).values(),
                    tables.quality.accrued_share(ledger.currency, category),
                )
            ),
        ]
        for ledger in tables.ledgers
        for category in (*CATEGORIES, None)
    ]
    grades = (f"{grade.capitalize()} share" for grade in GRADES)
    headers = ["Figure", "Currency", *grades, "Accrued, not billed yet"]
    return Block(headers, rows, row=row)


def _field_block(tables: ReportTables, row: int) -> Block:
    rows = []
    for index, found in enumerate(tables.quality.fields):
        at = row + 1 + index
        rows.append(
            [
                Cell(found.label),
                Cell(found.requests, "integer"),
                Cell(found.known, "integer"),
                Cell(found.requests - found.known, "integer", f"=B{at}-C{at}"),
                Cell(found.unknown_share, "percent", f'=IF(B{at}>0,D{at}/B{at},"")'),
            ]
        )
    headers = ["Value of a request", "Requests", "Known", "Unknown", "Unknown share"]
    return Block(headers, rows, row=row)


def assumptions_sheet() -> Sheet:
    """Definitions."""
    rows = [[Cell(term, bold=True), Cell(text, "wrap")] for term, text in DEFINITIONS]
    return Sheet(
        name="Assumptions",
        title="Assumptions and definitions",
        note="A figure of this workbook means what this sheet says.",
        widths=(34, 110),
        blocks=(Block(["Term", "Meaning"], rows),),
    )
