"""The command line: what it prints, where it writes, how it fails."""

from __future__ import annotations

import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Event

import pytest
from typer.testing import CliRunner

from tokenworks.cli import main, show
from tokenworks.cli.warehouse import disagreement, restated
from tokenworks.reconciliation import Line
from tokenworks_sources.errors import TokenworksError

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOKENWORKS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_help_lists_every_command() -> None:
    printed = runner.invoke(main.app, ["--help"]).stdout
    for command in [
        "demo",
        "init",
        "ingest",
        "prices",
        "connectors",
        "build",
        "replay",
        "report",
        "focus",
        "sql",
        "tables",
        "contracts",
        "simulate",
        "dev",
    ]:
        assert command in printed


def test_init_writes_folders_and_a_fleet_that_is_valid(home: Path) -> None:
    from tokenworks_sources.fleet import load_fleet

    assert runner.invoke(main.app, ["init"]).exit_code == 0
    fleet = home / "landing" / "fleet" / "fleet_yaml" / "fleet.yaml"
    assert load_fleet(fleet).sites == []
    assert (home / "landing" / "requests" / "litellm").is_dir()


def test_commented_fleet_is_valid_when_its_examples_are_taken_in(
    home: Path, tmp_path: Path
) -> None:
    from tokenworks.cli.init import FLEET_TEMPLATE
    from tokenworks_sources.fleet import load_fleet

    kept = FLEET_TEMPLATE.split("\n\n", 1)
    body = kept[1].replace("sites: []\n", "").replace("\n#   #", "\n#    #")
    lines = [line.removeprefix("# ") for line in body.splitlines()]
    path = tmp_path / "fleet.yaml"
    path.write_text(kept[0] + "\n" + "\n".join(lines))
    fleet = load_fleet(path)
    assert [deployment.id for deployment in fleet.deployments] == ["small-us"]


def test_init_keeps_a_fleet_that_is_there(home: Path) -> None:
    runner.invoke(main.app, ["init"])
    fleet = home / "landing" / "fleet" / "fleet_yaml" / "fleet.yaml"
    fleet.write_text("mine")
    runner.invoke(main.app, ["init"])
    assert fleet.read_text() == "mine"


def test_contracts_shows_the_columns_of_a_table() -> None:
    result = runner.invoke(main.app, ["contracts", "fx_rates"])
    assert result.exit_code == 0
    assert "quote_currency" in result.stdout


def test_contracts_check_passes_on_this_repository() -> None:
    assert runner.invoke(main.app, ["contracts", "--check"]).exit_code == 0


def test_connectors_lists_every_format() -> None:
    printed = runner.invoke(main.app, ["connectors"]).stdout
    for name in ("litellm", "vllm_prometheus", "green_button", "focus", "mooncake"):
        assert name in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ingest", "nowhere.csv"], "there is no such file or folder"),
        (["contracts", "no_table"], "There is no table 'no_table'"),
        (["replay", "run", "no_scenario"], "There is no scenario 'no_scenario'"),
        (["sql", "select 1"], "nothing is published yet"),
        (["report", "October"], "YYYY-MM"),
        (["report", "--month", "October"], "YYYY-MM"),
        (["report"], "Name one month or fiscal period"),
        (["report", "2026-10", "--month", "2026-11"], "Name one month or fiscal period"),
    ],
)
def test_error_says_what_to_do_when_input_is_wrong(arguments: list[str], message: str) -> None:
    result = runner.invoke(main.app, arguments)
    assert isinstance(result.exception, TokenworksError)
    assert message in str(result.exception)


def test_run_prints_one_message_and_exits_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tokenworks", "replay", "run", "no_scenario"])
    with pytest.raises(SystemExit) as stopped:
        main.run()
    assert stopped.value.code == 1
    assert "There is no scenario 'no_scenario'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (1_234_567, "1,234,567"),
        (Decimal("1234.500000000000"), "1,234.5"),
        (Decimal("0E-12"), "0"),
        (0.123456, "0.1235"),
        (True, "yes"),
    ],
)
def test_cell_is_short_and_null_is_a_dash(value: object, shown: str) -> None:
    table = show.table("", ["x"], [(value,)])
    assert list(table.columns[0].cells) == [shown]


def test_build_says_which_dates_were_made_again() -> None:
    days = [date(2026, 9, day) for day in range(1, 13)]
    assert restated("the fleet changed", days) == "All dates were made again: the fleet changed"
    assert restated(None, ()) == "No date had to be made again: the books are as they were"
    assert restated(None, days[:1]) == "1 date was made again: 2026-09-01"
    assert restated(None, days).endswith("2026-09-10 and 2 more")


def test_long_file_shows_how_far_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(show, "LONG_BYTES", 1)
    path = tmp_path / "long.jsonl"
    with path.open("wb") as stream:
        stream.truncate(3_000_000_000)
    assert show.reading(path) == ""
    with path.open("rb") as stream:
        stream.seek(1_500_000_000)
        assert show.reading(path) == "1.5 of 3.0 GB"


def test_no_progress_is_printed_when_nobody_looks_on(capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress_bar("Ingest") as progress:
        progress(1, 2, "a.csv")
    assert capsys.readouterr() == ("", "")


def test_lines_of_progress_go_to_standard_error_when_it_takes_long_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []
    tick = Event.wait

    def wait(event: Event, timeout: float | None = None) -> bool:
        waited.append(timeout)
        return tick(event, 0.01)

    monkeypatch.setattr(show, "Event", type("Ticking", (Event,), {"wait": wait}))
    with show.progress_bar("Ingest") as progress:
        progress(1, 1_200, "a.csv")
        while len(waited) < 3:
            time.sleep(0.001)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Ingest: 1 of 1,200, a.csv, after " in printed.err
    assert set(waited) == {15}


def test_build_says_what_does_not_balance() -> None:
    twice = Line(
        "charges_delivered_twice", False, "INV-1", date(2026, 9, 1), "USD",
        Decimal(0), Decimal(5), Decimal(5),
    )  # fmt: skip
    assert disagreement([twice]) == (
        "Published, but not all agrees: charges_delivered_twice (1). For example: "
        "charges_delivered_twice of INV-1 from 2026-09-01: expected 0 USD, found 5, difference 5"
    )


def test_line_is_written_as_people_write_numbers_when_it_does_not_balance() -> None:
    line = Line(
        "provider_vs_requests_input_tokens", False, "openai m", date(2026, 9, 1), "tokens",
        Decimal("608000000000.000000000000"), Decimal("0E-12"), None,
    )  # fmt: skip
    assert line.message.endswith(": expected 608,000,000,000 tokens, found 0, difference –")


def test_ingest_names_a_cause_once_and_leaves_older_failures_for_the_call_without_a_path(
    home: Path, tmp_path: Path
) -> None:
    folder = home / "landing" / "fx_rates" / "mapped"
    folder.mkdir(parents=True)
    for name in ("a.csv.gz", "b.csv.gz", "c.csv.gz"):
        (folder / name).write_bytes(b"\x1f\x8b\x08\x00 cut off")
    again = runner.invoke(main.app, ["ingest"])
    assert again.exit_code == 1
    assert again.stderr.count("damaged") == 1
    assert "2 more files likewise" in again.stderr.replace("\n", " ")
    good = tmp_path / "rates.csv"
    good.write_text("rate_date,base_currency,quote_currency,rate\n2026-09-01,EUR,USD,1.1\n")
    landed = runner.invoke(main.app, ["ingest", str(good)])
    assert landed.exit_code == 0, landed.stderr
    assert "3 files that landed earlier still cannot be read" in landed.stdout.replace("\n", " ")
