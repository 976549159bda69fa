"""Alarms of the small lake, and of faults planted into it; the queries that show them run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from tokenworks.alarms import KINDS
from tokenworks.cli.main import app
from tokenworks.dbt_project import dbt_paths
from tokenworks.published import query
from tokenworks_sources.settings import Settings

Ask = Callable[[str], list[tuple[Any, ...]]]

# Where the faults go that the small lake has not, and what they are.
PLANTED = {
    "latency_anomaly": "insert into int_latency__hours by name select date '1970-01-29' as event_date, "
    "168 * week + 5 as hour_index, 'llama-small' as model, 'small' as tier, 'us-east' as region, "
    "if(week = 4, 9, 1)::double as e2e_p95_seconds, 100 as e2e_count, 0 as ttft_count, 0 as tpot_count "
    "from range(1, 5) as weeks (week)",
    "unit_cost_anomaly": "insert into int_deployments__hours select hours.* replace (hour_index + 168 * week as "
    "hour_index, 100 as request_count, if(week = 4, 9, 1)::hugeint * 1000000000000 as served_units, "
    "0::hugeint as idle_units, 0::hugeint as waste_units, 1000 as output_total_tokens) "
    "from int_deployments__hours as hours, range(1, 5) as weeks (week) where deployment_id = 'small-us'",
    "clock_skew": "insert into int_requests__clock_skew values "
    "(date '2026-09-01', 'gateway', 'o''sdk', 20, 200000, 200000)",
    "idle_share": "update int_fleet__deployments set idle_limit_ppm = 0",
    "meter_gap": "delete from int_energy__intervals where from_us = epoch_us(timestamp '2026-09-01 11:00')",
    "energy_gap": "update int_gpu__energy_hours set checked_counter_mj = 100, checked_power_mj = 90 "
    "where gpu_uuid = 'G1'",
    "missing_scrapes": "update int_gpu__intervals set next_us = sampled_us + 7200000000 "
    "where gpu_uuid = 'G2' and sampled_us = epoch_us(timestamp '2026-09-01 10:10')",
}


def test_silent_engine_and_missing_log_alarm_when_others_speak_on(ask: Ask) -> None:
    """large-eu-0 is scraped until 11:59, GPUs until 13:00; of its 195 tokens no request tells."""
    found = ask("select alarm, subject, cause, since, size, unit from rpt_alarms order by alarm")
    silent = ("missing_scrapes", "large-eu-0", "the engine was not scraped")
    short = (
        "telemetry_coverage",
        "large-eu",
        "requests lack output tokens that the engines counted",
    )
    assert found == [
        (*silent, datetime(2026, 9, 1, 11, 59), 60.0, "scrapes"),
        (*short, datetime(2026, 9, 1, 10), 195.0, "output tokens"),
    ]


def test_every_kind_of_alarm_is_raised_by_its_fault_and_its_query_runs(
    copied_home: Settings,
) -> None:
    """The small lake itself has the fault of coverage; its queries show rows."""
    compiled = dbt_paths(copied_home).target / "compiled" / "tokenworks" / "models"
    alarms = (compiled / "marts" / "rpt_alarms.sql").read_text()
    anomalies = (compiled / "intermediate" / "alarms" / "int_alarms__anomalies.sql").read_text()
    with duckdb.connect(str(copied_home.build_database)) as connection:
        before = connection.execute(f"select alarm, subject, query from ({alarms})").fetchall()
        for kind, fault in PLANTED.items():
            known = connection.execute(f"select alarm, subject from ({alarms})").fetchall()
            connection.execute(fault)
            connection.execute(f"create or replace table int_alarms__anomalies as {anomalies}")
            found = connection.execute(f"select alarm, subject from ({alarms})").fetchall()
            assert kind in {alarm for alarm, _ in set(found) - set(known)}
        after = connection.execute(f"select alarm, query from ({alarms})").fetchall()
    assert {alarm for alarm, _ in after} == set(KINDS)
    for _, statement in after:
        query(copied_home, statement)
    assert all(query(copied_home, statement)[1] for _, _, statement in before)


def test_command_lists_alarms_with_their_queries_and_fails_when_asked(
    small_home: Settings, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKENWORKS_HOME", str(small_home.home))
    assert len(ask("from rpt_alarms")) == 2
    listed = CliRunner().invoke(app, ["alarms", "--queries"])
    assert listed.exit_code == 0
    assert "large-eu-0: the engine was not scraped, 60 scrapes since 2026-09-01 11:59 UTC" in (
        listed.output
    )
    assert "select hour_start, replica_count, telemetry_coverage_ratio" in listed.output
    failed = CliRunner().invoke(app, ["alarms", "--fail"])
    assert failed.exit_code == 1
    assert str(failed.exception).startswith("2 alarms in the last 7 days up to 2026-09-")
    assert (
        "No alarm of clock_skew in"
        in CliRunner().invoke(app, ["alarms", "--kind", "clock_skew"]).output
    )
    unknown = CliRunner().invoke(app, ["alarms", "--kind", "skew"])
    assert str(unknown.exception).startswith(
        "No alarm is called 'skew'. There are: telemetry_coverage, "
    )
