"""`tokenworks report --strict`: a report that is not sure enough is not printed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import pytest

from tokenworks.cli import main
from tokenworks_sources.settings import Settings

WriteMart = Callable[[str, Sequence[Mapping[str, Any]]], None]


def _run(monkeypatch: pytest.MonkeyPatch, home: Settings, *arguments: str) -> int:
    monkeypatch.setenv("TOKENWORKS_HOME", str(home.home))
    monkeypatch.setattr("sys.argv", ["tokenworks", "report", "--month", "2026-09", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main.run()
    return int(stopped.value.code or 0)


def _forget_tokens(write_mart: WriteMart) -> None:
    rows = [{"event_date": date(2026, 9, 1), "status": "success"} for _ in range(2)]
    write_mart("fct_requests", [*rows, {**rows[0], "input_total_tokens": 1}])


def _translate(home: Settings) -> None:
    path = home.published_parquet / "fct_cost_ledger" / "data.parquet"
    translated = pl.col("cost_usd").fill_null(pl.col("cost"))
    pl.read_parquet(path).with_columns(translated).write_parquet(path)


def test_strict_prints_when_enough_is_known(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _translate(home)
    assert _run(monkeypatch, home, "--strict") == 0
    assert (home.reports / "2026-09" / "index.html").is_file()


def test_strict_refuses_when_no_rate_translates_a_currency(
    home: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, home, "--strict") == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "was not printed. 3.00 EUR have no exchange rate" in said


def test_strict_refuses_when_the_unknown_share_is_above_the_limit(
    home: Settings,
    write_mart: WriteMart,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _forget_tokens(write_mart)
    assert _run(monkeypatch, home, "--strict") == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "The report of 2026-09 was not printed. WARNING: unknown share above" in said
    assert not (home.reports / "2026-09").exists()


def test_report_warns_in_its_first_line_when_not_strict(
    home: Settings,
    write_mart: WriteMart,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _forget_tokens(write_mart)
    assert _run(monkeypatch, home) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "100.0% of requests lack a token count" in said
    assert (home.reports / "2026-09" / "index.html").is_file()
