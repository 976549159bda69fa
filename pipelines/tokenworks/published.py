"""Read what is published, and only that.

Belongs here: queries for the command line, notebooks and reports. Every call opens the file and closes
it again, since a connection that stays open keeps seeing the version it opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from tokenworks.books.known import connect_known, known_at
from tokenworks.questions import write_questions
from tokenworks.replay.results.tables import TABLES, Table
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

# What finance imports, in the version that is written by default: see docs/focus.md. Months alone: a fiscal period
# holds costs of theirs once more.
MONTHS = "[0-9][0-9][0-9][0-9]-[0-9][0-9]"
EXPORTS = {
    "focus_cost_and_usage": "focus_cost_and_usage-*-1.2-showback.parquet",
    "focus_cost_and_usage_supply": "focus_cost_and_usage-*-1.2-supply.parquet",
}


class NothingPublishedError(TokenworksError):
    """There is no published warehouse."""


class DamagedError(TokenworksError):
    """The published file is none."""


class QueryError(TokenworksError):
    """A query that DuckDB refuses."""


@dataclass(frozen=True)
class TableInfo:
    """One published table.

    Attributes:
        name: its name.
        description: what a row is.
        rows: number of rows.
        columns: number of columns.
    """

    name: str
    description: str
    rows: int
    columns: int


@contextmanager
def connect(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection to the published file, in UTC, closed at the end.

    Raises:
        NothingPublishedError: nothing is published yet.
        DamagedError: DuckDB cannot open what is published.
    """
    if not settings.published_database.is_file():
        raise NothingPublishedError(
            f"{settings.published_database}: nothing is published yet. "
            "Run `tokenworks ingest` and `tokenworks build`, or `tokenworks demo`."
        )
    with _opened(settings) as connection:
        connection.execute("set TimeZone = 'UTC'")
        # It saves memory in large sorts, and costs grouping more than it brings: a tenth of a small answer.
        connection.execute("set disabled_optimizers = 'compressed_materialization'")
        _show_files(connection, settings)
        yield connection


def _opened(settings: Settings) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(settings.published_database), read_only=True)
    except duckdb.IOException as error:
        raise DamagedError(
            f"{settings.published_database}: DuckDB cannot open it ({str(error).splitlines()[0]}). "
            "Run `tokenworks build`, which publishes it anew."
        ) from error


def _show_files(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Exported months and replay results as views of this connection; only their files are read."""
    found = {
        name: [str(path) for path in sorted(settings.reports.glob(f"{MONTHS}/focus/{pattern}"))]
        for name, pattern in EXPORTS.items()
    } | {
        # A folder that begins with a dot is not finished.
        name: [str(path) for path in sorted(settings.replay.glob(f"[!.]*/{table.file}"))]
        for name, table in TABLES.items()
    }
    readable = [path for files in found.values() for path in files]
    if not readable:
        return
    connection.execute(f"set allowed_paths = {_literals(readable)}")
    for name, files in found.items():
        if files:
            connection.execute(
                f"create temp view {name} as from read_parquet({_literals(files)}, "
                "hive_partitioning = false, union_by_name = true)"
            )
    for name, table in TABLES.items():
        if found[name]:
            _describe(connection, name, table)


def _describe(connection: duckdb.DuckDBPyConnection, name: str, table: Table) -> None:
    """Comments as the marts have them; results of an earlier version may lack a column."""
    connection.execute(f"comment on view {name} is {_literal(table.description)}")
    there = {row[0] for row in connection.execute(f"describe {name}").fetchall()}
    for column, said in table.columns.items():
        if column not in there:
            continue
        connection.execute(f'comment on column {name}."{column}" is {_literal(said)}')


def _literals(paths: list[str]) -> str:
    return "[" + ", ".join(_literal(path) for path in paths) + "]"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def query(
    settings: Settings, sql: str, as_known_on: datetime | None = None
) -> tuple[list[str], list[tuple[object, ...]]]:
    """Columns and rows of a query on the published marts, or on the books as known at a moment.

    Raises:
        NothingPublishedError: nothing is published yet.
        NotYetKnownError: there were no books at that moment.
        QueryError: DuckDB refuses the query.
    """
    with _connect(settings, as_known_on) as connection:
        try:
            # What is published is all there is to read: no file of the machine, none written.
            connection.execute("set enable_external_access = false")
            statements = connection.extract_statements(sql)
            if not statements:
                raise QueryError("There is no SQL to run.")
            if len(statements) > 1:
                raise QueryError(
                    f"These are {len(statements)} statements, and only the last would be shown. "
                    "Run them one by one."
                )
            # Beside the published file, which is open read-only, the books lie in files.
            if as_known_on and any(one.type != duckdb.StatementType.SELECT for one in statements):
                raise QueryError("As of an earlier date only queries run: select, or from.")
            cursor = connection.execute(sql)
            columns = [column[0] for column in cursor.description or ()]
            return columns, cursor.fetchall()
        except duckdb.Error as error:
            raise QueryError(
                f"{error}\n`tokenworks tables` lists what there is to query."
            ) from error


def _connect(
    settings: Settings, as_known_on: datetime | None
) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
    return connect(settings) if as_known_on is None else _connect_known(settings, as_known_on)


@contextmanager
def _connect_known(settings: Settings, moment: datetime) -> Iterator[duckdb.DuckDBPyConnection]:
    known = known_at(settings, moment)
    with connect_known(settings, known) as connection:
        write_questions(connection, list(known.state))
        yield connection


def list_tables(settings: Settings) -> list[TableInfo]:
    """The published tables by name, the questions, and replay results where there are any."""
    with connect(settings) as connection:
        tables = connection.execute(
            """
            select tables.table_name, coalesce(tables.comment, ''), marts.row_count, tables.column_count
            from duckdb_tables() as tables
            inner join _published as marts on tables.table_name = marts.mart
            order by tables.table_name
            """
        ).fetchall()
        views = connection.execute(
            "select view_name, comment, column_count from duckdb_views() where comment is not null"
        ).fetchall()
        for name, comment, columns in views:
            rows = connection.execute(f"select count(*) from {name}").fetchall()[0][0]
            tables.append((name, comment, rows, columns))
    return [TableInfo(*table) for table in sorted(tables)]


def published_at(settings: Settings) -> datetime:
    """When the published file was put in place, UTC."""
    with connect(settings):
        stamp = settings.published_database.stat().st_mtime
    return datetime.fromtimestamp(stamp, UTC)
