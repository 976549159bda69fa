"""Pieces of a mart: one date each, their fingerprints, and the SQL that finds their rows.

Belongs here: what a piece is, for the books (`history.py`) and for what is published (`publishing/`). Equal
fingerprints mean equal rows, in whatever order a table holds them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import duckdb

from tokenworks.books.recording import COLUMNS, LEDGER, UNDATED, Piece, Totals

# The column whose date a row of a mart stands for; the first one that the mart has.
MONTH = "month"
DATE_COLUMNS = ("event_date", "period_start", MONTH)
# Money whose movement a restatement shows, by mart: what it is, and its sum.
MONEY = {
    LEDGER: ("'billed ' || currency", "cost"),
    "rpt_unit_cost": ("'list USD'", "cost_list_usd"),
}


def columns_of(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    """Types of a relation's columns by name."""
    return {row[0]: row[1] for row in connection.execute(f"describe {relation}").fetchall()}


def pieces_of(
    connection: duckdb.DuckDBPyConnection,
    mart: str,
    source: str | None = None,
    condition: str = "true",
) -> dict[str, Piece]:
    """The pieces of a mart: rows, fingerprint and money of each date, and the columns.

    Args:
        connection: holds the mart.
        mart: its name.
        source: the relation that is read; the mart where None.
        condition: SQL of the rows that are looked at; see `among`.
    """
    rows_from = f"from {source or mart} as {mart} where {condition}"
    columns = columns_of(connection, source or mart)
    named = hashlib.sha256(repr(list(columns.items())).encode()).hexdigest()[:16]
    version = f"{duckdb.__version__} {named}"
    counted = connection.execute(
        f"select coalesce(cast(_date as varchar), '{UNDATED}') as _piece, _rows, _hashed from ("
        f"select {_date(columns)} as _date, count(*) as _rows, "
        f"cast(sum(cast(hash({mart}) as hugeint)) as varchar) as _hashed {rows_from} group by _date"
        ") order by _piece"
    ).fetchall()
    totals = _totals(connection, mart, piece_of(columns), rows_from)
    pieces = {
        name: Piece(rows, f"{version} {rows} {hashed}", totals=totals.get(name, {}))
        for name, rows, hashed in counted
    }
    return {COLUMNS: Piece(0, named), **pieces}


def _totals(
    connection: duckdb.DuckDBPyConnection, mart: str, piece: str, rows_from: str
) -> dict[str, Totals]:
    if mart not in MONEY:
        return {}
    label, amount = MONEY[mart]
    totals: dict[str, Totals] = {}
    for name, what, total in connection.execute(
        f"select {piece}, {label}, sum({amount}) {rows_from} group by all order by all"
    ).fetchall():
        if total is not None:
            totals.setdefault(name, {})[what] = f"{total:f}"
    return totals


def date_column(columns: Iterable[str]) -> str | None:
    """The column that says which piece a row belongs to; None where a mart is one piece."""
    there = set(columns)
    return next((column for column in DATE_COLUMNS if column in there), None)


def _date(columns: Iterable[str]) -> str:
    column = date_column(columns)
    if column is None:
        return "cast(null as date)"
    return column if column == MONTH else f"cast({column} as date)"


def piece_of(columns: Iterable[str]) -> str:
    """SQL that names the piece of a row."""
    return f"coalesce(cast({_date(columns)} as varchar), '{UNDATED}')"


def among(columns: Iterable[str], pieces: Iterable[str]) -> str:
    """SQL of the rows of some pieces, with bounds by which DuckDB skips what lies outside of them."""
    names = set(pieces)
    column = date_column(columns)
    if column is None:
        return str(UNDATED in names).lower()
    dated = sorted(names - {COLUMNS, UNDATED})
    conditions = [f"{column} is null"] if UNDATED in names else []
    if dated and column == MONTH:
        listed = ", ".join(f"'{name}'" for name in dated)
        conditions.append(
            f"{column} between '{dated[0]}' and '{dated[-1]}' and {column} in ({listed})"
        )
    elif dated:
        listed = ", ".join(f"date '{name}'" for name in dated)
        conditions.append(
            f"{column} >= date '{dated[0]}' and {column} < date '{dated[-1]}' + 1 "
            f"and {_date((column,))} in ({listed})"
        )
    return "(" + (" or ".join(f"({condition})" for condition in conditions) or "false") + ")"


def pieces_on(columns: Iterable[str], dates: Iterable[str]) -> set[str] | None:
    """The pieces that some dates made again may have changed; None where any may have been.

    What is made again of a mart without `event_date` are the months of the dates.
    """
    column = date_column(columns)
    if column == DATE_COLUMNS[0]:
        return set(dates)
    return {day[: len("2026-10")] for day in dates} if column == MONTH else None


def order_of(columns: Iterable[str]) -> str:
    """A date's rows lie together, so that who asks for a date skips the others; then by key.

    Keys stand first in every mart, so ordering by all columns is ordering by key, and total. A query that picks
    rows by `among` has to name it: a filter of DuckDB may hold few rows back and hand them on after later ones.
    """
    column = date_column(columns)
    return f"{column}, columns(*)" if column else "all"


def different(found: Mapping[str, Piece], known: Mapping[str, Piece]) -> dict[str, Piece]:
    """Pieces that are new or not as they were, and those that have lost all their rows."""
    changed = {
        name: piece
        for name, piece in found.items()
        if name not in known or known[name].fingerprint != piece.fingerprint
    }
    gone = {name for name, last in known.items() if last.rows and name not in found}
    return changed | {name: Piece(0, "") for name in gone}
