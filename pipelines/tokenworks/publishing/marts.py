"""One mart of a version: its table in the published file and the parts of its Parquet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import duckdb

from tokenworks.publishing.parts import Parts, put_parts
from tokenworks.publishing.tables import Table, put_table


@dataclass(frozen=True)
class Mart:
    """One mart of a version.

    Attributes:
        table: its dates, as the published file holds them.
        parts: its files.
    """

    table: Table
    parts: Parts

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(piece.rows for piece in self.table.pieces.values())

    @property
    def digest(self) -> str:
        """SHA-256 over the names and the digests of its files, in order."""
        lines = "".join(f"{part.sha256}  {file}\n" for file, part in self.parts.items())
        return hashlib.sha256(lines.encode()).hexdigest()


@dataclass(frozen=True)
class Before:
    """A mart of the version that the file holds.

    Attributes:
        mart: the mart.
        files: the folder of its Parquet.
        remade: dates of which alone it may differ; None where it may of any.
    """

    mart: Mart
    files: Path
    remade: frozenset[str] | None


def put_mart(
    connection: duckdb.DuckDBPyConnection, name: str, folder: Path, before: Before | None = None
) -> Mart:
    """Bring a mart of the attached `built` into the file, and into a folder of Parquet.

    Args:
        connection: to the file that gets the table.
        name: of the mart.
        folder: gets its Parquet; must not exist.
        before: the mart as the file holds it; None where it does not.

    Raises:
        CopyError: the file does not hold what it should.
    """
    if before is None:
        table = put_table(connection, name)
        return Mart(table, put_parts(connection, name, table, folder))
    table = put_table(connection, name, before.mart.table, before.remade)
    earlier = before.files, before.mart.parts
    return Mart(table, put_parts(connection, name, table, folder, earlier))
