"""A real tiny ingest through Dagster: partitions, restated days, and checks that stop a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl
import pyarrow.parquet as pq
import pytest

from tokenworks.assets.lake import lake_assets
from tokenworks.assets.landing import LandingGroup, landing_assets, landing_groups
from tokenworks.checks.assets import contract_checks, lake_key
from tokenworks.checks.volume import volume_checks
from tokenworks.partitions import days
from tokenworks.resources import SettingsResource
from tokenworks_sources.connectors.registry import CONNECTORS
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.lake import partition_folder
from tokenworks_sources.settings import Settings

FLEET = LandingGroup("fleet", ("fleet",), tuple(t for t in CONTRACTS if t.startswith("fleet_")))
RANGE = {
    "dagster/asset_partition_range_start": "2026-09-01",
    "dagster/asset_partition_range_end": "2026-09-04",
}


@dg.asset(deps=[lake_key("fleet_tiers")])
def downstream() -> None:
    """Stands for the warehouse."""


def run_fleet(settings: Settings, **arguments: Any) -> dg.ExecuteInProcessResult:
    every_day = days(date(2026, 9, 1))
    defs = dg.Definitions(
        assets=[*landing_assets([FLEET]), *lake_assets([FLEET], every_day), downstream],
        asset_checks=[contract_checks(FLEET.tables), volume_checks(FLEET.tables)],
        jobs=[dg.define_asset_job("job", "*")],
        resources={"settings": SettingsResource.of(settings)},
    )
    with dg.DagsterInstance.ephemeral() as instance:
        return defs.resolve_job_def("job").execute_in_process(
            instance=instance, raise_on_error=False, **arguments
        )


def partitions_of(result: dg.ExecuteInProcessResult, table: str) -> list[str | None]:
    return [
        event.materialization.partition
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == lake_key(table)
    ]


def evaluation(result: dg.ExecuteInProcessResult, table: str, name: str) -> dg.AssetCheckEvaluation:
    (found,) = [
        check
        for check in result.get_asset_check_evaluations()
        if (check.asset_key, check.check_name) == (lake_key(table), name)
    ]
    return found


def corrupt(settings: Settings, table: str, day: date, **values: Any) -> None:
    """Changes a part behind ingest's back, as a stray process would."""
    (part,) = partition_folder(settings.lake, table, day).glob("*.parquet")
    changed = pl.read_parquet(part, hive_partitioning=False).with_columns(
        **{name: pl.lit(value) for name, value in values.items()}
    )
    pq.write_table(changed.to_arrow().cast(pq.read_schema(part)), part)


def test_run_reports_its_day_and_the_days_that_files_touched(landed: Settings) -> None:
    result = run_fleet(landed, partition_key="2026-09-02")
    assert result.success
    assert partitions_of(result, "fleet_sites") == ["2026-09-01", "2026-09-02"]
    assert partitions_of(result, "fleet_tenants") == ["2026-09-03", "2026-09-02"]
    (event, *_) = [
        event
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == lake_key("fleet_tenants")
    ]
    metadata = event.materialization.metadata
    assert metadata["rows_added"].value == 1
    assert metadata["event_dates"].value == ["2026-09-03"]
    assert "fleet/fleet_yaml/fleet.yaml | ingested" in str(metadata["files"].value)


def test_second_run_adds_nothing_when_files_are_known(landed: Settings) -> None:
    run_fleet(landed, partition_key="2026-09-02")
    result = run_fleet(landed, partition_key="2026-09-02")
    assert result.success
    assert partitions_of(result, "fleet_sites") == ["2026-09-02"]
    (event,) = [
        event
        for event in result.get_asset_materialization_events()
        if event.materialization.asset_key == lake_key("fleet_sites")
    ]
    assert event.materialization.metadata["rows_added"].value == 0
    assert "1 known from before" in str(event.materialization.metadata["files"].value)


def test_range_is_one_run_when_days_are_backfilled(landed: Settings) -> None:
    result = run_fleet(landed, tags=RANGE)
    assert result.success
    assert partitions_of(result, "fleet_tiers") == [
        "2026-09-01",
        "2026-09-02",
        "2026-09-03",
        "2026-09-04",
    ]


