"""Publish the marts: a new DuckDB file and a new folder of Parquet that replace the old ones by renames.

Belongs here: what is published, in which order, and the checks before. How it is written lives in `publishing/`: what
is as it was in the version before is carried on, not written again. What came out different is recorded before
the swap (`books/history.py`), so nobody reads what the books do not remember. Readers keep the file they have
open; the next one they open is the new one. Queries on what is published live in `published.py`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from tokenworks.books.history import record
from tokenworks.publishing.marts import Before, put_mart
from tokenworks.publishing.place import (
    DATABASE,
    PARQUET,
    copy_database,
    put_in_place,
    versions_folder,
)
from tokenworks.publishing.tables import CopyError, copy_comments, free_ratio
from tokenworks.publishing.version import Version, published_version, version_of
from tokenworks.questions import write_questions
from tokenworks.restatement import build_inputs, remade_since, state_file
from tokenworks.warehouse import warehouse_lock
from tokenworks_sources.engine import connected
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

MART_PREFIXES = ("fct_", "dim_", "rpt_", "focus_")
CATALOGUE = "_published"
SHOWN_ROWS = 10


class PublishError(TokenworksError):
    """Marts that may not be published, or are not there."""


class UnbalancedError(PublishError):
    """The books do not balance.

    Attributes:
        rows: the reconciliation rows that fail.
    """

    def __init__(self, rows: list[str]) -> None:
        self.rows = tuple(rows)
        more = f"\n  and {len(rows) - SHOWN_ROWS} more" if len(rows) > SHOWN_ROWS else ""
        super().__init__(
            "The books do not balance, so nothing was published:\n  "
            + "\n  ".join(rows[:SHOWN_ROWS])
            + more
            + "\nWhat is published is unchanged. Find the lines in fct_cost_ledger of the build, "
            "correct their source and build again."
        )


@dataclass(frozen=True)
class PublishedMart:
    """One mart as published.

    Attributes:
        name: table and folder name.
        rows: number of rows.
        digest: SHA-256 over the names and digests of its Parquet files.
    """

    name: str
    rows: int
    digest: str


def publish(settings: Settings, now: datetime | None = None) -> list[PublishedMart]:
    """Record what the last build made different, and publish its marts.

    Args:
        settings: the home folder.
        now: when the books are recorded; the present where not given.

    Raises:
        UnbalancedError: a blocking row of the reconciliation fails.
        PublishError: there is no build, or the last one did not complete.
        WarehouseLockedError: a build or another publish is under way.
    """
    with warehouse_lock(settings):
        if not settings.build_database.is_file():
            raise PublishError(
                f"{settings.build_database}: there is nothing to publish. Run `tokenworks build` first."
            )
        if not state_file(settings).is_file():
            raise PublishError(
                f"{settings.build_database}: the last build did not complete. "
                "Run `tokenworks build` first. What is published is unchanged."
            )
        settings.publish.mkdir(parents=True, exist_ok=True)
        staging = settings.publish / f".{os.getpid()}.next"
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        try:
            written = _write(settings, staging, now)
            put_in_place(settings, staging, written.version)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return written.published


@dataclass(frozen=True)
class _Written:
    published: list[PublishedMart]
    version: Version


def _write(settings: Settings, staging: Path, now: datetime | None) -> _Written:
    before = published_version(settings)
    if before is not None:
        try:
            copy_database(settings, staging)
            return _written(settings, staging, now, before)
        except (duckdb.Error, CopyError):
            # What is published is not what was put there: nothing is built upon it.
            shutil.rmtree(staging)
            staging.mkdir()
    return _written(settings, staging, now, None)


def _written(
    settings: Settings, staging: Path, now: datetime | None, before: Version | None
) -> _Written:
    database, spill = staging / DATABASE, staging / "spill"
    with connected(spill, keeps_order=True, database=database) as connection:
        connection.execute(f"attach '{_quoted(settings.build_database)}' as built (read_only)")
        names = mart_names(connection)
        _refuse_imbalance(connection, names)
        _drop_others(connection, names)
        known = _known(settings, before) if before else {}
        marts = {
            name: put_mart(connection, name, staging / PARQUET / name, known.get(name))
            for name in names
        }
        copy_comments(connection, names)
        published = [PublishedMart(name, mart.rows, mart.digest) for name, mart in marts.items()]
        _write_catalogue(connection, published)
        write_questions(connection, names)
        connection.execute("detach built")
        pieces = {name: mart.table.pieces for name, mart in marts.items()}
        record(settings, connection, pieces, build_inputs(settings), now)
        connection.execute("checkpoint")
        return _Written(published, version_of(marts, free_ratio(connection)))


def _known(settings: Settings, version: Version) -> dict[str, Before]:
    """What the file that is carried on holds of each mart."""
    folder = versions_folder(settings) / version.folder
    remade = remade_since(settings, version.built)
    return {
        name: Before(mart, folder / name, remade.dates if remade and name in remade.marts else None)
        for name, mart in version.marts.items()
    }


def _drop_others(connection: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    """Of a file that is carried on: the questions, and tables that are marts no more."""
    own = "database_name = current_database() and not internal"
    views = connection.execute(f"select view_name from duckdb_views() where {own}").fetchall()
    tables = connection.execute(f"select table_name from duckdb_tables() where {own}").fetchall()
    for (view,) in views:
        connection.execute(f"drop view {view}")
    for (table,) in tables:
        if table not in names:
            connection.execute(f"drop table {table}")


def mart_names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Marts of the attached build: tables, never views, which hold paths of the lake."""
    rows = connection.execute(
        "select table_name from duckdb_tables() where database_name = 'built' order by table_name"
    ).fetchall()
    return [name for (name,) in rows if name.startswith(MART_PREFIXES)]


def _refuse_imbalance(connection: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    if "rpt_reconciliation" not in names:
        raise PublishError(
            "The build holds no rpt_reconciliation. Run `tokenworks build` without a selection first."
        )
    rows = connection.execute(
        """
        select check_name, subject, period_start, currency, expected, actual, difference, unit
        from built.rpt_reconciliation
        where is_blocking and is_balanced is not true
        order by all
        """
    ).fetchall()
    if rows:
        raise UnbalancedError(
            [
                f"{check} of {subject} from {start}: expected {expected:f} {unit}, "
                f"posted {actual:f}, difference {difference:f}"
                for check, subject, start, _, expected, actual, difference, unit in rows
            ]
        )


def _write_catalogue(connection: duckdb.DuckDBPyConnection, marts: list[PublishedMart]) -> None:
    connection.execute(f"create table {CATALOGUE} (mart varchar, row_count bigint, sha256 varchar)")
    if marts:
        connection.executemany(
            f"insert into {CATALOGUE} values (?, ?, ?)",
            [[mart.name, mart.rows, mart.digest] for mart in marts],
        )


def _quoted(text: Path | str) -> str:
    return str(text).replace("'", "''")
