"""What a command says to do next when the books are empty, and when they are not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from tokenworks.cli import main
from tokenworks.cli.warehouse import next_step
from tokenworks_sources.settings import Settings


def test_build_says_to_bring_logs_when_no_day_is_known() -> None:
    assert next_step(None) == (
        "no request and no hour of a deployment is known yet: bring logs and a fleet.yaml with "
        "`tokenworks ingest PATH`, then build again"
    )


def test_build_names_the_month_to_report_when_a_day_is_known() -> None:
    assert "`tokenworks report 2025-02`" in next_step(date(2025, 2, 28))


def test_alarms_say_that_no_day_is_known_when_the_books_are_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.at(tmp_path / "home")
    settings.published_database.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.published_database)) as connection:
        for mart in ("fct_requests", "fct_deployment_hours"):
            connection.execute(f"create table {mart} (event_date date)")
        connection.execute(
            "create table rpt_alarms (event_date date, alarm text, subject text, cause text, "
            "since timestamp, expected double, actual double, unit text, query text)"
        )
    monkeypatch.setenv("TOKENWORKS_HOME", str(settings.home))
    found = CliRunner().invoke(main.app, ["alarms"])
    assert found.exit_code == 0
    assert "No alarm: the books know of no day yet" in found.output
    assert "`tokenworks ingest PATH`" in found.output
    assert "None" not in found.output
