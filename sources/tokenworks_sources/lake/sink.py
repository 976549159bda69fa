"""The sink of one landing file: conforms rows, counts every record, hands them to a stage.

A file that is a unit of its own streams into its stage. A file of a batch is held in memory until it
has been read whole, so that a file that fails leaves nothing behind in the parts it would share.
"""

from __future__ import annotations

import base64
import shutil
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.contracts.enforce import conform
from tokenworks_sources.contracts.model import PARTITION_COLUMN, Contract
from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.contracts.render import arrow_schema, polars_schema
from tokenworks_sources.errors import ContractError
from tokenworks_sources.lake.parting import write_parts
from tokenworks_sources.lake.shield import shield_rows, shielded_rows
from tokenworks_sources.lake.stage import RejectRow, Stage
from tokenworks_sources.normalise import pseudonym_key, redact
from tokenworks_sources.pseudonyms import remember_key
from tokenworks_sources.settings import Settings

# What a file of a batch may hold in memory; one that holds more is read again, alone.
HELD_ROWS = 100_000
# No dictionary of ids is begun and given up, and no single value is looked up by Bloom filters: that
# saves a tenth of the writing.
PARQUET = "compression zstd, compression_level 1, write_bloom_filter false"
DICTIONARY = 4_000
# What tells a row from all others of a landing table.
PLACE: dict[str, pl.DataType] = {"source_digest": pl.String(), "source_line": pl.Int64()}


class OutgrownError(Exception):
    """A small file that holds too many rows for a batch; never leaves ingest."""


@dataclass
class TableTally:
    """What one landing file gave to one table."""

    rows: int = 0
    min_event_time: datetime | date | None = None
    max_event_time: datetime | date | None = None
    event_dates: set[date] = field(default_factory=set)

    def add(self, rows: int, low: datetime | date, high: datetime | date, dates: set[date]) -> None:
        """Counts rows with their first and last event time."""
        self.rows += rows
        known = self.min_event_time
        self.min_event_time = low if known is None else min(known, low)
        known = self.max_event_time
        self.max_event_time = high if known is None else max(known, high)
        self.event_dates |= dates


@dataclass
class FileTally:
    """Every record of one landing file, counted."""

    tables: dict[str, TableTally] = field(default_factory=lambda: defaultdict(TableTally))
    rejected: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    records_out: int = 0
    expected: int | None = None

    @property
    def records_in(self) -> int:
        """Records that the sink was told of, one way or another."""
        return self.records_out + self.rejected.total() + self.skipped.total()

    def check(self, file: LandingFile, connector: str) -> None:
        """Raises ContractError unless written + rejected + skipped is what the file holds."""
        if self.expected is not None and self.expected != self.records_in:
            raise ContractError(
                f"{file.name}: {self.expected} records were read, but {self.records_out} "
                f"written + {self.rejected.total()} rejected + {self.skipped.total()} skipped = "
                f"{self.records_in}. Nothing of this file was kept; this is a fault of connector "
                f"{connector}."
            )


