"""Pictures of a result as plain SVG, made of text: equal numbers give equal bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from tokenworks.replay.results.words import amount, per_cent

INK, MUTED, RULE, ACCENT, ALARM = "#1b2733", "#52606d", "#dde3e8", "#1f6f8b", "#a3261c"
WIDTH, LABEL, ROW = 960, 300, 22
#: Half the width of a picture of changes, as a share of no change.
LEAST_REACH, MOST_REACH = 0.01, 2.0

Row = Mapping[str, Any]


def changes(rows: Sequence[Row]) -> str:
    """Each metric's change in per cent of no change, with p10 to p90; nothing where none is known."""
    drawn = [row for row in rows if row["delta_p10"] is not None and row["no_change"]]
    if not drawn:
        return ""
    parts = [[_share(row, key) for key in ("delta_p10", "delta", "delta_p90")] for row in drawn]
    reach = min(max(abs(one) for part in (*parts, [LEAST_REACH]) for one in part), MOST_REACH)
    room = WIDTH - LABEL - 40
    lines = [_line(LABEL + room / 2, 0, LABEL + room / 2, ROW * len(drawn) + 4, RULE)]
    for place, (row, (low, mid, high)) in enumerate(zip(drawn, parts, strict=True)):
        y = ROW * place + 15
        at = [_across(one / reach, room) for one in (low, mid, high)]
        lines += [
            _text(LABEL - 12, y + 4, row["metric"], "end", INK),
            _line(at[0], y, at[2], y, ACCENT, 5, 0.35),
            *_inner(row, y, reach, room),
            f'<circle cx="{at[1]:.1f}" cy="{y}" r="4" fill="{ACCENT}"/>',
        ]
    bottom = ROW * len(drawn) + 18
    for share in (-reach, 0.0, reach):
        x = LABEL + room * (share / reach + 1) / 2
        lines.append(_text(x, bottom, per_cent(share), "middle", MUTED))
    return _svg(WIDTH, bottom + 8, lines)


def _inner(row: Row, y: float, reach: float, room: float) -> list[str]:
    """The interval of the very requests, on that of traffic like them."""
    if row["delta_window_p10"] is None:
        return []
    ends = [_share(row, f"delta_window_{end}") / reach for end in ("p10", "p90")]
    return [_line(_across(ends[0], room), y, _across(ends[1], room), y, ACCENT, 5)]


def _across(share: float, room: float) -> float:
    return LABEL + room * (max(-1.0, min(1.0, share)) + 1) / 2


def _share(row: Row, key: str) -> float:
    return float(row[key]) / abs(float(row["no_change"]))


def curve(points: Sequence[Row]) -> str:
    """Hit ratio by LRU capacity of each replica; nothing where hashes are not logged."""
    if len(points) < 2:
        return ""
    sizes = [math.log2(point["capacity_tokens"]) for point in points]
    span, height = max(sizes[-1] - sizes[0], 1.0), 160
    top = max(point["hit_ratio"] for point in points) or 1.0
    spots = [
        (
            60 + (WIDTH - 100) * (size - sizes[0]) / span,
            12 + height * (1 - point["hit_ratio"] / top),
        )
        for size, point in zip(sizes, points, strict=True)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    lines = [
        _line(60, 12 + height, WIDTH - 40, 12 + height, RULE),
        f'<polyline points="{path}" fill="none" stroke="{ACCENT}" stroke-width="2"/>',
        _text(52, 16, per_cent(top), "end", MUTED),
        _text(52, 16 + height, "0 %", "end", MUTED),
        _text(60, height + 32, f"{amount(points[0]['capacity_tokens'])} tokens", "start", MUTED),
        _text(
            WIDTH - 40, height + 32, f"{amount(points[-1]['capacity_tokens'])} tokens", "end", MUTED
        ),
    ]
    return _svg(WIDTH, height + 40, lines)


def scatter(points: Sequence[Row], frontier: Row) -> str:
    """Cost against latency of every point, those on the frontier filled."""
    drawn = [point for point in points if None not in (point["cost"], point["latency"])]
    if not drawn:
        return ""
    costs, waits = [point["cost"] for point in drawn], [point["latency"] for point in drawn]
    height = 320
    lines = [
        _line(90, height + 10, WIDTH - 30, height + 10, RULE),
        _line(90, 10, 90, height + 10, RULE),
        _text(WIDTH - 30, height + 44, f"{frontier['cost']} →", "end", MUTED),
        _text(90, 8, f"{frontier['latency']} ↑", "start", MUTED),
    ]
    for point in drawn:
        x = 110 + (WIDTH - 180) * _between(point["cost"], costs)
        y = height - 10 - (height - 40) * _between(point["latency"], waits)
        on = point["is_on_frontier"]
        fill = ALARM if point["refusal"] else ACCENT if on else "none"
        lines.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}" stroke="{ACCENT}"/>'
            f"<title>{escape(point['label'])}</title>"
        )
        if on:
            lines.append(_text(x + 9, y + 4, point["label"], "start", INK))
    for value, x in ((min(costs), 110.0), (max(costs), float(WIDTH - 70))):
        lines.append(_text(x, height + 26, amount(value), "middle", MUTED))
    for value, y in ((min(waits), height - 6.0), (max(waits), 34.0)):
        lines.append(_text(84, y, amount(value), "end", MUTED))
    return _svg(WIDTH, height + 52, lines)


def _between(value: float, values: Sequence[float]) -> float:
    low, high = min(values), max(values)
    return (value - low) / (high - low) if high > low else 0.5


def _line(
    x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1, opacity: float = 1
) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" '
        f'stroke-width="{width}" stroke-opacity="{opacity}" stroke-linecap="round"/>'
    )


def _text(x: float, y: float, words: str, anchor: str, colour: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-size="12">{escape(words)}</text>'
    )


def _svg(width: float, height: float, lines: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" aria-hidden="true" '
        f'font-family="Inter, Segoe UI, Helvetica Neue, Arial, sans-serif">{"".join(lines)}</svg>'
    )
