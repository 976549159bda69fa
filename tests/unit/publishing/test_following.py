"""Publishing again writes what changed, and leaves what publishing from nothing would."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path

import duckdb
import pytest

from tokenworks.made import stamp_of
from tokenworks.publish import publish
from tokenworks.published import query
from tokenworks.publishing.version import published_version
from tokenworks.restatement import state_file
from tokenworks_sources.settings import Settings

BALANCED = """
create table rpt_reconciliation as
select 'bill_allocated' as check_name, 'A' as subject, timestamp '2026-09-01' as period_start, 'USD' as currency,
    1::decimal(38, 12) as expected, 1::decimal(38, 12) as actual, 0::decimal(38, 12) as difference,
    true as is_balanced, true as is_blocking, 'USD' as unit;
create table fct_days (event_date date, id bigint, note varchar, cost decimal(38, 12));
create table rpt_months (month varchar, cost decimal(38, 12));
create table dim_things (thing varchar);
insert into dim_things values ('one'), ('two');
"""
FIRST = date(2026, 9, 20)
Change = Callable[[Settings], None]


def change(settings: Settings, *statements: str) -> None:
    """What a build leaves."""
    settings.build.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.build_database)) as connection:
        for statement in statements:
            connection.execute(statement)
    state_file(settings).touch()


def day(number: int, rows: int = 3, note: str = "as it was") -> str:
    """One day's rows."""
    return (
        f"insert into fct_days select date '{FIRST + timedelta(days=number)}', {rows} - n, '{note} ' || n % 7, n / 8 "
        f"from range({rows}) as numbers(n)"
    )


def forgotten(number: int) -> str:
    """One day's rows are no more."""
    return f"delete from fct_days where event_date = date '{FIRST + timedelta(days=number)}'"


