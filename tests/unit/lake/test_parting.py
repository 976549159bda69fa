"""Rows of a query become parts by date: each row in the part of its date, and errors stay DuckDB's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.contracts.render import DUCKDB_TYPES, arrow_schema
from tokenworks_sources.lake import parting

CONTRACT = contract_of("requests")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def _query(rows: str) -> str:
    """The contract's columns of rows with `started_at` and `source_line`; all other ones are constants."""
    given = {
        "started_at": "started_at",
        "source_line": "source_line",
        "model_served": "'m'",
        **dict.fromkeys(("emitter", "clock", "status", "source_file", "source_digest"), "'x'"),
        "request_id": "'id-' || source_line",
    }
    columns = ", ".join(
        f"({given.get(column.name, 'null')})::{DUCKDB_TYPES[column.type]} as {column.name}"
        for column in CONTRACT.all_columns
    )
    return f"select {columns}, started_at::date as event_date from ({rows})"


def _lines_by_part(folder: Path) -> dict[str, list[int]]:
    """Lines in their order, by date, from all parts of the date."""
    return {
        day.name: [
            line
            for path in sorted(day.iterdir())
            for line in pl.read_parquet(path, hive_partitioning=False)["source_line"]
        ]
        for day in sorted(folder.iterdir())
    }


TURNS = (
    "select range as source_line, timestamp '2026-09-01 06:00' + to_days((range % 3)::int) "
    "+ to_seconds(range) as started_at from range(9)"
)


@pytest.mark.parametrize("most_runs", [100, 2])
def test_each_row_lies_in_the_part_of_its_date_when_dates_take_turns(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most_runs: int,
) -> None:
    monkeypatch.setattr(parting, "MOST_RUNS", most_runs)

    found = parting.write_parts(CONTRACT, connection, _query(TURNS), tmp_path)

    days = {date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 3)}
    assert found == (9, datetime(2026, 9, 1, 6), datetime(2026, 9, 3, 6, 0, 8), days)
    assert _lines_by_part(tmp_path) == {
        "event_date=2026-09-01": [0, 3, 6],
        "event_date=2026-09-02": [1, 4, 7],
        "event_date=2026-09-03": [2, 5, 8],
    }


@pytest.mark.parametrize("bound", ["BUFFERED_ROWS", "BUFFERED_BYTES"])
def test_no_row_is_lost_when_little_may_wait_and_few_parts_may_be_open(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
) -> None:
    for name in ("BATCH_ROWS", "OPEN_PARTS", bound):
        monkeypatch.setattr(parting, name, 2)

    number, *_ = parting.write_parts(CONTRACT, connection, _query(TURNS), tmp_path)

    assert number == 9
    lines = _lines_by_part(tmp_path)
    assert {day: sorted(found) for day, found in lines.items()} == {
        "event_date=2026-09-01": [0, 3, 6],
        "event_date=2026-09-02": [1, 4, 7],
        "event_date=2026-09-03": [2, 5, 8],
    }


def test_parts_have_the_schema_of_the_contract_when_most_columns_are_null(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    parting.write_parts(CONTRACT, connection, _query(TURNS), tmp_path)

    part = tmp_path / "event_date=2026-09-01" / "data_0.parquet"
    found, wanted = pq.read_schema(part), arrow_schema(CONTRACT)
    assert found.names == wanted.names
    assert found.field("started_at").metadata[b"description"] == b"Arrival at the emitter."
    assert [field.nullable for field in found] == [field.nullable for field in wanted]


def test_nothing_is_written_when_there_are_no_rows(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    number, _, _, dates = parting.write_parts(
        CONTRACT, connection, _query(f"from ({TURNS}) where false"), tmp_path
    )

    assert (number, dates, list(tmp_path.iterdir())) == (0, set(), [])


def test_the_error_is_that_of_duckdb_when_a_late_row_fails(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    log = tmp_path / "log.csv"
    log.write_text("1\n" * 300_000 + '"2\n' + "1\n" * 100)
    rows = (
        "select line as source_line, timestamp '2026-09-01' as started_at from "
        f"read_csv('{log}', header = false, delim = ',', quote = '\"', escape = '\"', "
        "auto_detect = false, columns = {'line': 'BIGINT'})"
    )

    with pytest.raises(duckdb.InvalidInputException):
        parting.write_parts(CONTRACT, connection, _query(rows), tmp_path)
