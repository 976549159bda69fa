"""Compaction: one part for each date, the same rows, and nobody notices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.unit.lake.rates import RateLines, land, leftovers, manifests, rejects, rows
from tokenworks_sources import units
from tokenworks_sources.connectors import registry
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.lake import journal, partition_files
from tokenworks_sources.lake.compact import compact_table
from tokenworks_sources.outcomes import INGESTED, KNOWN
from tokenworks_sources.settings import Settings

DAYS = ("2026-10-19", "2026-10-20", "2026-10-21")


@pytest.fixture(autouse=True)
def rate_lines(monkeypatch: pytest.MonkeyPatch) -> RateLines:
    connector = RateLines()
    monkeypatch.setattr(registry, "CONNECTORS", (connector,))
    # Every file is a unit of its own, so that each leaves parts of its own.
    monkeypatch.setattr(units, "SMALL_BYTES", -1)
    return connector


def _land_many(settings: Settings, files: int = 6) -> None:
    for number in range(files):
        lines = [f"{day},EUR,USD,1.{number}" for day in DAYS]
        land(settings, f"{number}.csv", *lines, "bad line")
    ingest_landing(settings)


def _parts(settings: Settings) -> dict[str, int]:
    counts: dict[str, int] = {}
    for path in partition_files(settings.lake, "fx_rates"):
        if path.name != "_empty.parquet":
            day = path.parent.name.partition("=")[2]
            counts[day] = counts.get(day, 0) + 1
    return counts


def test_every_date_has_one_part_and_the_same_rows_when_compacted(settings: Settings) -> None:
    _land_many(settings)
    before = rows(settings), rejects(settings), manifests(settings)
    assert _parts(settings) == dict.fromkeys(DAYS, 6)
    done = compact_table(settings.lake, "fx_rates", quiet=nullcontext)
    assert (done.dates, done.parts, done.rows, done.older) == (3, 18, 18, 0)
    assert _parts(settings) == dict.fromkeys(DAYS, 1)
    assert (rows(settings), rejects(settings), manifests(settings)) == before
    assert leftovers(settings) == []
    assert {outcome.status for outcome in ingest_landing(settings).files} == {KNOWN}
    again = compact_table(settings.lake, "fx_rates", quiet=nullcontext)
    assert (again.dates, again.parts) == (0, 0)


def test_later_dates_stay_when_only_earlier_ones_are_compacted(settings: Settings) -> None:
    _land_many(settings)
    compact_table(settings.lake, "fx_rates", quiet=nullcontext, before=date(2026, 10, 20))
    assert _parts(settings) == {"2026-10-19": 1, "2026-10-20": 6, "2026-10-21": 6}


def test_exactly_one_files_rows_leave_when_it_is_replaced_after_compaction(
    settings: Settings,
) -> None:
    _land_many(settings)
    compact_table(settings.lake, "fx_rates", quiet=nullcontext)
    others = [row for row in rows(settings) if not row[3].endswith("/2.csv")]
    land(settings, "2.csv", "2026-10-20,GBP,USD,1.5")
    ingest_landing(settings)
    new = ("2026-10-20", "GBP", "1.500000000000", "fx_rates/rate_lines/2.csv", 2)
    assert rows(settings) == sorted([*others, new])
    assert len(rejects(settings)) == 5
    assert leftovers(settings) == []


def test_no_old_row_stays_when_the_version_changes_after_compaction(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rate_lines: RateLines
) -> None:
    _land_many(settings)
    expected = rows(settings)
    compact_table(settings.lake, "fx_rates", quiet=nullcontext)
    monkeypatch.setattr(rate_lines, "version", "2", raising=False)
    assert {outcome.status for outcome in ingest_landing(settings).files} == {INGESTED}
    assert rows(settings) == expected
    assert {entry[1] for entry in manifests(settings)} == {"2"}
    assert leftovers(settings) == []


@pytest.mark.parametrize("atomic", [True, False])
def test_reader_sees_all_rows_once_when_it_reads_all_the_while(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, atomic: bool
) -> None:
    """A reader with the warehouse's lock never fails; without it a read may fail, but not be wrong."""
    _land_many(settings, files=8)
    if not atomic:
        monkeypatch.setattr(journal, "_exchange", lambda *_: False)
    counts: set[int] = set()
    stop = threading.Event()
    lock = threading.Lock()
    reads = [0]

    def read() -> None:
        pattern = str(settings.lake / "fx_rates" / "*" / "*.parquet")
        with duckdb.connect() as connection:
            while not stop.is_set():
                with lock:
                    found = connection.execute(
                        "select count(*) from read_parquet(?, hive_partitioning = true)", [pattern]
                    ).fetchall()
                counts.add(found[0][0])
                reads[0] += 1

    @contextmanager
    def quiet() -> Iterator[None]:
        with lock:
            yield

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for number in range(6):
            compact_table(settings.lake, "fx_rates", quiet=quiet)
            land(settings, f"more-{number}.csv", "bad line")
            ingest_landing(settings)
    finally:
        stop.set()
        reader.join()
    assert reads[0] > 0
    assert counts == {24}


def test_unlocked_reader_never_counts_wrong_when_folders_are_exchanged(
    settings: Settings, tmp_path: Path
) -> None:
    """Who lists at any moment finds the old parts or the new one."""
    old, new = tmp_path / "live", tmp_path / "new"
    for folder, names in ((old, "abc"), (new, "z")):
        folder.mkdir()
        for name in names:
            (folder / name).touch()
    seen: set[tuple[str, ...]] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(tuple(sorted(path.name for path in old.iterdir())))

    looker = threading.Thread(target=look)
    looker.start()
    for _ in range(2_001):
        journal.swap_folders(new, old)
    stop.set()
    looker.join()
    assert seen <= {("a", "b", "c"), ("z",)}
    assert [path.name for path in old.iterdir()] == ["z"]


def test_rejects_become_one_file_and_go_with_their_landing_file(settings: Settings) -> None:
    _land_many(settings, files=3)
    before = rejects(settings)
    assert len(before) == 3
    assert compact_table(settings.lake, "fx_rates", quiet=nullcontext).rejects == 3
    folder = settings.lake / "_rejects" / "fx_rates"
    assert len(list(folder.iterdir())) == 1
    assert rejects(settings) == before
    land(settings, "1.csv", f"{DAYS[0]},EUR,USD,1.7")
    ingest_landing(settings)
    assert rejects(settings) == [row for row in before if "1.csv" not in row[0]]
    assert leftovers(settings) == []
    assert compact_table(settings.lake, "fx_rates", quiet=nullcontext).rejects == 0


def test_rejects_stay_when_only_some_dates_are_compacted(settings: Settings) -> None:
    _land_many(settings, files=2)
    before = date(2026, 10, 20)
    assert compact_table(settings.lake, "fx_rates", quiet=nullcontext, before=before).rejects == 0
