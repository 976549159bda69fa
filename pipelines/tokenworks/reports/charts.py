"""Charts of the month as inline SVG.

Here belongs which figures a chart shows and in what form; turning it into SVG belongs to
`drawing`. Doubles are enough for the length of a bar; every chart stands beside a table with the
exact figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import altair as alt

from tokenworks.reports.drawing import Chart, draw, inline_data
from tokenworks.reports.formatting import (
    CATEGORY_NAMES,
    LATENCY_NAMES,
    TOKEN_CLASS_NAMES,
    cause,
    name,
)
from tokenworks.reports.ledger import CATEGORIES, UNOBSERVED, CurrencyLedger
from tokenworks.reports.operations import Latency, Utilisation
from tokenworks.reports.period import Period
from tokenworks.reports.sheet import COLOURS
from tokenworks.reports.unit_cost import SegmentCost

PALETTE = {**COLOURS, UNOBSERVED: "#cdd3da"}
# The page is 1,024 pixels wide inside; charts drawn at that width keep their text size.
WIDTH = 1024
_DRAWN_LATENCIES = ("ttft", "e2e")
_LEAST_ABBREVIATED = 10_000
# Hours not observed are idle in the ledger, but nobody knows that they were.
_SHOWN = {
    **{category: CATEGORY_NAMES[category] for category in CATEGORIES},
    UNOBSERVED: "Not observed",
}


def where_chart(ledger: CurrencyLedger) -> Chart:
    """Amount by category and cause of one currency."""
    values = [
        {
            "line": _line(found.category, found.cause),
            "category": _SHOWN[UNOBSERVED if found.cause == UNOBSERVED else found.category],
            "amount": float(found.amount),
            "order": index,
        }
        for index, found in enumerate(ledger.causes)
    ]
    base = alt.Chart(inline_data(values)).encode(
        y=alt.Y("line:N", sort=alt.SortField("order"), title=None),
        x=alt.X(
            "amount:Q",
            title=ledger.currency,
            axis=amount_axis([found.amount for found in ledger.causes], tickCount=8),
        ),
    )
    bars = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.62}).encode(
        color=_category_colour(None)
    )
    return draw(
        bars.properties(width=WIDTH - 150, height=alt.Step(26)),
        f"where-{ledger.currency}",
        f"Bars: {ledger.currency} by category and cause; the table below has the amounts.",
    )


def daily_chart(ledger: CurrencyLedger, period: Period) -> Chart:
    """Cost by day and category of one currency; a day without cost keeps its place."""
    days = [(period.start + timedelta(days=offset)).isoformat() for offset in range(period.days)]
    values = [
        {
            "day": day.isoformat(),
            "category": _SHOWN[category],
            "amount": float(amount),
            "order": list(_SHOWN).index(category),
        }
        for (day, category), amount in ledger.days().items()
    ]
    chart = (
        alt.Chart(inline_data(values))
        .mark_bar(width={"band": 0.8})
        .encode(
            x=alt.X(
                "day:O",
                title=None,
                scale=alt.Scale(domain=days),
                axis=alt.Axis(labelAngle=0, labelExpr="slice(datum.label, 8)"),
            ),
            y=alt.Y(
                "sum(amount):Q",
                title=f"{ledger.currency} a day",
                axis=amount_axis(_day_sums(ledger)),
            ),
            color=_category_colour(alt.Legend(orient="top", title=None)),
            order=alt.Order("order:Q"),
        )
        .properties(width=WIDTH - 70, height=210)
    )
    return draw(
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
        alt.Chart(inline_data(values))
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
    return draw(
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
        alt.Chart(inline_data(values))
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
    return draw(
        chart,
        "ladder",
        "Bars by tier and region: GPU-hours assigned, ready, busy, and batch slots filled, each "
        "as a share of GPU-hours paid.",
    )


def is_drawn(row: Latency) -> bool:
    """Whether the chart of latencies has a mark for it."""
    return row.measure in _DRAWN_LATENCIES and None not in (row.seconds[50], row.seconds[95])


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
        if is_drawn(row)
    ]
    y = alt.Y("segment:N", title=None)
    base = alt.Chart(inline_data(values))
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
    return draw(
        chart,
        "latency",
        "Ranges by tier and region: from p50 (light point) to p95 (dark point) of the time to "
        "first token and of end-to-end time, in seconds.",
    )


def _segment(tier: str, region: str) -> str:
    return f"{name(tier)} · {name(region)}"


def _line(category: str, why: str) -> str:
    if why == UNOBSERVED:
        return _SHOWN[UNOBSERVED]
    label = CATEGORY_NAMES[category]
    return f"{label}: {cause(why)}" if why else label


def _day_sums(ledger: CurrencyLedger) -> list[Decimal]:
    """Height of each day's stack, and depth of its credits."""
    sums: dict[tuple[date, bool], Decimal] = defaultdict(Decimal)
    for (day, _), amount in ledger.days().items():
        sums[day, amount < 0] += amount
    return list(sums.values())


def amount_axis(amounts: Sequence[Decimal], **looks: Any) -> alt.Axis:
    """Plain numbers below 10,000, thousands and millions from there."""
    if max((abs(amount) for amount in amounts), default=Decimal(0)) < _LEAST_ABBREVIATED:
        return alt.Axis(format=",f", **looks)
    return alt.Axis(labelExpr="format(datum.value, '~s')", **looks)


def _category_colour(legend: alt.Legend | None) -> alt.Color:
    return alt.Color(
        "category:N",
        scale=alt.Scale(
            domain=list(_SHOWN.values()),
            range=[PALETTE[category] for category in _SHOWN],
        ),
        legend=legend,
    )
