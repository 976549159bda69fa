"""Manifests: what each landing file gave to the lake.

One JSON file for each unit of work, named by its key: the manifest of one landing file, or a list of
those of a batch. Belongs here: what a manifest says, and reading and writing them. How rows and manifests
become visible at once belongs to `lake/commit.py`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec

from tokenworks_sources.lake.paths import (
    MANIFEST_SUFFIX,
    journal_folder,
    manifest_folder,
    manifest_path,
)


@dataclass(frozen=True)
class TableManifest:
    """What a landing file gave to one table; parts are relative to the lake.

    A part may be shared with other landing files: `source_digest` tells whose a row is.
    """

    rows: int
    min_event_time: str
    max_event_time: str
    event_dates: list[str]
    parts: list[str]


@dataclass(frozen=True)
class Manifest:
    """One landing file in the lake.

    `records_in` = `records_out` + the sum of `rejects` + the sum of `skipped`; `notes` are remarks
    about the file, and no records.
    """

    name: str
    digest: str
    bytes: int
    modified_ns: int
    connector: str
    connector_version: str
    records_in: int
    records_out: int
    rejects: dict[str, int]
    skipped: dict[str, int]
    tables: dict[str, TableManifest] = field(default_factory=dict)
    ingested_at: str = ""
    rejects_file: str = ""
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def parts(self) -> list[str]:
        """All files of the lake that hold rows or rejects of the file, relative to the lake."""
        parts = [part for table in self.tables.values() for part in table.parts]
        return [*parts, self.rejects_file] if self.rejects_file else parts


_DECODER = msgspec.json.Decoder(Manifest | list[Manifest])


def landing_tables(lake: Path) -> list[str]:
    """The landing tables that have manifests."""
    folder = manifest_folder(lake, "")
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def load_manifests(lake: Path, landing_table: str) -> dict[str, Manifest]:
    """Manifests of one landing table by digest, in that order."""
    found = [one for many in manifest_files(lake, landing_table).values() for one in many]
    return {manifest.digest: manifest for manifest in sorted(found, key=lambda one: one.digest)}


def manifest_files(lake: Path, landing_table: str) -> dict[str, list[Manifest]]:
    """What each file of manifests of one landing table holds, by its key."""
    folder = manifest_folder(lake, landing_table)
    if not folder.is_dir():
        return {}
    # Ten thousand of them may be read at every ingest: no Path objects here.
    with os.scandir(folder) as entries:
        paths = {
            entry.name: entry.path for entry in entries if entry.name.endswith(MANIFEST_SUFFIX)
        }
    return {
        name.removesuffix(MANIFEST_SUFFIX): read_manifests(path)
        for name, path in sorted(paths.items())
    }


def read_manifests(path: str) -> list[Manifest]:
    """The manifests in a file; none where it has gone."""
    try:
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123
            found = _DECODER.decode(stream.read())
    except FileNotFoundError:
        return []
    return [found] if isinstance(found, Manifest) else found


def encoded(manifests: Sequence[Manifest]) -> bytes:
    """A file of manifests as a person can read it."""
    said = manifests[0] if len(manifests) == 1 else manifests
    return msgspec.json.format(msgspec.json.encode(said), indent=1)


def write_manifests(
    lake: Path, landing_table: str, key: str, manifests: Sequence[Manifest]
) -> None:
    """Writes a changed file of manifests in one step; the caller holds the lake's `change_lock`."""
    beside = journal_folder(lake) / f".{key}.next"
    with beside.open("wb") as stream:
        stream.write(encoded(manifests))
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, manifest_path(lake, landing_table, key))


def touched_dates(manifest: Manifest) -> dict[str, list[date]]:
    """Event dates by table that a landing file touched."""
    return {
        table: [date.fromisoformat(day) for day in given.event_dates]
        for table, given in manifest.tables.items()
    }
