"""The records of a spend log that are not written: their place and reason, never all at once."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from tokenworks_sources.connectors.requests import litellm_sql

REJECTS_AT_ONCE = 1_000


def leave(connection: duckdb.DuckDBPyConnection, rows: str, table: str) -> tuple[int, int]:
    """Keeps place and reason of the records that are not written.

    Returns how many they are, and how many of them must be read again, for metadata that is no plain
    object.
    """
    connection.execute(
        f"create or replace temp table {table} as select _line as line, source_line, _file as file, "
        f"_reason as reason from ({rows}) where _reason is not null"
    )
    left, doubtful = connection.execute(
        f"select count(*), count(*) filter (reason = '{litellm_sql.DOUBTFUL}') from {table}"
    ).fetchall()[0]
    return left, doubtful


def left_in(
    connection: duckdb.DuckDBPyConnection, table: str
) -> Iterator[tuple[int, int, int, str]]:
    """What `leave` kept, in order: line, line of its file, file and reason."""
    found = connection.execute(f"select line, source_line, file, reason from {table} order by line")
    while some := found.fetchmany(REJECTS_AT_ONCE):
        yield from some
