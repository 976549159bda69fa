"""A published warehouse of many requests, made from the sample fleet's by copying its marts.

The demo runs through the whole product once (ingest, build, publish). Its published marts are then copied
18 times a fortnight for as many fortnights as the requests take, and written by publish's own `put_mart`: same
columns, types, order, row groups and files. A copy has ids, dates and money of its own, tokens and latencies
that differ by up to a tenth; there are three times as many tenants. What is added up by tenant is added up again, by the
mart's own compiled SQL. The copies' books do not balance: they are there to be queried, not believed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from tokenworks.dbt_project import dbt_paths
from tokenworks.publishing.marts import put_mart
from tokenworks.questions import write_questions
from tokenworks_sources.settings import Settings

# What the questions read.
MARTS = ("fct_cost_ledger", "fct_deployment_hours", "fct_latency_sketches", "fct_requests",
         "rpt_batching", "rpt_energy", "rpt_frontier", "rpt_slo", "rpt_tenant_days",
         "rpt_unit_cost")  # fmt: skip
# Made from the copied requests.
ROLLED_UP = "rpt_tenant_days"
# Rows of months, of which the sample has two: every fourth fortnight brings the next two.
MONTHLY = "rpt_frontier"
REQUESTS = "fct_requests"
COPIES = 18
DAYS = 14
TENANT_GROUPS = 3
MEMORY = "8GB"


def sample_home(folder: Path) -> Settings:
    """The demo in a home of its own."""
    run = subprocess.run(
        [sys.executable, "-c", "from tokenworks.cli.main import run; run()", "demo"],
        env={**os.environ, "TOKENWORKS_HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        sys.exit(run.stdout + run.stderr)
    return Settings.at(folder)


def write_warehouse(sample: Settings, target: Settings, requests: int) -> int:
    """The copies as a published warehouse; how many requests it holds.

    Args:
        sample: home whose published marts are copied.
        target: home that gets the published file and the Parquet.
        requests: at least so many.
    """
    target.published_parquet.mkdir(parents=True)
    with duckdb.connect(str(target.published_database)) as connection:
        connection.execute(f"set memory_limit = '{MEMORY}'")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{sample.published_database}' as sample (read_only)")
        connection.execute("attach ':memory:' as built")
        (rows,) = connection.execute(f"select count(*) from sample.{REQUESTS}").fetchall()[0]
        fortnights = -(-requests // (rows * COPIES))
        for mart in MARTS:
            text = (
                _compiled(sample, mart)
                if mart == ROLLED_UP
                else _copies(connection, mart, fortnights)
            )
            connection.execute(f"create view built.{mart} as {text}")
            put_mart(connection, mart, target.published_parquet / mart)
        connection.execute("detach built")
        write_questions(connection, list(MARTS))
    return int(rows * COPIES * fortnights)


def _compiled(sample: Settings, mart: str) -> str:
    """A mart's SQL as dbt ran it; the target's file has the build's name, so it reads the copies."""
    folder = dbt_paths(sample).target / "compiled" / "tokenworks" / "models" / "marts"
    return (folder / f"{mart}.sql").read_text(encoding="utf-8")


def _copies(connection: duckdb.DuckDBPyConnection, mart: str, fortnights: int) -> str:
    """SQL of a mart's copies: `f` is the fortnight, `c` the copy in it."""
    columns = connection.execute(f"describe sample.{mart}").fetchall()
    copies, where = 1, "true"
    if mart == REQUESTS:
        copies = COPIES
    elif "tenant_id" in {row[0] for row in columns}:
        copies, where = TENANT_GROUPS, "(tenant_id is not null or c = 0)"
    elif mart == MONTHLY:
        where = "f % 4 = 0"
    listed = ", ".join(f"{_copied(mart, name, kind)} as {name}" for name, kind, *_ in columns)
    return (
        f"select {listed} from sample.{mart}, range({fortnights}) as fortnights(f), "
        f"range({copies}) as copies(c) where {where}"
    )


def _copied(mart: str, name: str, kind: str) -> str:
    """A column of a copy."""
    changed = {
        "month": "strftime(cast(month || '-01' as date) + to_months(cast(f // 2 as integer)), '%Y-%m')",
        "bill_id": "bill_id || '-' || f",
        "charge_line_id": "charge_line_id || '-' || f",
        "tenant_id": f"tenant_id || '-' || (c % {TENANT_GROUPS})",
        "observation_count": f"observation_count * {COPIES}",
    }
    if name in changed:
        return changed[name]
    if kind in ("DATE", "TIMESTAMP"):
        days = f"cast({DAYS} * f as integer)"
        return f"{name} + " + (days if kind == "DATE" else f"to_days({days})")
    return _request_column(name, kind) if mart == REQUESTS else name


def _request_column(name: str, kind: str) -> str:
    """A column of a copied request, so that no two are alike."""
    # 0.9 to 1.1, the same for all columns of a request.
    factor = "(0.9 + cast(hash(request_id, f, c) % 2000001 as double) / 1e7)"
    if name.endswith("_id") and name not in ("deployment_id", "replica_id", "site_id"):
        return f"md5(concat({name}, '-', f, '-', c))"
    if kind.startswith("DECIMAL"):
        return f"cast(cast({name} as double) * {factor} as {kind})"
    if name.endswith("_tokens"):
        return f"cast(round({name} * {factor}) as bigint)"
    if name.endswith(("_seconds", "_joules")):
        return f"{name} * {factor}"
    return name
