"""Replay results as tables for SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from tokenworks.published import DamagedError, list_tables, query
from tokenworks.replay.language.scenario import parse_scenario
from tokenworks.replay.results.tables import REQUESTS_TABLE, SUMMARY_TABLE, TABLES
from tokenworks.replay.run import run_replay
from tokenworks_sources.settings import Settings

ROUTE = """
name: route
routing: {rules: [{when: {tier: large, input_total_tokens: {below: 2000}}, to_tier: small}]}
"""


def test_every_column_is_described_when_a_result_is_written(
    hand_world: Any, tmp_path: Path
) -> None:
    result = run_replay(parse_scenario(ROUTE, "s"), hand_world.publish(), tmp_path)
    for table in TABLES.values():
        written = pl.read_parquet_schema(result.folder / table.file)
        assert set(written) == set(table.columns)


def test_results_are_queried_beside_the_marts_when_there_are_some(
    hand_world: Any, tmp_path: Path
) -> None:
    home = Settings.at(tmp_path / "home")
    home.publish.mkdir(parents=True)
    with duckdb.connect(str(home.published_database)) as connection:
        connection.execute("create table _published (mart varchar, row_count bigint)")
    assert [table.name for table in list_tables(home)] == []
    marts = hand_world.publish()
    for text in ("name: same", ROUTE):
        run_replay(parse_scenario(text, "s"), marts, home.replay)
    tables = {table.name: table for table in list_tables(home)}
    assert set(tables) == {REQUESTS_TABLE, SUMMARY_TABLE}
    assert tables[REQUESTS_TABLE].rows == 160
    assert tables[SUMMARY_TABLE].description.startswith("Metrics of the replay results.")
    _, rows = query(
        home,
        "select scenario, count_if(is_rerouted) from fct_replay_requests group by all order by 1",
    )
    assert rows == [("route", 10), ("same", 0)]
    _, rows = query(
        home,
        "select scenario_name, round(delta, 8) from rpt_replay_summary "
        "where metric = 'cost_active_usd' and segment = 'all' order by 1",
    )
    assert rows == [("route", -7.35366053), ("same", 0.0)]


def test_what_is_published_is_read_when_a_result_is_of_an_earlier_version(tmp_path: Path) -> None:
    home = Settings.at(tmp_path / "home")
    home.publish.mkdir(parents=True)
    duckdb.connect(str(home.published_database)).close()
    folder = home.replay / "old-0123456789ab"
    folder.mkdir(parents=True)
    pl.DataFrame({"run_id": ["old-0123456789ab"]}).write_parquet(
        folder / TABLES[SUMMARY_TABLE].file
    )
    assert query(home, f"select run_id from {SUMMARY_TABLE}")[1] == [("old-0123456789ab",)]


def test_build_is_asked_for_when_the_published_file_is_damaged(tmp_path: Path) -> None:
    home = Settings.at(tmp_path / "home")
    home.publish.mkdir(parents=True)
    home.published_database.write_text("cut off")
    with pytest.raises(DamagedError, match=r"DuckDB cannot open it .*tokenworks build"):
        query(home, "select 1")
