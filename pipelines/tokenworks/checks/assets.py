"""The contract of every lake table as a blocking asset check.

All tables are checked in one step, as Great Expectations takes seconds to import. Downstream assets
of the same run wait for the step, and do not start where a table fails.
"""

from collections.abc import Iterable, Iterator
from datetime import date

import dagster as dg
import polars as pl
import pyarrow.parquet as pq

from tokenworks.checks.findings import TableResult, merged
from tokenworks.checks.suites import schema_findings, validate_scan
from tokenworks.resources import SettingsResource
from tokenworks_sources.contracts.model import PARTITION_COLUMN, Contract
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.lake import partition_files, partition_folder
from tokenworks_sources.settings import Settings

CHECK_NAME = "contract"
EVENT_DATES = "event_dates"


def lake_key(table: str) -> dg.AssetKey:
    """Asset key of a lake table, which is also its dbt source key."""
    return dg.AssetKey(["lake", table])


def contract_checks(tables: Iterable[str]) -> dg.AssetChecksDefinition:
    """One blocking check per lake table."""
    specs = [
        dg.AssetCheckSpec(
            CHECK_NAME,
            asset=lake_key(table),
            blocking=True,
            description="Columns, types, nulls, ranges, enumerations and records, as contracted.",
        )
        for table in tables
    ]

    @dg.multi_asset_check(name="lake_contracts", specs=specs, can_subset=True)
    def lake_contracts(
        context: dg.AssetCheckExecutionContext, settings: SettingsResource
    ) -> Iterator[dg.AssetCheckResult]:
        for table in selected_tables(context):
            dates = dates_of_run(context, settings.get(), table)
            result = validate_table(settings.get(), CONTRACTS[table], dates)
            yield check_result(result, dates)

    return lake_contracts


def selected_tables(context: dg.AssetCheckExecutionContext) -> list[str]:
    """Lake tables whose checks this step is to run, each once."""
    return sorted({key.asset_key.path[-1] for key in context.selected_asset_check_keys})


def dates_of_run(
    context: dg.AssetCheckExecutionContext, settings: Settings, table: str
) -> list[date]:
    """The run's days and those that its ingest touched; all days where the run has none."""
    instance = context.instance
    event = instance.get_latest_materialization_event(lake_key(table))
    touched: set[date] = set()
    if event and event.run_id == context.run.run_id and event.asset_materialization:
        recorded = event.asset_materialization.metadata.get(EVENT_DATES)
        touched = {date.fromisoformat(day) for day in (recorded.value if recorded else [])}
    if context.has_partition_key_range or context.has_partition_key:
        touched |= {date.fromisoformat(key) for key in context.partition_keys}
        return sorted(touched)
    return sorted(touched) or lake_dates(settings, table)


def lake_dates(settings: Settings, table: str) -> list[date]:
    """Dates of a table that have a folder in the lake, without the one of the empty part."""
    folders = {path.parent.name for path in partition_files(settings.lake, table)}
    dates = {date.fromisoformat(folder.removeprefix(f"{PARTITION_COLUMN}=")) for folder in folders}
    return sorted(dates - {date(1970, 1, 1)})


def validate_table(settings: Settings, contract: Contract, dates: Iterable[date]) -> TableResult:
    """The contract on the given days of a table, one after the other."""
    results = [_validate_day(settings, contract, day) for day in dates]
    return merged(contract.table, results)


def _validate_day(settings: Settings, contract: Contract, day: date) -> TableResult:
    files = sorted(partition_folder(settings.lake, contract.table, day).glob("*.parquet"))
    structure = [
        finding
        for file in files
        for finding in schema_findings(
            contract, pl.read_parquet_schema(file), str(file.relative_to(settings.lake))
        )
    ]
    if structure:
        return TableResult(contract.table, 0, len(contract.all_columns), tuple(structure))
    if not files:
        return TableResult(contract.table, 0, 0, ())
    height = sum(pq.read_metadata(file).num_rows for file in files)
    return validate_scan(contract, pl.scan_parquet(files, hive_partitioning=False), height, day)


def check_result(result: TableResult, dates: list[date]) -> dg.AssetCheckResult:
    """What Dagster shows of a result."""
    span = f"{dates[0]} to {dates[-1]}" if dates else "none"
    return dg.AssetCheckResult(
        passed=result.passed,
        asset_key=lake_key(result.table),
        check_name=CHECK_NAME,
        description=result.message,
        metadata={
            "rows": result.rows,
            "rules": result.rules,
            "broken_rules": len(result.findings),
            "days": dg.MetadataValue.text(f"{len(dates)} ({span})"),
        },
    )
