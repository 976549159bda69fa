"""What a changed file says of other dates: spans and calls over midnight, shared hours, open months.

Each case once gave stale rows, or made rows again that nothing had touched.
"""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.e2e.test_books import HEADER
from tests.e2e.test_late_data import FLEET
from tokenworks.dbt_project import dbt_paths
from tokenworks.publish import MART_PREFIXES, publish
from tokenworks.publishing.version import published_version
from tokenworks.restatement import plan, record, remade_since
from tokenworks.warehouse import BuildResult, build_warehouse
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.settings import Settings

Span = dict[str, object]
ONE_CALL = "chatcmpl-0000000000000000"
LATE_CHARGE = (
    "L,7,a,USD,2026-09-01,2026-10-01,2026-09-11T00:00:00Z,2026-09-12T00:00:00Z,Usage,7,Storage,"
)
EARLIER_CHARGE = LATE_CHARGE.replace("7", "5")
KEPT_CHARGE = LATE_CHARGE.replace("09-12T", "09-21T").replace("09-11T", "09-20T")


def _september(day: int, hour: int = 10, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 9, day, hour, minute, second, tzinfo=UTC)


def _gateway(
    start: datetime, number: int, output: int = 20, asked: str = "", status: str = "success"
) -> Span:
    """A row of a spend log; it takes twenty seconds. `asked` is the request that it is an attempt of."""
    return {
        **({"litellm_trace_id": asked, "metadata": {"trace_id": asked}} if asked else {}),
        "request_id": f"chatcmpl-{number:016d}",
        "call_type": "acompletion",
        "startTime": start.isoformat(),
        "endTime": (start + timedelta(seconds=20)).isoformat(),
        "completionStartTime": (start + timedelta(seconds=1)).isoformat(),
        "model": "llama-3.1-8b-instruct",
        "model_id": "small",
        "api_base": "http://small-0:8000/v1",
        "team_id": "acme",
        "prompt_tokens": 100,
        "completion_tokens": output,
        "total_tokens": 100 + output,
        "status": status,
        "spend": 0,
    }


def _span(
    start: datetime, span: int, trace: int, inside: int = 0, call: str = "", tenant: str = ""
) -> Span:
    """A span of an inference call; `inside` is the span around it."""
    nanoseconds = int(start.timestamp()) * 10**9
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.response.model": "llama-3.1-8b-instruct",
        "gen_ai.response.id": call,
        "tenant.id": tenant,
    }
    found: Span = {
        "traceId": f"{trace:032x}",
        "spanId": f"{span:016x}",
        "parentSpanId": f"{inside:016x}" if inside else "",
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": str(nanoseconds),
        "endTimeUnixNano": str(nanoseconds + 5 * 10**9),
        "attributes": [
            *(
                {"key": key, "value": {"stringValue": text}}
                for key, text in attributes.items()
                if text
            ),
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "100"}},
            {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "20"}},
        ],
        "status": {},
    }
    return {"resourceSpans": [{"scopeSpans": [{"scope": {}, "spans": [found]}]}]}


def _drop(settings: Settings, name: str, *records: Span) -> None:
    path = settings.landing / "requests" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def _drop_charge(settings: Settings, name: str, line: str) -> None:
    path = settings.landing / "charges" / "focus" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{HEADER}\n{line}\n")


def _drop_scrapes(settings: Settings, first: datetime, count: int) -> None:
    """One a minute, of an engine that runs three requests."""
    path = settings.landing / "engine_samples" / "vllm_prometheus" / f"{first:%Y-%m-%d}.prom"
    path.parent.mkdir(parents=True)
    times = (first + timedelta(minutes=minute) for minute in range(count))
    path.write_text(
        "".join(
            f"# scraped_at {at:%Y-%m-%dT%H:%M:%SZ}\n# instance small-0:8000\n"
            "# TYPE vllm:num_requests_running gauge\n"
            'vllm:num_requests_running{model_name="llama-3.1-8b-instruct"} 3.0\n'
            for at in times
        )
    )


def _land(settings: Settings) -> None:
    assert not ingest_landing(settings).with_status("failed")


