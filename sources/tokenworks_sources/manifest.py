"""Manifests: what each landing file gave to the lake.

One JSON file for each landing file, named by its digest. Belongs here: what a manifest says, and
reading and writing them. How rows and manifests become visible at once belongs to `lake/commit.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import msgspec

from tokenworks_sources.lake.paths import journal_folder, manifest_folder, manifest_path


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


def landing_tables(lake: Path) -> list[str]:
    """The landing tables that have manifests."""
    folder = manifest_folder(lake, "")
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def load_manifests(lake: Path, landing_table: str) -> dict[str, Manifest]:
    """Manifests of one landing table by digest."""
    folder = manifest_folder(lake, landing_table)
    if not folder.is_dir():
        return {}
    decoder = msgspec.json.Decoder(Manifest)
    found: dict[str, Manifest] = {}
    # Ten thousand of them are read at every ingest: no Path objects here.
    names = sorted(entry.path for entry in os.scandir(folder) if entry.name.endswith(".json"))
    for name in names:
        with open(name, "rb", buffering=0) as stream:  # noqa: PTH123
            manifest = decoder.decode(stream.read())
        found[manifest.digest] = manifest
    return found


def load_manifest(lake: Path, landing_table: str, digest: str) -> Manifest | None:
    """The manifest of one digest, if there is one."""
    path = manifest_path(lake, landing_table, digest)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        return None


def manifests_of(lake: Path, landing_table: str, digests: Iterable[str]) -> list[Manifest]:
    """The manifests that there are of some digests; of thousands of new files there is none."""
    folder = manifest_folder(lake, landing_table)
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        stored = {entry.name for entry in entries}
    found = [
        load_manifest(lake, landing_table, digest)
        for digest in digests
        if f"{digest}.json" in stored
    ]
    return [manifest for manifest in found if manifest]


def encoded(manifest: Manifest) -> bytes:
    """The manifest as a person can read it."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def write_manifest(lake: Path, landing_table: str, manifest: Manifest) -> None:
    """Writes a changed manifest in one step; the caller holds the lake's `change_lock`."""
    beside = journal_folder(lake) / f".{manifest.digest}.next"
    with beside.open("wb") as stream:
        stream.write(encoded(manifest))
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, manifest_path(lake, landing_table, manifest.digest))


def touched_dates(manifest: Manifest) -> dict[str, list[date]]:
    """Event dates by table that a landing file touched."""
    return {
        table: [date.fromisoformat(day) for day in given.event_dates]
        for table, given in manifest.tables.items()
    }
