"""Dates that no build made again are not looked at; whatever else happens to a build, all are."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests.unit.publishing.test_following import (
    BALANCED,
    contents,
    day,
    forgotten,
    from_nothing,
    tree,
)
from tokenworks import restatement
from tokenworks.books import pieces
from tokenworks.made import Made, dates_since, kept_marts, lengthened, stamp_of, unbroken
from tokenworks.publish import PublishError, publish
from tokenworks.publishing import tables
from tokenworks.restatement import FINGERPRINTS, RESTATED
from tokenworks.warehouse import building
from tokenworks_sources.lake import ensure_tables
from tokenworks_sources.settings import Settings

MADE = ("2026-09-22", "2026-10-01")


def by_hand(settings: Settings, *statements: str) -> None:
    """Somebody writes to the build."""
    with duckdb.connect(str(settings.build_database)) as connection:
        for statement in statements:
            connection.execute(statement)


def build(
    settings: Settings, *statements: str, dates: tuple[str, ...] = (), part: bool = False
) -> bool:
    """A build that makes some dates again; whether it was whole."""
    with building(settings, whole=not part) as under_way:
        named = ", ".join(f"(date '{one}')" for one in dates or ("1970-01-01",))
        by_hand(
            settings,
            *(
                f"create table if not exists {name} (event_date date, n int)"
                for name in FINGERPRINTS
            ),
            f"create or replace table {RESTATED} as select * from (values {named}) as v (event_date)",
            *statements,
        )
    return under_way.restatement.whole_because is not None


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Conditions under which rows of `fct_days` are looked at."""
    seen: list[str] = []

    def watched(
        connection: duckdb.DuckDBPyConnection, mart: str, *rest: str, **named: str
    ) -> object:
        if mart == "fct_days" and rest:
            seen.append(rest[1] if len(rest) > 1 else "all")
        return pieces.pieces_of(connection, mart, *rest, **named)

    monkeypatch.setattr(tables, "pieces_of", watched)
    return seen


@pytest.fixture
def home(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose first build is published, with dates that are kept in two marts."""
    monkeypatch.setattr(restatement, "kept_marts", lambda: frozenset({"fct_days", "rpt_months"}))
    ensure_tables(settings.lake)
    months = "insert into rpt_months values ('2026-09', 1), ('2026-10', 2)"
    assert build(settings, BALANCED, months, *(day(number) for number in range(15)))
    publish(settings)
    return settings


def is_as_from_nothing(home: Settings) -> bool:
    anew = from_nothing(home)
    return tree(home) == tree(anew) and contents(home) == contents(anew)


def test_only_dates_made_again_are_looked_at_when_builds_follow_each_other(
    home: Settings, looked: list[str]
) -> None:
    assert not build(home, forgotten(2), day(2, 4), dates=MADE[:1])
    months = "update rpt_months set cost = 9 where month = '2026-10'"
    assert not build(home, forgotten(11), day(11, 1), months, dates=MADE[1:])
    publish(home)
    assert len(looked) == 1
    assert "(date '2026-09-22', date '2026-10-01')" in looked[0]
    assert is_as_from_nothing(home)


def test_nothing_is_looked_at_when_nothing_was_built_since(
    home: Settings, looked: list[str]
) -> None:
    publish(home)
    assert looked == ["(false)"]


def test_mart_that_is_made_anew_is_looked_at_whole(home: Settings) -> None:
    """Its rows of any date may differ, as those of `rpt_alarms`."""
    change = "update rpt_anew set cost = 7 where event_date = '2026-09-30'"
    assert not build(home, "create table rpt_anew as from fct_days", dates=MADE)
    publish(home)
    assert not build(home, change, dates=MADE)
    publish(home)
    assert is_as_from_nothing(home)


# The tenth day is not among those that any of these builds made again.
OTHER = "update fct_days set cost = 7 where event_date = '2026-09-30'"


def _written_by_hand_after_the_build(home: Settings) -> None:
    assert not build(home, dates=MADE)
    by_hand(home, OTHER)


def _written_by_hand_before_the_build(home: Settings) -> None:
    by_hand(home, OTHER)
    assert not build(home, dates=MADE)


def _made_whole(home: Settings) -> None:
    restatement.state_file(home).unlink()
    assert build(home, OTHER, dates=MADE)


def _made_whole_and_then_in_part(home: Settings) -> None:
    _made_whole(home)
    assert not build(home, dates=MADE)


def _made_by_selection(home: Settings) -> None:
    build(home, OTHER, part=True)


def _killed(home: Settings) -> None:
    with pytest.raises(duckdb.CatalogException):
        build(home, OTHER, "insert into nothing values (1)")
    with pytest.raises(PublishError, match="did not complete"):
        publish(home)
    assert build(home, dates=MADE)


def _row_of_another_date(home: Settings) -> None:
    assert not build(home, day(9, 1), dates=MADE)


@pytest.mark.parametrize(
    "happens",
    [
        _written_by_hand_after_the_build,
        _written_by_hand_before_the_build,
        _made_whole,
        _made_whole_and_then_in_part,
        _made_by_selection,
        _killed,
        _row_of_another_date,
    ],
)
def test_no_date_is_stale_when_the_builds_do_not_tell_which_changed(
    home: Settings, happens: object
) -> None:
    assert callable(happens)
    happens(home)
    publish(home)
    assert is_as_from_nothing(home)


def test_no_date_is_stale_when_the_models_changed_after_the_build(
    home: Settings, looked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a model keeps is read in its SQL, which is another by now."""
    assert not build(home, dates=MADE)
    monkeypatch.setattr(restatement, "rules_digest", lambda: "other")
    publish(home)
    assert looked == ["all"]


def test_chain_leads_from_one_state_of_the_file_to_another(tmp_path: Path) -> None:
    path = tmp_path / "one.duckdb"
    chain: list[Made] = []
    stamps = []
    for number, dates in enumerate((["2026-09-01"], ["2026-09-02"], ["2026-09-03", "2026-09-02"])):
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"create table t{number} as select 1 as a")
        chain = lengthened(chain, path, dates)
        stamps.append(stamp_of(path))
    assert dates_since(chain, stamps[0]) == frozenset({"2026-09-02", "2026-09-03"})
    assert dates_since(chain, stamps[2]) == frozenset()
    assert dates_since(chain, None) is None
    assert dates_since(chain, "unknown") is None
    assert unbroken(chain, path) == chain
    assert unbroken(chain[:2], path) == []
    assert unbroken([], path) == []


def test_marts_are_kept_as_the_project_says() -> None:
    kept = kept_marts()
    assert {"fct_requests", "fct_cost_ledger", "rpt_frontier"} <= kept
    assert not kept & {"dim_sites", "fct_charges", "rpt_alarms", "rpt_chargeback"}
