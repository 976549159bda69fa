"""Bills as CSV (plain, gzip, zstd) or Parquet through DuckDB into `charges`, streamed.

Belongs here: opening the file, its columns, and handing good and bad rows to the sink. Bounded memory:
DuckDB streams, and what a query keeps spills to disk.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.charges import bill_query
from tokenworks_sources.connectors.charges.bill_csv import BillCsv, header_of
from tokenworks_sources.connectors.charges.bill_query import Charges, Relation
from tokenworks_sources.connectors.charges.values import Field
from tokenworks_sources.engine import connected
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed, preview_of

PARQUET_MAGIC = b"PAR1"
COUNTER = "bad_rows"


@dataclass(frozen=True)
class BillFormat:
    """What a connector says about its format.

    Attributes:
        what: name of the format with its article, for errors.
        hint: what to land instead of a file that is none.
        name_of: the format's own name of a header, or None where the column is not read.
        check: raises LandingFileError where these names (own names, with repeats) cannot be charges.
        charges: how the rows become charges.
    """

    what: str
    hint: str
    name_of: Callable[[str], str | None]
    check: Callable[[Path, Sequence[str]], None]
    charges: Callable[[LandingFile, Relation, duckdb.DuckDBPyConnection], Charges]

    def refuse(self, path: Path, why: str) -> LandingFileError:
        """The error for a file that is not of this format."""
        return LandingFileError(path, f"this is not {self.what}: {why}", self.hint)


def own_names(form: BillFormat, headers: Sequence[str]) -> list[str]:
    """The format's names of the columns that it reads, in order."""
    return [name for header in headers if (name := form.name_of(header)) is not None]


def names_of(form: BillFormat, preview: Preview) -> list[str]:
    """The format's names in a file's header or Parquet schema, for recognition."""
    if preview.head.startswith(PARQUET_MAGIC):
        return own_names(form, parquet_names(preview.path))
    if preview.text is None:
        return []
    return own_names(form, header_of(preview.head, form.name_of).names)


def read_bill(file: LandingFile, sink: Sink, form: BillFormat) -> None:
    """Hands every record of the file to the sink.

    Raises:
        LandingFileError: the file is not of this format or cannot be read.
    """
    preview = preview_of(file.path)
    sink.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bill-", dir=sink.scratch) as name:
        folder = Path(name)
        with connected(folder / "spill", keeps_order=True) as connection:
            # Parquet statistics leave NaN out; trusting them, DuckDB takes every cast of the column
            # for good.
            connection.execute("set disabled_optimizers = 'statistics_propagation'")
            if preview.head.startswith(PARQUET_MAGIC):
                _read_parquet(file, sink, form, connection, _linked(file.path, folder))
            elif b"\x00" in preview.head:
                raise form.refuse(file.path, "it is binary.")
            else:
                _read_csv(file, sink, form, connection, _plain(file.path, folder))


def _linked(path: Path, folder: Path) -> Path:
    """The file under a name without characters that DuckDB takes for a pattern."""
    link = folder / "input"
    link.symlink_to(path.resolve())
    return link


def _plain(path: Path, folder: Path) -> Path:
    """The file uncompressed: DuckDB reads plain CSV on all cores, and it is read twice."""
    with path.open("rb") as raw, open_decompressed(path) as stream:
        magic = raw.read(4)
        if magic == stream.read(4):
            return _linked(path, folder)
    plain = folder / "plain.csv"
    with open_decompressed(path) as stream, plain.open("wb") as target:
        shutil.copyfileobj(stream, target, 1 << 20)
    return plain


def _read_csv(
    file: LandingFile,
    sink: Sink,
    form: BillFormat,
    connection: duckdb.DuckDBPyConnection,
    path: Path,
) -> None:
    source = BillCsv(path, file.path, connection, form.name_of)
    _require(form, file.path, own_names(form, source.names))
    if source.is_utf8:
        try:
            _hand_over_whole(file, sink, form, connection, source.relation())
            return
        except duckdb.InvalidInputException:
            pass  # a damaged record, which the slower way below counts and numbers
    records = source.count()
    sink.expect(records + len(source.damages))
    for damage in source.damages:
        sink.reject(damage.line, damage.reason, damage.raw)
    relation = source.tolerant_relation()
    _hand_over(sink, connection, relation, form.charges(file, relation, connection), records)


def _hand_over_whole(
    file: LandingFile,
    sink: Sink,
    form: BillFormat,
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
) -> None:
    """One pass over a file without damaged records; a second only for the text of rejects."""
    connection.execute(f"create sequence {COUNTER}")
    charges = form.charges(file, relation, connection)
    query = bill_query.good_rows(relation, charges, COUNTER)
    written = sink.copy("charges", connection, query)
    last = connection.execute(
        "select last_value from duckdb_sequences() where sequence_name = ?", [COUNTER]
    ).fetchone()
    bad = int(last[0] or 0) if last else 0
    sink.expect(written + bad)
    if bad:
        _hand_over_bad(sink, connection, relation, charges)


def _read_parquet(
    file: LandingFile,
    sink: Sink,
    form: BillFormat,
    connection: duckdb.DuckDBPyConnection,
    path: Path,
) -> None:
    names = parquet_names(path)
    if not names:
        raise form.refuse(file.path, "the Parquet file is damaged or ends early.")
    _require(form, file.path, own_names(form, names))
    scan = f"read_parquet('{path}', file_row_number = true)"
    fields = {
        own: Field(_identifier(name), kind)
        for name, kind, *_ in connection.execute(f"describe from {scan}").fetchall()
        if (own := form.name_of(name)) is not None
    }
    records = pq.read_metadata(path).num_rows
    sink.expect(records)
    relation = Relation(scan, "file_row_number", "file_row_number + 1", fields)
    _hand_over(sink, connection, relation, form.charges(file, relation, connection), records)


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _hand_over(
    sink: Sink,
    connection: duckdb.DuckDBPyConnection,
    relation: Relation,
    charges: Charges,
    records: int,
) -> None:
    """Copies the good rows; looks for the bad ones only where some are missing."""
    written = sink.copy("charges", connection, bill_query.good_rows(relation, charges))
    if written != records:
        _hand_over_bad(sink, connection, relation, charges)


def _hand_over_bad(
    sink: Sink, connection: duckdb.DuckDBPyConnection, relation: Relation, charges: Charges
) -> None:
    rejects = connection.execute(bill_query.bad_rows(relation, charges))
    while batch := rejects.fetchmany(10_000):
        for line, reason, raw in batch:
            sink.reject(line, reason, raw)


def parquet_names(path: Path) -> list[str]:
    """Column names; none where the file is no whole Parquet file."""
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return []


def _require(form: BillFormat, path: Path, names: Sequence[str]) -> None:
    form.check(path, names)
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise LandingFileError(
            path, f"the columns {', '.join(twice)} come twice.", "Export each column once."
        )
