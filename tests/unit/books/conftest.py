"""A build of three small marts, made without dbt, to publish, record and close."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime

import duckdb
import pytest

from tokenworks.books.frozen import CORRECTIONS
from tokenworks.publish import publish
from tokenworks.restatement import state_file
from tokenworks_sources.settings import Settings

# (event_date, bill_id, charge_line_id, currency, cost, cost_usd)
Line = tuple[str, str, str, str, str, str | None]
Build = Callable[..., None]

LEDGER = """
create or replace table fct_cost_ledger as
select
    bill_id, charge_line_id, cast(event_date as timestamp) + interval 5 hour as hour_start,
    'idle' as category, 'unallocated' as cause, cast(null as varchar) as deployment_id,
    cast(null as varchar) as tenant_id, cast(event_date as date) as event_date,
    'charges' as cost_source, 'accelerator' as component, cast(null as varchar) as model,
    cast(null as varchar) as tier, 'us' as site_id, 'us-east' as region, currency,
    cast(cost as decimal(38, 12)) as cost, cast(cost_usd as decimal(38, 12)) as cost_usd,
    false as is_accrued
from lines
"""
RECONCILIATION = """
create or replace table rpt_reconciliation as
select
    'bill_allocated' as check_name, bill_id as subject, min(hour_start) as period_start, currency,
    sum(cost) as expected, sum(cost) as actual, 0::decimal(38, 12) as difference,
    true as is_balanced, true as is_blocking, currency as unit
from fct_cost_ledger group by all
"""


@pytest.fixture
def build(settings: Settings) -> Build:
    """Builds, records and publishes a ledger of some lines, as if at a given time."""

    def run(now: str, lines: Iterable[Line], files: dict[str, str] | None = None) -> None:
        settings.build.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(settings.build_database)) as connection:
            connection.execute(
                "create temp table lines (event_date varchar, bill_id varchar, "
                "charge_line_id varchar, currency varchar, cost varchar, cost_usd varchar)"
            )
            for line in lines:
                connection.execute("insert into lines values (?, ?, ?, ?, ?, ?)", line)
            connection.execute(LEDGER)
            connection.execute(RECONCILIATION)
            typed = ", ".join(f"{name} {kind}" for name, kind in CORRECTIONS.items())
            connection.execute(f"create or replace table fct_cost_corrections ({typed})")
        state = {"rules": "same", "lake": {}, "files": files or {}}
        state_file(settings).write_text(json.dumps(state))
        publish(settings, datetime.fromisoformat(f"{now}+00:00"))

    return run
