"""What Dagster knows: keys, order, pools, and that loading it touches nothing."""

from __future__ import annotations

import socket
import subprocess
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml

from tokenworks.build import ManifestMissingError, Overrides, build_defs
from tokenworks.partitions import StartDateError, start_from_environment
from tokenworks.resources import SettingsResource
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.settings import Settings


def layer_of(defs: dg.Definitions, key: dg.AssetKey) -> str:
    return str(defs.resolve_asset_graph().get(key).group_name)


def test_definitions_load_when_connecting_and_spawning_are_impossible(
    settings: Settings, manifest: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A parse at load cost eight seconds in every step's process, even of steps without dbt."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("definitions must not connect, spawn or resolve")

    monkeypatch.setattr(duckdb, "connect", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    dg.Definitions.validate_loadable(build_defs(Overrides(settings=settings, manifest=manifest)))
    assert not settings.home.exists()


def test_loading_says_what_to_do_when_no_manifest_was_prepared(settings: Settings) -> None:
    with pytest.raises(ManifestMissingError, match="Start Dagster with `make dev`"):
        build_defs(Overrides(settings=settings))


def test_lake_asset_keys_equal_dbt_source_keys(
    defs: dg.Definitions, manifest: dict[str, Any]
) -> None:
    sources = {
        (source["source_name"], source["name"])
        for source in manifest["sources"].values()
        if source["source_name"] == "lake"
    }
    graph = defs.resolve_asset_graph()
    lake = {tuple(key.path) for key in graph.materializable_asset_keys if key.path[0] == "lake"}
    assert lake == sources == {("lake", table) for table in CONTRACTS}


def test_graph_reads_left_to_right_when_layers_are_compared_with_their_parents(
    defs: dg.Definitions,
) -> None:
    order = ["landing", "lake", "books", "seeds", "staging", "intermediate", "marts", "publish"]
    rank = {layer: number for number, layer in enumerate(order)}
    rank |= {"replay": len(order), "reports": len(order)}
    graph = defs.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        for parent in graph.get(key).parent_keys:
            assert rank[layer_of(defs, parent)] <= rank[layer_of(defs, key)], (parent, key)
    parents_of_staging = {
        parent.path[0]
        for key in graph.get_all_asset_keys()
        if layer_of(defs, key) == "staging"
        for parent in graph.get(key).parent_keys
    }
    assert parents_of_staging == {"lake", "books"}


def test_every_mart_is_published_and_nothing_else(
    defs: dg.Definitions, manifest: dict[str, Any]
) -> None:
    marts = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }
    published = defs.resolve_asset_graph().get(dg.AssetKey(["publish", "warehouse"]))
    assert {key.path[-1] for key in published.parent_keys} == marts
    assert {"fct_requests", "fct_cost_ledger", "rpt_unit_cost", "rpt_reconciliation"} <= marts


def test_replay_and_reports_follow_the_published_warehouse(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    published = {dg.AssetKey(["publish", "warehouse"])}
    assert graph.get(dg.AssetKey(["replay", "outcome"])).parent_keys == published
    assert graph.get(dg.AssetKey(["replay", "calibration"])).parent_keys == published
    assert graph.get(dg.AssetKey(["reports", "month"])).parent_keys == published


def test_replays_are_by_day_and_scenario_and_calibration_is_weekly(defs: dg.Definitions) -> None:
    partitions = defs.resolve_asset_graph().get(dg.AssetKey(["replay", "outcome"])).partitions_def
    assert isinstance(partitions, dg.MultiPartitionsDefinition)
    dimensions = {one.name: one.partitions_def for one in partitions.partitions_defs}
    assert isinstance(dimensions["day"], dg.DailyPartitionsDefinition)
    assert {"no_change", "route_short_requests"} <= set(dimensions["scenario"].get_partition_keys())
    schedules = {one.name: one for one in defs.schedules or []}
    at = datetime(2026, 11, 2, 2)
    with dg.build_schedule_context(scheduled_execution_time=at) as context:
        request = schedules["daily"](context)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-11-01|no_change"
    assert schedules["weekly"].cron_schedule == "0 4 * * 1"


def test_all_steps_that_open_the_build_file_share_a_pool(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    openers = {
        key
        for key in graph.materializable_asset_keys
        if layer_of(defs, key) in {"staging", "intermediate", "marts", "publish"}
    }
    assert openers
    assert {frozenset(graph.get(key).pools or ()) for key in openers} == {frozenset({"warehouse"})}


def test_lake_tables_are_daily_and_backfill_in_one_run(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    for table in CONTRACTS:
        node = graph.get(dg.AssetKey(["lake", table]))
        assert isinstance(node.partitions_def, dg.DailyPartitionsDefinition)
        assert node.partitions_def.get_first_partition_key() == "2026-09-01"
        assert node.backfill_policy == dg.BackfillPolicy.single_run()


def test_every_lake_table_has_one_blocking_contract_check(defs: dg.Definitions) -> None:
    blocking = {
        spec.asset_key.path[-1]
        for checks in defs.asset_checks or []
        if isinstance(checks, dg.AssetChecksDefinition)
        for spec in checks.check_specs
        if spec.name == "contract" and spec.blocking
    }
    assert blocking == set(CONTRACTS)


def test_dbt_data_tests_are_blocking_checks_when_their_severity_is_error(
    defs: dg.Definitions,
) -> None:
    graph = defs.resolve_asset_graph()
    on_marts = [
        key for key in graph.asset_check_keys if key.asset_key == dg.AssetKey("fct_cost_ledger")
    ]
    assert on_marts
    assert any(graph.get(key).blocking for key in on_marts)


def test_overrides_swap_home_and_resources(manifest: dict[str, Any], tmp_path: Path) -> None:
    elsewhere = Settings.at(tmp_path / "elsewhere")
    defs = build_defs(
        Overrides(settings=elsewhere, manifest=manifest, resources={"extra": "value"})
    )
    resources = defs.resources or {}
    resource = resources["settings"]
    assert isinstance(resource, SettingsResource)
    assert resource.get() == elsewhere
    assert resources["extra"] == "value"


def test_partitions_start_at_the_date_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOKENWORKS_START", raising=False)
    assert start_from_environment() == date(2025, 1, 1)
    monkeypatch.setenv("TOKENWORKS_START", "2023-11-01")
    assert start_from_environment() == date(2023, 11, 1)
    monkeypatch.setenv("TOKENWORKS_START", "November")
    with pytest.raises(StartDateError, match="write a date such as 2025-01-01"):
        start_from_environment()


def test_instance_limits_pools_and_sends_nothing(root: Path) -> None:
    """A pool without a limit is no limit: two dbt runs met on one DuckDB file."""
    instance = yaml.safe_load((root / "pipelines" / "dagster.yaml").read_text())
    assert instance["concurrency"]["pools"] == {"default_limit": 1, "granularity": "op"}
    assert instance["telemetry"] == instance["nux"] == {"enabled": False}


def test_workspace_names_the_code_location(root: Path) -> None:
    workspace = yaml.safe_load((root / "workspace.yaml").read_text())
    assert workspace == {
        "load_from": [
            {
                "python_module": {
                    "module_name": "tokenworks.definitions",
                    "location_name": "tokenworks",
                }
            }
        ]
    }
