"""The Parquet that closed books give to dbt: ledgers by day, posted corrections, where to post.

Belongs here: the columns of these files and writing them. What is a correction is decided in
`dbt/models/marts/fct_cost_corrections.sql`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

from tokenworks.books.calendar import Calendar, FiscalPeriod
from tokenworks.books.closed import CORRECTIONS_FILE, LEDGER_FILE, Closed
from tokenworks_sources.settings import Settings

# What tells one correction from another: columns of the ledger, without its hours.
KEYS = (
    "bill_id",
    "charge_line_id",
    "cost_source",
    "component",
    "category",
    "cause",
    "deployment_id",
    "tenant_id",
    "model",
    "tier",
    "site_id",
    "region",
    "currency",
)
FLAGS = {"is_accrued": "boolean"}
MONEY = {"cost": "decimal(38, 12)", "cost_usd": "decimal(38, 12)"}
LEDGER = {
    "period": "varchar",
    "event_date": "date",
    **dict.fromkeys(KEYS, "varchar"),
    **FLAGS,
    **MONEY,
}
CORRECTIONS = {
    "posted_period": "varchar",
    "posted_from": "date",
    "posted_until": "date",
    "corrected_period": "varchar",
    "event_date": "date",
    **dict.fromkeys(KEYS, "varchar"),
    **MONEY,
}
POSTINGS = {
    "period": "varchar",
    "first_date": "date",
    "last_date": "date",
    "posted_period": "varchar",
    "posted_from": "date",
    "posted_until": "date",
}
EMPTY, POSTINGS_FILE = "_empty", "postings.parquet"


def hand_over(settings: Settings, closed: Iterable[Closed], calendar: Calendar) -> None:
    """Lay out what dbt reads of the closed books, also where nothing is closed."""
    empty = settings.closed / EMPTY
    with duckdb.connect() as connection:
        _put(connection, LEDGER, [], empty / LEDGER_FILE)
        _put(connection, CORRECTIONS, [], empty / CORRECTIONS_FILE)
        _put(connection, POSTINGS, postings(list(closed), calendar), empty / POSTINGS_FILE)


def postings(closed: list[Closed], calendar: Calendar) -> list[tuple[object, ...]]:
    """Of each closed period, its dates and the period in which its corrections are posted now.

    That is the first one after it that is not closed.
    """
    periods = {one.period for one in closed}
    rows: list[tuple[object, ...]] = []
    for period in sorted(periods):
        posted = calendar.following(period)
        while posted in periods:
            posted = calendar.following(posted)
        rows.append(
            (
                *(period.name, period.first_date, period.last_date),
                *(posted.name, posted.first_date, posted.last_date),
            )
        )
    return rows


def write_ledger(connection: duckdb.DuckDBPyConnection, period: FiscalPeriod, folder: Path) -> None:
    """The ledger of a period by day, from the known books."""
    connection.execute(
        f"create or replace temp table frozen_ledger as select '{period.name}' as period, "
        f"event_date, {', '.join((*KEYS, *FLAGS))}, cast(sum(cost) as decimal(38, 12)) as cost, "
        "cast(sum(cost_usd) as decimal(38, 12)) as cost_usd from fct_cost_ledger "
        "where event_date between ? and ? group by all order by all",
        [period.first_date, period.last_date],
    )
    _copy(connection, "frozen_ledger", folder / LEDGER_FILE)


def write_corrections(
    connection: duckdb.DuckDBPyConnection, period: FiscalPeriod, folder: Path
) -> None:
    """The corrections that were posted in a period, from the known books."""
    connection.execute(
        f"create or replace temp table frozen_corrections as select {', '.join(CORRECTIONS)} "
        "from fct_cost_corrections where posted_period = ? order by all",
        [period.name],
    )
    _copy(connection, "frozen_corrections", folder / CORRECTIONS_FILE)


def _put(
    connection: duckdb.DuckDBPyConnection,
    columns: Mapping[str, str],
    rows: list[tuple[object, ...]],
    path: Path,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    typed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    connection.execute(f"create or replace temp table handed ({typed})")
    if rows:
        connection.executemany(f"insert into handed values ({', '.join('?' * len(columns))})", rows)
    beside = path.with_name(f".{path.name}.{os.getpid()}.next")
    _copy(connection, "handed", beside)
    os.replace(beside, path)


def _copy(connection: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    quoted = str(path).replace("'", "''")
    connection.execute(f"copy {table} to '{quoted}' (format parquet, compression zstd)")
