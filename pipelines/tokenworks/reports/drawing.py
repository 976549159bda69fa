"""Turns a Vega-Lite chart into SVG that stands in a page.

Here belongs the common look of charts and their rendering in this process: a page needs no script
and no network. What a chart shows belongs to `charts`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

FONT = "Inter, Segoe UI, Helvetica Neue, Arial, sans-serif"
INK, MUTED, RULE = "#1b2733", "#52606d", "#e1e6eb"
_NAMESPACES = re.compile(r'\s+xmlns(:xlink)?="[^"]*"')
_IDS = re.compile(r'(?P<before>\bid="|url\(#|href="#)(?P<id>[^")]+)')


@dataclass(frozen=True)
class Chart:
    """A drawn chart and the sentence that says what it shows."""

    svg: str
    description: str


def inline_data(values: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Rows that travel within the chart."""
    return alt.InlineData(values=[dict(value) for value in values])


def draw(chart: Any, prefix: str, description: str) -> Chart:
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
