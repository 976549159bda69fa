"""Lake tables: one asset per contract, one ingest step per group of landing folders.

A run for some days ingests every landing file that is not in the lake yet, because a file's days are
only known once it is read. The run's partitions are reported, and so is every other day that a file
touched: late data shows up on the day that it restates.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import dagster as dg

from tokenworks.assets.landing import LandingGroup, landing_key
from tokenworks.checks.alarms import LANDED_FRESHNESS
from tokenworks.checks.assets import EVENT_DATES, lake_key
from tokenworks.checks.volume import DAILY_TABLES
from tokenworks.markdown import table
from tokenworks.resources import SettingsResource
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.outcomes import FAILED, INGESTED, KNOWN, IngestReport

FILES_READ = "landing_files_read"


def lake_assets(
    groups: Iterable[LandingGroup], days: dg.DailyPartitionsDefinition
) -> list[dg.AssetsDefinition]:
    """All lake assets, by landing group."""
    return [_ingest_step(group, days) for group in groups]


def _ingest_step(group: LandingGroup, days: dg.DailyPartitionsDefinition) -> dg.AssetsDefinition:
    first = lake_key(group.tables[0])

    @dg.multi_asset(
        name=f"ingest_{group.name}",
        specs=[_spec(name, group, days) for name in group.tables],
        check_specs=[
            dg.AssetCheckSpec(
                FILES_READ,
                asset=first,
                description="Every file of the landing folder could be read; the others have landed.",
            )
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        # The same folder is never read by two steps at once; others are.
        pool=f"ingest_{group.name}",
    )
    def ingest(context: dg.AssetExecutionContext, settings: SettingsResource) -> Iterator[Any]:
        report = ingest_landing(settings.get(), landing_tables=group.folders)
        yield from _restated(context, group, report, days)
        for name in group.tables:
            if lake_key(name) in context.selected_asset_keys:
                yield dg.MaterializeResult(lake_key(name), metadata=table_metadata(report, name))
        if dg.AssetCheckKey(first, FILES_READ) in context.selected_asset_check_keys:
            yield files_read(report, first)

    return ingest


def _spec(name: str, group: LandingGroup, days: dg.DailyPartitionsDefinition) -> dg.AssetSpec:
    contract = CONTRACTS[name]
    return dg.AssetSpec(
        lake_key(name),
        deps=[landing_key(folder) for folder in group.folders],
        group_name="lake",
        kinds={"parquet", "polars"},
        partitions_def=days,
        freshness_policy=LANDED_FRESHNESS if name in DAILY_TABLES else None,
        description=f"One row is {contract.grain}. {contract.description}",
        metadata={
            "dagster/column_schema": dg.TableSchema(
                [
                    dg.TableColumn(column.name, column.type, description=column.description)
                    for column in contract.all_columns
                ]
            )
        },
    )


def _restated(
    context: dg.AssetExecutionContext,
    group: LandingGroup,
    report: IngestReport,
    days: dg.DailyPartitionsDefinition,
) -> Iterator[dg.AssetMaterialization]:
    """Materialisations of the days that files touched beside the run's own."""
    running = set(context.partition_keys)
    touched = report.event_dates()
    for name in group.tables:
        known = lake_key(name) in context.selected_asset_keys
        for day in touched.get(name, []):
            key = day.isoformat()
            if (known and key in running) or not days.has_partition_key(key):
                continue
            yield dg.AssetMaterialization(
                lake_key(name), partition=key, metadata=table_metadata(report, name)
            )


def table_metadata(report: IngestReport, name: str) -> Mapping[str, Any]:
    """What an ingest did to one table."""
    dates: list[date] = report.event_dates().get(name, [])
    return {
        "rows_added": report.rows().get(name, 0),
        "files_ingested": sum(name in outcome.event_dates for outcome in report.files),
        "records_rejected": sum(outcome.rejected for outcome in report.with_status(INGESTED)),
        "files": dg.MetadataValue.md(files_table(report)),
        EVENT_DATES: dg.MetadataValue.json([day.isoformat() for day in dates]),
    }


def files_table(report: IngestReport, limit: int = 50) -> str:
    """The files of an ingest as Markdown: failures first, known files only counted."""
    news = [outcome for outcome in report.files if outcome.status != KNOWN]
    news.sort(key=lambda outcome: (outcome.status != FAILED, outcome.name))
    rows: list[dict[str, object]] = [
        {
            "file": outcome.name,
            "status": outcome.error or outcome.status,
            "rows": sum(outcome.rows.values()),
            "rejects": outcome.rejected,
        }
        for outcome in news[:limit]
    ]
    left, known = len(news) - limit, len(report.files) - len(news)
    if left > 0:
        rows.append({"file": f"… and {left} more"})
    rows.append({"file": f"{known} known from before"})
    return table(rows, ("file", "status", "rows", "rejects"))


def files_read(report: IngestReport, asset: dg.AssetKey) -> dg.AssetCheckResult:
    """Whether every landing file could be read. Not blocking: the other files have landed."""
    failed = report.with_status(FAILED)
    errors = "\n".join(f"- {outcome.error}" for outcome in failed)
    return dg.AssetCheckResult(
        passed=not failed,
        asset_key=asset,
        check_name=FILES_READ,
        description=errors or f"{len(report.files)} files read",
        metadata={"failed": len(failed), "files": len(report.files)},
    )
