"""The sink of many small files that a connector reads at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

import duckdb
import polars as pl

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.lake.sink import (
    FileTally,
    copy_parts,
    places_in,
    reject_row,
    rows_to_copy,
)
from tokenworks_sources.lake.stage import Stage
from tokenworks_sources.normalise import pseudonym_key
from tokenworks_sources.pseudonyms import remember_key
from tokenworks_sources.settings import Settings

FILES_TABLE = "_batch_files"


@dataclass
class LakeBatch:
    """The `BatchSink` of a stage.

    Attributes:
        settings: the home folder.
        files: the landing files.
        connector: name of the connector that reads them.
        stage: where rows and rejects go.
        tallies: what each file gave, by its place.
    """

    settings: Settings
    files: Sequence[LandingFile]
    connector: str
    stage: Stage
    tallies: list[FileTally] = field(init=False)
    _copied: Path = field(init=False)

    def __post_init__(self) -> None:
        self.tallies = [FileTally() for _ in self.files]

    @cached_property
    def pseudonym_key(self) -> bytes:
        """See `BatchSink.pseudonym_key`."""
        return pseudonym_key(self.settings)

    @property
    def scratch(self) -> Path:
        """See `Scratch.scratch`."""
        return self.stage.folder / "scratch"

    def copy(
        self,
        table: str,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        *,
        day: date | None = None,
        in_order: bool = True,
    ) -> int:
        """See `BatchSink.copy`."""
        contract = contract_of(table)
        connection.execute(
            f"create or replace temp table {FILES_TABLE} as select unnest($1::varchar[]) as _name, "
            "unnest($2::varchar[]) as _digest, unnest(range(len($2))) as _place",
            [[file.name for file in self.files], [file.digest for file in self.files]],
        )
        remember_key(connection, self.pseudonym_key)
        named = f"select * from ({query}) join {FILES_TABLE} on _file = _place"
        rows = rows_to_copy(contract, named, "_name", "_digest")
        self._copied = folder = self.stage.copy_folder(table)
        number, *_ = copy_parts(contract, connection, rows, folder, day, in_order)
        if number:
            self._count(table, connection, [str(path) for path in folder.glob("*/*.parquet")])
        return number

    def copied(self) -> pl.DataFrame:
        """See `Sink.copied`."""
        return places_in(self._copied)

    def _count(self, table: str, connection: duckdb.DuckDBPyConnection, parts: list[str]) -> None:
        time = contract_of(table).event_time
        places = {file.digest: place for place, file in enumerate(self.files)}
        found = connection.execute(
            f"select source_digest, count(*), min({time}), max({time}), "
            f"list(distinct cast({time} as date)) from read_parquet(?) group by all",
            [parts],
        ).fetchall()
        for digest, rows, low, high, dates in found:
            tally = self.tallies[places[digest]]
            tally.records_out += rows
            tally.tables[table].add(rows, low, high, set(dates))

    def reject(self, file: int, line: int, reason: str, raw: str | bytes) -> None:
        """See `BatchSink.reject`."""
        self.tallies[file].rejected[reason] += 1
        self.stage.reject([reject_row(self.files[file], self.connector, line, reason, raw, 1)])

    def expect(self, file: int, records: int) -> None:
        """See `BatchSink.expect`."""
        tally = self.tallies[file]
        tally.expected = (tally.expected or 0) + records

    def note(self, file: int, reason: str, number: int = 1) -> None:
        """See `BatchSink.note`."""
        self.tallies[file].notes[reason] += number

    def check(self) -> None:
        """Raises ContractError unless all records of every file are accounted for."""
        for file, tally in zip(self.files, self.tallies, strict=True):
            tally.check(file, self.connector)
