"""Row-level checks of texts: what is empty, not ASCII, no unit, no flat JSON.

Here belongs what looks at characters. What a row may hold belongs to `checks`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import polars as pl

from tokenworks.reports.focus.columns import FLAT_OBJECTS, JSON_OBJECTS, TEXT, UNITS
from tokenworks.reports.focus.texts import UNIT


def broken(rows: pl.DataFrame, when: pl.Expr, what: str) -> Iterator[str]:
    """One finding for a rule, with how many rows break it and the first of them."""
    wrong = rows.filter(when)
    if wrong.height:
        yield f"{what} ({wrong.height} rows, first: {wrong['x_ChargeId'][0]})"


def texts(rows: pl.DataFrame) -> Iterator[str]:
    """No empty strings, ASCII only, ids with a letter."""
    for name in (name for name, kind in rows.schema.items() if kind == TEXT):
        text = pl.col(name)
        yield from broken(rows, text.str.strip_chars() == "", f"{name}: empty text")
        yield from broken(rows, ~text.str.contains(r"^[\x20-\x7E\s]*$"), f"{name}: not ASCII")
        if name.endswith("Id"):
            yield from broken(rows, ~text.str.contains("[A-Za-z]"), f"{name}: without a letter")


def unit_forms(rows: pl.DataFrame) -> Iterator[str]:
    """Units have one of the forms that FOCUS knows."""
    for name in UNITS:
        is_unit = pl.col(name).str.contains(f"^(?:{UNIT.pattern})$")
        yield from broken(rows, ~is_unit, f"{name}: not a form of a unit")


def json_objects(rows: pl.DataFrame) -> Iterator[str]:
    """JSON columns hold objects; Tags and SkuPriceDetails hold plain values."""
    for name in (name for name in JSON_OBJECTS if name in rows.columns):
        for text in rows[name].drop_nulls().unique().sort():
            wrong = _wrong_json(text, is_flat=name in FLAT_OBJECTS)
            if wrong:
                yield f"{name}: {wrong}: {text[:80]}"


def _wrong_json(text: str, *, is_flat: bool) -> str | None:
    try:
        found = json.loads(text)
    except ValueError:
        return "no JSON"
    if not isinstance(found, dict):
        return "no JSON object"
    nested = any(isinstance(value, dict | list) for value in found.values())
    return "nested" if is_flat and nested else None
