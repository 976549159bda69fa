"""Tables of metadata as Markdown: null is an empty cell, never a zero."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal


def table(rows: Iterable[Mapping[str, object]], columns: Iterable[str]) -> str:
    """The given columns of some rows."""
    names = list(columns)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(cell(row.get(name)) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def cell(value: object) -> str:
    """One value in few characters."""
    if value is None:
        return ""
    if isinstance(value, float | Decimal):
        return f"{value:.6g}"
    return str(value).replace("|", "\\|").replace("\n", " ")
