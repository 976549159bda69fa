"""Days of Azure exports: ISO, with points, or with slashes in an order that the values must prove."""

from __future__ import annotations

from pathlib import Path

import duckdb

from tokenworks_sources.connectors import about
from tokenworks_sources.connectors.about import DAY_FIRST, MONTH_FIRST, SIDECAR
from tokenworks_sources.connectors.charges.azure_columns import DATE_NAMES, bare
from tokenworks_sources.connectors.charges.bill_query import Relation
from tokenworks_sources.connectors.charges.values import Field
from tokenworks_sources.errors import LandingFileError

SLASHES = r"^(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})(?: 0{1,2}:00(?::00)?(?: AM)?)?$"
POINTS = r"^(\d{1,2})\.(\d{1,2})\.(\d{4})$"


def day(field: Field, order: str | None) -> str:
    """The day as a timestamp, null where it is none; `order` is of dates with slashes."""
    if field.kind != "VARCHAR":
        return f"date_trunc('day', try_cast({field.sql} as timestamp))"
    value = f"trim({field.sql})"
    month, day_of_month = ("\\2", "\\1") if order == DAY_FIRST else ("\\1", "\\2")
    iso = f"try_cast({value} as timestamp)"
    slashes = _made(value, SLASHES, month, day_of_month)
    points = _made(value, POINTS, "\\2", "\\1")
    return (
        f"date_trunc('day', case when contains({value}, '/') then {slashes} "
        f"when {value}[3] = '.' or {value}[2] = '.' then {points} else {iso} end)"
    )


def _made(value: str, pattern: str, month: str, day_of_month: str) -> str:
    parts = f"regexp_extract({value}, '{pattern}', ['a', 'b', 'year'])"
    first = "a" if month == "\\1" else "b"
    second = "a" if day_of_month == "\\1" else "b"
    year = f"lpad({parts}.year, 4, '20')"
    return (
        f"try_cast({year} || '-' || lpad({parts}.{first}, 2, '0') || '-' || "
        f"lpad({parts}.{second}, 2, '0') as timestamp)"
    )


def date_order(path: Path, relation: Relation, connection: duckdb.DuckDBPyConnection) -> str | None:
    """The order of dates with slashes, proven by the file or said beside it; None without such dates.

    Raises:
        LandingFileError: the file proves neither or both, and nothing is said.
    """
    fields = [
        (bare(name), field)
        for name, field in relation.fields.items()
        if bare(name) in DATE_NAMES and field.kind == "VARCHAR"
    ]
    if not fields:
        return None
    any_slash, only_day, only_month, open_order = _evidence(relation, fields, connection)
    if not any_slash:
        return None
    said = about.beside(path).date_order
    proven = {order for order, found in ((DAY_FIRST, only_day), (MONTH_FIRST, only_month)) if found}
    if len(proven) == 2 or (said and proven and said not in proven):
        raise LandingFileError(
            path,
            "its dates with slashes contradict each other: some have the day first, some the month.",
            f"Export it again in one language, or correct date_order in {SIDECAR}.",
        )
    if proven:
        return proven.pop()
    if said or not open_order:
        return said or MONTH_FIRST  # 02/02/2021 is one day either way
    why = "nothing in it tells whether the day or the month comes first in its dates"
    raise about.missing(path, why, f"date_order: {DAY_FIRST}", f"that, or {MONTH_FIRST}")


def _evidence(
    relation: Relation, fields: list[tuple[str, Field]], connection: duckdb.DuckDBPyConnection
) -> tuple[bool, bool, bool, bool]:
    """Whether there are slashes, days that only one order allows, and days that both allow."""
    found = [False, False, False, False]
    for name, field in fields:
        query = f"""
            select distinct regexp_extract(trim({field.sql}), '{SLASHES}', ['a', 'b', 'y']) as d
            from {relation.scan} where contains({field.sql}, '/')
        """
        for (parts,) in connection.execute(query).fetchall():
            if not parts["a"]:
                continue
            proof = _proof(name, int(parts["a"]), int(parts["b"]))
            found[0] = True
            found[1] |= proof == DAY_FIRST
            found[2] |= proof == MONTH_FIRST
            found[3] |= proof is None and parts["a"] != parts["b"]
    return found[0], found[1], found[2], found[3]


def _proof(name: str, one: int, two: int) -> str | None:
    """The only order in which a date makes sense, or None.

    >>> _proof("date", 21, 9), _proof("billing_start", 9, 1), _proof("date", 9, 2)
    ('day_first', 'month_first', None)
    """
    if one > 12 or (name == "billing_start" and one == 1 != two):
        return DAY_FIRST
    if two > 12 or (name == "billing_start" and two == 1 != one):
        return MONTH_FIRST
    return None
