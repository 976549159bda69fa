"""The commands of the books, as a user reads them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from typer.testing import CliRunner

from tests.unit.books.conftest import Build, Line
from tokenworks.books.closing import close
from tokenworks.cli import show
from tokenworks.cli.books import spans
from tokenworks.cli.main import app
from tokenworks_sources.settings import HOME_VARIABLE, Settings

LINES: list[Line] = [("2025-10-01", "A", "A:1", "USD", "60", "60")]
LATER: list[Line] = [("2025-10-01", "A", "A:1", "USD", "63.20", "63.20")]


def _run(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setenv(HOME_VARIABLE, str(settings.home))
    monkeypatch.setattr(show.console, "_width", 200)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_trial_shows_the_figures_and_says_that_the_month_is_open(
    settings: Settings, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build("2025-11-03T06:00:00", LINES)
    printed = _run(settings, monkeypatch, "close", "2025-10", "--dry-run")
    assert "2025-10 can be closed, and is open: this was a trial." in printed
    assert "USD │ 60.00 │" in printed
    assert "No period is closed yet." in _run(settings, monkeypatch, "close", "--verify")


def test_verify_names_each_closed_period_and_its_digest(
    settings: Settings, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build("2025-11-03T06:00:00", LINES)
    closed = close(settings, "2025-10", now=datetime(2025, 11, 5, tzinfo=UTC))
    printed = _run(settings, monkeypatch, "close", "--verify")
    assert f"2025-10: {len(closed.files)} files as closed on 2025-11-05 00:00:00 UTC" in printed
    assert closed.digest in printed


def test_restatements_are_listed_with_what_moved(
    settings: Settings, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Nothing is recorded yet." in _run(settings, monkeypatch, "restatements")
    build("2025-11-03T06:00:00", LINES)
    build("2025-11-10T06:00:00", LATER, {"charges/focus/bill.csv": "1"})
    printed = _run(settings, monkeypatch, "restatements")
    assert "2025-11-03 06:00:00 │ 2025-10-01 │ – │ – │ first recording" in printed
    assert "billed USD +3.2 │ charges/focus/bill.csv arrived" in printed


def test_neighbouring_dates_are_joined() -> None:
    days = [date(2026, 10, day) for day in (1, 19, 20, 21, 31)] + [date(2026, 11, 1)]
    assert spans(days) == "2026-10-01, 2026-10-19 to 2026-10-21, 2026-10-31 to 2026-11-01"
    assert spans([date(2026, 10, day) for day in (1, 3, 5, 7, 9)]).endswith("and 1 more")
