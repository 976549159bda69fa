"""A scenario's window and conditions, as expressions over published rows."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from tokenworks.replay.language.base import Match, Window


def in_window(window: Window, column: str = "started_at", *, warm_up: bool = False) -> pl.Expr:
    """Rows whose moment lies in the window; an unknown moment counts as inside.

    Args:
        window: the window.
        column: the moment.
        warm_up: whether the hours before the start that only warm up count as inside.
    """
    inside = pl.lit(value=True)
    if window.start is not None:
        hours = window.warm_up_hours if warm_up else 0.0
        inside = inside & (pl.col(column) >= window.start - timedelta(hours=hours))
    if window.end is not None:
        inside = inside & (pl.col(column) < window.end)
    return inside.fill_null(value=True)


def matches(match: Match) -> pl.Expr:
    """Rows that meet every condition; an unknown value meets none."""
    result = pl.lit(value=True)
    for name, wanted in match.model_dump(exclude_none=True).items():
        column = pl.col(name)
        if isinstance(wanted, list):
            result = result & column.is_in(wanted)
        elif isinstance(wanted, bool):
            result = result & (column == wanted)
        else:
            for bound, value in wanted.items():
                result = result & _BOUNDS[bound](column, value)
    return result.fill_null(value=False)


_BOUNDS = {
    "below": lambda column, value: column < value,
    "at_most": lambda column, value: column <= value,
    "above": lambda column, value: column > value,
    "at_least": lambda column, value: column >= value,
}
