"""Texts as every reader of the export takes them: ASCII, never empty, ids that are no numbers.

Here belongs nothing about what a text is for.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable

import polars as pl

_WORDS = "[A-Za-z][A-Za-z0-9]*(?: [A-Za-z][A-Za-z0-9]*)*"
_TIMES = "Year|Month|Day|Hour|Minute|Second"
# FOCUS's forms of a unit: Requests, GB-Hours, GB/Hour, 1000 Requests, Requests/3 Months.
UNIT = re.compile(
    rf"{_WORDS}|{_WORDS}-(?:{_TIMES})s|{_WORDS}/(?:{_TIMES})|[0-9]+ {_WORDS}|{_WORDS}/[0-9]+ (?:{_TIMES})s"
)
_GROWN_UNIT = re.compile(r"(?P<count>[1-9][0-9]*) (?P<unit>.+)", re.DOTALL)


def cleaned(text: str) -> str | None:
    r"""A text in ASCII, accents taken off and the rest escaped; null where nothing is left.

    >>> cleaned(" Zürich "), cleaned("東"), cleaned("  ")
    ('Zurich', '\\u6771', None)
    """
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(letter)
    )
    return bare.encode("ascii", "backslashreplace").decode("ascii").strip() or None


def flat_json(text: str) -> str | None:
    r"""A JSON object of ASCII with plain values, keys sorted; what is nested becomes a text.

    >>> flat_json('{"b": {"c": 1}, "a": null}')
    '{"a": null, "b": "{\\"c\\": 1}"}'
    """
    try:
        found = json.loads(text)
    except ValueError:
        found = text
    fields = found if isinstance(found, dict) else {"x_raw": found}
    plain = {
        key: json.dumps(value, sort_keys=True) if isinstance(value, dict | list) else value
        for key, value in fields.items()
    }
    return json.dumps(plain, sort_keys=True, allow_nan=False) if plain else None


def grown_unit(unit: str, digits: int) -> str:
    """A unit ten times as large, `digits` times over.

    >>> grown_unit("Requests", 1), grown_unit("1000 Tokens", 3), grown_unit("Hours", 0)
    ('10 Requests', '1000000 Tokens', 'Hours')
    """
    if not digits:
        return unit
    match = _GROWN_UNIT.fullmatch(unit)
    count, plain = (int(match["count"]), match["unit"]) if match else (1, unit)
    return f"{count * 10**digits} {plain}"


def unit(text: str) -> str:
    """A unit in a form that FOCUS knows; of any other its words, after the number it begins with.

    >>> unit("GB-Hours"), unit("GiB/Second-Months"), unit("10 GPU-Hours"), unit("10,000s"), unit("%")
    ('GB-Hours', 'GiB Second Months', '10 GPU Hours', '10000 s', 'Units')
    """
    if UNIT.fullmatch(text):
        return text
    count = re.match(r"[0-9][0-9,]*", text)
    words = re.findall("[A-Za-z][A-Za-z0-9]*", text) or ["Units"]
    return " ".join([*([count[0].replace(",", "")] if count else []), *words])


def slug(text: str) -> str:
    """A text as part of an id.

    >>> slug("Amazon S3 (Standard)")
    'amazon-s3-standard'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def each(column: pl.Expr, change: Callable[[str], str | None]) -> pl.Expr:
    """A change of every distinct text of a column."""
    return column.map_batches(lambda texts: _each(texts, change), return_dtype=pl.String)


def _each(texts: pl.Series, change: Callable[[str], str | None]) -> pl.Series:
    distinct = texts.unique().drop_nulls()
    changed = pl.Series(texts.name, [change(text) for text in distinct], dtype=pl.String)
    return texts.replace_strict(distinct, changed, default=None, return_dtype=pl.String)


def lettered(column: str, prefix: str) -> pl.Expr:
    """An id that holds a letter: readers of CSV take one of digits for a number."""
    text = pl.col(column)
    return pl.when(text.str.contains("[A-Za-z]")).then(text).otherwise(prefix + text)
