"""Publish the marts: a new DuckDB file and Parquet folders that replace the old ones whole.

Belongs here: what is published, the checks before, and the swap. What came out different is recorded
before the swap (`books/history.py`), so nobody reads what the books do not remember. Readers keep the file they have
open; the next one they open is the new one. Queries on what is published live in `published.py`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from tokenworks.books.history import record
from tokenworks.held import unless_held
from tokenworks.questions import write_questions
from tokenworks.restatement import build_inputs, state_file
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
        digest: SHA-256 of its Parquet file.
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
            marts = _write(settings, staging, now)
            _swap(settings, staging, marts)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return marts


def _write(settings: Settings, staging: Path, now: datetime | None) -> list[PublishedMart]:
    database = staging / "warehouse.duckdb"
    with connected(staging / "spill", keeps_order=True, database=database) as connection:
        connection.execute(f"attach '{_quoted(settings.build_database)}' as built (read_only)")
        names = mart_names(connection)
        _refuse_imbalance(connection, names)
        marts = [write_mart(connection, name, staging / "parquet" / name) for name in names]
        _write_catalogue(connection, marts)
        write_questions(connection, names)
        _check_copies(connection, names)
        connection.execute("detach built")
        record(settings, connection, names, build_inputs(settings), now)
    return marts


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


def write_mart(connection: duckdb.DuckDBPyConnection, name: str, folder: Path) -> PublishedMart:
    """Write a mart of the attached `built` as a table and into a folder of Parquet.

    Args:
        connection: to the file that gets the table.
        name: of the mart.
        folder: gets the Parquet; must not exist.
    """
    order = _order(connection, name)
    connection.execute(f"create table {name} as select * from built.{name} order by {order}")
    folder.mkdir(parents=True)
    path = folder / "part-0.parquet"
    # One thread writes the rows in the table's order, so equal data gives equal bytes.
    connection.execute("set threads = 1")
    connection.execute(
        f"copy {name} to '{_quoted(path)}' (format parquet, compression zstd, row_group_size 122880)"
    )
    connection.execute("reset threads")
    _copy_comments(connection, name)
    rows = connection.execute(f"select count(*) from {name}").fetchall()[0][0]
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return PublishedMart(name, rows, digest)


def _order(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """A day's rows lie together, so that who asks for a day skips the others; then by key.

    Keys stand first in every mart, so ordering by all columns is ordering by key, and total.
    """
    columns = {row[0] for row in connection.execute(f"describe built.{name}").fetchall()}
    return "event_date, columns(*)" if "event_date" in columns else "all"


def _copy_comments(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """The descriptions that dbt keeps as comments, so that a reader finds them in the file."""
    table = connection.execute(
        "select comment from duckdb_tables() where database_name = 'built' and table_name = ?",
        [name],
    ).fetchall()
    columns = connection.execute(
        "select column_name, comment from duckdb_columns() where database_name = 'built' "
        "and table_name = ? and comment is not null",
        [name],
    ).fetchall()
    for (comment,) in table:
        connection.execute(f"comment on table {name} is '{_quoted(comment or '')}'")
    for column, comment in columns:
        connection.execute(f"comment on column {name}.\"{column}\" is '{_quoted(comment)}'")


def _write_catalogue(connection: duckdb.DuckDBPyConnection, marts: list[PublishedMart]) -> None:
    connection.execute(f"create table {CATALOGUE} (mart varchar, row_count bigint, sha256 varchar)")
    if marts:
        connection.executemany(
            f"insert into {CATALOGUE} values (?, ?, ?)",
            [[mart.name, mart.rows, mart.digest] for mart in marts],
        )


def _check_copies(connection: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    for name in names:
        built, copied = connection.execute(
            f"select (select count(*) from built.{name}), (select count(*) from {name})"
        ).fetchall()[0]
        if built != copied:
            raise PublishError(f"{name}: {copied} of {built} rows were copied. Publish again.")


def _swap(settings: Settings, staging: Path, marts: list[PublishedMart]) -> None:
    """Put the new Parquet and the new file in place, each by one rename."""
    version = hashlib.sha256("".join(mart.digest for mart in marts).encode()).hexdigest()[:16]
    versions = settings.publish / ".versions"
    versions.mkdir(exist_ok=True)
    if not (versions / version).is_dir():
        (staging / "parquet").mkdir(exist_ok=True)
        os.replace(staging / "parquet", versions / version)
    previous = _current_version(settings)
    link = staging / "link"
    link.symlink_to(Path(".versions") / version, target_is_directory=True)
    os.replace(link, settings.published_parquet)
    os.replace(staging / "warehouse.duckdb", settings.published_database)
    # One version back stays, for those who read it right now, and what a replay holds. An older one leaves
    # its place whole, so that a crash while its files are removed leaves no half of a version behind.
    for old in list(versions.iterdir()):
        if old.name not in (version, previous):
            with unless_held(old) as is_free:
                if is_free:
                    os.replace(old, staging / old.name)


def _current_version(settings: Settings) -> str | None:
    if settings.published_parquet.is_symlink():
        return settings.published_parquet.readlink().name
    if settings.published_parquet.exists():
        raise PublishError(
            f"{settings.published_parquet}: is in the way of the published Parquet. Move it elsewhere."
        )
    return None


def _quoted(text: Path | str) -> str:
    return str(text).replace("'", "''")