def _running_over_midnight(*outputs: int) -> list[Span]:
    """Two requests of one tenant that end on the 7th."""
    start = _september(6, 23, 59, 50)
    return [_gateway(start, 600 + number, output) for number, output in enumerate(outputs)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """All first versions, built and published."""
    settings = Settings.at(tmp_path_factory.mktemp("cases") / "home")
    fleet = settings.landing / "fleet" / "fleet_yaml" / "fleet.yaml"
    fleet.parent.mkdir(parents=True)
    fleet.write_text(FLEET)
    for day in (1, 4, 7, 9, 12):
        _drop(settings, f"litellm/{day}.jsonl", _gateway(_september(day), day))
    _drop(settings, "litellm/6.jsonl", *_running_over_midnight(40, 80))
    around = _span(_september(3, 23, 59, 59), 1, trace=1, tenant="acme")
    _drop(settings, "otlp_json/around.jsonl", around)
    _drop(settings, "otlp_json/4.jsonl", _span(_september(4, 0), 2, trace=1, inside=1))
    # Three records: one call on the 8th, superseded on the 10th, and what it encloses on the 9th.
    last = _span(_september(10), 5, trace=3, call=ONE_CALL)
    _drop(settings, "otlp_json/last.jsonl", last)
    around = _span(_september(8, 23, 59, 59), 3, trace=2, call=ONE_CALL, tenant="bolt")
    _drop(settings, "otlp_json/8.jsonl", around)
    _drop(settings, "otlp_json/9.jsonl", _span(_september(9, 0), 4, trace=2, inside=3))
    # An attempt that failed on the 1st, answered after midnight.
    tried = _gateway(_september(1, 23, 59, 30), 101, asked="once", status="failure")
    _drop(settings, "litellm/tried.jsonl", tried)
    answer = _gateway(_september(2, 1), 102, asked="once")
    _drop(settings, "litellm/answer.jsonl", answer)
    # Another, whose failure lies in a file of its own and goes: the answer waited for it.
    failed_at = datetime(2026, 8, 28, 23, 59, 30, tzinfo=UTC)
    failed = _gateway(failed_at, 201, asked="again", status="failure")
    _drop(settings, "litellm/failed.jsonl", failed)
    answer = _gateway(failed_at + timedelta(hours=2), 202, asked="again")
    _drop(settings, "litellm/found.jsonl", answer)
    _drop_charge(settings, "late.csv", EARLIER_CHARGE)
    _drop_charge(settings, "kept.csv", KEPT_CHARGE)
    _land(settings)
    build_warehouse(settings)
    assert _causes_of_waste(settings) == {"retried"}
    publish(settings)
    return settings


@pytest.fixture(scope="module")
def built(home: Settings) -> BuildResult:
    """The second build: five files replaced, one of charges, a new day, and late scrapes."""
    _drop(home, "otlp_json/around.jsonl", _span(_september(3), 8, trace=8))
    _drop(home, "otlp_json/last.jsonl", _span(_september(10), 9, trace=9))
    _drop(home, "litellm/6.jsonl", *_running_over_midnight(80, 40))
    _drop(home, "litellm/13.jsonl", _gateway(_september(13), 13))
    _drop(home, "litellm/answer.jsonl", _gateway(_september(2, 1), 103))
    _drop(home, "litellm/failed.jsonl", _gateway(datetime(2026, 8, 28, 12, tzinfo=UTC), 203))
    _drop_charge(home, "late.csv", LATE_CHARGE)
    _drop_scrapes(home, _september(5), 60)
    _land(home)
    return build_warehouse(home)


def _causes_of_waste(settings: Settings) -> set[str]:
    with duckdb.connect(str(settings.build_database), read_only=True) as connection:
        rows = connection.execute(
            "select distinct cause from rpt_waste where output_total_tokens > 0"
        ).fetchall()
    return {cause for (cause,) in rows}


def _tenants(settings: Settings) -> dict[int, str | None]:
    """Tenant by number of the span, of requests that began just after midnight."""
    with duckdb.connect(str(settings.build_database), read_only=True) as connection:
        rows = connection.execute(
            "select request_id, tenant_id from fct_requests where hour(started_at) = 0"
        ).fetchall()
    return {int(request, 16): tenant for request, tenant in rows}


def test_dates_are_made_again_where_a_file_told_them_something_and_nowhere_else(
    built: BuildResult,
) -> None:
    """The 12th has hours that nobody had seen; no other day pays for the 13th.

    On the 6th two requests that run into the 7th swapped their tokens: together they are what they were,
    so nothing of the 7th moves.
    """
    assert built.whole_because is None
    answered_late = (date(2026, 8, 28), date(2026, 8, 29))
    told = (1, 2), (3, 4), (5,), (6,), (8, 9, 10), (11,), (12, 13)
    september = tuple(date(2026, 9, day) for days in told for day in days)
    assert built.restated_dates == answered_late + september


def test_attempt_is_no_retry_any_more_when_the_answer_of_another_date_goes(
    home: Settings, built: BuildResult
) -> None:
    assert built.whole_because is None
    assert _causes_of_waste(home) == {"failed"}


def test_span_forgets_and_learns_its_tenant_when_the_one_around_it_goes_and_comes(
    home: Settings, built: BuildResult
) -> None:
    assert built.whole_because is None
    assert _tenants(home) == {2: None, 4: "bolt"}


@pytest.fixture(scope="module")
def whole(home: Settings, built: BuildResult, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A whole build of the lake after its changes."""
    assert built.whole_because is None
    settings = Settings.at(tmp_path_factory.mktemp("whole") / "home")
    shutil.copytree(home.lake, settings.lake)
    build_warehouse(settings)
    return settings


def test_marts_equal_a_whole_build_of_the_same_lake(home: Settings, whole: Settings) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.build_database}' as a (read_only)")
        connection.execute(f"attach '{whole.build_database}' as b (read_only)")
        names = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'b'"
        ).fetchall()
        marts = [name for (name,) in names if name.startswith(MART_PREFIXES)]
        assert marts
        for mart in marts:
            for left, right in (("a", "b"), ("b", "a")):
                query = f"from {left}.{mart} except all from {right}.{mart}"
                assert connection.execute(query).fetchall() == [], mart


def test_what_is_published_by_dates_equals_a_whole_build_published_at_once(
    home: Settings, whole: Settings
) -> None:
    """Same rows, same files; those in which no row changed are of the version before."""
    before = published_version(home)
    assert before is not None
    assert remade_since(home, before.built) is not None
    marts = publish(home)
    assert marts == publish(whole)
    after = published_version(home)
    assert after is not None
    for mart, is_linked in (("dim_sites", True), ("fct_requests", False)):
        assert (after.marts[mart].parts == before.marts[mart].parts) == is_linked


def _faults(tests: Settings, rows: Settings, mart: str, planted: str, scratch: Path) -> set[str]:
    """What the key test of a build says of the rows of a build with planted ones among them."""
    folder = dbt_paths(tests).target / "compiled/tokenworks/models/marts" / f"{mart}.yml"
    [test] = folder.glob("unique_combination*.sql")
    database = scratch / "warehouse.duckdb"
    shutil.copyfile(rows.build_database, database)
    with duckdb.connect(str(database)) as connection:
        assert connection.execute(test.read_text()).fetchall() == []
        [(count,)] = connection.execute(f"insert into {mart} {planted}").fetchall()
        assert count > 0
        found = connection.execute(f"select distinct fault from ({test.read_text()})").fetchall()
    return {fault for (fault,) in found}


@pytest.mark.parametrize("mart", ["fct_requests", "fct_cost_ledger", "rpt_unit_cost"])
def test_row_that_is_there_twice_is_found_when_its_date_was_made_again(
    home: Settings, built: BuildResult, tmp_path: Path, mart: str
) -> None:
    assert built.restated_dates[-1] == date(2026, 9, 13)
    planted = f"from {mart} where event_date = date '2026-09-13'"
    assert _faults(home, home, mart, planted, tmp_path) == {"more than one row"}


@pytest.mark.parametrize(
    ("mart", "fault"),
    [("fct_requests", "more than one row"), ("fct_cost_ledger", "the hour is not of the date")],
)
def test_key_of_a_kept_date_is_found_when_it_is_on_a_date_made_again(
    home: Settings, built: BuildResult, tmp_path: Path, mart: str, fault: str
) -> None:
    assert date(2026, 9, 7) not in built.restated_dates
    planted = (
        f"select * replace (date '2026-09-13' as event_date) from {mart} "
        "where event_date = date '2026-09-07'"
    )
    assert _faults(home, home, mart, planted, tmp_path) == {fault}


@pytest.mark.parametrize("mart", ["fct_requests", "fct_cost_ledger", "rpt_unit_cost"])
def test_rows_of_kept_dates_are_tested_again_when_the_build_is_whole(
    home: Settings, whole: Settings, tmp_path: Path, mart: str
) -> None:
    """Nothing writes to a kept date: this is what the part of a build does not look at."""
    planted = f"from {mart} where event_date = date '2026-09-07'"
    assert _faults(home, home, mart, planted, tmp_path) == set()
    assert _faults(whole, home, mart, planted, tmp_path) == {"more than one row"}


def test_date_is_made_again_when_a_file_came_during_a_build_and_went_before_the_next(
    home: Settings, built: BuildResult
) -> None:
    """Nothing tells whether dbt saw the file, though the lake is as it was before."""
    assert built.whole_because is None
    before = plan(home)
    _drop(home, "litellm/wrong.jsonl", _gateway(_september(1, 12), 100))
    _land(home)
    record(home, before)
    _drop(home, "litellm/wrong.jsonl", _gateway(_september(2, 12), 100))
    _land(home)
    assert plan(home).dates["requests"] == (date(2026, 9, 1), date(2026, 9, 2))
