"""Killed, out of space, refused: the lake is that of an undisturbed run, or says what to do."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.unit.lake.rates import RateLines, land, leftovers, manifests, rejects, rows
from tokenworks_sources import units
from tokenworks_sources.connectors import registry
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.lake import ensure_tables, journal
from tokenworks_sources.outcomes import FAILED, INGESTED, KNOWN
from tokenworks_sources.settings import Settings

# Without this variable, of the calls that one line makes the first and the last are enough: between
# them a loop does the same again. With it, the process dies at every one.
EVERY_DEATH = "TOKENWORKS_EVERY_DEATH"

# Counts every call that changes the disk; at the n-th the process dies, before it or after it. One
# process imports what is needed and forks for each death.
CHILD = """
import json, os, shutil, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {sources!r}]
import pyarrow.parquet as pq
from tokenworks_sources import units
from tokenworks_sources.connectors import registry
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.lake.compact import compact_table
from tokenworks_sources.settings import Settings
from contextlib import nullcontext
from tests.unit.lake.rates import RateLines
connector = RateLines()
connector.version = {version!r}
registry.CONNECTORS = (connector,)
units.SMALL_BYTES = {small}
calls, at, before, sites = 0, 0, False, []
def site():  # the lines of ours that led here
    frame, found = sys._getframe(2), []
    while frame and len(found) < 4:
        if "tokenworks_sources" in frame.f_code.co_filename:
            found.append(f"{{Path(frame.f_code.co_filename).name}}:{{frame.f_lineno}}")
        frame = frame.f_back
    return " < ".join(found)
def dying(real):
    def call(*args, **given):
        global calls
        calls += 1
        if at == 0:
            sites.append(f"{{real.__name__}} at {{site()}}")
        if calls == at and before:
            os.kill(os.getpid(), 9)
        number = calls
        try:
            return real(*args, **given)
        finally:
            if number == at:
                os.kill(os.getpid(), 9)
    return call
os.replace = dying(os.replace)
os.fsync = dying(os.fsync)
Path.unlink = dying(Path.unlink)
Path.write_bytes = dying(Path.write_bytes)
shutil.rmtree = dying(shutil.rmtree)
pq.ParquetWriter.write_table = dying(pq.ParquetWriter.write_table)
pq.ParquetWriter.close = dying(pq.ParquetWriter.close)
def run(home):
    settings = Settings.at(home)
    if {compact}:
        compact_table(settings.lake, "fx_rates", quiet=nullcontext)
    else:
        ingest_landing(settings)
for home, at, before in json.load(sys.stdin):
    pid = os.fork()
    if pid == 0:
        calls = 0
        run(home)
        os.write(1, json.dumps(sites).encode() + b"\\n")
        os._exit(0)
    print("died" if os.waitpid(pid, 0)[1] == 9 else "survived", flush=True)
"""


@pytest.fixture(autouse=True)
def rate_lines(monkeypatch: pytest.MonkeyPatch) -> RateLines:
    connector = RateLines()
    monkeypatch.setattr(registry, "CONNECTORS", (connector,))
    return connector


def _deaths(root: Path, deaths: list[tuple[Settings, int, bool]], **given: object) -> list[str]:
    """What became of a process that dies at the n-th call in each home."""
    text = CHILD.format(
        root=str(root),
        sources=str(root / "sources"),
        version=given.get("version", "1"),
        small=given.get("small", 1 << 20),
        compact=given.get("compact", False),
    )
    tasks = json.dumps([(str(settings.home), at, before) for settings, at, before in deaths])
    run = subprocess.run(
        [sys.executable, "-c", text], input=tasks.encode(), capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode().splitlines()


def _files(settings: Settings) -> None:
    land(settings, "a.csv", "2026-10-19,EUR,USD,1.08", "2026-10-20,EUR,USD,1.09", "bad line")
    land(settings, "b.csv", "2026-10-20,GBP,USD,1.3", "worse line")
    land(settings, "c.csv", "boom")


def _state(settings: Settings) -> tuple[object, ...]:
    return rows(settings), rejects(settings), manifests(settings), leftovers(settings)


# What is being done when the process dies: (settings before it, version and size of its ingest).
SCENES = {
    "batch": {},
    "alone": {"small": -1},
    "version": {"version": "2"},
    "compact": {"compact": True},
    "corrected": {},
    "renamed": {},
}


def _prepared(scene: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lake before the process that dies."""
    _files(settings)
    ensure_tables(settings.lake)
    if scene not in ("batch", "alone"):
        with monkeypatch.context() as patch:
            if scene == "compact":
                patch.setattr(units, "SMALL_BYTES", -1)
            ingest_landing(settings)
    if scene == "corrected":
        land(settings, "b.csv", "2026-10-20,GBP,USD,1.4", "worst line")
    if scene == "renamed":
        for name in "ab":
            path = settings.landing / "fx_rates" / "rate_lines" / f"{name}.csv"
            path.rename(path.with_name(f"{name}{name}.csv"))


