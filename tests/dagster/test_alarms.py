"""Alarms as asset checks, and how fresh assets are held to be."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from tokenworks.alarms import KINDS, Alarm, Alarms, NoAlarmsError, behind, of_kind, read_alarms
from tokenworks.checks.alarms import CURRENT, alarm_result, current_result

PUBLISHED = dg.AssetKey(["publish", "warehouse"])
KEY = dg.AssetCheckKey(PUBLISHED, "telemetry_coverage")
QUERY = "select hour_start from fct_deployment_hours where deployment_id = 'small-us'"
HALF = Alarm(
    date(2026, 9, 2),
    "telemetry_coverage",
    "small-us",
    "requests lack output tokens that the engines counted",
    datetime(2026, 9, 2, 10),
    2_000.0,
    1_000.0,
    "output tokens",
    QUERY,
)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table fct_requests as select date '2026-09-08' as event_date")
        connection.execute(
            "create table fct_deployment_hours as select date '2026-09-09' as event_date"
        )
        connection.execute(
            "create table rpt_alarms as select * from (values "
            "(date '2026-09-02', 'telemetry_coverage', 's', 'c', timestamp '2026-09-02 10:00', 0e0, 5e0, 'u', 'q'), "
            "(date '2026-09-03', 'idle_share', 's', 'c', timestamp '2026-09-03 00:00', 0e0, 1e0, 'u', 'q')) "
            "as t (event_date, alarm, subject, cause, since, expected, actual, unit, query)"
        )
    return path


def test_alarm_names_cause_size_and_query_when_a_log_lacks_tokens() -> None:
    result = alarm_result(KEY, [HALF])
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert result.description == (
        "small-us: requests lack output tokens that the engines counted, 1,000 against 2,000 output "
        "tokens since 2026-09-02 10:00 UTC"
    )
    assert result.metadata["alarms"] == dg.MetadataValue.int(1)
    assert result.metadata["query"] == dg.MetadataValue.text(QUERY)


def test_check_passes_when_nothing_alarms() -> None:
    assert alarm_result(KEY, []).passed


def test_only_alarms_of_the_last_days_are_recent_when_the_books_go_on(database: Path) -> None:
    found = read_alarms(database)
    assert found.newest == date(2026, 9, 9)
    assert [one.alarm for one in found.alarms] == ["idle_share", "telemetry_coverage"]
    assert [one.alarm for one in found.recent()] == ["idle_share"]
    assert of_kind(found.recent(8), "telemetry_coverage")[0].sized == "5 u"
    assert found.recent(10**9) == list(found.alarms)


def test_build_is_asked_for_when_an_earlier_version_published(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    duckdb.connect(str(path)).close()
    with pytest.raises(NoAlarmsError, match=r"has no rpt_alarms as it is now.*tokenworks build"):
        read_alarms(path)


def test_books_are_behind_when_they_end_before_yesterday() -> None:
    today = date(2026, 9, 9)
    assert behind(today - timedelta(days=1), today) is None
    sentence = behind(today - timedelta(days=2), today)
    assert sentence == "the books end at 2026-09-07, 2 days ago"
    result = current_result(dg.AssetCheckKey(PUBLISHED, CURRENT), sentence)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert behind(None, today) == "the books have no date yet"
    assert Alarms(None, (HALF,)).recent() == [HALF]


def test_every_kind_of_alarm_is_a_check_that_stops_nothing(defs: dg.Definitions) -> None:
    specs = {
        spec.name: spec.blocking
        for checks in defs.asset_checks or []
        for spec in checks.check_specs
        if spec.asset_key == PUBLISHED and spec.name in {*KINDS, CURRENT}
    }
    assert specs == dict.fromkeys([*KINDS, CURRENT], False)


def test_what_a_fleet_feeds_daily_has_a_freshness_policy(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    held = {
        key.path[-1]: graph.get(key).freshness_policy_or_from_metadata
        for key in (PUBLISHED, dg.AssetKey(["lake", "requests"]), dg.AssetKey(["lake", "prices"]))
    }
    assert held["warehouse"] == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(hours=26), warn_window=timedelta(hours=2)
    )
    assert held["requests"] == dg.FreshnessPolicy.time_window(
        fail_window=timedelta(days=3), warn_window=timedelta(hours=30)
    )
    assert held["prices"] is None
