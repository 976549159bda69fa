"""Late data restates the dates it touches, and no others; what comes out equals the clean order."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import shutil
from contextlib import nullcontext
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest

from tokenworks.publish import MART_PREFIXES
from tokenworks.restatement import BY_DATE, FLEET, plan
from tokenworks.warehouse import build_warehouse
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.lake.compact import compact_table
from tokenworks_sources.settings import Settings

LATE = Path("requests/litellm/spend_us_2026-10-22.jsonl.gz")
LATE_DAY = date(2026, 10, 22)
LAST_DAY = date(2026, 10, 24)
# Put behind a text of every row of three marts: a row that is made again has lost it.
MARK = " (not made again)"
NULL = "null"
MARKED = {
    "fct_requests": "source_file",
    "fct_cost_ledger": "allocation_method",
    "fct_deployment_hours": "busy_method",
}


def _is_wanted(path: Path) -> bool:
    """Whether a file of the sample belongs to its first days, or to no day."""
    days = re.findall(r"\d{4}-\d{2}-\d{2}", str(path))
    return all(date.fromisoformat(day) <= LAST_DAY for day in days)


@pytest.fixture(scope="module")
def clean(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Everything in order, built at once."""
    settings = Settings.at(tmp_path_factory.mktemp("clean") / "home")
    _land(root, settings, without=None)
    assert build_warehouse(settings).whole_because == "there is no complete build to compare with"
    return settings


@pytest.fixture(scope="module")
def late(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Everything but one file of requests, built; each row of the marts is marked."""
    settings = Settings.at(tmp_path_factory.mktemp("late") / "home")
    _land(root, settings, without=LATE)
    build_warehouse(settings)
    with duckdb.connect(str(settings.build_database)) as connection:
        for mart, column in MARKED.items():
            connection.execute(
                f"update {mart} set {column} = coalesce({column}, '{NULL}') || '{MARK}'"
            )
    return settings


def _land(root: Path, settings: Settings, without: Path | None) -> None:
    sample = root / "sample_data" / "landing"
    for path in sorted(path for path in sample.rglob("*") if path.is_file()):
        relative = path.relative_to(sample)
        if relative != without and _is_wanted(relative):
            target = settings.landing / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    assert not ingest_landing(settings).with_status("failed")


def _spans_of(*paths: Path) -> list[tuple[date, date]]:
    """First and last day of each request of some logs, read without our reader."""
    spans = []
    for path in paths:
        for line in gzip.decompress(path.read_bytes()).splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError):
                record = json.loads(line)
                first, last = (
                    datetime.fromisoformat(record[field]).date()
                    for field in ("startTime", "endTime")
                )
                spans.append((first, last))
    return spans


def _touched(late: Settings) -> set[date]:
    """Days of the late file's requests, and those on which a request starts that runs into them."""
    arrived = {day for span in _spans_of(late.landing / LATE) for day in span}
    logs = (late.landing / "requests" / "litellm").iterdir()
    return arrived | {first for first, last in _spans_of(*logs) if last in arrived}


def _marts(settings: Settings) -> list[str]:
    with duckdb.connect(str(settings.build_database), read_only=True) as connection:
        names = connection.execute("select table_name from duckdb_tables() order by all").fetchall()
    return [name for (name,) in names if name.startswith(MART_PREFIXES)]


def _differences(left: Settings, right: Settings, marts: list[str]) -> dict[str, int]:
    """Rows of each mart that one build has and the other has not."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{left.build_database}' as a (read_only)")
        connection.execute(f"attach '{right.build_database}' as b (read_only)")
        found = {}
        for mart in marts:
            counted = connection.execute(
                f"select count(*) from ((from a.{mart} except all from b.{mart}) "
                f"union all (from b.{mart} except all from a.{mart}))"
            ).fetchall()
            found[mart] = counted[0][0]
    return {mart: count for mart, count in found.items() if count}


def test_late_file_restates_the_dates_it_touches_and_no_others(
    root: Path, clean: Settings, late: Settings
) -> None:
    source = root / "sample_data" / "landing" / LATE
    shutil.copyfile(source, late.landing / LATE)
    ingest_landing(late)
    built = build_warehouse(late)
    assert built.whole_because is None
    touched = _touched(late)
    assert {LATE_DAY} <= touched < {date(2026, 10, day) for day in range(19, 25)}
    assert set(built.restated_dates) == touched
    with duckdb.connect(str(late.build_database)) as connection:
        for mart, column in MARKED.items():
            kept = connection.execute(
                f"select event_date, bool_and(is_kept), bool_or(is_kept) from "
                f"(select event_date, coalesce(ends_with({column}, '{MARK}'), false) as is_kept from {mart}) "
                "group by event_date"
            ).fetchall()
            assert {day for day, all_kept, _ in kept if not all_kept} == touched, mart
            assert all(all_kept == any_kept for _, all_kept, any_kept in kept), mart
            # The mark comes off again: the row that was kept must be what the clean order gives.
            connection.execute(
                f"update {mart} set {column} = nullif(replace({column}, '{MARK}', ''), '{NULL}')"
            )
    assert _differences(clean, late, _marts(clean)) == {}


def test_nothing_is_restated_when_nothing_arrived(clean: Settings) -> None:
    again = build_warehouse(clean)
    assert again.whole_because is None
    assert again.restated_dates == ()


def test_nothing_is_restated_when_the_lake_was_compacted(root: Path, late: Settings) -> None:
    if not (late.landing / LATE).exists():
        shutil.copyfile(root / "sample_data" / "landing" / LATE, late.landing / LATE)
        ingest_landing(late)
        build_warehouse(late)
    found = [compact_table(late.lake, table, quiet=nullcontext) for table in (*BY_DATE, *FLEET)]
    assert sum(compacted.parts for compacted in found) > 1
    again = build_warehouse(late)
    assert again.whole_because is None
    assert again.restated_dates == ()


def test_build_is_whole_when_the_last_one_broke_off(clean: Settings) -> None:
    marker = clean.build / "complete"
    state = marker.read_text()
    marker.unlink()
    assert plan(clean).whole_because == "there is no complete build to compare with"
    marker.write_text(state)
    assert plan(clean).whole_because is None
