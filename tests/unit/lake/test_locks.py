"""One process at a time reads a landing folder, and one changes what readers see."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.unit.lake.rates import RateLines, land, leftovers, rows
from tokenworks_sources import units
from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import LandingFile, Sink
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.lake import journal
from tokenworks_sources.lake.compact import compact_table
from tokenworks_sources.lake.paths import journal_folder, manifest_folder
from tokenworks_sources.settings import Settings


def _is_held(folder: Path) -> bool:
    """Whether another process would have to wait; each opening of the file is a holder of its own."""
    with (folder / ".lock").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.fixture
def held(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool, bool]]:
    """What is being done, and whether the locks of the landing table and of changes are held."""
    seen: list[tuple[str, bool, bool]] = []

    def note(doing: str) -> None:
        landing = manifest_folder(settings.lake, "fx_rates")
        seen.append((doing, _is_held(landing), _is_held(journal_folder(settings.lake))))

    class Watched(RateLines):
        def read(self, file: LandingFile, sink: Sink) -> None:
            note("read")
            super().read(file, sink)

    def watched(real: Callable[..., None]) -> Callable[..., None]:
        def call(*args: object) -> None:
            note("change")
            real(*args)

        return call

    monkeypatch.setattr(registry, "CONNECTORS", (Watched(),))
    monkeypatch.setattr(journal, "_finish", watched(journal._finish))
    return seen


@pytest.mark.parametrize("smallest", [-1, 1 << 20], ids=["alone", "batch"])
def test_both_locks_are_held_when_files_are_brought_in(
    settings: Settings,
    held: list[tuple[str, bool, bool]],
    smallest: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(units, "SMALL_BYTES", smallest)
    land(settings, "a.csv", "2026-10-19,EUR,USD,1.08")
    land(settings, "b.csv", "2026-10-20,EUR,USD,1.09")
    ingest_landing(settings)
    assert set(held) == {("read", True, False), ("change", True, True)}
    assert not _is_held(manifest_folder(settings.lake, "fx_rates"))
    assert not _is_held(journal_folder(settings.lake))


def test_both_locks_are_held_when_rows_leave(
    settings: Settings, held: list[tuple[str, bool, bool]]
) -> None:
    land(settings, "a.csv", "2026-10-19,EUR,USD,1.08")
    ingest_landing(settings)
    held.clear()
    land(settings, "a.csv", "2026-10-19,EUR,USD,1.09")
    ingest_landing(settings)
    # The new rows come and the old ones go: two changes.
    assert held == [("read", True, False), ("change", True, True), ("change", True, True)]
    assert len(rows(settings)) == 1


def test_no_change_is_made_beside_it_when_the_table_is_compacted(
    settings: Settings, held: list[tuple[str, bool, bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "SMALL_BYTES", -1)
    for number in (1, 2):
        land(settings, f"{number}.csv", f"2026-10-19,EUR,USD,1.0{number}")
    ingest_landing(settings)
    held.clear()
    compact_table(settings.lake, "fx_rates", quiet=nullcontext)
    # Files may be read meanwhile: what they give is a change, and waits.
    assert [has_changes for _, _, has_changes in held] == [True]
    assert leftovers(settings) == []
