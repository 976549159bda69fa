"""The bridge from last month's cost to this month's, as inline SVG.

Here belongs the one chart whose bars start where the one before ends; all others are in `charts`.
"""

from __future__ import annotations

from decimal import Decimal

import altair as alt

from tokenworks.reports.charts import PALETTE, WIDTH, amount_axis
from tokenworks.reports.drawing import Chart, draw, inline_data
from tokenworks.reports.formatting import EFFECT_NAMES
from tokenworks.reports.variance import Bridge

_MORE, _LESS = PALETTE["waste"], "#1d6b45"


def variance_chart(found: Bridge) -> Chart:
    """Bars from last month's cost to this month's, each effect where the one before ends."""
    values = [_bar(f"Cost of {found.base_period}", Decimal(0), found.base, "Cost")]
    level = found.base
    for effect, amount in found.effects.items():
        values.append(
            _bar(EFFECT_NAMES[effect], level, level + amount, "More" if amount > 0 else "Less")
        )
        level += amount
    values.append(_bar("Cost of the period", Decimal(0), found.cost, "Cost"))
    chart = (
        alt.Chart(inline_data(values))
        .mark_bar(width={"band": 0.7})
        .encode(
            x=alt.X("step:N", sort=None, title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("low:Q", title="USD", axis=amount_axis([found.base, found.cost]), stack=None),
            y2="high:Q",
            color=alt.Color(
                "kind:N",
                scale=alt.Scale(
                    domain=["Cost", "More", "Less"],
                    range=[PALETTE["served"], _MORE, _LESS],
                ),
                legend=alt.Legend(orient="top", title=None),
            ),
        )
        .properties(width=WIDTH - 70, height=240)
    )
    return draw(
        chart,
        "variance",
        f"Bridge: cost of {found.base_period}, what each effect adds or takes, cost of the period.",
    )


def _bar(step: str, low: Decimal, high: Decimal, kind: str) -> dict[str, str | float]:
    return {"step": step, "low": float(low), "high": float(high), "kind": kind}
