"""LiteLLM proxy: rows of `LiteLLM_SpendLogs` as JSONL or CSV, plain, gzip or zstd.

What the emitter gets wrong, and what is done about it:

- `prompt_tokens` includes cached tokens, but for rows that copy Anthropic's usage as it came: there
  `usage_object` counts them beside `input_tokens`, and they are added. How many were cached stands in
  `metadata.usage_object` or `metadata.additional_usage_values`, in several spellings; where none is
  given the count is unknown (null), never 0.
- `completionStartTime` holds the end of the request where nothing was streamed, so it is the first
  token only where it lies before the end or the row says `stream`.
- Failed rows report 0 tokens; they are kept as reported, with their status. Of the error only its
  class is read: the text may quote the prompt.
- Every retry has a `request_id` of its own; `metadata.trace_id` groups them. `session_id` is a
  conversation and groups no retries.
- `cache_hit` is the text "True" for an answer from the gateway's own response cache.
- `metadata`, its `usage_object` and `request_tags` are JSON, or JSON inside a string, depending on
  the export. Without a `status` there may be one in `metadata`.
- Times are UTC and mostly say so; those without a zone are UTC too.
- Deployments without organisations charge by team: the tenant is `organization_id`, else `team_id`.

Never read: `messages`, `response`, `proxy_server_request`, `requester_ip_address`. `api_key` (itself a
hash), `end_user` and `user` enter the lake as keyed pseudonyms only.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import tee
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.func import PythonUDFType

from tokenworks_sources.connectors import json_records, tabular
from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.requests import litellm_fields, litellm_sql, slices
from tokenworks_sources.contracts.requests import CONTRACT
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import GZIP_MAGIC, ZSTD_MAGIC, open_decompressed
from tokenworks_sources.normalise import pseudonym

KNOWN_BY = ("request_id", "startTime", "call_type")
WHAT = "a LiteLLM spend log"
LARGEST_LINE_BYTES = 1 << 24
MET_RECORDS = 20_000
HEAD_BYTES = 1 << 20
REJECTS_AT_ONCE = 1_000


@dataclass(frozen=True)
class LiteLLM:
    """See the module's docstring."""

    name: str = "litellm"
    table: str = "requests"
    tables: tuple[str, ...] = ("requests",)
    version: str = "3"
    summary: str = "LiteLLM spend logs (LiteLLM_SpendLogs) as JSONL or CSV"

    def recognise(self, preview: Preview) -> str | None:
        """By the keys of the first object, or the CSV header."""
        record = json_records.first_record(preview)
        names = tabular.header_of(preview.first_line) if record is None else record
        known = set(KNOWN_BY) <= set(names)
        return f"{WHAT}: it has {', '.join(KNOWN_BY)}" if known else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """Hands every record to the sink; JSONL in one parallel pass, CSV in blocks."""
        with open_decompressed(file.path) as stream:
            begin = stream.read(HEAD_BYTES).removeprefix(tabular.BYTE_ORDER_MARK).lstrip()
        if begin.startswith(b"["):
            raise LandingFileError(
                file.path, "it is one JSON array.", "Ship one object per line (`jq -c '.[]'`)."
            )
        with _connection(sink.pseudonym_key) as connection:
            if _is_jsonl(begin):
                with _plain(file.path) as path:
                    _read_jsonl(file, path, connection, sink)
            else:
                _read_csv(file, connection, sink)


CONNECTOR = LiteLLM()


def _is_jsonl(head: bytes) -> bool:
    """Whether a line begins an object; the first one may have lost its beginning."""
    lines = head.splitlines()
    header = tabular.header_of(lines[0].decode("utf-8", "replace")) if lines else []
    return not set(KNOWN_BY) <= set(header) and any(
        line.lstrip().startswith(b"{") for line in lines
    )


def _read_jsonl(
    file: LandingFile, path: Path, connection: duckdb.DuckDBPyConnection, sink: Sink
) -> None:
    parts = slices.slices_of(path)
    records = sum(part.records for part in parts)
    sink.expect(records)
    slices.register(connection, path, parts)
    reader = _JsonlReader(connection, parts, file.digest, sink.pseudonym_key)
    try:
        reader.meet_names()
        rows = reader.rows("object")
        if _copy(connection, sink, rows) == records:
            return
        left = "left_over"
        if reader.leave(rows, left):
            rows = reader.rows("json", f"where source_line in (select line from {left})")
            _copy(connection, sink, rows)
            left = "refused"
            reader.leave(rows, left)
    except duckdb.Error as error:
        raise _unreadable(file, error) from error
    reasons, again = tee(reader.reasons(left))
    texts = slices.lines_at(path, (line for line, _ in again))
    for (line, reason), text in zip(reasons, texts, strict=True):
        sink.reject(line, reason, text)


