"""Publishing: same bytes for same data, refused when the books do not balance, invisible to readers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tokenworks.dbt_project import dbt_environment, dbt_paths, is_manifest_current
from tokenworks.held import Held
from tokenworks.publish import PublishedMart, PublishError, UnbalancedError, publish
from tokenworks.published import NothingPublishedError, QueryError, list_tables, query
from tokenworks.restatement import state_file
from tokenworks.warehouse import (
    BuildError,
    BuildResult,
    Failure,
    WarehouseLockedError,
    build_arguments,
    build_warehouse,
    building,
    summarise,
    warehouse_lock,
)
from tokenworks_sources.engine import MEMORY_VARIABLE
from tokenworks_sources.settings import Settings

# Each model of the folder is a mart, and nothing else is.
MARTS = sorted(
    path.stem for path in (Path(__file__).parents[2] / "dbt" / "models" / "marts").glob("*.sql")
)


def _sql(settings: Settings, statement: str) -> None:
    with duckdb.connect(str(settings.build_database)) as connection:
        connection.execute(statement)


def _scatter(lake: Path) -> None:
    """The same rows in up to eight files where there was one, and in another order."""
    for path in list(lake.rglob("*.parquet")):
        rows = pq.read_table(path, partitioning=None)
        path.unlink()
        for first in range(min(8, max(1, rows.num_rows))):
            places = range(first, rows.num_rows, 8)[::-1]
            pq.write_table(
                rows.take(pa.array(places, pa.int64())), path.with_name(f"{8 - first}.parquet")
            )


def test_parquet_is_byte_identical_when_built_whole_from_other_files_on_eight_threads(
    copied_home: Settings, marts: list[PublishedMart]
) -> None:
    """The first build had one thread."""
    _scatter(copied_home.lake)
    state_file(copied_home).unlink()
    assert build_warehouse(copied_home, threads=8).whole_because
    assert publish(copied_home) == marts
    assert [mart.name for mart in marts] == MARTS


def test_dbt_sends_nothing_when_it_builds(small_home: Settings, build_result: BuildResult) -> None:
    assert build_result.models > 0
    results = json.loads(dbt_paths(small_home).run_results.read_text())
    assert results["args"]["send_anonymous_usage_stats"] is False


def test_build_says_what_is_wrong_when_dbt_cannot_read_the_project(
    settings: Settings, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "dbt"
    shutil.copytree(root / "dbt", project)
    (project / "models/marts/rpt_latency.sql").write_text("select * from {{ ref('nowhere') }}")
    monkeypatch.setenv("TOKENWORKS_DBT_PROJECT", str(project))
    with pytest.raises(BuildError) as raised:
        build_warehouse(settings)
    (failure,) = raised.value.failures
    assert failure.name == "dbt"
    assert failure.message == (
        "Compilation Error Model 'model.tokenworks.rpt_latency' (models/marts/rpt_latency.sql) "
        "depends on a node named 'nowhere' which was not found"
    )


def test_published_tables_say_what_a_row_is(
    small_home: Settings, marts: list[PublishedMart]
) -> None:
    listed = list_tables(small_home)
    tables = [table for table in listed if not table.name.startswith("q")]
    assert [table.name for table in tables] == MARTS
    assert all(table.description for table in listed)
    assert [table.rows for table in tables] == [mart.rows for mart in marts]


def test_questions_are_asked_by_name_when_published(
    small_home: Settings, marts: list[PublishedMart]
) -> None:
    """Each file of `dbt/analyses` is a view; so it is of the books as they were known."""
    listed = {table.name: table for table in list_tables(small_home)}
    assert len([name for name in listed if name.startswith("q")]) == 12
    asked = listed["q02_where_did_every_dollar_go"]
    assert asked.description.startswith("Where did every billed dollar go")
    columns, rows = query(small_home, "from q02_where_did_every_dollar_go")
    assert columns == ["category", "cause", "cost_usd", "cost_share"]
    assert asked.rows == len(rows) > 0
    now = datetime.now(UTC)
    assert query(small_home, "from q02_where_did_every_dollar_go", now) == (columns, rows)


def test_publish_refuses_when_a_bill_is_not_allocated_whole(copied_home: Settings) -> None:
    before = query(copied_home, "select sum(cost) from fct_cost_ledger")
    _sql(
        copied_home,
        "update rpt_reconciliation set actual = actual - 0.01, difference = -0.01, is_balanced = false "
        "where subject = 'INV-1'",
    )
    with pytest.raises(UnbalancedError) as caught:
        publish(copied_home)
    [row] = caught.value.rows
    assert row == (
        "bill_allocated of INV-1 from 2026-09-01 10:00:00: expected 12.300000000000 USD, "
        "posted 12.290000000000, difference -0.010000000000"
    )
    assert query(copied_home, "select sum(cost) from fct_cost_ledger") == before
    assert not list(copied_home.publish.glob(".*.next"))


def test_publish_goes_on_when_only_telemetry_disagrees(copied_home: Settings) -> None:
    _sql(
        copied_home,
        "update rpt_reconciliation set is_balanced = false where check_name = 'meter_vs_gpu_energy'",
    )
    assert publish(copied_home)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_publish_stays_within_its_memory_when_a_mart_does_not_fit(copied_home: Settings) -> None:
    """256 MB that do not compress, sorted and written with 128 MB beside what Python takes."""
    texts = ", ".join(f"md5(n || '{name}') || md5(n || '{name}2') as {name}" for name in "abcd")
    _sql(copied_home, f"create table fct_large as select {texts} from range(1000000) as rows (n)")
    # `ru_maxrss` would count the memory of the process that starts it.
    program = (
        "import sys; from pathlib import Path; from tokenworks.publish import publish; "
        "from tokenworks_sources.settings import Settings; publish(Settings.at(Path(sys.argv[1]))); "
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program, str(copied_home.home)],
        env={**os.environ, MEMORY_VARIABLE: "128MB"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert int(printed) < 400 * 1024
    assert query(copied_home, "select count(*), count(distinct a) from fct_large")[1] == [
        (1_000_000, 1_000_000)
    ]


def test_reader_keeps_its_version_when_another_is_published(copied_home: Settings) -> None:
    """A connection that is open sees the old file to its end; the next process sees the new one."""
    reader = duckdb.connect(str(copied_home.published_database), read_only=True)
    old_parquet = copied_home.published_parquet.resolve()
    _sql(copied_home, "delete from rpt_latency where model = 'llama-small'")
    publish(copied_home)
    assert reader.execute("select count(*) from rpt_latency").fetchall() == [(2,)]
    assert list((old_parquet / "rpt_latency").glob("part-*.parquet"))
    code = (
        "import duckdb, sys; "
        "print(duckdb.connect(sys.argv[1], read_only=True)"
        ".execute('select count(*) from rpt_latency').fetchall())"
    )
    path = str(copied_home.published_database)
    fresh = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert fresh.stdout.strip() == "[(1,)]"
    reader.close()
    assert query(copied_home, "select count(*) from rpt_latency")[1] == [(1,)]


def test_build_refuses_when_another_process_holds_the_warehouse(small_home: Settings) -> None:
    with (
        warehouse_lock(small_home),
        pytest.raises(WarehouseLockedError, match="builds or publishes"),
    ):
        build_warehouse(small_home)


def test_query_says_what_to_do_when_nothing_is_published(settings: Settings) -> None:
    with pytest.raises(NothingPublishedError, match="tokenworks build"):
        query(settings, "select 1")


def test_publish_says_what_to_do_when_nothing_is_built(settings: Settings) -> None:
    with pytest.raises(PublishError, match="tokenworks build"):
        publish(settings)


def test_publish_says_what_to_do_when_the_last_build_broke_off(copied_home: Settings) -> None:
    with pytest.raises(RuntimeError, match="killed"), building(copied_home):
        raise RuntimeError("killed")
    before = query(copied_home, "select sum(cost) from fct_cost_ledger")
    with pytest.raises(PublishError, match="did not complete"):
        publish(copied_home)
    assert query(copied_home, "select sum(cost) from fct_cost_ledger") == before
    # A part that passes does not complete what broke off; a whole build does.
    with building(copied_home, whole=False):
        pass
    with pytest.raises(PublishError, match="did not complete"):
        publish(copied_home)
    with building(copied_home):
        assert not state_file(copied_home).exists()
    with building(copied_home, whole=False):
        pass
    assert publish(copied_home)


def test_one_older_version_stays_when_others_follow(copied_home: Settings) -> None:
    first = copied_home.published_parquet.resolve().name
    _sql(copied_home, "delete from rpt_latency where model = 'llama-small'")
    publish(copied_home)
    second = copied_home.published_parquet.resolve().name
    _sql(copied_home, "delete from rpt_latency")
    publish(copied_home)
    third = copied_home.published_parquet.resolve().name
    kept = {path.name for path in (copied_home.publish / ".versions").iterdir()}
    assert kept == {second, third}
    assert first not in kept
    assert not list(copied_home.publish.glob(".*.next"))


def test_an_older_version_stays_until_nobody_holds_it(copied_home: Settings) -> None:
    versions = copied_home.publish / ".versions"
    held = Held(copied_home.published_parquet)
    first = held.folder.name
    for model in ("llama-small", "llama-large", "nobody's"):
        _sql(copied_home, f"delete from rpt_latency where model = $${model}$$")
        publish(copied_home)
    assert (versions / first / "fct_requests").is_dir()
    assert copied_home.published_parquet.resolve().name != first
    del held
    publish(copied_home)
    assert not (versions / first).exists()


def test_query_is_refused_when_it_is_two(small_home: Settings, marts: list[PublishedMart]) -> None:
    with pytest.raises(QueryError, match="These are 2 statements, and only the last"):
        query(small_home, "select 1; select 2")
    assert query(small_home, "select 1 as one;") == (["one"], [(1,)])


def test_query_cannot_write(small_home: Settings, marts: list[PublishedMart]) -> None:
    assert marts
    with pytest.raises(QueryError, match="read-only"):
        query(small_home, "create table mine as select 1 as a")


def test_environment_holds_absolute_paths_and_no_telemetry() -> None:
    found = dbt_environment(Settings(Path("/h")), {"PATH": "/bin"}, threads=3)
    assert found == {
        "PATH": "/bin",
        "TOKENWORKS_LAKE": "/h/lake",
        "TOKENWORKS_BOOKS": "/h/books",
        "TOKENWORKS_BUILD_DATABASE": "/h/build/warehouse.duckdb",
        "DBT_TARGET_PATH": "/h/build/dbt/target",
        "DBT_LOG_PATH": "/h/build/dbt/logs",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "TZ": "UTC",
        "TOKENWORKS_DUCKDB_THREADS": "3",
        "TOKENWORKS_DBT_THREADS": "3",
    }


def test_build_leaves_unit_tests_out_unless_asked() -> None:
    none = ["--exclude-resource-type", "unit_test"]
    assert build_arguments() == ["build", "--no-write-json", *none]
    assert build_arguments(manifest=True) == ["build", "--write-json", *none]
    assert build_arguments(["fct_requests+"], unit_tests=True) == [
        "build",
        "--no-write-json",
        "--select",
        "fct_requests+",
    ]


def test_manifest_is_stale_when_a_model_is_newer(tmp_path: Path) -> None:
    project, manifest = tmp_path / "dbt", tmp_path / "manifest.json"
    model = project / "models" / "a.sql"
    model.parent.mkdir(parents=True)
    for path in (model, project / "dbt_project.yml", project / "profiles.yml"):
        path.write_text("")
    assert not is_manifest_current(manifest, project)
    manifest.write_text("{}")
    assert is_manifest_current(manifest, project)
    newer = manifest.stat().st_mtime_ns + 1_000_000_000
    os.utime(model, ns=(newer, newer))
    assert not is_manifest_current(manifest, project)


def test_failing_tests_are_named_when_a_build_fails() -> None:
    results = {
        "elapsed_time": 2.5,
        "results": [
            {"unique_id": "model.tokenworks.fct_requests", "status": "success", "message": "OK"},
            {
                "unique_id": "test.tokenworks.assert_ledger_sums_to_bills",
                "status": "fail",
                "message": "Got 1 result,\n configured to fail if != 0",
            },
            {"unique_id": "model.tokenworks.rpt_latency", "status": "skipped", "message": None},
        ],
    }
    result, failures = summarise(results)
    assert (result.models, result.tests, result.seconds) == (1, 0, 2.5)
    assert failures == [
        Failure("assert_ledger_sums_to_bills", "Got 1 result, configured to fail if != 0")
    ]
    assert "assert_ledger_sums_to_bills: Got 1 result" in str(BuildError(failures, Path("logs")))


def test_publish_refuses_when_two_replicas_hold_one_gpu(
    small_lake: ModuleType, tmp_path: Path
) -> None:
    """G1 is paid for three hours and held for six, so somebody's GPU-hours are counted twice."""
    settings = Settings.at(tmp_path / "home")
    rows = small_lake.tables()
    second = {**rows["fleet_replicas"][0], "replica_id": "twin", "endpoint": "twin:1"}
    rows["fleet_replicas"].append(second)
    small_lake.write_lake(settings.lake, rows)
    with pytest.raises(BuildError, match="assert_gpu_time_sums_to_paid"):
        build_warehouse(settings)
    with pytest.raises(PublishError, match="did not complete"):
        publish(settings)
    state_file(settings).touch()
    with pytest.raises(UnbalancedError, match="gpu_hours_by_state of us"):
        publish(settings)


ORPHAN = """
import os, sys, threading, time
from pathlib import Path
from tokenworks import dbt_project
from tokenworks.warehouse import warehouse_lock
from tokenworks_sources.settings import Settings

dbt_project.dbt_command = lambda *_: ["sleep", "5"]
settings = Settings.at(Path(sys.argv[1]))
with warehouse_lock(settings) as lock:
    run = {"target": dbt_project.run_dbt, "args": (settings, []), "kwargs": {"holding": (lock,)}}
    threading.Thread(**run, daemon=True).start()
    time.sleep(1)
    os._exit(9)
"""


def test_warehouse_stays_locked_when_dbt_outlives_the_build(settings: Settings) -> None:
    """kill -9 leaves dbt behind, which still writes to the file."""
    killed = subprocess.run([sys.executable, "-c", ORPHAN, str(settings.home)], check=False)
    assert killed.returncode == 9
    with (
        pytest.raises(WarehouseLockedError, match="builds or publishes"),
        warehouse_lock(settings),
    ):
        pass
