"""DuckDB connections that stay within bounds: memory, threads, and spill inside the home folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

MEMORY_VARIABLE = "TOKENWORKS_DUCKDB_MEMORY"
# A query over a window of 256 MiB needs about half of it; what needs more spills.
MEMORY = "1GB"
MOST_THREADS = 16
MOST_SPILL = "50GB"


@contextmanager
def connected(
    scratch: Path, *, memory: str = MEMORY, keeps_order: bool = False, database: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in UTC that spills into a folder of the stage, which goes with the stage.

    Args:
        scratch: a folder that need not exist; DuckDB makes it where it spills.
        memory: its limit, less than usual where much is held beside it; the environment's first.
        keeps_order: rows come as files and tables hold them, even where no query asks for it.
        database: a file for its tables; in memory, and spilt from there, where None.
    """
    with duckdb.connect(database or ":memory:") as connection:
        for name, value in (
            ("TimeZone", "UTC"),
            ("memory_limit", os.environ.get(MEMORY_VARIABLE) or memory),
            ("threads", str(min(os.cpu_count() or 1, MOST_THREADS))),
            ("temp_directory", str(scratch)),
            ("max_temp_directory_size", MOST_SPILL),
            ("enable_progress_bar", "false"),
            ("preserve_insertion_order", str(keeps_order).lower()),
            # Small row groups per date: a file of many dates would otherwise hold all in memory.
            ("partitioned_write_flush_threshold", "16384"),
        ):
            connection.execute(f"set {name} = '{value.replace(chr(39), chr(39) * 2)}'")
        yield connection
