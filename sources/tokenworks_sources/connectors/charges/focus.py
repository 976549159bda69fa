"""FOCUS 1.0 to 1.4 cost and usage, CSV or Parquet, into `charges`.

What generators get wrong, and what happens here:

- Literal `NULL` beside empty strings: both are null. Decimals in quotes or in E notation: read.
- Times without a zone, with `Z` or an offset, without seconds: UTC, as FOCUS prescribes.
- More than 12 fraction digits (costs that went through doubles): rounded half away from zero; up
  to 12 every digit survives. Costs never pass through a float: a double column of Parquet is read
  by its shortest decimal text.
- Tags as JSON, as a map (Parquet), or without the outer braces (Azure): one JSON object. Text that is
  no JSON is kept under `x_raw`.
- `Usage-based` (Oracle): enumerations are compared without case and get FOCUS's spelling.
- Columns that FOCUS does not know (`Id`, `x_…`): not read. `ServiceProviderName` fills `provider_name`
  where `ProviderName` is missing (1.3 and later).
- BOM, CRLF, line ends and quotes inside quotes, other delimiters: read. Mixed line ends: refused.

`source_line` is the number of the record, the header of a CSV being 1.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.connectors.base import LandingFile, Preview, Sink
from tokenworks_sources.connectors.charges import focus_query
from tokenworks_sources.connectors.charges.focus_columns import KNOWN, is_focus, missing
from tokenworks_sources.connectors.charges.focus_csv import FocusCsv, header_of
from tokenworks_sources.connectors.charges.focus_query import Relation
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed, preview_of

PARQUET_MAGIC = b"PAR1"
MEMORY_LIMIT = "1GB"


class Focus:
    """Connector of FOCUS cost and usage files."""

    name = "focus"
    table = "charges"
    tables = ("charges",)
    version = "1"
    summary = "FOCUS 1.0 to 1.4 cost and usage, CSV or Parquet"

    def recognise(self, preview: Preview) -> str | None:
        """A header, or a Parquet schema, with the required columns of FOCUS."""
        if preview.head.startswith(PARQUET_MAGIC):
            names = _parquet_names(preview.path)
        else:
            names = header_of(preview.head).names
        return "FOCUS columns such as ChargeCategory and BilledCost" if is_focus(names) else None

    def read(self, file: LandingFile, sink: Sink) -> None:
        """See `Connector.read`; one record is one row."""
        preview = preview_of(file.path)
        with tempfile.TemporaryDirectory(prefix="tokenworks-focus-") as name:
            folder = Path(name)
            with _database(folder) as connection:
                _read(file, preview, sink, connection, folder)


def _read(
    file: LandingFile,
    preview: Preview,
    sink: Sink,
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
) -> None:
    if preview.head.startswith(PARQUET_MAGIC):
        _read_parquet(file, sink, connection, _linked(file.path, folder))
    elif b"\x00" in preview.head:
        raise _no_focus(file.path, "it is binary.")
    else:
        _read_csv(file, sink, connection, _plain(file.path, folder))


def _database(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(
        config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(folder / "spill")}
    )
    connection.execute("set TimeZone = 'UTC'")
    # Parquet statistics leave NaN out; trusting them, DuckDB takes every cast of the column for good.
    connection.execute("set disabled_optimizers = 'statistics_propagation'")
    return connection


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
    file: LandingFile, sink: Sink, connection: duckdb.DuckDBPyConnection, path: Path
) -> None:
    source = FocusCsv(path, file.path, connection)
    _require(file.path, source.names)
    records = source.count()
    sink.expect(records + len(source.damages))
    for damage in source.damages:
        sink.reject(damage.line, damage.reason, damage.raw)
    _hand_over(sink, connection, source.relation(), records)


def _read_parquet(
    file: LandingFile, sink: Sink, connection: duckdb.DuckDBPyConnection, path: Path
) -> None:
    names = _parquet_names(path)
    if not names:
        raise _no_focus(file.path, "the Parquet file is damaged or ends early.")
    _require(file.path, names)
    scan = f"read_parquet('{path}', file_row_number = true)"
    columns = {
        name: (f'"{name}"', kind)
        for name, kind, *_ in connection.execute(f"describe from {scan}").fetchall()
        if name in KNOWN
    }
    records = pq.read_metadata(path).num_rows
    sink.expect(records)
    _hand_over(
        sink, connection, Relation(scan, "file_row_number", "file_row_number + 1", columns), records
    )


def _hand_over(
    sink: Sink, connection: duckdb.DuckDBPyConnection, relation: Relation, records: int
) -> None:
    """Copies the good rows; looks for the bad ones only where some are missing."""
    written = sink.copy("charges", connection, focus_query.good_rows(relation))
    if written == records:
        return
    rejects = connection.execute(focus_query.bad_rows(relation))
    while batch := rejects.fetchmany(10_000):
        for line, reason, raw in batch:
            sink.reject(line, reason, raw)


def _parquet_names(path: Path) -> list[str]:
    """Column names; none where the file is no whole Parquet file."""
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return []


def _require(path: Path, names: Collection[str]) -> None:
    lacking = missing(names)
    if lacking and not is_focus(names):
        raise _no_focus(path, f"it lacks {', '.join(lacking)}.")
    if lacking:
        raise LandingFileError(
            path,
            f"the FOCUS columns {', '.join(lacking)} are missing.",
            "Export the file with all mandatory columns of FOCUS, or bring it by a mapping.",
        )
    twice = sorted({name for name in names if name in KNOWN and list(names).count(name) > 1})
    if twice:
        raise LandingFileError(
            path, f"the columns {', '.join(twice)} come twice.", "Export each column once."
        )


def _no_focus(path: Path, what: str) -> LandingFileError:
    return LandingFileError(
        path,
        f"this is not a FOCUS cost and usage file: {what}",
        "Land CSV (plain, gzip or zstd) or Parquet as the provider's FOCUS export writes it.",
    )


CONNECTOR = Focus()
