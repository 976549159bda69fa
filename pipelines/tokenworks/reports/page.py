"""Writes the month's page: one HTML file that needs neither network nor script.

Here belongs which figures the page shows and in what words; how it is laid out is in
`templates/month.html.j2`, and how a figure is drawn in `charts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tokenworks.reports import charts, formatting
from tokenworks.reports.assumptions import DEFINITIONS
from tokenworks.reports.charts_bridge import variance_chart
from tokenworks.reports.corrections import totals
from tokenworks.reports.drawing import Chart
from tokenworks.reports.headline import HeadlineRow
from tokenworks.reports.ledger import CATEGORIES, IDLE, SERVED, UNOBSERVED, CurrencyLedger
from tokenworks.reports.money import minor_digits
from tokenworks.reports.quality import UNKNOWN_LIMIT
from tokenworks.reports.remedies import remedies
from tokenworks.reports.tables import ReportTables, check_summaries
from tokenworks.reports.unit_cost import SegmentCost

_TEMPLATES = Path(__file__).parent / "templates"
_SHOWN_PERCENTILES = (50, 95, 99)
# The page shows the first of what does not balance; the workbook has every check.
_MOST_OPEN_ROWS = 20


@dataclass(frozen=True)
class Figure:
    """A headline figure, what it is divided by, and what it stands on."""

    label: str
    value: str
    basis: str


def render_page(tables: ReportTables) -> str:
    """The page as text."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "money": formatting.money,
        "usd_per_million": formatting.usd_per_million,
        "percent": formatting.percent,
        "whole": formatting.whole,
        "number": formatting.number,
        "quantity": formatting.quantity,
        "measure": formatting.measure,
        "telemetry": formatting.telemetry,
        "seconds": formatting.seconds,
        "name": formatting.name,
        "cause": formatting.cause,
        "check": formatting.check,
        "svg": lambda chart: Markup(chart.svg),
    }
    template = environment.get_template("month.html.j2")
    return template.render(
        tables=tables,
        first_line=tables.quality.first_line(),
        verdict=tables.quality.verdict(),
        to_do=remedies(tables.quality),
        limit=formatting.percent(UNKNOWN_LIMIT, 0),
        figures=_figures(tables),
        drawn=_charts(tables),
        splits=[found for ledger in tables.ledgers if (found := cost_split(ledger))],
        corrected=[
            formatting.money(amount, currency)
            for currency, amount in totals(tables.corrections).items()
        ],
        checks=check_summaries(tables.reconciliation),
        open_rows=tables.unbalanced[:_MOST_OPEN_ROWS],
        categories=CATEGORIES,
        category_names=formatting.CATEGORY_NAMES,
        token_class_names=formatting.TOKEN_CLASS_NAMES,
        latency_names=formatting.LATENCY_NAMES,
        percentiles=_SHOWN_PERCENTILES,
        digits=minor_digits,
        effect_names=formatting.EFFECT_NAMES,
        definitions=DEFINITIONS,
    )


def write_page(tables: ReportTables, path: Path) -> None:
    """Write the page; the folder must be there."""
    path.write_text(render_page(tables), encoding="utf-8", newline="\n")


def _charts(tables: ReportTables) -> dict[str, Chart]:
    """Charts by the place where the page shows them; none where there is nothing to draw."""
    drawn: dict[str, Chart] = {}
    for ledger in tables.ledgers:
        drawn[f"where-{ledger.currency}"] = charts.where_chart(ledger)
        drawn[f"daily-{ledger.currency}"] = charts.daily_chart(ledger, tables.window.period)
    if tables.bridge is not None and tables.bridge.has_base:
        drawn["variance"] = variance_chart(tables.bridge)
    if any(_has_rates(segment) for segment in tables.segments):
        drawn["unit_cost"] = charts.unit_cost_chart(tables.segments)
    if any(row.tier and row.paid for row in tables.utilisation):
        drawn["ladder"] = charts.ladder_chart(tables.utilisation)
    if any(charts.is_drawn(row) for row in tables.latency):
        drawn["latency"] = charts.latency_chart(tables.latency)
    return drawn


