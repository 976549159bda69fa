"""Charts of the month as inline SVG.

Here belongs how a figure is drawn. Vega-Lite is rendered to SVG in this process: a page needs no
script and no network. Doubles are enough for the length of a bar; every chart stands beside a
table with the exact figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from tokenworks.reports.formatting import (
    CATEGORY_NAMES,
    LATENCY_NAMES,
    TOKEN_CLASS_NAMES,
    cause,
    name,
)
from tokenworks.reports.ledger import CATEGORIES, CurrencyLedger
from tokenworks.reports.operations import Latency, Utilisation
from tokenworks.reports.unit_cost import SegmentCost

FONT = "Inter, Segoe UI, Helvetica Neue, Arial, sans-serif"
INK, MUTED, RULE = "#1b2733", "#52606d", "#e1e6eb"
PALETTE = {
    "served": "#1f6f8b",
    "waste": "#c8553d",
    "idle": "#e0a458",
    "overhead": "#8d99ae",
    "unattributed": "#4a4e57",
}
# The page is 1,024 pixels wide inside; charts drawn at that width keep their text size.
_WIDTH = 1024
_NAMESPACES = re.compile(r'\s+xmlns(:xlink)?="[^"]*"')
_IDS = re.compile(r'(?P<before>\bid="|url\(#|href="#)(?P<id>[^")]+)')


@dataclass(frozen=True)
class Chart:
    """A drawn chart and the sentence that says what it shows."""

    svg: str
    description: str


def where_chart(ledger: CurrencyLedger) -> Chart:
    """Amount by category and cause of one currency."""
    values = [
        {
            "line": _line(found.category, found.cause),
            "category": CATEGORY_NAMES[found.category],
            "amount": float(found.amount),
            "order": index,
        }
        for index, found in enumerate(ledger.causes)
    ]
    base = alt.Chart(_data(values)).encode(
        y=alt.Y("line:N", sort=alt.SortField("order"), title=None),
        x=alt.X("amount:Q", title=ledger.currency, axis=alt.Axis(format="~s", tickCount=8)),
    )
    bars = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.62}).encode(
        color=_category_colour(None)
    )
    return _draw(
        bars.properties(width=_WIDTH - 150, height=alt.Step(26)),
        f"where-{ledger.currency}",
        f"Bars: {ledger.currency} by category and cause; the table below has the amounts.",
    )


def daily_chart(ledger: CurrencyLedger) -> Chart:
    """Cost by day and category of one currency."""
    values = [
        {
            "day": day.isoformat(),
            "category": CATEGORY_NAMES[category],
            "amount": float(amount),
            "order": CATEGORIES.index(category),
        }
        for (day, category), amount in ledger.days().items()
    ]
    chart = (
        alt.Chart(_data(values))
        .mark_bar(width={"band": 0.8})
        .encode(
            x=alt.X(
                "day:O", title=None, axis=alt.Axis(labelAngle=0, labelExpr="slice(datum.label, 8)")
            ),
            y=alt.Y("sum(amount):Q", title=f"{ledger.currency} a day", axis=alt.Axis(format="~s")),
            color=_category_colour(alt.Legend(orient="top", title=None)),
            order=alt.Order("order:Q"),
        )
        .properties(width=_WIDTH - 70, height=210)
    )
    return _draw(
        chart,
        f"daily-{ledger.currency}",
        f"Stacked bars: {ledger.currency} of each day of the month by category.",
    )


def unit_cost_chart(segments: Sequence[SegmentCost]) -> Chart:
    """Active and loaded dollars per million tokens by tier, region and token class."""
    values = []
    for segment in segments:
        for found in segment.classes:
            active, loaded = found.usd_per_million("active"), found.usd_per_million("fully_loaded")
            if active is None or loaded is None:
                continue
            parts = (("Active", active, 0), ("Idle and overhead", loaded - active, 1))
            values += [
                {
                    "segment": _segment(*segment.key),
                    "class": TOKEN_CLASS_NAMES[found.token_class],
                    "part": part,
                    "order": order,
                    "rate": float(rate),
                }
                for part, rate, order in parts
            ]
    chart = (
        alt.Chart(_data(values))
        .mark_bar(height={"band": 0.62})
        .encode(
            y=alt.Y("segment:N", title=None),
            x=alt.X("sum(rate):Q", title="USD per million tokens"),
            color=alt.Color(
                "part:N",
                scale=alt.Scale(
                    domain=["Active", "Idle and overhead"],
                    range=[PALETTE["served"], PALETTE["idle"]],
                ),
                legend=alt.Legend(orient="top", title=None),
            ),
            order=alt.Order("order:Q"),
            column=alt.Column(
                "class:N",
                title=None,
                sort=list(TOKEN_CLASS_NAMES.values()),
                header=alt.Header(labelFontWeight=600, labelFontSize=12),
            ),
        )
        .properties(width=275, height=alt.Step(24))
        .resolve_scale(x="independent")
    )
    return _draw(
        chart,
        "unit-cost",
        "Bars: USD per million tokens by tier and region, active cost and what idle and overhead "
        "add, one panel for each token class with its own scale.",
    )


def ladder_chart(rows: Sequence[Utilisation]) -> Chart:
    """GPU-hours of each rung as a share of those paid for."""
    values = [
        {"segment": _segment(row.tier, row.region), "rung": rung, "share": share, "order": order}
        for row in rows
        if row.tier
        for order, (rung, share) in enumerate(row.shares_of_paid)
        if share is not None
    ]
    chart = (
        alt.Chart(_data(values))
        .mark_bar(cornerRadiusEnd=2, height={"band": 0.7})
        .encode(
            y=alt.Y("rung:N", sort=["Assigned", "Ready", "Busy", "Slots filled"], title=None),
            x=alt.X(
                "share:Q",
                title="share of GPU-hours paid",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%", values=[0, 0.5, 1]),
            ),
            color=alt.Color(
                "rung:N",
                legend=None,
                scale=alt.Scale(
                    domain=["Assigned", "Ready", "Busy", "Slots filled"],
                    range=["#bcd4de", "#7fb0c2", "#1f6f8b", "#0f3d4f"],
                ),
            ),
            facet=alt.Facet(
                "segment:N",
                columns=3,
                title=None,
                header=alt.Header(labelFontWeight=600, labelFontSize=12),
            ),
        )
        .properties(width=285, height=alt.Step(18))
    )
    return _draw(
        chart,
        "ladder",
        "Bars by tier and region: GPU-hours assigned, ready, busy, and batch slots filled, each "
        "as a share of GPU-hours paid.",
    )


def latency_chart(rows: Sequence[Latency]) -> Chart:
    """p50 to p95 of first token and end to end, by tier and region."""
    values = [
        {
            "segment": _segment(row.tier, row.region),
            "measure": LATENCY_NAMES[row.measure],
            "p50": row.seconds[50],
            "p95": row.seconds[95],
        }
        for row in rows
        if row.measure in ("ttft", "e2e") and None not in (row.seconds[50], row.seconds[95])
    ]
    y = alt.Y("segment:N", title=None)
    base = alt.Chart(_data(values))
    line = base.mark_rule(strokeWidth=3, color="#bcd4de").encode(y=y, x="p50:Q", x2="p95:Q")
    middle = base.mark_point(filled=True, size=60, color="#7fb0c2", opacity=1).encode(
        y=y, x="p50:Q"
    )
    high = base.mark_point(filled=True, size=80, color=PALETTE["served"], opacity=1).encode(
        y=y, x=alt.X("p95:Q", title="seconds, p50 to p95", scale=alt.Scale(zero=True))
    )
    chart = (
        alt.layer(line, middle, high)
        .properties(width=430, height=alt.Step(24))
        .facet(
            column=alt.Column(
                "measure:N",
                title=None,
                sort=[LATENCY_NAMES["ttft"], LATENCY_NAMES["e2e"]],
                header=alt.Header(labelFontWeight=600, labelFontSize=12),
            )
        )
        .resolve_scale(x="independent")
    )
    return _draw(
        chart,
        "latency",
        "Ranges by tier and region: from p50 (light point) to p95 (dark point) of the time to "
        "first token and of end-to-end time, in seconds.",
    )


def _segment(tier: str, region: str) -> str:
    return f"{name(tier)} · {name(region)}"


def _line(category: str, why: str) -> str:
    label = CATEGORY_NAMES[category]
    return f"{label}: {cause(why)}" if why else label


def _category_colour(legend: alt.Legend | None) -> alt.Color:
    return alt.Color(
        "category:N",
        scale=alt.Scale(
            domain=[CATEGORY_NAMES[category] for category in CATEGORIES],
            range=[PALETTE[category] for category in CATEGORIES],
        ),
        legend=legend,
    )


def _data(values: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=[dict(value) for value in values])


def _draw(chart: Any, prefix: str, description: str) -> Chart:
    """Render to SVG that can stand in a page beside others."""
    styled = (
        chart.configure(font=FONT, background="transparent")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=MUTED,
            titleColor=MUTED,
            titleFontWeight="normal",
            gridColor=RULE,
            domainColor=RULE,
            tickColor=RULE,
            labelFontSize=11,
            titleFontSize=11,
            labelLimit=260,
        )
        .configure_axisY(grid=False, ticks=False, domain=False, labelPadding=8)
        .configure_legend(labelColor=MUTED, labelFontSize=11, symbolType="square")
        .configure_header(labelColor=INK)
    )
    svg = str(vl_convert.vegalite_to_svg(styled.to_dict()))
    own = _renumbered(_NAMESPACES.sub("", svg), prefix)
    return Chart(own.replace("<svg ", '<svg aria-hidden="true" ', 1), description)


def _renumbered(svg: str, prefix: str) -> str:
    """The same picture with ids of its own.

    The renderer counts ids through the life of the process, so that a second page would differ
    from the first; and two charts of one page must not share one.
    """
    numbers: dict[str, int] = {}

    def own(match: re.Match[str]) -> str:
        number = numbers.setdefault(match["id"], len(numbers))
        return f"{match['before']}{prefix}-{number}"

    return _IDS.sub(own, svg)
