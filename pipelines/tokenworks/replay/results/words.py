"""How numbers of a result look to a reader. Unknown is a dash, never a zero."""

from __future__ import annotations

from typing import Any

UNKNOWN = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_WHOLE_FROM = 1000
_LETTERS = ((1e12, "T"), (1e9, "G"), (1e6, "M"))


def amount(value: float | None) -> str:
    """Three digits that count, whole above a thousand, in millions and more by their letter.

    >>> amount(0.012345), amount(-12345.6), amount(70116962), amount(None)
    ('0.0123', '−12,346', '70.1 M', '–')
    """
    if value is None:
        return UNKNOWN
    size = abs(value)
    text = f"{size:,.0f}" if size >= _WHOLE_FROM else f"{size:.3g}"
    for scale, letter in _LETTERS:
        if size >= scale:
            text = f"{size / scale:.3g} {letter}"
            break
    return f"{_MINUS}{text}" if value < 0 and text != "0" else text


def per_cent(value: float | None) -> str:
    """A share with one digit.

    >>> per_cent(0.1234), per_cent(-0.001), per_cent(None)
    ('12.3 %', '−0.1 %', '–')
    """
    if value is None:
        return UNKNOWN
    return f"{value * 100:.1f} %".replace("-", _MINUS)


def relative(row: dict[str, Any]) -> float | None:
    """The change over the replay of no change; null where there is nothing to hold it against."""
    if row["delta"] is None or not row["no_change"]:
        return None
    return float(row["delta"]) / abs(float(row["no_change"]))


def change(row: dict[str, Any]) -> str:
    """The change with its sign, and what part of no change it is."""
    if row["delta"] is None:
        return UNKNOWN
    sign = "+" if row["delta"] > 0 else ""
    text = f"{sign}{amount(row['delta'])}{unit(row['unit'])}"
    part = relative(row)
    return text if part is None else f"{text} ({'+' if part > 0 else ''}{per_cent(part)})"


def interval(row: dict[str, Any], of: str = "delta") -> str:
    """p10 … p90 of the change: `delta` for traffic like this, `delta_window` for these requests."""
    low, high = row[f"{of}_p10"], row[f"{of}_p90"]
    if low is None or high is None:
        return UNKNOWN
    return f"{amount(low)} … {amount(high)}{unit(row['unit'])}"


def unit(name: str) -> str:
    """A unit as it stands behind a number; a bare ratio and counts have none."""
    return "" if name == "1" else " " + name.replace("{", "").replace("}", "")
