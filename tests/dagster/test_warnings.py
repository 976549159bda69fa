"""Volume, lateness, repeated keys, and the reconciliation of what is published."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from tokenworks.checks.reconcile import reconciliation_result
from tokenworks.checks.volume import lateness_warnings, repeated_keys, volume_warnings
from tokenworks.reconciliation import unbalanced
from tokenworks_sources.lake import partition_folder
from tokenworks_sources.settings import Settings

WEEK = {date(2026, 9, day): 900 for day in range(1, 8)}
BOOKS = dg.AssetCheckKey(dg.AssetKey("published"), "books_balance")
METERS = dg.AssetCheckKey(dg.AssetKey("published"), "meters_agree")


@pytest.mark.parametrize("rows", [300, 900, 2700])
def test_volume_is_silent_when_a_day_is_within_three_times_the_week(rows: int) -> None:
    counts = {**WEEK, date(2026, 9, 8): rows}
    assert volume_warnings("requests", counts, [date(2026, 9, 8)]).sentences == ()


@pytest.mark.parametrize("rows", [0, 299, 2701])
def test_volume_warns_when_a_day_is_far_from_the_week(rows: int) -> None:
    counts = {**WEEK, date(2026, 9, 8): rows}
    assert volume_warnings("requests", counts, [date(2026, 9, 8)]).sentences == (
        f"2026-09-08: {rows} rows, where the week before had 900",
    )


def test_volume_is_silent_when_there_is_no_week_before() -> None:
    assert volume_warnings("requests", {}, [date(2026, 9, 8)]).sentences == ()


def test_lateness_warns_when_a_table_is_two_days_behind_the_others() -> None:
    newest = {"requests": date(2026, 9, 8), "gpu_samples": date(2026, 9, 6)}
    assert lateness_warnings("gpu_samples", newest).sentences == (
        "newest day is 2026-09-06, other tables are at 2026-09-08",
    )
    assert lateness_warnings("requests", newest).sentences == ()
    assert lateness_warnings("energy_readings", newest).sentences == ()


def test_repeated_keys_are_counted_when_an_emitter_repeats_itself(settings: Settings) -> None:
    folder = partition_folder(settings.lake, "fx_rates", date(2026, 9, 3))
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            "copy (select date '2026-09-03' as rate_date, unnest(['EUR', 'EUR', 'JPY']) as "
            f"base_currency, 'USD' as quote_currency) to '{folder / 'a.parquet'}'"
        )
    days = [date(2026, 9, 2), date(2026, 9, 3)]
    assert repeated_keys(settings, "fx_rates", days).sentences == (
        "2026-09-03: 1 rows repeat the key base_currency, quote_currency, rate_date",
    )


def published(path: Path, *rows: str) -> Path:
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table rpt_reconciliation (check_name varchar, subject varchar, "
            "period_start date, currency varchar, unit varchar, expected decimal(38,12), "
            "actual decimal(38,12), difference decimal(38,12), is_balanced boolean, is_blocking boolean)"
        )
        for row in rows:
            connection.execute(f"insert into rpt_reconciliation values ({row})")
    return path


GOOD = "'bill_allocated', 'inv-1', '2026-09-01', 'USD', 'USD', 10, 10, 0, true, true"
SHORT = "'bill_allocated', 'inv-2', '2026-09-01', 'EUR', 'EUR', 10, 9.99, -0.01, false, true"
DRIFT = "'gateway_vs_engine_input_tokens', 'small-us', '2026-09-02', null, 'tokens', 8, 9, 1, false, false"


def test_reconciliation_passes_when_all_lines_balance(tmp_path: Path) -> None:
    found = unbalanced(published(tmp_path / "w.duckdb", GOOD))
    assert found == (1, [])
    result = reconciliation_result(BOOKS, *found)
    assert result.passed
    assert result.description == "1 lines, all balanced"


def test_reconciliation_fails_when_a_bill_is_not_fully_allocated(tmp_path: Path) -> None:
    found = unbalanced(published(tmp_path / "w.duckdb", GOOD, SHORT, DRIFT))
    result = reconciliation_result(BOOKS, *found)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.ERROR
    assert result.description == (
        "bill_allocated of inv-2 from 2026-09-01: expected 10 EUR, found 9.99, difference −0.01"
    )
    assert found[1][0].difference == Decimal("-0.01")


def test_reconciliation_warns_when_only_counters_disagree(tmp_path: Path) -> None:
    found = unbalanced(published(tmp_path / "w.duckdb", GOOD, DRIFT))
    assert reconciliation_result(BOOKS, *found).passed
    result = reconciliation_result(METERS, *found)
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert str(result.description).startswith("gateway_vs_engine_input_tokens of small-us")


def test_reconciliation_only_warns_when_nothing_was_reconciled(tmp_path: Path) -> None:
    result = reconciliation_result(BOOKS, *unbalanced(published(tmp_path / "w.duckdb")))
    assert not result.passed
    assert result.severity == dg.AssetCheckSeverity.WARN
    assert "nothing was reconciled" in str(result.description)