def test_contract_check_covers_a_day_when_only_ingest_knew_of_it(landed: Settings) -> None:
    result = run_fleet(landed, partition_key="2026-09-02")
    check = evaluation(result, "fleet_tenants", "contract")
    assert check.metadata["days"].value == "2 (2026-09-02 to 2026-09-03)"
    assert check.description == "fleet_tenants: 1 row checked by 9 rules"


def test_downstream_does_not_start_when_a_lake_partition_is_corrupt(landed: Settings) -> None:
    assert run_fleet(landed, partition_key="2026-09-01").success
    corrupt(landed, "fleet_tiers", date(2026, 9, 1), slo_ttft_seconds=-1.0)
    result = run_fleet(landed, partition_key="2026-09-01")
    assert not result.success
    assert evaluation(result, "fleet_tiers", "contract").description == (
        "fleet_tiers: slo_ttft_seconds must be at least 0: 1 row, for example -1 "
        "in fleet/fleet_yaml/fleet.yaml, line 7"
    )
    assert evaluation(result, "fleet_sites", "contract").passed
    started = {event.step_key for event in result.all_events if event.is_step_start}
    assert "downstream" not in started
    assert "lake_volume" in started


def test_downstream_runs_when_the_corrupt_day_is_not_of_this_run(landed: Settings) -> None:
    assert run_fleet(landed, partition_key="2026-09-01").success
    corrupt(landed, "fleet_tiers", date(2026, 9, 1), slo_ttft_seconds=-1.0)
    assert run_fleet(landed, partition_key="2026-09-02").success


def test_contract_check_names_the_type_when_a_part_has_another_schema(landed: Settings) -> None:
    run_fleet(landed, partition_key="2026-09-01")
    (part,) = partition_folder(landed.lake, "fleet_tiers", date(2026, 9, 1)).glob("*.parquet")
    pl.read_parquet(part, hive_partitioning=False).with_columns(
        pl.col("rank").cast(pl.String)
    ).write_parquet(part)
    check = evaluation(run_fleet(landed, partition_key="2026-09-01"), "fleet_tiers", "contract")
    assert not check.passed
    assert str(check.description).startswith(
        "fleet_tiers: rank must be Int64: 1 row, for example String in"
    )


def test_unreadable_file_fails_its_check_and_the_others_land(landed: Settings) -> None:
    (landed.landing / "fleet" / "fleet_yaml" / "broken.yaml").write_text("sites: [")
    result = run_fleet(landed, partition_key="2026-09-01")
    assert result.success
    check = evaluation(result, FLEET.tables[0], "landing_files_read")
    assert not check.passed
    assert "broken.yaml" in str(check.description)
    assert partitions_of(result, "fleet_tenants") == ["2026-09-03", "2026-09-01"]


def test_group_holds_both_tables_when_one_file_feeds_two() -> None:
    groups = landing_groups(CONNECTORS, CONTRACTS)
    assert sorted(table for group in groups for table in group.tables) == sorted(CONTRACTS)
    (fleet,) = [group for group in groups if "fleet" in group.folders]
    assert fleet.tables == tuple(sorted(FLEET.tables))


@pytest.mark.parametrize(
    ("fed", "expected"),
    [
        ([("a", ("x",)), ("b", ("y",))], [("a", ("x",)), ("b", ("y",))]),
        ([("a", ("x",)), ("b", ("y",)), ("c", ("x", "y"))], [("a", ("x", "y"))]),
    ],
)
def test_groups_merge_when_a_folder_feeds_tables_of_two(
    fed: Sequence[tuple[str, tuple[str, ...]]], expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    class Fake:
        def __init__(self, table: str, tables: tuple[str, ...]) -> None:
            self.table, self.tables = table, tables

    groups = landing_groups([Fake(*pair) for pair in fed], ["x", "y"])  # type: ignore[misc]
    assert [(group.name, group.tables) for group in groups] == expected