def _has_rates(segment: SegmentCost) -> bool:
    return any(
        None not in (found.usd_per_million("active"), found.usd_per_million("fully_loaded"))
        for found in segment.classes
    )


def cost_split(ledger: CurrencyLedger) -> str:
    """What part of the cost served requests: why fully loaded is far above active.

    Empty where credits leave no parts of a whole.
    """
    unobserved = ledger.of_cause(IDLE, UNOBSERVED)
    served, idle = ledger.categories[SERVED], ledger.categories[IDLE] - unobserved
    other = ledger.total - served - idle - unobserved
    parts = (
        (served, "served requests"),
        (idle, "was idle capacity"),
        (unobserved, "fell in hours not observed"),
        (other, "was waste, overhead or unattributed"),
    )
    if ledger.total <= 0 or any(amount < 0 for amount, _ in parts):
        return ""
    said = [
        f"{formatting.percent(amount / ledger.total)} {what}"
        for amount, what in parts
        if amount or what == parts[0][1]
    ]
    return f"Of the cost in {ledger.currency}, {formatting.listed(said)}."


def _figures(tables: ReportTables) -> list[Figure]:
    figures = [_cost_figure(ledger) for ledger in tables.ledgers]
    figures += [_idle_figure(ledger) for ledger in tables.ledgers]
    figures += [figure for ledger in tables.ledgers for figure in _unobserved_figures(ledger)]
    dearest = _dearest(tables.headline)
    if dearest is not None:
        figures.append(
            Figure(
                "Dearest output",
                formatting.usd_per_million(dearest.usd_per_m_output),
                f"per million output tokens, fully loaded: {_segment(dearest)}",
            )
        )
    slowest = _slowest(tables.headline)
    if slowest is not None:
        figures.append(
            Figure(
                "Slowest first token, p95",
                formatting.seconds(slowest.p95_ttft_seconds),
                f"{_segment(slowest)}, {slowest.ttft_count:,} first tokens of the month",
            )
        )
    bad, count = len(tables.unbalanced), len(tables.reconciliation)
    figures.append(
        Figure(
            "Books",
            "no checks" if not count else "balanced" if not bad else f"{bad} open",
            f"{count - bad} of {count} reconciliation checks balance"
            if count
            else "no check was published for this month",
        )
    )
    return figures


def _cost_figure(ledger: CurrencyLedger) -> Figure:
    return Figure(
        f"Cost, {ledger.currency}",
        formatting.money(ledger.total, ledger.currency),
        "all bills' share of the month's hours",
    )


def _idle_figure(ledger: CurrencyLedger) -> Figure:
    unobserved = ledger.of_cause(IDLE, UNOBSERVED)
    idle, whole = ledger.categories[IDLE] - unobserved, ledger.total - unobserved
    share = idle / whole if whole else None
    return Figure(
        f"Idle, {ledger.currency}",
        formatting.percent(share),
        f"{formatting.money(idle, ledger.currency)} of "
        f"{formatting.money(whole, ledger.currency)} observed",
    )


def _unobserved_figures(ledger: CurrencyLedger) -> list[Figure]:
    """Nothing where every billed hour was observed."""
    amount = ledger.of_cause(IDLE, UNOBSERVED)
    if not amount:
        return []
    return [
        Figure(
            f"Not observed, {ledger.currency}",
            formatting.money(amount, ledger.currency),
            "billed for hours of which no record says anything",
        )
    ]


def _dearest(rows: tuple[HeadlineRow, ...]) -> HeadlineRow | None:
    known = [row for row in rows if row.usd_per_m_output is not None]
    return max(known, key=lambda row: row.usd_per_m_output or 0, default=None)


def _slowest(rows: tuple[HeadlineRow, ...]) -> HeadlineRow | None:
    known = [row for row in rows if row.p95_ttft_seconds is not None]
    return max(known, key=lambda row: row.p95_ttft_seconds or 0, default=None)


def _segment(row: HeadlineRow) -> str:
    return f"{formatting.name(row.tier)}, {formatting.name(row.region)}"