class LakeSink:
    """The `Sink` of one landing file. Nothing is visible in the lake until its stage is committed.

    Args:
        settings: the home folder.
        file: the landing file.
        connector: name of the connector that reads it.
        landing_table: landing folder that it lies in.
        stage: the stage of the batch that the file belongs to; one of its own where None.
    """

    def __init__(
        self,
        settings: Settings,
        file: LandingFile,
        connector: str,
        landing_table: str,
        stage: Stage | None = None,
    ) -> None:
        self.settings = settings
        self.file = file
        self.connector = connector
        self.landing_table = landing_table
        self.tally = FileTally()
        self.stage = stage or Stage(settings.lake, landing_table, file.digest)
        self._holds = stage is not None
        self._held: list[tuple[str, pl.DataFrame]] = []
        self._held_rows = 0
        self._held_rejects: list[RejectRow] = []
        self._copied: Path | pl.DataFrame = pl.DataFrame(schema=PLACE)

    # -- what connectors call ---------------------------------------------------------------

    @cached_property
    def pseudonym_key(self) -> bytes:
        """See `Sink.pseudonym_key`."""
        return pseudonym_key(self.settings)

    @property
    def scratch(self) -> Path:
        """See `Scratch.scratch`."""
        return self.stage.folder / "scratch"

    def write(self, table: str, frame: pl.DataFrame) -> None:
        """See `Sink.write`."""
        contract = contract_of(table)
        rows, rejects = conform(contract, frame, self.file)
        rows = shield_rows(contract, rows, lambda: self.pseudonym_key)
        for line, reason, raw, records in rejects.iter_rows():
            self.reject(line, reason, raw or "", records)
        if rows.is_empty():
            return
        self._keep(contract, rows.drop("_records"), int(rows["_records"].sum()))

    def copy(
        self,
        table: str,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        *,
        day: date | None = None,
        in_order: bool = True,
    ) -> int:
        """See `Sink.copy`."""
        contract = contract_of(table)
        remember_key(connection, self.pseudonym_key)
        rows = rows_to_copy(contract, query, _text(self.file.name), _text(self.file.digest))
        if self._holds:
            found = connection.sql(f"from ({rows}) limit {HELD_ROWS + 1}").to_arrow_table()
            held = pl.DataFrame(found).cast(polars_schema(contract))  # type: ignore[arg-type]
            self._copied = held.select(list(PLACE))
            if not held.is_empty():
                self._keep(contract, held, held.height)
            return len(held)
        self._copied = folder = self.stage.copy_folder(table)
        number, low, high, dates = copy_parts(contract, connection, rows, folder, day, in_order)
        if number:
            self.tally.tables[table].add(number, low, high, dates)
            self.tally.records_out += number
        return number

    def copied(self) -> pl.DataFrame:
        """See `Sink.copied`."""
        if isinstance(self._copied, pl.DataFrame):
            return self._copied
        return places_in(self._copied)

    def reject(self, line: int, reason: str, raw: str | bytes, records: int = 1) -> None:
        """See `Sink.reject`."""
        self.tally.rejected[reason] += records
        row = reject_row(self.file, self.connector, line, reason, raw, records)
        if not self._holds:
            self.stage.reject([row])
            return
        self._held_rejects.append(row)
        self._outgrown(len(self._held_rejects))

    def skip(self, reason: str, records: int) -> None:
        """See `Sink.skip`."""
        if records:
            self.tally.skipped[reason] += records

    def expect(self, records: int) -> None:
        """See `Sink.expect`."""
        self.tally.expected = (self.tally.expected or 0) + records

    def note(self, reason: str, number: int = 1) -> None:
        """See `Sink.note`."""
        self.tally.notes[reason] += number

    # -- what ingest calls ------------------------------------------------------------------

    def hand_over(self) -> None:
        """Gives the stage what was held; the file has been read whole and its records add up."""
        for table, rows in self._held:
            self.stage.write(table, rows)
        self.stage.reject(self._held_rejects)
        self._held, self._held_rejects = [], []

    def check(self) -> None:
        """Raises ContractError unless all records of the file are accounted for."""
        self.tally.check(self.file, self.connector)

    def discard(self) -> None:
        """Removes everything that was staged; a batch is discarded by its own stage."""
        self._held, self._held_rejects = [], []
        if not self._holds:
            self.stage.discard()

    def _keep(self, contract: Contract, rows: pl.DataFrame, records: int) -> None:
        self.tally.records_out += records
        times = rows[contract.event_time]
        dates = set(rows[PARTITION_COLUMN].unique().to_list())
        self.tally.tables[contract.table].add(rows.height, times.min(), times.max(), dates)  # type: ignore[arg-type]
        if not self._holds:
            self.stage.write(contract.table, rows)
            return
        self._held.append((contract.table, rows))
        self._held_rows += rows.height
        self._outgrown(self._held_rows)

    def _outgrown(self, number: int) -> None:
        if number > HELD_ROWS:
            raise OutgrownError


