"""`tokenworks focus`: what it writes, what it says, how it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.reports.focus import every_kind
from tokenworks.cli import main
from tokenworks.cli.focus import OptionError
from tokenworks_sources.settings import Settings

runner = CliRunner()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TOKENWORKS_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    settings = Settings.at(tmp_path)
    every_kind.publish(settings.published_parquet)
    return settings


def test_one_file_is_written_and_named_when_view_and_format_are_chosen(home: Settings) -> None:
    arguments = ["focus", "2026-09", "--version", "1.4", "--format", "csv", "--view", "supply"]
    run = runner.invoke(main.app, arguments)
    assert run.exit_code == 0, run.output
    folder = home.reports / "2026-09" / "focus"
    assert [path.name for path in folder.iterdir()] == [
        "focus_cost_and_usage-2026-09-1.4-supply.csv"
    ]
    assert "supply: 20 rows, effective cost 855.73 USD" in run.output


def test_all_views_and_formats_are_written_when_none_is_chosen(home: Settings) -> None:
    run = runner.invoke(main.app, ["focus", "2026-09"])
    assert run.exit_code == 0, run.output
    assert len(list((home.reports / "2026-09" / "focus").iterdir())) == 4
    assert "import one view, not both" in run.output


@pytest.mark.parametrize(
    ("option", "value", "allowed"),
    [
        ("--version", "1.1", "1.2, 1.3, 1.4"),
        ("--format", "xlsx", "parquet, csv"),
        ("--view", "both", "supply, showback"),
    ],
)
def test_option_is_refused_with_what_there_is_when_its_value_is_unknown(
    home: Settings, option: str, value: str, allowed: str
) -> None:
    run = runner.invoke(main.app, ["focus", "2026-09", option, value])
    assert isinstance(run.exception, OptionError)
    assert str(run.exception) == (f"{option} {value}: there is no such one. Choose of {allowed}.")
    assert not home.reports.exists()
