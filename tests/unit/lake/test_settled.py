"""A landing folder of which nothing has changed is not looked at again; any change is seen."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.lake.rates import RateLines, land
from tokenworks_sources import settled
from tokenworks_sources.connectors import registry
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.outcomes import KNOWN
from tokenworks_sources.settings import Settings
from tokenworks_sources.settled import settled_files

LINE = "2026-10-19,EUR,USD,1.08"
HEAVY = ("polars", "duckdb", "pyarrow", "pandas", "tokenworks_sources.connectors.registry")


@pytest.fixture(autouse=True)
def rate_lines(monkeypatch: pytest.MonkeyPatch) -> RateLines:
    connector = RateLines()
    monkeypatch.setattr(registry, "CONNECTORS", (connector,))
    return connector


def _settle(settings: Settings, *names: str) -> None:
    for name in names:
        land(settings, name, LINE, name)
    ingest_landing(settings)
    assert settled_files(settings) == len(names)


def test_nothing_is_settled_before_the_first_ingest(settings: Settings) -> None:
    land(settings, "a.csv", LINE)
    assert settled_files(settings) is None


def test_second_ingest_leaves_it_settled(settings: Settings) -> None:
    _settle(settings, "a.csv", "b.csv")
    assert [outcome.status for outcome in ingest_landing(settings).files] == [KNOWN, KNOWN]
    assert settled_files(settings) == 2


def _newer(path: Path) -> None:
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + 1))


CHANGES: dict[str, Callable[[Settings], object]] = {
    "a file more": lambda home: land(home, "c.csv", LINE),
    "a file less": lambda home: (home.landing / "fx_rates/rate_lines/b.csv").unlink(),
    "a newer file": lambda home: _newer(home.landing / "fx_rates/rate_lines/b.csv"),
    "a file of another table": lambda home: shutil.copytree(
        home.landing / "fx_rates", home.landing / "charges"
    ),
    "a file beside the tables": lambda home: (home.landing / "x.csv").write_text(LINE),
    "a sidecar": lambda home: (home.landing / "fx_rates/about.yaml").write_text("{}"),
    "a sidecar above": lambda home: (home.landing / "mapping.yaml").write_text("{}"),
    "a manifest less": lambda home: next(
        (home.lake / "_manifest/fx_rates").glob("*.json")
    ).unlink(),
    "no manifests": lambda home: shutil.rmtree(home.lake / "_manifest"),
    "no empty part": lambda home: next(home.lake.glob("requests/*/_empty.parquet")).unlink(),
    "a change that was broken off": lambda home: (home.lake / "_journal/x.journal").touch(),
    "a process at work": lambda home: (home.lake / "_staging/fx_rates").mkdir(parents=True),
    "a torn record": lambda home: (home.lake / "_settled.json").write_text('{"code": '),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
def test_it_is_looked_at_again_when_anything_changed(settings: Settings, change: str) -> None:
    _settle(settings, "a.csv", "b.csv")
    CHANGES[change](settings)
    assert settled_files(settings) is None


def test_it_is_looked_at_again_when_the_code_changed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _settle(settings, "a.csv")
    monkeypatch.setattr(settled, "code_digest", lambda: "other")
    assert settled_files(settings) is None


def test_nothing_is_settled_when_a_file_failed(settings: Settings) -> None:
    _settle(settings, "a.csv")
    land(settings, "b.csv", "boom")
    ingest_landing(settings)
    assert settled_files(settings) is None


def test_a_file_that_came_during_the_ingest_is_not_taken_for_known(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, rate_lines: RateLines
) -> None:
    land(settings, "a.csv", LINE)
    monkeypatch.setattr(
        rate_lines,
        "read",
        lambda file, sink: (
            RateLines.read(rate_lines, file, sink),
            land(settings, "b.csv", LINE, "2026-10-20,EUR,USD,1.09"),
        ),
        raising=False,
    )
    assert len(ingest_landing(settings).files) == 1
    assert settled_files(settings) is None


def test_asking_imports_nothing_heavy(settings: Settings, root: Path) -> None:
    _settle(settings, "a.csv")
    code = (
        "import sys; from tokenworks_sources.settled import settled_files; "
        "from tokenworks_sources.settings import Settings; "
        f"assert settled_files(Settings.at({str(settings.home)!r})) == 1; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(root / "sources")},
    )
    assert ran.stdout == b"[]\n"