def reject_row(
    file: LandingFile, connector: str, line: int, reason: str, raw: str | bytes, records: int
) -> RejectRow:
    """A row of the table of rejects, without the record's words."""
    return {
        "source_file": file.name,
        "source_line": line,
        "source_digest": file.digest,
        "connector": connector,
        "reason": reason,
        "raw": redact(raw),
        "records": records,
    }


def rows_to_copy(contract: Contract, query: str, name: str, digest: str) -> str:
    """SQL of a connector's rows with provenance, partition column and the contract's order.

    No e-mail and no key is left in them; the connection must `remember_key`.

    Args:
        contract: the table's contract.
        query: the connector's rows.
        name: SQL of `source_file`.
        digest: SQL of `source_digest`.
    """
    shielded, texts = shielded_rows(contract, query)
    written = {**texts, "source_file": name, "source_digest": digest}
    columns = ", ".join(
        f"{written.get(column.name, column.name)} as {column.name}"
        for column in contract.all_columns
    )
    time = contract.event_time
    return f"select {columns}, cast({time} as date) as {PARTITION_COLUMN} from ({shielded})"


def copy_parts(
    contract: Contract,
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    folder: Path,
    day: date | None,
    in_order: bool,
) -> tuple[int, datetime, datetime, set[date]]:
    """Streams rows to Parquet below a folder; how many, first and last event time, and dates."""
    time = contract.event_time
    try:
        if day is not None:
            whole = f"dictionary_size_limit {DICTIONARY}"
            single = folder / f"{PARTITION_COLUMN}={day.isoformat()}"
            single.mkdir()
            query = f"select * exclude ({PARTITION_COLUMN}) from ({rows})"
            number, low, high = _copied(
                contract, connection, query, single / "data_0.parquet", whole
            )
            if number and _date_of(low) == _date_of(high) == day:
                return number, low, high, {day}
            shutil.rmtree(single)
            if not number:
                return 0, low, high, set()
        query = rows if in_order else f"from ({rows}) order by {time}"
        if not in_order:
            # Sorted rows stay sorted in their part only where their order is kept.
            connection.execute("set preserve_insertion_order = true")
        return write_parts(contract, connection, query, folder)
    except duckdb.Error:
        # The connector may read the file another way; nothing of this try may land.
        shutil.rmtree(folder)
        raise


def places_in(folder: Path) -> pl.DataFrame:
    """PLACE of all rows of the parts below a folder."""
    parts = sorted(folder.glob("*/*.parquet"))
    if not parts:
        return pl.DataFrame(schema=PLACE)
    return pl.read_parquet(parts, columns=list(PLACE), hive_partitioning=False)


def _copied(
    contract: Contract,
    connection: duckdb.DuckDBPyConnection,
    query: str,
    target: Path,
    options: str,
) -> tuple[int, datetime, datetime]:
    """Runs one COPY; how many rows, and their first and last event time."""
    # The Arrow schema travels as file metadata: DuckDB writes none for fields.
    schema = base64.b64encode(arrow_schema(contract).serialize().to_pybytes()).decode()
    counted = connection.execute(
        f"copy ({query}) to {_text(str(target))} (format parquet, {PARQUET}, {options}, "
        f"kv_metadata {{'ARROW:schema': '{schema}'}})"
    ).fetchone()
    number = int(counted[0]) if counted else 0
    low = high = datetime.min
    if number:
        parts = [target] if target.is_file() else target.glob("*/*.parquet")
        span = connection.execute(
            f"select min({contract.event_time}), max({contract.event_time}) from read_parquet(?)",
            [[str(path) for path in parts]],
        ).fetchall()
        low, high = span[0]
    return number, low, high


def _date_of(time: datetime | date) -> date:
    return time.date() if isinstance(time, datetime) else time


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