STEPS = [
    (BALANCED, *(day(number) for number in range(15))),
    (day(15),),
    # A day is restated, another comes, and one is no more.
    (forgotten(4), day(4, 5, "restated"), day(16, 2100), forgotten(0)),
    # The next one is short, and lies in a row group of its own, which DuckDB may read too early.
    (day(17, 40), "insert into rpt_months values ('2026-09', 1), ('2026-10', 2)"),
    ("insert into fct_days values (null, 1, 'of no day', null)", "delete from dim_things"),
    (
        "update rpt_months set cost = 3 where month = '2026-09'",
        "alter table fct_days add column more integer",
        "comment on table fct_days is 'A day''s rows'",
        "create table dim_new as select 1 as a",
    ),
    ("delete from rpt_months", "delete from fct_days", "drop table dim_things"),
]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home of which the first step is published."""
    home = Settings.at(tmp_path_factory.mktemp("first") / "home")
    change(home, *STEPS[0])
    publish(home)
    return home


@pytest.fixture
def home(first: Settings, tmp_path: Path) -> Settings:
    """A copy of it."""
    shutil.copytree(first.home, tmp_path / "home", symlinks=True)
    return Settings.at(tmp_path / "home")


def from_nothing(settings: Settings) -> Settings:
    """Another home, where the same build is published for the first time."""
    anew = Settings.at(settings.home.with_name(f"anew-{len(list(settings.home.parent.iterdir()))}"))
    shutil.copytree(settings.build, anew.build)
    publish(anew)
    return anew


def tree(settings: Settings) -> dict[str, str]:
    """Digest of each file of the published Parquet."""
    folder = settings.published_parquet.resolve()
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*.parquet"))
    }


def inodes(settings: Settings, mart: str) -> dict[str, int]:
    """The files of a mart, whatever folder they lie in."""
    return {path.name: path.stat().st_ino for path in (settings.published_parquet / mart).iterdir()}


def contents(settings: Settings) -> dict[str, object]:
    """The published tables with their columns, comments and rows in order."""
    names = [str(name) for (name,) in query(settings, "select mart from _published")[1]]
    found: dict[str, object] = {
        name: query(settings, f"select * from {name} order by all") for name in names
    }
    found["comments"] = query(
        settings, "select table_name, comment from duckdb_tables() order by all"
    )[1]
    found["digests"] = query(settings, "from _published order by all")[1]
    return found


def test_what_is_published_is_that_of_publishing_from_nothing_when_it_came_step_by_step(
    home: Settings,
) -> None:
    for step in STEPS[1:]:
        assert published_version(home) is not None
        change(home, *step)
        publish(home)
        anew = from_nothing(home)
        assert tree(home) == tree(anew), step
        assert contents(home) == contents(anew), step


def test_part_is_the_file_of_the_version_before_when_its_rows_are(home: Settings) -> None:
    before, other = inodes(home, "fct_days"), inodes(home, "dim_things")
    assert set(before) == {"part-2026-09-20.parquet", "part-2026-10-01.parquet"}
    change(home, forgotten(13), day(13, 4))
    publish(home)
    after = inodes(home, "fct_days")
    assert after["part-2026-09-20.parquet"] == before["part-2026-09-20.parquet"]
    assert after["part-2026-10-01.parquet"] != before["part-2026-10-01.parquet"]
    assert inodes(home, "dim_things") == other


def test_rows_of_days_lie_in_order_again_when_many_were_restated(settings: Settings) -> None:
    """Three of thirty days may lie behind later ones; with the fourth, and the eighth, all are in order."""
    change(settings, BALANCED, *(day(number, 10) for number in range(30)))
    publish(settings)
    behind = []
    for number in range(9):
        change(settings, forgotten(number), day(number, 10, "restated"))
        publish(settings)
        found = [str(row) for (row,) in query(settings, "select event_date from fct_days")[1]]
        behind.append(
            sum(one < latest for one, latest in zip(found, accumulate(found, max), strict=True))
        )
    assert behind == [10, 20, 30, 0, 10, 20, 30, 0, 10]


def test_file_is_written_anew_when_most_of_it_is_free(settings: Settings) -> None:
    text = "md5(n || 'a') || md5(n || 'b')"
    wide = (
        f"insert into fct_days select date '2026-09-01', n, {text}, n from range(200000) as rows(n)"
    )
    change(settings, BALANCED, day(0), wide)
    publish(settings)
    full = settings.published_database.stat().st_size
    change(settings, "delete from fct_days where event_date = '2026-09-01'")
    publish(settings)
    change(settings, day(1))
    publish(settings)
    change(settings, day(2))
    publish(settings)
    assert settings.published_database.stat().st_size < full / 4
    assert query(settings, "select count(*) from fct_days")[1] == [(9,)]


def _tampered(settings: Settings) -> None:
    with duckdb.connect(str(settings.published_database)) as connection:
        connection.execute("update fct_days set cost = 99 where event_date = '2026-09-21'")


def _cut(settings: Settings) -> None:
    settings.published_database.write_bytes(settings.published_database.read_bytes()[:20_000])


def _damaged(settings: Settings) -> None:
    """Blocks that its header does not show."""
    status = settings.published_database.stat()
    with settings.published_database.open("r+b") as handle:
        handle.seek(3 * 4096)
        handle.write(os.urandom(status.st_size - 3 * 4096))
    os.utime(settings.published_database, ns=(status.st_atime_ns, status.st_mtime_ns))


def _part_cut(settings: Settings) -> None:
    path = settings.published_parquet / "fct_days" / "part-2026-09-20.parquet"
    path.write_bytes(path.read_bytes()[:50])


def _parts_gone(settings: Settings) -> None:
    for path in settings.published_parquet.rglob("part-2026*"):
        path.unlink()


def _notes_cut(settings: Settings) -> None:
    path = settings.publish / ".version.json"
    path.write_bytes(path.read_bytes()[:-2])


@pytest.mark.parametrize("harm", [_tampered, _cut, _damaged, _part_cut, _parts_gone, _notes_cut])
def test_publishing_mends_what_was_published_when_it_is_not_as_it_was_left(
    first: Settings, home: Settings, harm: Change
) -> None:
    harm(home)
    publish(home)
    assert contents(home) == contents(first)
    assert tree(home) == tree(first)


@pytest.mark.parametrize("harm", [_damaged, _part_cut])
def test_publishing_mends_what_was_published_when_more_is_published(
    home: Settings, harm: Change
) -> None:
    harm(home)
    change(home, forgotten(3), day(3, 4), day(15))
    publish(home)
    anew = from_nothing(home)
    assert tree(home) == tree(anew)
    assert contents(home) == contents(anew)


class KilledError(Exception):
    """Stands for kill -9: nothing after it runs."""


@pytest.mark.parametrize("survived", range(5))
def test_next_publish_is_right_when_one_was_killed_between_two_renames(
    home: Settings, monkeypatch: pytest.MonkeyPatch, survived: int
) -> None:
    change(home, *STEPS[1])
    replace, left = os.replace, [None] * survived

    def die(source: Path, target: Path) -> None:
        if not left:
            raise KilledError
        left.pop()
        replace(source, target)

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KilledError):
        publish(home)
    assert query(home, "select count(*) from fct_days")[1] in ([(45,)], [(48,)])
    parts = duckdb.read_parquet(f"{home.published_parquet}/fct_days/*.parquet")
    assert len(parts.fetchall()) in (45, 48)
    monkeypatch.setattr(os, "replace", replace)
    change(home, *STEPS[2])
    publish(home)
    anew = from_nothing(home)
    assert tree(home) == tree(anew)
    assert contents(home) == contents(anew)


def test_stamp_tells_states_of_a_file_apart(tmp_path: Path) -> None:
    path = tmp_path / "one.duckdb"
    assert stamp_of(path) is None
    stamps = []
    for statement in ("create table a as select 1 as n", "select 1", "update a set n = 2"):
        with duckdb.connect(str(path)) as connection:
            connection.execute(statement)
            is_open = (tmp_path / "one.duckdb.wal").exists()
            assert (stamp_of(path) is None) == is_open
        stamps.append(stamp_of(path))
    assert stamps[0] == stamps[1] is not None
    assert stamps[2] not in (None, stamps[0])
