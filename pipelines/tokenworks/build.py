"""`build_defs`: everything that Dagster knows, put together.

Belongs here: wiring, and only here. Nothing is connected or parsed: the dbt manifest is read as it
was prepared. Tests and other deployments hand over what they want to be different.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from tokenworks import partitions
from tokenworks.assets.books import books_assets
from tokenworks.assets.lake import lake_assets
from tokenworks.assets.landing import LandingGroup, landing_assets, landing_groups
from tokenworks.assets.publish import KEY as PUBLISHED
from tokenworks.assets.publish import publish_asset
from tokenworks.assets.replay import calibration_asset, replay_asset
from tokenworks.assets.reports import report_asset
from tokenworks.assets.warehouse import marts_keys, warehouse_assets
from tokenworks.checks.alarms import alarm_checks
from tokenworks.checks.assets import contract_checks, lake_key
from tokenworks.checks.reconcile import reconciliation_checks
from tokenworks.checks.volume import volume_checks
from tokenworks.dbt_project import dbt_paths
from tokenworks.replay.language.scenario import ready_scenarios
from tokenworks.resources import SettingsResource
from tokenworks.schedules import INGEST_JOB, jobs, schedules
from tokenworks.sensors import landing_sensor
from tokenworks_sources.connectors.registry import CONNECTORS
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings


class ManifestMissingError(TokenworksError):
    """The dbt manifest was not prepared before Dagster loads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"There is no dbt manifest at {path}. Start Dagster with `make dev` or `tokenworks dev`, "
            "which prepare it."
        )


@dataclass(frozen=True)
class Overrides:
    """What is to differ from the environment's defaults.

    Attributes:
        settings: the home folder.
        manifest: the dbt manifest as a mapping.
        start: first day of the partitions.
        resources: resources by key, in place of or beside the default ones.
        executor: where steps run. One process by default: on two busy cores a process of its own
            cost each step up to 25 seconds of imports, and the whole ingest takes 12.
    """

    settings: Settings | None = None
    manifest: Mapping[str, Any] | None = None
    start: date | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    executor: dg.ExecutorDefinition = dg.in_process_executor


def build_defs(overrides: Overrides | None = None) -> dg.Definitions:
    """Fresh definitions: assets, checks, jobs, schedules, sensor, resources."""
    given = overrides or Overrides()
    settings = given.settings or Settings.from_environment()
    manifest = given.manifest or read_manifest(settings)
    start = given.start or partitions.start_from_environment()
    days, months = partitions.days(start), partitions.months(start)
    groups = landing_groups(CONNECTORS, CONTRACTS)
    by_name = jobs()
    return dg.Definitions(
        assets=[
            *landing_assets(groups),
            *lake_assets(groups, days),
            *books_assets(manifest),
            warehouse_assets(manifest),
            publish_asset(marts_keys(manifest)),
            replay_asset(PUBLISHED, partitions.replays(days, sorted(ready_scenarios()))),
            calibration_asset(PUBLISHED),
            report_asset(PUBLISHED, months),
        ],
        asset_checks=[
            contract_checks(CONTRACTS),
            volume_checks(CONTRACTS),
            reconciliation_checks(PUBLISHED),
            alarm_checks(PUBLISHED),
        ],
        jobs=list(by_name.values()),
        schedules=schedules(by_name),
        sensors=[landing_sensor(by_name[INGEST_JOB], tables_by_folder(groups))],
        executor=given.executor,
        resources={"settings": SettingsResource.of(settings), **given.resources},
    )


def tables_by_folder(groups: list[LandingGroup]) -> dict[str, list[dg.AssetKey]]:
    """Lake assets by the landing folder whose files feed them."""
    return {
        folder: [lake_key(table) for table in group.tables]
        for group in groups
        for folder in group.folders
    }


def read_manifest(settings: Settings) -> dict[str, Any]:
    """The prepared dbt manifest.

    Raises:
        ManifestMissingError: nobody prepared it.
    """
    path = dbt_paths(settings).manifest
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ManifestMissingError(path) from None
    return manifest
