"""The refresh job on a tiny fleet: lake, dbt, publish, and the tests that stop it."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from tokenworks.build import Overrides, build_defs
from tokenworks.dbt_project import ensure_manifest
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
