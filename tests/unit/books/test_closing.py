"""A closed period is frozen once, in order, and a changed byte of it is told loudly."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from tests.unit.books.conftest import Build, Line
from tokenworks.books.calendar import Gregorian, PeriodNameError
from tokenworks.books.closed import ClosedBooksChangedError, Sums, closed_periods, verify
from tokenworks.books.closing import NotClosableError, close
from tokenworks.books.frozen import hand_over, postings
from tokenworks.books.known import NotYetKnownError
from tokenworks.publish import publish
from tokenworks.warehouse import building
from tokenworks_sources.settings import Settings

LINES: list[Line] = [
    ("2026-09-30", "A", "A:0", "USD", "7", "7"),
    ("2026-10-01", "A", "A:1", "USD", "60", "60"),
    ("2026-10-31", "A", "A:2", "USD", "40", "40"),
    ("2026-10-31", "B", "B:1", "EUR", "10", None),
    ("2026-11-01", "A", "A:3", "USD", "5", "5"),
]
OCTOBER_OVER = datetime(2026, 11, 5, 9, 30, tzinfo=UTC)


@pytest.fixture
def built(settings: Settings, build: Build) -> Settings:
    """Two months and a day, recorded on the third of November; September is closed."""
    build("2026-11-03T06:00:00", LINES)
    close(settings, "2026-09", now=datetime(2026, 11, 4, tzinfo=UTC))
    return settings


def test_closing_freezes_the_month_and_says_what_is_not_certain(built: Settings) -> None:
    closed = close(built, "2026-10", now=OCTOBER_OVER)
    assert closed.totals == {
        "EUR": Sums(cost="10.000000000000", accrued="0.000000000000",
                    unattributed="0.000000000000", without_rate="10.000000000000"),
        "USD": Sums(cost="100.000000000000", accrued="0.000000000000",
                    unattributed="0.000000000000", without_rate="0.000000000000"),
    }  # fmt: skip
    assert (closed.closed_at, closed.recorded_at) == (
        "20261105T093000.000000Z",
        "20261103T060000.000000Z",
    )
    folder = built.closed / "2026-10"
    assert sorted(path.name for path in folder.iterdir()) == [
        "closed.json",
        "corrections.parquet",
        "ledger.parquet",
    ]
    rows = duckdb.read_parquet(str(folder / "ledger.parquet")).project(
        "period, cast(event_date as varchar), bill_id, cast(cost as varchar), is_accrued"
    )
    assert rows.fetchall() == [
        ("2026-10", "2026-10-01", "A", "60.000000000000", False),
        ("2026-10", "2026-10-31", "A", "40.000000000000", False),
        ("2026-10", "2026-10-31", "B", "10.000000000000", False),
    ]
    assert [one.period.name for one in closed_periods(built)] == ["2026-09", "2026-10"]
    assert not list(built.books.glob(".closing/*"))


def test_digest_is_the_same_when_the_same_books_are_closed_elsewhere(
    built: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    other = Settings.at(tmp_path / "other")
    shutil.copytree(built.home, other.home)
    assert (
        close(other, "2026-10", now=OCTOBER_OVER).digest
        == close(built, "2026-10", now=OCTOBER_OVER).digest
    )


@pytest.mark.parametrize(
    ("name", "now", "message"),
    [
        ("2026-11", OCTOBER_OVER, "2026-11 is not over: its last hour ends at 2026-12-01 00:00"),
        ("2026-09", OCTOBER_OVER, "2026-09 was closed on 2026-11-04 00:00:00 UTC"),
        ("2026-08", OCTOBER_OVER, "The books hold nothing of 2026-08"),
        (
            "2026-11",
            datetime(2026, 12, 1, tzinfo=UTC),
            "Before 2026-11 these periods are open and have data: 2026-10. Close them first",
        ),
    ],
)
def test_closing_is_refused(built: Settings, name: str, now: datetime, message: str) -> None:
    with pytest.raises(NotClosableError, match=message):
        close(built, name, now=now)
    assert [path.name for path in built.closed.iterdir()] == ["2026-09"]


def test_earlier_period_stays_open_when_told_to_skip_it(built: Settings) -> None:
    closed = close(built, "2026-11", skip=True, now=datetime(2026, 12, 1, tzinfo=UTC))
    assert closed.totals["USD"].cost == "5.000000000000"


def test_closing_is_refused_when_nothing_was_built(settings: Settings) -> None:
    with pytest.raises(NotYetKnownError, match="Run `tokenworks build`"):
        close(settings, "2026-10", now=OCTOBER_OVER)


def test_closing_is_refused_when_the_books_do_not_balance(
    settings: Settings, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Publish refuses such books; closing does not lean on that."""
    build("2026-11-03T06:00:00", LINES[1:])
    with duckdb.connect(str(settings.build_database)) as connection:
        connection.execute("update rpt_reconciliation set is_balanced = false, difference = -0.01")
    monkeypatch.setattr("tokenworks.publish._refuse_imbalance", lambda *_: None)
    publish(settings, datetime(2026, 11, 4, tzinfo=UTC))
    with pytest.raises(NotClosableError, match=r"bill_allocated of A differs by -0\.01"):
        close(settings, "2026-10", now=OCTOBER_OVER)


