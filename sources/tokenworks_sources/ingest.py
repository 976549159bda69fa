"""Ingest: every landing file into the lake, once.

One landing file is one unit of work. A file that cannot be read is one failed outcome with its
reason; the others still land.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from polars.exceptions import PolarsError

from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.errors import LandingFileError, TokenworksError
from tokenworks_sources.lake import LakeSink, ensure_tables
from tokenworks_sources.landing import digest_of, landing_files, preview_of
from tokenworks_sources.manifest import (
    Manifest,
    commit,
    file_lock,
    load_manifest,
    load_manifests,
    recover,
    retire,
    touched_dates,
    write_manifest,
)
from tokenworks_sources.settings import Settings

INGESTED, KNOWN, FAILED = "ingested", "known", "failed"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class FileOutcome:
    """What became of one landing file.

    Attributes:
        name: path relative to the landing folder.
        status: ingested, known (already in the lake) or failed.
        rows: rows by table.
        rejects, skipped: records by reason.
        event_dates: dates touched by table; empty where the file was known.
        error: why it failed.
    """

    name: str
    digest: str
    connector: str
    status: str
    rows: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    event_dates: dict[str, list[date]] = field(default_factory=dict)
    error: str | None = None

    @property
    def rejected(self) -> int:
        """Number of rejected records."""
        return sum(self.rejects.values())


@dataclass(frozen=True)
class IngestReport:
    """Outcomes of one ingest, in the order of the landing folder."""

    files: list[FileOutcome]

    def with_status(self, status: str) -> list[FileOutcome]:
        """The outcomes of one status."""
        return [outcome for outcome in self.files if outcome.status == status]

    def rows(self) -> dict[str, int]:
        """Rows added by table."""
        totals: dict[str, int] = {}
        for outcome in self.with_status(INGESTED):
            for table, rows in outcome.rows.items():
                totals[table] = totals.get(table, 0) + rows
        return dict(sorted(totals.items()))

    def event_dates(self) -> dict[str, list[date]]:
        """Event dates touched by table."""
        dates: dict[str, set[date]] = {}
        for outcome in self.files:
            for table, days in outcome.event_dates.items():
                dates.setdefault(table, set()).update(days)
        return {table: sorted(days) for table, days in sorted(dates.items())}


def ingest_landing(
    settings: Settings,
    *,
    landing_tables: Collection[str] | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Brings every file of the landing folder into the lake that is not there yet.

    Args:
        settings: the home folder.
        landing_tables: only these tables of the landing folder; all where None.
        progress: called with (files done, files, name) before each file and once at the end.
    """
    ensure_tables(settings.lake)
    paths_by_table: dict[str, list[Path]] = {}
    for path in landing_files(settings, landing_tables):
        if not registry.is_sidecar(path):
            paths_by_table.setdefault(path.relative_to(settings.landing).parts[0], []).append(path)
    total = sum(map(len, paths_by_table.values()))
    outcomes: list[FileOutcome] = []
    for table, paths in paths_by_table.items():
        shelf = _Shelf(settings, table)
        landed: dict[str, str] = {}
        for path in paths:
            if progress:
                progress(len(outcomes), total, shelf.name_of(path))
            outcome = _ingest_file(shelf, path)
            if outcome.status != FAILED:
                landed[shelf.name_of(path)] = outcome.digest
            outcomes.append(outcome)
        shelf.retire_replaced(landed)
    if progress:
        progress(total, total, "")
    return IngestReport(outcomes)


