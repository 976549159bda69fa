"""Tables of the published file: made anew, or carried on from those of the version before.

Belongs here: which rows of a mart are written, in which order, and their descriptions. A date whose fingerprint
is that of the version before keeps its rows; the others' are taken out and written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb

from tokenworks.books.pieces import among, columns_of, different, order_of, pieces_of, pieces_on
from tokenworks.books.recording import COLUMNS, Piece
from tokenworks_sources.errors import TokenworksError

# A date that is written again lies behind later ones. Where more of a mart's rows do, it is made anew.
LOOSE_RATIO = 0.1


class CopyError(TokenworksError):
    """A table that does not hold what was built."""

    def __init__(self, mart: str, said: str) -> None:
        self.mart = mart
        super().__init__(f"{mart}: {said}. Publish again.")


@dataclass(frozen=True)
class Table:
    """One mart as it stands in the file.

    Attributes:
        pieces: rows and fingerprint of each date.
        changed: those that are not as they were in the version before.
        loose: rows that lie behind those of later dates.
    """

    pieces: Mapping[str, Piece]
    changed: frozenset[str]
    loose: int


def put_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    before: Table | None = None,
    remade: frozenset[str] | None = None,
) -> Table:
    """Bring a mart of the attached `built` into the file.

    Args:
        connection: to the file.
        name: of the mart.
        before: the mart as the file holds it; None where it does not.
        remade: dates that may differ from it; None where any may.

    Raises:
        CopyError: the file does not hold what it should.
    """
    if before is None:
        table = _made_anew(connection, name)
    else:
        found = _found(connection, name, before, remade)
        table = _carried(connection, name, before, found)
    # Of dates that are not looked at, too: a row more or less does not pass.
    built, copied = connection.execute(
        f"select (select count(*) from built.{name}), (select count(*) from {name})"
    ).fetchall()[0]
    if built != copied:
        raise CopyError(name, f"{copied} of {built} rows were copied")
    return table


def _found(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    before: Table,
    remade: frozenset[str] | None,
) -> dict[str, Piece]:
    """The pieces of the mart as it was built, looked at where they may differ from before."""
    source = f"built.{name}"
    columns = columns_of(connection, source)
    pieces = None if remade is None else pieces_on(columns, remade)
    if pieces is None:
        return pieces_of(connection, name, source)
    kept = {piece: last for piece, last in before.pieces.items() if piece not in pieces}
    return kept | pieces_of(connection, name, source, among(columns, pieces))


def _carried(
    connection: duckdb.DuckDBPyConnection, name: str, before: Table, found: Mapping[str, Piece]
) -> Table:
    changed = different(found, before.pieces).keys()
    if not changed:
        return Table(found, frozenset(), before.loose)
    kept = found.keys() - changed - {COLUMNS}
    loose = before.loose + sum(
        found[piece].rows for piece in changed & found.keys() if piece < max(kept, default="")
    )
    if COLUMNS in changed or not kept or loose > LOOSE_RATIO * _rows(found):
        return replace(_made_anew(connection, name), changed=frozenset(changed))
    columns = columns_of(connection, name)
    rows = among(columns, changed)
    connection.execute(f"delete from {name} where {rows}")
    connection.execute(
        f"insert into {name} select * from built.{name} where {rows} order by {order_of(columns)}"
    )
    written = pieces_of(connection, name, condition=rows)
    if written != {piece: found[piece] for piece in found if piece in {COLUMNS, *changed}}:
        raise CopyError(name, "its dates were not copied as they were built")
    return Table(found, frozenset(changed), loose)


def _made_anew(connection: duckdb.DuckDBPyConnection, name: str) -> Table:
    order = order_of(columns_of(connection, f"built.{name}"))
    connection.execute(f"create or replace table {name} as from built.{name} order by {order}")
    pieces = pieces_of(connection, name)
    return Table(pieces, frozenset(pieces), 0)


def _rows(pieces: Mapping[str, Piece]) -> int:
    return sum(piece.rows for piece in pieces.values())


def copy_comments(connection: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    """The descriptions that dbt keeps as comments, so that a reader finds them in the file.

    Only those that differ: a year's file has a thousand, which rarely change.
    """
    tables = _differing_comments(
        connection, "select table_name, '' as column_name, comment from duckdb_tables()", names
    )
    columns = _differing_comments(
        connection, "select table_name, column_name, comment from duckdb_columns()", names
    )
    connection.execute("begin")
    for table, _, comment in tables:
        connection.execute(f"comment on table {table} is {_literal(comment)}")
    for table, column, comment in columns:
        connection.execute(f'comment on column {table}."{column}" is {_literal(comment)}')
    connection.execute("commit")


def _differing_comments(
    connection: duckdb.DuckDBPyConnection, commented: str, names: list[str]
) -> list[tuple[str, str, str | None]]:
    return connection.execute(
        f"select built.* from ({commented} where database_name = 'built') as built "
        f"inner join ({commented} where database_name = current_database()) as own "
        "using (table_name, column_name) "
        "where built.comment is distinct from own.comment and list_contains(?, built.table_name)",
        [names],
    ).fetchall()


def _literal(comment: str | None) -> str:
    return "null" if comment is None else "'" + comment.replace("'", "''") + "'"


def free_ratio(connection: duckdb.DuckDBPyConnection) -> float:
    """Share of the file that holds nothing, by its blocks."""
    size = connection.execute(
        "select free_blocks, total_blocks from pragma_database_size() "
        "where database_name = current_database()"
    ).fetchall()
    return float(sum(free for free, _ in size) / max(1, sum(total for _, total in size)))
