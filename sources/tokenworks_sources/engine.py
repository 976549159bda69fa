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
def connected(scratch: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in UTC that spills into a folder of the stage, which goes with the stage.

    Args:
        scratch: a folder that need not exist; DuckDB makes it where it spills.
    """
    with duckdb.connect() as connection:
        for name, value in (
            ("TimeZone", "UTC"),
            ("memory_limit", os.environ.get(MEMORY_VARIABLE) or MEMORY),
            ("threads", str(min(os.cpu_count() or 1, MOST_THREADS))),
            ("temp_directory", str(scratch)),
            ("max_temp_directory_size", MOST_SPILL),
            ("enable_progress_bar", "false"),
            ("preserve_insertion_order", "false"),
            # Small row groups per date: a file of many dates would otherwise hold all in memory.
            ("partitioned_write_flush_threshold", "16384"),
        ):
            connection.execute(f"set {name} = '{value.replace(chr(39), chr(39) * 2)}'")
        yield connection
