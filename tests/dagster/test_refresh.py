"""The refresh job on a tiny fleet: lake, dbt, publish, and the tests that stop it."""

from __future__ import annotations

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from tokenworks.build import Overrides, build_defs
from tokenworks.dbt_project import ensure_manifest
from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.contracts.render import polars_schema
from tokenworks_sources.lake import partition_folder
from tokenworks_sources.settings import Settings

pytestmark = [
    pytest.mark.slow,
    # dagster-dbt calls what Dagster deprecates, and dbt's adapter leaves its warnings to the caller.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

FAILING_TEST = """
-- Fails on purpose: one row is one failure.
select deployment_id
from (select count(deployment_id) as deployment_id from {{ ref('dim_deployments') }}) as counted
"""


def refresh(settings: Settings) -> dg.ExecuteInProcessResult:
    manifest = json.loads(ensure_manifest(settings).read_text())
    defs = build_defs(Overrides(settings=settings, manifest=manifest, start=date(2026, 9, 1)))
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def("refresh").execute_in_process(
            instance=instance, raise_on_error=False, partition_key="2026-09-01"
        )


def started(result: dg.ExecuteInProcessResult) -> set[str]:
    return {str(event.step_key) for event in result.all_events if event.is_step_start}


def test_books_are_published_when_every_check_passes(landed: Settings) -> None:
    result = refresh(landed)
    assert result.success
    assert landed.published_database.is_file()
    published = result.asset_materializations_for_node("publish__warehouse")[0]
    assert published.metadata["database"].value == str(landed.published_database)
    assert "fct_cost_ledger" in str(published.metadata["marts"].value)


def test_nothing_is_built_or_published_when_a_day_breaks_its_contract(landed: Settings) -> None:
    """Ingest lets no such row in; a part that came another way, or an older rule, does not pass."""
    contract = contract_of("fx_rates")
    row = {
        "rate_date": date(2026, 9, 1),
        "base_currency": "EUR",
        "quote_currency": "USD",
        "rate": Decimal("-1.1"),
        "source_file": "fx_rates/mapped/september.csv",
        "source_line": 7,
        "source_digest": "d",
    }
    part = partition_folder(landed.lake, "fx_rates", date(2026, 9, 1)) / "planted.parquet"
    part.parent.mkdir(parents=True)
    pl.DataFrame([row], schema=polars_schema(contract)).write_parquet(part)
    result = refresh(landed)
    assert not result.success
    assert not started(result) & {"warehouse", "publish__warehouse"}
    assert not landed.published_database.exists()
    (failed,) = [
        evaluation for evaluation in result.get_asset_check_evaluations() if not evaluation.passed
    ]
    assert failed.asset_key == dg.AssetKey(["lake", "fx_rates"])
    assert failed.description == (
        "fx_rates: rate must be at least 0: 1 row, for example -1.1 "
        "in fx_rates/mapped/september.csv, line 7"
    )


def test_nothing_is_published_when_a_dbt_test_fails(
    landed: Settings, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions of dagster-dbt differed in whether a failing test stops the assets after it."""
    project = tmp_path / "dbt"
    shutil.copytree(root / "dbt", project, ignore=shutil.ignore_patterns("target", "logs"))
    (project / "tests" / "assert_no_deployment_exists.sql").write_text(FAILING_TEST)
    monkeypatch.setenv("TOKENWORKS_DBT_PROJECT", str(project))
    result = refresh(landed)
    assert not result.success
    assert "warehouse" in started(result)
    assert "publish__warehouse" not in started(result)
    assert not landed.published_database.exists()
