"""What the books remember: only what came out different, whole or not at all, and as of any moment."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from tests.unit.books.conftest import Build, Line
from tokenworks.books import history
from tokenworks.books.known import (
    MomentError,
    NotYetKnownError,
    connect_known,
    known_at,
    laid_out,
    parse_moment,
)
from tokenworks.books.recording import BooksError, recordings
from tokenworks.books.restated import restatements
from tokenworks.cli.books import recorded
from tokenworks.publish import publish
from tokenworks.published import QueryError, query
from tokenworks_sources.settings import Settings

FIRST: list[Line] = [
    ("2026-10-01", "A", "A:1", "USD", "60", "60"),
    ("2026-10-02", "A", "A:2", "USD", "40", "40"),
    ("2026-10-02", "B", "B:1", "EUR", "10", "11"),
]
# The second of October is restated, the third is new, the first is as it was.
SECOND: list[Line] = [
    FIRST[0],
    ("2026-10-02", "A", "A:2", "USD", "43.20", "43.20"),
    ("2026-10-02", "B", "B:1", "EUR", "10", "11"),
    ("2026-10-03", "A", "A:3", "USD", "1", "1"),
]
OWN_DATES = {"2026-10-02", "2026-10-03"}


def _total(settings: Settings, moment: str) -> list[tuple[object, ...]]:
    with connect_known(settings, known_at(settings, parse_moment(moment))) as connection:
        return connection.execute(
            "select cast(event_date as varchar), cast(sum(cost) as varchar) from fct_cost_ledger "
            "group by 1 order by 1"
        ).fetchall()


BEFORE = [("2026-10-01", "60.000000000000"), ("2026-10-02", "50.000000000000")]
AFTER = [BEFORE[0], ("2026-10-02", "53.200000000000"), ("2026-10-03", "1.000000000000")]


def test_only_dates_that_came_out_different_are_recorded(settings: Settings, build: Build) -> None:
    build("2026-11-03T06:00:00", FIRST, {"charges/focus/a.csv": "1"})
    build("2026-11-05T06:00:00", SECOND, {"charges/focus/a.csv": "2", "charges/focus/b.csv": "1"})
    first, second = recordings(settings)
    assert first.recorded_at == "20261103T060000.000000Z"
    assert set(first.marts["fct_cost_ledger"]) == {"0-columns", "2026-10-01", "2026-10-02"}
    assert set(second.marts["fct_cost_ledger"]) == OWN_DATES
    assert first.reasons == ["first recording"]
    assert second.reasons == ["charges/focus/b.csv arrived", "charges/focus/a.csv was replaced"]
    assert second.marts["fct_cost_ledger"]["2026-10-02"].totals == {
        "billed EUR": "10.000000000000",
        "billed USD": "43.200000000000",
    }


def test_nothing_is_recorded_when_the_same_books_are_built_again(
    settings: Settings, build: Build
) -> None:
    build("2026-11-03T06:00:00", FIRST)
    build("2026-11-04T06:00:00", FIRST)
    assert len(recordings(settings)) == 1


def test_books_read_as_known_on_a_date_when_they_were_restated_later(
    settings: Settings, build: Build
) -> None:
    build("2026-11-03T06:00:00", FIRST)
    build("2026-11-05T06:00:00", SECOND)
    assert _total(settings, "2026-11-03") == BEFORE
    assert _total(settings, "2026-11-04") == BEFORE
    assert _total(settings, "2026-11-05T05:59:59") == BEFORE
    assert _total(settings, "2026-11-05T07:00:00+01:00") == AFTER
    assert _total(settings, "2026-11-05") == AFTER
    with laid_out(settings, known_at(settings, parse_moment("2026-11-04"))) as folder:
        files = sorted(str(path) for path in (folder / "fct_cost_ledger").iterdir())
        assert duckdb.read_parquet(files).aggregate("sum(cost)::varchar").fetchall() == [
            ("110.000000000000",)
        ]
    assert not list(settings.books.glob(".known-*"))


def test_date_that_lost_all_its_rows_reads_empty_from_then_on(
    settings: Settings, build: Build
) -> None:
    build("2026-11-03T06:00:00", FIRST)
    build("2026-11-05T06:00:00", FIRST[:1])
    assert recordings(settings)[-1].marts["fct_cost_ledger"]["2026-10-02"].rows == 0
    assert _total(settings, "2026-11-04") == BEFORE
    assert _total(settings, "2026-11-06") == BEFORE[:1]
    build("2026-11-07T06:00:00", FIRST)
    assert _total(settings, "2026-11-06") == BEFORE[:1]
    assert _total(settings, "2026-11-07") == BEFORE


def test_error_says_when_the_books_began_when_they_are_asked_for_before(
    settings: Settings, build: Build
) -> None:
    with pytest.raises(NotYetKnownError, match="Run `tokenworks build`"):
        known_at(settings, datetime(2026, 11, 1, tzinfo=UTC))
    build("2026-11-03T06:00:00", FIRST)
    with pytest.raises(
        NotYetKnownError,
        match=r"no books at 2026-11-02 23:59:59 UTC\. The first recording is of 2026-11-03 06:00:00",
    ):
        known_at(settings, parse_moment("2026-11-02"))


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-11", ""])
def test_moment_is_refused_when_it_is_neither_date_nor_time(text: str) -> None:
    with pytest.raises(MomentError, match="is no date or time"):
        parse_moment(text)


def test_books_of_a_later_version_read_with_empty_columns_when_asked_as_of_before(
    settings: Settings, build: Build
) -> None:
    build("2026-11-03T06:00:00", FIRST)
    with duckdb.connect(str(settings.build_database)) as connection:
        connection.execute("alter table rpt_reconciliation add column note varchar default 'new'")
    publish(settings, datetime(2026, 11, 5, tzinfo=UTC))
    with connect_known(settings, known_at(settings, parse_moment("2026-11-04"))) as connection:
        assert connection.execute("select distinct note from rpt_reconciliation").fetchall() == [
            (None,)
        ]


class KilledError(Exception):
    """Stands for kill -9: nothing after it runs."""


@pytest.mark.parametrize("killed_before", ["the recording is in place", "the marts are in place"])
def test_next_build_records_the_same_when_one_was_killed(
    settings: Settings, build: Build, monkeypatch: pytest.MonkeyPatch, killed_before: str
) -> None:
    build("2026-11-03T06:00:00", FIRST)
    replace = os.replace

    def die(source: Path, target: Path) -> None:
        is_recording = Path(target).parent == settings.history
        is_mart = Path(target) == settings.published_database
        if is_recording if killed_before == "the recording is in place" else is_mart:
            raise KilledError
        replace(source, target)

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KilledError):
        build("2026-11-05T06:00:00", SECOND, {"charges/focus/b.csv": "1"})
    total = "select cast(sum(cost) as varchar) from fct_cost_ledger where currency = 'USD'"
    assert query(settings, total)[1] == [("100.000000000000",)]
    monkeypatch.setattr(os, "replace", replace)
    build("2026-11-06T06:00:00", SECOND, {"charges/focus/b.csv": "1"})
    assert query(settings, total)[1] == [("104.200000000000",)]
    _, second = recordings(settings)
    assert set(second.marts["fct_cost_ledger"]) == OWN_DATES
    assert second.reasons == ["charges/focus/b.csv arrived"]
    assert _total(settings, "2026-11-04") == BEFORE
    assert _total(settings, "2026-11-06") == AFTER
    assert not list(settings.books.glob(".staging/*"))


def test_recorded_files_cannot_be_written_by_accident(settings: Settings, build: Build) -> None:
    build("2026-11-03T06:00:00", FIRST)
    files = [path for path in settings.history.rglob("*") if path.is_file()]
    modes = {path.name: path.stat().st_mode & 0o222 for path in files if path.name != "inputs.json"}
    assert len(modes) == 3
    assert set(modes.values()) == {0}
    [piece] = settings.history.glob("*/fct_cost_ledger/_piece=2026-10-01/*")
    assert history.digest_of(piece) in str(recordings(settings)[0].marts)


def test_clock_that_went_back_does_not_reorder_recordings(settings: Settings, build: Build) -> None:
    build("2026-11-05T06:00:00", FIRST)
    build("2026-11-03T06:00:00", SECOND)
    assert [found.recorded_at for found in recordings(settings)] == [
        "20261105T060000.000000Z",
        "20261105T060000.000001Z",
    ]


def test_restatements_tell_dates_reasons_and_money_when_books_changed(
    settings: Settings, build: Build
) -> None:
    build("2026-11-03T06:00:00", FIRST, {"charges/focus/a.csv": "1"})
    build("2026-11-05T06:00:00", SECOND, {"charges/focus/a.csv": "2"})
    first, second = restatements(recordings(settings))
    assert (first.new_dates, first.restated_dates, first.moved) == (
        (date(2026, 10, 1), date(2026, 10, 2)),
        (),
        {},
    )
    assert (second.new_dates, second.restated_dates) == (
        (date(2026, 10, 3),),
        (date(2026, 10, 1), date(2026, 10, 2)),
    )
    assert second.moved == {"billed USD": Decimal("3.2")}
    assert recorded(second) == (
        "Recorded in the books: 1 new date (2026-10-03), 2 dates restated (2026-10-01 to "
        "2026-10-02; billed USD +3.2); because charges/focus/a.csv was replaced"
    )


def test_sql_reads_the_books_as_known_on_a_date(settings: Settings, build: Build) -> None:
    build("2026-11-03T06:00:00", FIRST)
    build("2026-11-05T06:00:00", SECOND)
    total = "select cast(sum(cost) as varchar) from fct_cost_ledger where currency = 'USD'"
    assert query(settings, total, parse_moment("2026-11-04"))[1] == [("100.000000000000",)]
    assert query(settings, total)[1] == [("104.200000000000",)]
    with pytest.raises(QueryError, match="disabled"):
        query(settings, "from read_csv('/etc/passwd')", parse_moment("2026-11-04"))


def test_recording_that_cannot_be_read_is_named(settings: Settings, build: Build) -> None:
    build("2026-11-03T06:00:00", FIRST)
    [about] = settings.history.glob("*/recording.json")
    about.chmod(0o644)
    about.write_text("{")
    with pytest.raises(BooksError, match=r"recording\.json: cannot be read .* from a backup"):
        build("2026-11-05T06:00:00", SECOND)
