"""Parts of a mart's Parquet: the rows of a month, or of some days of it where there are many.

Belongs here: where one part ends and the next begins, which follows from the rows alone, and writing them. Equal
rows give equal bytes whatever the way there; a part with the rows of the version before is its file.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import duckdb

from tokenworks.books.pieces import among, columns_of, order_of
from tokenworks.books.recording import COLUMNS, UNDATED, Piece
from tokenworks.publishing.tables import Table

# A part of a month is closed by the day that fills a row group.
FULL = 122_880
UNDATED_PART = "part-0.parquet"


@dataclass(frozen=True)
class Part:
    """One file of a mart.

    Attributes:
        pieces: the dates whose rows it holds.
        sha256: of its bytes.
        size: in bytes.
        modified_ns: when it was written last.
    """

    pieces: tuple[str, ...]
    sha256: str
    size: int
    modified_ns: int


Parts = dict[str, Part]
"""Parts of a mart by their file's name, in the order of their dates."""


def parts_of(pieces: Mapping[str, Piece]) -> dict[str, tuple[str, ...]]:
    """The pieces of each part by its file's name, which says its first date.

    >>> days = {f"2026-10-{day:02}": Piece(100_000, "") for day in (1, 2, 3)}
    >>> parts_of(days | {"2026-11-01": Piece(1, "")})
    ... # doctest: +NORMALIZE_WHITESPACE
    {'part-2026-10-01.parquet': ('2026-10-01', '2026-10-02'),
     'part-2026-10-03.parquet': ('2026-10-03',),
     'part-2026-11-01.parquet': ('2026-11-01',)}
    """
    dated = sorted(pieces.keys() - {COLUMNS, UNDATED})
    parts: dict[str, tuple[str, ...]] = {}
    for _, month in groupby(dated, key=lambda name: name[:7]):
        run: list[str] = []
        for name in month:
            if sum(pieces[one].rows for one in run) >= FULL:
                run = []
            run.append(name)
            parts[f"part-{run[0]}.parquet"] = tuple(run)
    if UNDATED in pieces or not dated:
        # A mart without rows has a file too: it tells the columns.
        parts[UNDATED_PART] = (UNDATED,)
    return parts


def put_parts(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    table: Table,
    folder: Path,
    before: tuple[Path, Parts] | None = None,
) -> Parts:
    """Write a mart's parts, or link them where the version before has them.

    Args:
        connection: to the file that holds the mart.
        name: of the mart.
        table: what is known of it.
        folder: gets the parts; must not exist.
        before: folder and parts of the version before; None where there is none.
    """
    folder.mkdir(parents=True)
    columns = columns_of(connection, name)
    earlier, known = before or (folder, {})
    # Equal rows give equal bytes: one thread puts them into the same vectors, and each column may be null,
    # whatever DuckDB knows of the other rows of the mart.
    connection.execute("set threads = 1")
    connection.execute("set disabled_optimizers = 'statistics_propagation'")
    parts: Parts = {}
    for file, pieces in parts_of(table.pieces).items():
        last = known.get(file)
        is_same = last is not None and last.pieces == pieces and COLUMNS not in table.changed
        if (
            last is None
            or not (is_same and table.changed.isdisjoint(pieces))
            or not _is_linked(earlier / file, folder / file, last)
        ):
            where, order = among(columns, pieces), order_of(columns)
            rows = f"select * from {name} where {where} order by {order}"
            last = _written(connection, rows, folder / file, pieces)
        parts[file] = last
    connection.execute("reset disabled_optimizers")
    connection.execute("reset threads")
    return parts


def _is_linked(source: Path, target: Path, part: Part) -> bool:
    """Give a file a second name, unless it is gone or not as it was written."""
    try:
        status = source.stat()
        if (status.st_size, status.st_mtime_ns) != (part.size, part.modified_ns):
            return False
    except FileNotFoundError:
        return False
    try:
        os.link(source, target)
    except OSError:
        # A file system without links.
        shutil.copy2(source, target)
    return True


def _written(
    connection: duckdb.DuckDBPyConnection, rows: str, path: Path, pieces: tuple[str, ...]
) -> Part:
    quoted = str(path).replace("'", "''")
    connection.execute(
        f"copy ({rows}) to '{quoted}' (format parquet, compression zstd, row_group_size {FULL})"
    )
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    status = path.stat()
    return Part(pieces, digest, status.st_size, status.st_mtime_ns)
