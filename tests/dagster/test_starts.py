"""Schedules and the sensor ask for runs under keys that stay the same."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from tokenworks.resources import SettingsResource
from tokenworks.sensors import changed_folders, fingerprints, run_key
from tokenworks_sources.contracts import fleet
from tokenworks_sources.settings import Settings


def land(settings: Settings, name: str, text: str, age: float = 3600) -> Path:
    path = settings.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    moment = 1_780_000_000 - age
    os.utime(path, (moment, moment))
    return path


NOW = 1_780_000_000.0


def request_of(defs: dg.Definitions, schedule: str, at: datetime) -> dg.RunRequest:
    context = dg.build_schedule_context(
        scheduled_execution_time=at, repository_def=defs.get_repository_def()
    )
    data = defs.resolve_schedule_def(schedule).evaluate_tick(context)
    (request,) = data.run_requests or []
    return request


def test_hourly_run_is_for_the_day_of_the_hour_that_ended(defs: dg.Definitions) -> None:
    request = request_of(defs, "hourly", datetime(2026, 9, 4, 0, 5, tzinfo=UTC))
    assert request.run_key == "hourly-2026-09-03T23"
    assert request.partition_key == "2026-09-03"


def test_monthly_run_is_for_the_previous_month(defs: dg.Definitions) -> None:
    request = request_of(defs, "monthly", datetime(2026, 10, 2, 6, 0, tzinfo=UTC))
    assert request.run_key == "monthly-2026-09"
    assert request.partition_key == "2026-09-01"


def test_monthly_run_crosses_the_year_when_january_begins(defs: dg.Definitions) -> None:
    request = request_of(defs, "monthly", datetime(2027, 1, 2, 6, 0, tzinfo=UTC))
    assert (request.run_key, request.partition_key) == ("monthly-2026-12", "2026-12-01")


def test_fingerprint_stays_when_nothing_changed_and_moves_when_a_file_did(
    settings: Settings,
) -> None:
    land(settings, "requests/litellm/a.jsonl", "{}\n")
    first = fingerprints(settings, ["requests", "charges"], NOW)
    assert list(first) == ["requests"]
    assert fingerprints(settings, ["requests", "charges"], NOW + 500) == first
    land(settings, "requests/litellm/a.jsonl", "{}\n{}\n")
    second = fingerprints(settings, ["requests"], NOW)
    assert changed_folders(first, second) == ["requests"]
    assert run_key(["requests"], first) != run_key(["requests"], second)


def test_file_waits_when_it_changed_less_than_half_a_minute_ago(settings: Settings) -> None:
    land(settings, "requests/litellm/a.jsonl", "{}\n", age=29)
    assert fingerprints(settings, ["requests"], NOW) == {}
    assert list(fingerprints(settings, ["requests"], NOW + 1)) == ["requests"]


def test_file_is_not_seen_when_a_shipper_is_still_writing_it(settings: Settings) -> None:
    land(settings, "requests/litellm/a.jsonl.part", "{}\n")
    assert fingerprints(settings, ["requests"], NOW) == {}


def tick(
    defs: dg.Definitions, settings: Settings, cursor: str | None
) -> tuple[list[dg.RunRequest], str | None]:
    with (
        dg.DagsterInstance.ephemeral() as instance,
        dg.build_sensor_context(
            instance,
            cursor=cursor,
            repository_def=defs.get_repository_def(),
            resources={"settings": SettingsResource.of(settings)},
        ) as context,
    ):
        data = defs.resolve_sensor_def("landing").evaluate_tick(context)
    return list(data.run_requests or []), data.cursor


def test_sensor_asks_once_for_the_tables_that_new_files_feed(
    defs: dg.Definitions, landed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = landed
    monkeypatch.setattr(time, "time", lambda: NOW + 1e9)
    (request,), cursor = tick(defs, settings, None)
    assert request.run_key is not None
    assert request.run_key.startswith("landing-")
    tables = sorted(contract.table for contract in fleet.CONTRACTS)
    assert [key.path[-1] for key in request.asset_selection or []] == tables
    assert "fleet_deployments" in tables
    assert request.tags["tokenworks/landing"] == "fleet"
    assert tick(defs, settings, cursor) == ([], cursor)
    (again,), _ = tick(defs, settings, None)
    assert again.run_key == request.run_key


def test_sensor_waits_when_the_landing_folder_is_missing(
    defs: dg.Definitions, settings: Settings
) -> None:
    assert tick(defs, settings, None) == ([], None)
