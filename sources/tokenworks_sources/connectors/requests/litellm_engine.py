"""The DuckDB connection that reads spend logs, and what it knows of their names.

Belongs here: settings, the pseudonyms and hosts that are looked up instead of computed for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import PythonUDFType

from tokenworks_sources.connectors.base import Scratch
from tokenworks_sources.connectors.requests import litellm_sql, slices
from tokenworks_sources.engine import connected
from tokenworks_sources.normalise import pseudonym

# So many are looked at before a log is read.
MET_RECORDS = 20_000


@contextmanager
def engine(sink: Scratch) -> Iterator[tuple[duckdb.DuckDBPyConnection, slices.SliceFileSystem]]:
    """A connection, and the file system that shows it slices of files."""
    files = slices.SliceFileSystem()
    with connected(sink.scratch) as connection:
        connection.register_filesystem(files)
        # Line numbers are joined ASOF; by its loop, that takes records times blank lines.
        connection.execute("set asof_loop_join_threshold = 0")
        # The size of a JSON file is not known to the planner: it would build joins from the log, and
        # turn a list of five words into a join.
        connection.execute(
            "set disabled_optimizers = 'in_clause, join_order, build_side_probe_side'"
        )
        connection.execute(
            f"create temp table {litellm_sql.KNOWN_TABLE} (name varchar, pseudonym varchar)"
        )
        connection.execute(
            f"create temp table {litellm_sql.KNOWN_HOSTS} (name varchar, host varchar)"
        )
        connection.create_function(
            litellm_sql.PSEUDONYM_FUNCTION,
            _of_distinct(sink.pseudonym_key),
            ["VARCHAR"],
            "VARCHAR",
            type=PythonUDFType.ARROW,
        )
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
    known = sorted({name for name in (*(users or ()), *(keys or ())) if name is not None})
    # Hashed here and passed as lists: a call of the function, or an Arrow table, makes DuckDB
    # import pandas, which takes a second.
    connection.execute(
        f"insert into {litellm_sql.KNOWN_TABLE} select unnest($1::varchar[]), unnest($2::varchar[])",
        [known, [pseudonym(name, key) for name in known]],
    )
    connection.execute(
        f"insert into {litellm_sql.KNOWN_HOSTS} select api_base, {litellm_sql.HOST} "
        "from (select unnest($1::varchar[]) as api_base)",
        [[address for address in addresses or () if address is not None]],
    )
    return tuple(values)


def _of_distinct(key: bytes) -> Callable[[pa.ChunkedArray | pa.Array], pa.Array]:
    known: dict[str | None, str | None] = {None: None}

    def run(values: pa.ChunkedArray | pa.Array) -> pa.Array:
        """Few values are distinct: each is hashed once."""
        encoded = pc.dictionary_encode(values)
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        texts = encoded.dictionary.to_pylist()
        for text in texts:
            if text not in known:
                known[text] = pseudonym(text, key)
        return pa.array([known[text] for text in texts], pa.string()).take(encoded.indices)

    return run