def _chosen(sites: list[str]) -> list[int]:
    """The calls, counted from 1, at which the process dies."""
    every = range(1, len(sites) + 1)
    if os.environ.get(EVERY_DEATH):
        return list(every)
    first = {site: at for at, site in reversed(list(zip(every, sites, strict=True)))}
    last = dict(zip(sites, every, strict=True))
    return sorted({*first.values(), *last.values(), len(sites)})


@pytest.mark.slow
@pytest.mark.parametrize("scene", sorted(SCENES))
def test_lake_equals_an_undisturbed_run_when_killed_at_any_write(
    scene: str,
    settings: Settings,
    tmp_path: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    rate_lines: RateLines,
) -> None:
    given = SCENES[scene]
    clean = Settings.at(tmp_path / "clean")
    _prepared(scene, clean, monkeypatch)
    told, _ = _deaths(root, [(clean, 0, False)], **given)
    sites = json.loads(told)
    assert len(sites) > 6
    monkeypatch.setattr(rate_lines, "version", given.get("version", "1"), raising=False)
    ingest_landing(clean)
    expected = _state(clean)
    assert (len(expected[0]), len(expected[1]), len(expected[2]), expected[3]) == (3, 2, 2, [])
    # Dying before a call is dying after the one in front of it.
    deaths = [(Settings.at(tmp_path / f"{at}"), at, at < len(sites)) for at in _chosen(sites)]
    for home, *_ in deaths:
        with monkeypatch.context() as patch:
            patch.setattr(rate_lines, "version", "1", raising=False)
            _prepared(scene, home, patch)
    assert set(_deaths(root, deaths, **given)) == {"died"}
    for home, at, _ in deaths:
        report = ingest_landing(home)
        assert [outcome.status for outcome in report.files][2] == FAILED
        assert _state(home) == expected, f"{scene}: call {at} of {len(sites)}: {sites[at - 1]}"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("small", [True, False])
def test_nothing_is_half_kept_when_the_disk_is_full_at_any_write(
    small: bool, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _files(settings)
    ensure_tables(settings.lake)
    if not small:
        monkeypatch.setattr(units, "SMALL_BYTES", -1)
    reals = {
        (pq.ParquetWriter, "write_table"): pq.ParquetWriter.write_table,
        (pq.ParquetWriter, "close"): pq.ParquetWriter.close,
        (Path, "write_bytes"): Path.write_bytes,
        (os, "fsync"): os.fsync,
        (Path, "mkdir"): Path.mkdir,
    }
    failed = 0
    for (owner, name), real in reals.items():
        for at in range(1, 4):
            calls = [0]

            def full(*args: object, **given: object) -> object:
                calls[0] += 1  # noqa: B023
                if calls[0] >= at:  # noqa: B023
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return real(*args, **given)  # type: ignore[operator]  # noqa: B023

            with monkeypatch.context() as patch:
                patch.setattr(owner, name, full)
                try:
                    report = ingest_landing(settings)
                    errors = [outcome.error or "" for outcome in report.files]
                except Exception as error:
                    errors = [str(error)]
            assert all(
                "boom" in text or "No space left on device" in text for text in errors if text
            )
            failed += any("No space left" in text for text in errors)
            for manifest in manifests(settings):
                assert manifest[0].endswith(("a.csv", "b.csv"))
    assert failed > 3
    statuses = {outcome.status for outcome in ingest_landing(settings).files}
    assert statuses <= {INGESTED, KNOWN, FAILED}
    assert (len(rows(settings)), len(rejects(settings))) == (3, 2)
    assert leftovers(settings) == []


def test_change_is_finished_by_the_next_ingest_when_a_rename_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _files(settings)
    ensure_tables(settings.lake)
    real, calls = os.replace, [0]

    def refusing(*args: object) -> None:
        calls[0] += 1
        if calls[0] == 3:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "lake/fx_rates")
        real(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", refusing)
        report = ingest_landing(settings)
    assert "the next ingest finishes it" in str(report.files[0].error)
    report = ingest_landing(settings)
    assert [outcome.status for outcome in report.files] == [KNOWN, KNOWN, FAILED]
    assert (len(rows(settings)), leftovers(settings)) == (3, [])


def test_error_names_the_folder_when_it_may_not_be_written(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _files(settings)
    ensure_tables(settings.lake)
    table = settings.lake / "fx_rates"
    may = os.access

    def access(path: object, mode: int, **given: object) -> bool:
        return str(path) != str(table / "event_date=2026-10-20") and may(path, mode)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(journal.os, "access", access)
        report = ingest_landing(settings)
    assert "event_date=2026-10-20: Permission denied. Nothing of this file was kept" in str(
        report.files[0].error
    )
    assert (rows(settings), leftovers(settings)) == ([], [])
    assert [o.status for o in ingest_landing(settings).files] == [INGESTED, INGESTED, FAILED]
