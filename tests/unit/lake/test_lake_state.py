"""The signature of a date follows from which landing files gave rows to it, and not from its parts."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from tests.unit.lake.rates import RateLines, land
from tokenworks import restatement
from tokenworks_sources import units
from tokenworks_sources.connectors import registry
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.lake import partition_files
from tokenworks_sources.lake.compact import compact_table
from tokenworks_sources.settings import Settings

DAYS = ("2026-10-19", "2026-10-20", "2026-10-21")


@pytest.fixture(autouse=True)
def rate_lines(monkeypatch: pytest.MonkeyPatch) -> RateLines:
    connector = RateLines()
    monkeypatch.setattr(registry, "CONNECTORS", (connector,))
    monkeypatch.setattr(units, "SMALL_BYTES", -1)
    monkeypatch.setattr(restatement, "BY_DATE", ("fx_rates",))
    return connector


def _state(settings: Settings) -> dict[str, str]:
    return restatement.lake_state(settings.lake)["fx_rates"]


def _changed(before: dict[str, str], now: dict[str, str]) -> list[str]:
    return sorted(day for day in {*before, *now} if before.get(day) != now.get(day))


def _prepared(settings: Settings) -> dict[str, str]:
    for number in range(3):
        land(settings, f"{number}.csv", *(f"{day},EUR,USD,1.{number}" for day in DAYS))
    ingest_landing(settings)
    before = _state(settings)
    assert sorted(before) == list(DAYS)
    return before


def test_no_date_changes_when_the_lake_is_compacted(settings: Settings) -> None:
    before = _prepared(settings)
    compacted = compact_table(settings.lake, "fx_rates", quiet=nullcontext)
    assert (compacted.dates, compacted.parts) == (3, 9)
    assert _state(settings) == before


def test_dates_of_a_late_file_change_and_no_others(settings: Settings) -> None:
    before = _prepared(settings)
    compact_table(settings.lake, "fx_rates", quiet=nullcontext)
    land(settings, "late.csv", f"{DAYS[1]},GBP,USD,1.3", "2026-09-01,GBP,USD,1.2")
    ingest_landing(settings)
    now = _state(settings)
    assert _changed(before, now) == ["2026-09-01", DAYS[1]]
    compact_table(settings.lake, "fx_rates", quiet=nullcontext)
    assert _state(settings) == now


def test_both_dates_change_when_a_file_is_corrected(settings: Settings) -> None:
    before = _prepared(settings)
    land(settings, "2.csv", f"{DAYS[0]},EUR,USD,1.2", f"{DAYS[1]},EUR,USD,1.7")
    ingest_landing(settings)
    assert _changed(before, _state(settings)) == list(DAYS)


def test_all_dates_of_a_file_change_when_its_connector_did(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rate_lines: RateLines
) -> None:
    before = _prepared(settings)
    monkeypatch.setattr(rate_lines, "version", "2", raising=False)
    ingest_landing(settings)
    assert _changed(before, _state(settings)) == list(DAYS)


def test_date_changes_when_a_part_is_laid_there_or_taken_away(settings: Settings) -> None:
    before = _prepared(settings)
    part = next(part for part in partition_files(settings.lake, "fx_rates") if DAYS[2] in str(part))
    foreign = part.with_name("foreign.parquet")
    foreign.write_bytes(part.read_bytes())
    laid = _state(settings)
    assert _changed(before, laid) == [DAYS[2]]
    foreign.write_bytes(part.read_bytes() + b" ")
    assert _changed(laid, _state(settings)) == [DAYS[2]]
    foreign.unlink()
    assert _state(settings) == before
    part.unlink()
    assert _changed(before, _state(settings)) == [DAYS[2]]