@dataclass(frozen=True)
class _JsonlReader:
    """The SQL of one sliced file on one connection."""

    connection: duckdb.DuckDBPyConnection
    parts: list[slices.Slice]
    digest: str
    key: bytes

    def rows(self, form: litellm_sql.Form, where: str = "") -> str:
        """All records with the contract's columns and `_reason`."""
        columns = litellm_sql.json_columns(form)
        numbered = slices.numbered(self.parts, lambda name: _scan(name, columns), "source_line")
        source = f"select {litellm_sql.fields(form)}, source_line from ({numbered}) {where}"
        return litellm_sql.request_rows(source, self.digest, form)

    def meet_names(self) -> None:
        """Makes the pseudonyms of the users and keys that the first records name."""
        columns = dict.fromkeys(("user", "end_user", "api_key"), "VARCHAR")
        scan = _scan(f"{slices.PROTOCOL}://0", columns)
        found = self.connection.execute(
            "select distinct name from (select "
            f"unnest([nullif(coalesce(nullif(end_user, ''), \"user\"), ''), nullif(api_key, '')]) "
            f"as name from (from {scan} limit {MET_RECORDS})) where name is not null"
        ).fetchall()
        names = [name for (name,) in found]
        # Hashed here and passed as lists: a call of the function, or an Arrow table, makes DuckDB
        # import pandas, which takes a second.
        pseudonyms = [pseudonym(name, self.key) for name in names]
        self.connection.execute(
            f"insert into {litellm_sql.KNOWN_TABLE} "
            "select unnest($1::varchar[]), unnest($2::varchar[])",
            [names, pseudonyms],
        )

    def leave(self, rows: str, table: str) -> bool:
        """Keeps line and reason of the records that are not written.

        Returns whether a second pass must read them, for metadata that is no plain object.
        """
        self.connection.execute(
            f"create temp table {table} as select source_line as line, _reason as reason "
            f"from ({rows}) where _reason is not null"
        )
        found = self.connection.execute(
            f"select count(*) from {table} where reason = '{litellm_sql.DOUBTFUL}'"
        ).fetchall()
        return bool(found[0][0])

    def reasons(self, table: str) -> Iterator[tuple[int, str]]:
        """Line and reason of the records that `leave` kept, in order and never all at once."""
        found = self.connection.execute(f"select line, reason from {table} order by line")
        while some := found.fetchmany(REJECTS_AT_ONCE):
            yield from some


def _scan(name: str, columns: dict[str, str]) -> str:
    return (
        f"read_json('{name}', format = 'newline_delimited', ignore_errors = true, "
        f"compression = 'none', maximum_object_size = {LARGEST_LINE_BYTES}, columns = {columns!r})"
    )


def _read_csv(file: LandingFile, connection: duckdb.DuckDBPyConnection, sink: Sink) -> None:
    for block in tabular.read_csv(file.path, sink, required=KNOWN_BY, what=WHAT):
        given = ("source_line", "_raw", *litellm_fields.FIELDS)
        texts = block.select(
            pl.col(name) if name in block.columns else pl.lit(None, pl.String).alias(name)
            for name in given
        )
        connection.register("csv_block", texts.to_arrow())
        source = f"select source_line, {litellm_sql.fields('text')} from csv_block"
        rows = litellm_sql.request_rows(source, file.digest, "text")
        if _copy(connection, sink, rows) == block.height:
            continue
        rejected = connection.execute(
            f"select source_line, r._reason, b._raw from ({rows}) as r join csv_block as b "
            "using (source_line) where r._reason is not null order by 1"
        ).fetchall()
        for line, reason, raw in rejected:
            sink.reject(line, reason, raw)


def _copy(connection: duckdb.DuckDBPyConnection, sink: Sink, rows: str) -> int:
    return sink.copy(
        CONTRACT.table,
        connection,
        f"select * exclude (_reason) from ({rows}) where _reason is null",
    )


def _unreadable(file: LandingFile, error: duckdb.Error) -> LandingFileError:
    return LandingFileError(
        file.path,
        f"it cannot be read as JSONL ({str(error).splitlines()[0]}).",
        f"Lines may be up to {LARGEST_LINE_BYTES >> 20} MiB long.",
    )


@contextmanager
def _plain(path: Path) -> Iterator[Path]:
    """The file itself, or a decompressed copy in a temporary folder where it is compressed."""
    with path.open("rb") as stream:
        compressed = stream.read(4).startswith((GZIP_MAGIC, ZSTD_MAGIC))
    if not compressed:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="tokenworks-") as folder:
        copy = Path(folder) / "spend_logs.jsonl"
        with open_decompressed(path) as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target, slices.BLOCK_BYTES)
        yield copy


@contextmanager
def _connection(key: bytes) -> Iterator[duckdb.DuckDBPyConnection]:
    known: dict[str | None, str | None] = {None: None}

    def of_distinct(values: pa.ChunkedArray | pa.Array) -> pa.Array:
        """Few values are distinct: each is hashed once."""
        encoded = pc.dictionary_encode(values)
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        texts = encoded.dictionary.to_pylist()
        for text in texts:
            if text not in known:
                known[text] = pseudonym(text, key)
        return pa.array([known[text] for text in texts], pa.string()).take(encoded.indices)

    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        connection.execute("set preserve_insertion_order = false")
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
        # Small row groups per date: a file of many dates would otherwise hold all of them in memory.
        connection.execute("set partitioned_write_flush_threshold = 16384")
        connection.create_function(
            litellm_sql.PSEUDONYM_FUNCTION,
            of_distinct,
            ["VARCHAR"],
            "VARCHAR",
            type=PythonUDFType.ARROW,
        )
        yield connection