def test_closing_is_refused_when_files_landed_that_no_build_has_read(
    built: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = {"charges/focus/late.csv": "1"}
    monkeypatch.setattr("tokenworks.books.closing.landed_files", lambda _: landed)
    with pytest.raises(
        NotClosableError, match=r"landed last: charges/focus/late\.csv arrived\. Run"
    ):
        close(built, "2026-10", now=OCTOBER_OVER)


@pytest.mark.parametrize("file", ["history/*/fct_cost_ledger/*31/*.parquet", "closed/*10/ledger.*"])
def test_changed_byte_of_closed_books_is_told_by_the_next_build(built: Settings, file: str) -> None:
    close(built, "2026-10", now=OCTOBER_OVER)
    [path] = built.books.glob(file)
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    with pytest.raises(
        ClosedBooksChangedError, match="closed books of 2026-10 were changed"
    ) as raised:
        verify(built, closed_periods(built))
    assert raised.value.files == (str(path),)
    with pytest.raises(ClosedBooksChangedError), building(built):
        pytest.fail("the build began")


def test_changed_record_of_closed_books_is_told(built: Settings) -> None:
    record = built.closed / "2026-09" / "closed.json"
    record.chmod(0o644)
    record.write_text(record.read_text().replace("7.000000000000", "8.000000000000"))
    with pytest.raises(ClosedBooksChangedError) as raised:
        verify(built, closed_periods(built))
    assert raised.value.files == (str(record),)


def test_changed_recording_is_told_when_closed_books_stand_upon_it(built: Settings) -> None:
    """Its list says which version is read, so a version left out would change a report unseen."""
    [about] = built.history.glob("*/recording.json")
    about.chmod(0o644)
    about.write_text(
        about.read_text().replace("_piece=2026-09-30/data_0", "_piece=2026-10-01/data_0")
    )
    with pytest.raises(ClosedBooksChangedError, match=r"history/\*/recording\.json"):
        verify(built, closed_periods(built))


def test_trial_says_what_would_be_frozen_and_leaves_the_month_open(built: Settings) -> None:
    tried = close(built, "2026-10", only_try=True, now=OCTOBER_OVER)
    assert tried.totals["USD"].cost == "100.000000000000"
    assert [one.period.name for one in closed_periods(built)] == ["2026-09"]
    assert close(built, "2026-10", now=OCTOBER_OVER).digest == tried.digest


def test_missing_file_of_closed_books_is_told(built: Settings) -> None:
    [path] = built.books.glob("history/*/fct_cost_ledger/*09-30/*.parquet")
    path.unlink()
    with pytest.raises(ClosedBooksChangedError, match=r"2026-09-30/data_0\.parquet is gone"):
        verify(built, closed_periods(built))


class KilledError(BaseException):
    """Stands for kill -9: no handler of the code runs."""


def test_month_is_open_and_can_be_closed_when_closing_was_killed(
    built: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def die(source: Path, target: Path) -> None:
        raise KilledError

    monkeypatch.setattr(os, "replace", die)
    monkeypatch.setattr("shutil.rmtree", lambda *_, **__: None)
    with pytest.raises(KilledError):
        close(built, "2026-10", now=OCTOBER_OVER)
    monkeypatch.undo()
    assert os.replace is replace
    assert (built.books / ".closing" / "2026-10" / "closed.json").is_file()
    assert [one.period.name for one in closed_periods(built)] == ["2026-09"]
    hand_over(built, closed_periods(built), Gregorian())
    read = duckdb.read_parquet(f"{built.closed}/*/ledger.parquet", union_by_name=True)
    assert read.aggregate("max(period)").fetchall() == [("2026-09",)]
    assert close(built, "2026-10", now=OCTOBER_OVER).totals["USD"].cost == "100.000000000000"
    verify(built, closed_periods(built))


def test_corrections_are_posted_in_the_first_open_period_after_the_corrected_one(
    built: Settings,
) -> None:
    close(built, "2026-11", skip=True, now=datetime(2026, 12, 1, tzinfo=UTC))
    october, november, december = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
    assert postings(closed_periods(built), Gregorian()) == [
        ("2026-09", date(2026, 9, 1), date(2026, 9, 30), "2026-10", october, date(2026, 10, 31)),
        ("2026-11", november, date(2026, 11, 30), "2026-12", december, date(2026, 12, 31)),
    ]
    close(built, "2026-10", now=datetime(2026, 12, 1, tzinfo=UTC))
    assert [row[3] for row in postings(closed_periods(built), Gregorian())] == ["2026-12"] * 3


@pytest.mark.parametrize("name", ["2026-13", "2026-1", "FY2026-P03", "../2026-10", ""])
def test_period_is_refused_when_no_month_has_its_name(built: Settings, name: str) -> None:
    with pytest.raises(PeriodNameError, match="Write it as YYYY-MM"):
        close(built, name, now=OCTOBER_OVER)
