"""The DuckDB connection that reads spend logs, and what it knows of their names.

Belongs here: settings, the pseudonyms and hosts that are looked up instead of computed for each row, and
from what size on a log is taken apart by a kernel instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from tokenworks_sources.connectors.base import Scratch
from tokenworks_sources.connectors.requests import litellm_sql
from tokenworks_sources.connectors.requests.slice_files import SliceFileSystem
from tokenworks_sources.engine import connected
from tokenworks_sources.landing import is_compressed
from tokenworks_sources.normalise import pseudonym
from tokenworks_sources.pseudonyms import remember_key

# A shorter log is read as soon by DuckDB; one that is not so long before the kernels are compiled.
SMALLEST_BYTES = 1 << 26
SMALLEST_TO_COMPILE_BYTES = 1 << 32
# Logs become so many times smaller by compression, or more.
COMPRESSED_SHARE = 4
# So many are looked at before a log is read.
MET_RECORDS = 8_192
# A share of records that begin before the one in front of them: from there on rows are sorted.
OUT_OF_ORDER_SHARE = 0.01


def pays(log: Path) -> bool:
    """Whether a log is so large that a kernel pays."""
    size = log.stat().st_size * (COMPRESSED_SHARE if is_compressed(log) else 1)
    if size < SMALLEST_BYTES:
        return False
    from tokenworks_sources.connectors.kernels import are_kept

    return size >= SMALLEST_TO_COMPILE_BYTES or are_kept()


@contextmanager
def engine(sink: Scratch) -> Iterator[tuple[duckdb.DuckDBPyConnection, SliceFileSystem]]:
    """A connection, and the file system that shows it slices of files."""
    files = SliceFileSystem()
    with connected(sink.scratch) as connection:
        connection.register_filesystem(files)
        # Line numbers are joined ASOF; by its loop, that takes records times blank lines.
        connection.execute("set asof_loop_join_threshold = 0")
        # The size of a JSON file is not known to the planner: it would build joins from the log, and
        # turn a list of five words into a join.
        connection.execute(
            "set disabled_optimizers = 'in_clause, join_order, build_side_probe_side'"
        )
        remember_key(connection, sink.pseudonym_key)
        for known in (litellm_sql.KNOWN_NAMES, litellm_sql.KNOWN_HOSTS):
            _know(connection, known, {})
        yield connection, files


def remember_names(
    connection: duckdb.DuckDBPyConnection, key: bytes, relation: str, beside: Sequence[str] = ()
) -> tuple[Any, ...]:
    """Makes pseudonyms of names and hosts of addresses in the first records, to be looked up.

    Args:
        connection: that of `engine`.
        key: secret of the pseudonyms.
        relation: SQL of the records.
        beside: aggregates of the same records.

    Returns:
        the values of `beside`.
    """
    users, keys, addresses, *values = connection.execute(
        "select list(distinct coalesce(nullif(end_user, ''), nullif(\"user\", ''))), "
        "list(distinct nullif(api_key, '')), list(distinct nullif(api_base, '')) "
        f"{''.join(f', {value}' for value in beside)} from (from {relation} limit {MET_RECORDS})"
    ).fetchall()[0]
    names = {name for name in (*(users or ()), *(keys or ())) if name is not None}
    _know(connection, litellm_sql.KNOWN_NAMES, {name: pseudonym(name, key) for name in names})
    hosts = connection.execute(
        f"select api_base, {litellm_sql.HOST} from (select unnest($1::varchar[]) as api_base)",
        [[address for address in addresses or () if address is not None]],
    ).fetchall()
    _know(connection, litellm_sql.KNOWN_HOSTS, dict(hosts))
    return tuple(values)


def _know(
    connection: duckdb.DuckDBPyConnection, known: str, meanings: Mapping[str, str | None]
) -> None:
    """Keeps what each of some names becomes."""
    connection.execute(
        f"create or replace temp table {known} as "
        "select unnest($1::varchar[]) as name, unnest($2::varchar[]) as meaning",
        [list(meanings), list(meanings.values())],
    )