class _Shelf:
    """The manifests of one landing folder, indexed for files that have not changed."""

    def __init__(self, settings: Settings, table: str) -> None:
        self.settings = settings
        self.table = table
        recover(settings.lake, table)
        self.manifests: dict[str, Manifest] = {}
        self._unchanged: dict[tuple[str, int, int], str] = {}
        for manifest in load_manifests(settings.lake, table).values():
            self.add(manifest)

    def add(self, manifest: Manifest) -> None:
        """Takes a manifest into the index."""
        self.manifests[manifest.digest] = manifest
        key = (manifest.name, manifest.bytes, manifest.modified_ns)
        self._unchanged[key] = manifest.digest

    def name_of(self, path: Path) -> str:
        """The path that becomes `source_file`."""
        return str(path.relative_to(self.settings.landing))

    def identity_of(self, path: Path, connector: Connector) -> str:
        """The file's identity, without reading it where name, size and time are as they were."""
        name, status = self.name_of(path), path.stat()
        known = self._unchanged.get((name, status.st_size, status.st_mtime_ns))
        return known or registry.identity_of(connector, path, name, digest_of(path))

    def current(self, connector: Connector, digest: str, version: str) -> Manifest | None:
        """The manifest of a digest if this connector and version made it; another process may have."""
        manifest = self.manifests.get(digest) or load_manifest(
            self.settings.lake, connector.table, digest
        )
        made_by = (connector.name, version)
        if manifest and (manifest.connector, manifest.connector_version) == made_by:
            return manifest
        return None

    def keep_name(self, manifest: Manifest, path: Path) -> None:
        """Follows a landing file that was renamed, so that its correction replaces its rows."""
        if not (self.settings.landing / manifest.name).exists():
            status = path.stat()
            renamed = replace(
                manifest,
                name=self.name_of(path),
                bytes=status.st_size,
                modified_ns=status.st_mtime_ns,
            )
            write_manifest(self.settings.lake, self.table, renamed)
            self.add(renamed)

    def retire_replaced(self, landed: dict[str, str]) -> None:
        """Takes out of the lake what came from paths whose other, newer bytes have landed.

        Args:
            landed: identity by name of the files that lie in the lake now.
        """
        present = set(landed.values())
        for manifest in list(self.manifests.values()):
            newer = landed.get(manifest.name, manifest.digest)
            if newer == manifest.digest or manifest.digest in present:
                continue
            with file_lock(self.settings.lake, self.table, manifest.digest):
                if load_manifest(self.settings.lake, self.table, manifest.digest):
                    retire(self.settings.lake, self.table, manifest)


def _ingest_file(shelf: _Shelf, path: Path) -> FileOutcome:
    name, digest, chosen = shelf.name_of(path), "", ""
    settings = shelf.settings
    try:
        connector = _connector_of(settings, path)
        chosen = connector.name
        before = path.stat()
        digest = shelf.identity_of(path, connector)
        file = LandingFile(path, name, digest)
        version = registry.version_of(connector, file)
        with file_lock(settings.lake, shelf.table, digest):
            manifest = shelf.current(connector, digest, version)
            if manifest:
                shelf.keep_name(manifest, path)
                return _outcome(manifest, KNOWN)
            manifest = _read_into_lake(shelf, file, connector, version, before)
        shelf.add(manifest)
        return _outcome(manifest, INGESTED)
    except TokenworksError as error:
        return FileOutcome(name, digest, chosen, FAILED, error=str(error))
    except OSError as error:
        what = (
            f"{path}: {error.strerror or error}. Nothing of this file was kept; free space or fix "
        )
        return FileOutcome(
            name, digest, chosen, FAILED, error=what + "permissions, then run again."
        )
    except (duckdb.Error, PolarsError, pa.ArrowException) as error:
        # Its text may quote the file, so only its kind is told.
        what = f"{path}: {type(error).__name__} while reading. Nothing of this file was kept; "
        return FileOutcome(name, digest, chosen, FAILED, error=what + "look at memory and disk.")


def _connector_of(settings: Settings, path: Path) -> Connector:
    """The connector that the file's landing folder names, else the one that recognises it."""
    parts = path.relative_to(settings.landing).parts
    named = registry.in_folder(parts[0], parts[1]) if len(parts) > 2 else None
    connector = named or registry.recognise(preview_of(path)).connector
    if connector.table != parts[0]:
        raise LandingFileError(
            path,
            f"connector {connector.name} reads it, but not from landing/{parts[0]}/.",
            f"Move it to landing/{connector.table}/{connector.name}/.",
        )
    return connector


def _read_into_lake(
    shelf: _Shelf, file: LandingFile, connector: Connector, version: str, before: os.stat_result
) -> Manifest:
    preview_of(file.path)  # an empty or damaged file fails here, for every connector alike
    sink = LakeSink(shelf.settings, file, connector.name, shelf.table)
    try:
        connector.read(file, sink)
        now = file.path.stat()
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise LandingFileError(
                file.path, "it changed while it was read.", "Run again when it is whole."
            )
        return commit(shelf.settings.lake, file, version, sink)
    finally:
        sink.discard()


def _outcome(manifest: Manifest, status: str) -> FileOutcome:
    return FileOutcome(
        name=manifest.name,
        digest=manifest.digest,
        connector=manifest.connector,
        status=status,
        rows={table: given.rows for table, given in manifest.tables.items()},
        rejects=manifest.rejects,
        skipped=manifest.skipped,
        event_dates=touched_dates(manifest) if status == INGESTED else {},
    )
