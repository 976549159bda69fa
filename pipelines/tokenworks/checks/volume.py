"""Warnings about a lake table's volume: too few or too many rows, late, repeated keys.

Belongs here: what deserves a look and stops nothing. Rules that stop a run live in `assets.py`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

import dagster as dg
import polars as pl
import pyarrow.parquet as pq

from tokenworks.checks.assets import dates_of_run, lake_dates, lake_key, selected_tables
from tokenworks.resources import SettingsResource
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.lake import partition_folder
from tokenworks_sources.settings import Settings

# Tables that a running fleet feeds every day; bills, prices and fleet facts come when they come.
DAILY_TABLES = ("requests", "engine_samples", "engine_histograms", "gpu_samples", "energy_readings")
BASELINE_DAYS = 7
# Inference traffic halves at weekends; below a third or above three times is something else.
LOW, HIGH = 1 / 3, 3.0
# A meter's file of yesterday lands today.
DAYS_BEHIND = 1


@dataclass(frozen=True)
class Warnings:
    """Sentences about one table; empty where nothing deserves a look."""

    table: str
    check: str
    sentences: tuple[str, ...]


def volume_warnings(table: str, rows: dict[date, int], days: Iterable[date]) -> Warnings:
    """Days whose rows are far from the median of the seven days before that have rows."""
    sentences = []
    for day in days:
        before = [rows.get(day - timedelta(days=back), 0) for back in range(1, BASELINE_DAYS + 1)]
        usual = median([count for count in before if count] or [0])
        count = rows.get(day, 0)
        if usual and not usual * LOW <= count <= usual * HIGH:
            sentences.append(
                f"{day.isoformat()}: {count} rows, where the week before had {usual:g}"
            )
    return Warnings(table, "volume", tuple(sentences))


def lateness_warnings(table: str, newest: dict[str, date]) -> Warnings:
    """A table whose newest day lies behind that of the other daily tables."""
    front, own = max(newest.values(), default=None), newest.get(table)
    if front is None or own is None or (front - own).days <= DAYS_BEHIND:
        return Warnings(table, "lateness", ())
    behind = f"newest day is {own.isoformat()}, other tables are at {front.isoformat()}"
    return Warnings(table, "lateness", (behind,))


def repeated_keys(settings: Settings, table: str, days: Iterable[date]) -> Warnings:
    """Days on which rows repeat the table's key; the warehouse keeps one of them."""
    key = CONTRACTS[table].key
    sentences = []
    for day in days:
        files = sorted(partition_folder(settings.lake, table, day).glob("*.parquet"))
        if not files:
            continue
        rows = pl.scan_parquet(files, hive_partitioning=False).select(key)
        unique = rows.unique().select(pl.len()).collect().item()
        repeated = rows.select(pl.len()).collect().item() - unique
        if repeated:
            words = f"{repeated} rows repeat the key {', '.join(key)}"
            sentences.append(f"{day.isoformat()}: {words}")
    return Warnings(table, "repeated_keys", tuple(sentences))


def rows_by_day(settings: Settings, table: str, days: Iterable[date]) -> dict[date, int]:
    """Rows of a table on each of the days, from the footers of its files."""
    return {
        day: sum(
            pq.read_metadata(file).num_rows
            for file in partition_folder(settings.lake, table, day).glob("*.parquet")
        )
        for day in days
    }


def volume_checks(tables: Iterable[str]) -> dg.AssetChecksDefinition:
    """Warn-level checks of the lake, in one step."""
    specs = [
        dg.AssetCheckSpec(check, asset=lake_key(table), description=words)
        for table in tables
        for check, words in _checks_of(table).items()
    ]

    @dg.multi_asset_check(name="lake_volume", specs=specs, can_subset=True)
    def lake_volume(
        context: dg.AssetCheckExecutionContext, settings: SettingsResource
    ) -> Iterator[dg.AssetCheckResult]:
        home = settings.get()
        newest = {table: max(lake_dates(home, table), default=None) for table in DAILY_TABLES}
        known = {table: day for table, day in newest.items() if day}
        for table in selected_tables(context):
            days = dates_of_run(context, home, table)
            for warnings in _warnings_of(home, table, days, known):
                key = dg.AssetCheckKey(lake_key(table), warnings.check)
                if key in context.selected_asset_check_keys:
                    yield _result(warnings)

    return lake_volume


def _checks_of(table: str) -> dict[str, str]:
    checks = {"repeated_keys": "Rows that repeat the contract's key; the warehouse keeps one."}
    if table in DAILY_TABLES:
        checks["volume"] = "Rows of a day against the week before."
        checks["lateness"] = "Newest day against the other daily tables."
    return checks


def _warnings_of(
    settings: Settings, table: str, days: list[date], newest: dict[str, date]
) -> Iterator[Warnings]:
    yield repeated_keys(settings, table, days)
    if table in DAILY_TABLES:
        reach = {day - timedelta(days=back) for day in days for back in range(BASELINE_DAYS + 1)}
        yield volume_warnings(table, rows_by_day(settings, table, reach), days)
        yield lateness_warnings(table, newest)


def _result(warnings: Warnings) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not warnings.sentences,
        severity=dg.AssetCheckSeverity.WARN,
        asset_key=lake_key(warnings.table),
        check_name=warnings.check,
        description="\n".join(warnings.sentences) or "nothing unusual",
        metadata={"warnings": len(warnings.sentences)},
    )
