"""Manifests of a batch stand in one file, and each of them can change by itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.lake.rates import RateLines, land, leftovers, rows
from tokenworks_sources.catalogue import Catalogue
from tokenworks_sources.connectors import registry
from tokenworks_sources.ingest import ingest_landing
from tokenworks_sources.manifest import load_manifests, manifest_files
from tokenworks_sources.outcomes import KNOWN
from tokenworks_sources.settings import Settings

TABLE = "fx_rates"


@pytest.fixture(autouse=True)
def rate_lines(monkeypatch: pytest.MonkeyPatch) -> RateLines:
    connector = RateLines()
    monkeypatch.setattr(registry, "CONNECTORS", (connector,))
    return connector


@pytest.fixture
def landed(settings: Settings) -> list[Path]:
    """Three files of one batch, in the lake."""
    paths = [
        land(settings, f"{name}.csv", f"2026-10-20,EUR,USD,1.0{number}")
        for number, name in enumerate("abc")
    ]
    ingest_landing(settings)
    return paths


def _names(settings: Settings) -> list[list[str]]:
    """The landing files that each file of manifests tells of."""
    found = manifest_files(settings.lake, TABLE).values()
    return sorted(sorted(Path(manifest.name).stem for manifest in many) for many in found)


def _rates(settings: Settings) -> list[str]:
    return [row[2] for row in rows(settings)]


@pytest.mark.usefixtures("landed")
def test_manifests_of_a_batch_are_one_file(settings: Settings) -> None:
    assert _names(settings) == [["a", "b", "c"]]
    found = load_manifests(settings.lake, TABLE)
    assert list(found) == sorted(found)
    assert {manifest.records_out for manifest in found.values()} == {1}


def test_other_manifests_stay_when_one_file_is_corrected(
    settings: Settings, landed: list[Path]
) -> None:
    land(settings, "b.csv", "2026-10-20,EUR,USD,1.5")
    ingest_landing(settings)
    assert _names(settings) == [["a", "c"], ["b"]]
    assert _rates(settings) == ["1.000000000000", "1.020000000000", "1.500000000000"]
    assert leftovers(settings) == []


def test_file_of_manifests_goes_when_all_its_files_are_corrected(
    settings: Settings, landed: list[Path]
) -> None:
    for path in landed:
        land(settings, path.name, f"2026-10-20,EUR,GBP,1.5{path.stem == 'a':d}")
    ingest_landing(settings)
    # b and c have the same bytes: one file.
    assert _names(settings) == [["a", "b"]]
    assert leftovers(settings) == []


def test_each_manifest_is_there_once_when_a_newer_version_reads_another_batch(
    settings: Settings,
    landed: list[Path],
    rate_lines: RateLines,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    landed[0].unlink()
    land(settings, "d.csv", "2026-10-20,EUR,USD,1.03")
    monkeypatch.setattr(rate_lines, "version", "2", raising=False)
    ingest_landing(settings)
    # What was taken away from the landing folder stays in the lake.
    assert _names(settings) == [["a"], ["b", "c", "d"]]
    assert len(_rates(settings)) == 4
    versions = {one.connector_version for one in load_manifests(settings.lake, TABLE).values()}
    assert versions == {"1", "2"}
    assert leftovers(settings) == []


def test_names_follow_in_one_write_when_the_folder_is_renamed(
    settings: Settings, landed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = landed[0].parent / "newer"
    newer.mkdir()
    for path in landed:
        path.rename(newer / path.name)
    written, real = [], os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (written.append(paths[1]), real(*paths)))
    assert {outcome.status for outcome in ingest_landing(settings).files} == {KNOWN}
    assert [path.parent.name for path in written if path.suffix == ".json"] == [TABLE, "lake"]
    found = load_manifests(settings.lake, TABLE).values()
    assert {manifest.name for manifest in found} == {
        f"fx_rates/rate_lines/newer/{name}.csv" for name in "abc"
    }


def test_catalogue_sees_what_came_since_when_it_looks_again(
    settings: Settings, landed: list[Path]
) -> None:
    catalogue = Catalogue(settings.lake, TABLE)
    catalogue.look()
    assert len(catalogue.manifests) == 3
    land(settings, "d.csv", "2026-10-20,EUR,USD,1.03")
    landed[0].rename(landed[0].with_name("e.csv"))
    ingest_landing(settings)
    catalogue.look()
    names = [Path(manifest.name).stem for manifest in catalogue.manifests.values()]
    assert sorted(names) == ["b", "c", "d", "e"]
    (new,) = (one for one in catalogue.manifests.values() if one.name.endswith("d.csv"))
    assert list(catalogue.holding([new.digest, "unknown"])) == [new.digest]
