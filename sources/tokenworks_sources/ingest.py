"""Ingest: every landing file into the lake, once.

Belongs here: which landing files are new, in which order they are read, and what became of each. How
they are read and committed belongs to `units.py`. A file that cannot be read is one failed outcome
with its reason; the others still land.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.errors import LandingFileError, TokenworksError
from tokenworks_sources.lake.commit import retire
from tokenworks_sources.lake.journal import recover
from tokenworks_sources.lake.paths import change_lock, ensure_tables, landing_lock
from tokenworks_sources.lake.stage import clear_staging
from tokenworks_sources.landing import digest_of, preview_of
from tokenworks_sources.listing import Listed, finished_in
from tokenworks_sources.manifest import (
    Manifest,
    load_manifest,
    load_manifests,
    manifests_of,
    touched_dates,
    write_manifest,
)
from tokenworks_sources.settings import Settings
from tokenworks_sources.settled import landing_tables as tables_landed
from tokenworks_sources.settled import listing_of, settle
from tokenworks_sources.units import (
    BATCH_BYTES,
    BATCH_FILES,
    READ_ERRORS,
    Work,
    explain,
    ingest_unit,
)

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
        notes: remarks about the file, counted.
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
    notes: dict[str, int] = field(default_factory=dict)
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
        progress: called with (files done, files, name) before each file or batch, and at the end.
    """
    _finish_what_was_begun(settings)
    beside = finished_in(settings.landing)
    listings = _listings(settings, landing_tables, beside)
    paths_by_table = {
        table: [Path(found.path) for found in listed if not registry.is_sidecar(Path(found.path))]
        for table, listed in listings.items()
    }
    total = sum(map(len, paths_by_table.values()))
    outcomes: list[FileOutcome] = []
    whole: dict[str, int] = {}
    for table, paths in paths_by_table.items():

        def report(done: int, name: str, before: int = len(outcomes)) -> None:
            if progress:
                progress(before + done, total, name)

        found = _TableIngest(_Shelf(settings, table), report).run(paths) if paths else []
        outcomes += found
        if all(outcome.status != FAILED for outcome in found):
            whole[table] = len(found)
    if progress:
        progress(total, total, "")
    if all(registry.is_sidecar(Path(found.path)) for found in beside):
        settle(settings, listings, beside, whole)
    return IngestReport(outcomes)


def _listings(
    settings: Settings, tables: Collection[str] | None, beside: Sequence[Listed]
) -> dict[str, list[Listed]]:
    """What lies in each landing table; a file beside them is a table of its own, which fails."""
    listings = {table: listing_of(settings, table) for table in tables or tables_landed(settings)}
    if not tables:
        listings |= {Path(found.path).name: [found] for found in beside}
    return dict(sorted(listings.items()))


def _finish_what_was_begun(settings: Settings) -> None:
    try:
        with change_lock(settings.lake):
            recover(settings.lake)
        ensure_tables(settings.lake)
    except OSError as error:
        raise TokenworksError(
            f"{error.filename or settings.lake}: {error.strerror}. The lake cannot be written; "
            "free space or fix permissions, then run again."
        ) from error


class _Shelf:
    """The manifests of one landing folder, indexed for files that have not changed."""

    def __init__(self, settings: Settings, table: str) -> None:
        self.settings = settings
        self.table = table
        with landing_lock(settings.lake, table):
            clear_staging(settings.lake, table)
        self.manifests: dict[str, Manifest] = {}
        self._unchanged: dict[tuple[str, int, int], str] = {}
        self._prefix = len(str(settings.landing)) + 1
        for manifest in load_manifests(settings.lake, table).values():
            self.add(manifest)

    def add(self, manifest: Manifest) -> None:
        """Takes a manifest into the index."""
        self.manifests[manifest.digest] = manifest
        key = (manifest.name, manifest.bytes, manifest.modified_ns)
        self._unchanged[key] = manifest.digest

    def name_of(self, path: Path) -> str:
        """The path that becomes `source_file`."""
        return str(path)[self._prefix :]

    def identity_of(self, path: Path, status: os.stat_result, connector: Connector) -> str:
        """The file's identity, without reading it where name, size and time are as they were."""
        name = self.name_of(path)
        known = self._unchanged.get((name, status.st_size, status.st_mtime_ns))
        return known or registry.identity_of(connector, path, name, digest_of(path))

    def current(self, connector: Connector, digest: str, version: str) -> Manifest | None:
        """The manifest of a digest if this connector and version made it."""
        manifest = self.manifests.get(digest)
        made_by = (connector.name, version)
        if manifest and (manifest.connector, manifest.connector_version) == made_by:
            return manifest
        return None

    def look_again(self, digests: Iterable[str]) -> None:
        """Takes in what another process has committed in the meantime; the caller holds its lock."""
        for manifest in manifests_of(self.settings.lake, self.table, digests):
            self.add(manifest)

    def keep_name(self, manifest: Manifest, path: Path) -> None:
        """Follows a landing file that was renamed, so that its correction replaces its rows."""
        if manifest.name == self.name_of(path):
            return
        if not (self.settings.landing / manifest.name).exists():
            status = path.stat()
            with change_lock(self.settings.lake):
                now = load_manifest(self.settings.lake, self.table, manifest.digest)
                if now is None:
                    return
                renamed = replace(
                    now,
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
        replaced = [
            manifest.digest
            for manifest in self.manifests.values()
            if landed.get(manifest.name, manifest.digest) != manifest.digest
            and manifest.digest not in present
        ]
        if replaced:
            with landing_lock(self.settings.lake, self.table):
                retire(self.settings.lake, self.table, replaced)


class _TableIngest:
    """The ingest of one landing folder: large files one by one, small ones in batches."""

    def __init__(self, shelf: _Shelf, report: Callable[[int, str], None]) -> None:
        self.shelf = shelf
        self.report = report
        self.outcomes: dict[int, FileOutcome] = {}
        self.batch: list[Work] = []
        self.batch_bytes = 0
        self.pending: set[str] = set()
        # Files with the bytes of one that waits: known, once that one has landed.
        self.twins: list[tuple[int, Path]] = []
        self.named: dict[str, Connector | None] = {}

    def run(self, paths: Sequence[Path]) -> list[FileOutcome]:
        """Outcomes in the order of the paths."""
        for place, path in enumerate(paths):
            self._take(place, path)
        self._flush()
        while self.twins:
            twins, self.twins = self.twins, []
            for place, path in twins:
                self._take(place, path)
            self._flush()
        landed = {
            self.shelf.name_of(paths[place]): outcome.digest
            for place, outcome in self.outcomes.items()
            if outcome.status != FAILED
        }
        self.shelf.retire_replaced(landed)
        return [self.outcomes[place] for place in range(len(paths))]

    def _take(self, place: int, path: Path) -> None:
        name, digest, chosen = self.shelf.name_of(path), "", ""
        try:
            connector = self._connector_of(path)
            chosen = connector.name
            before = path.stat()
            digest = self.shelf.identity_of(path, before, connector)
            file = LandingFile(path, name, digest)
            version = registry.version_of(connector, file)
            manifest = self.shelf.current(connector, digest, version)
            if manifest:
                self._is_known(place, path, manifest)
            elif digest in self.pending:
                self.twins.append((place, path))
            else:
                self._queue(Work(place, file, connector, version, before))
        except READ_ERRORS as error:
            self.outcomes[place] = FileOutcome(
                name, digest, chosen, FAILED, error=explain(path, error)
            )

    def _queue(self, work: Work) -> None:
        if not work.is_small:
            self._ingest([work])
            return
        self.pending.add(work.file.digest)
        self.batch.append(work)
        self.batch_bytes += work.before.st_size
        if self.batch_bytes >= BATCH_BYTES or len(self.batch) >= BATCH_FILES:
            self._flush()

    def _flush(self) -> None:
        if self.batch:
            self._ingest(self.batch)
        self.batch, self.batch_bytes = [], 0
        self.pending = set()

    def _ingest(self, works: Sequence[Work]) -> None:
        shelf = self.shelf
        self.report(len(self.outcomes), works[0].file.name)
        with landing_lock(shelf.settings.lake, shelf.table):
            results = ingest_unit(shelf.settings, shelf.table, list(self._still_new(works)))
        for work in works:
            result = results.get(work.place)
            if isinstance(result, Manifest):
                shelf.add(result)
                self.outcomes[work.place] = _outcome(result, INGESTED)
            elif result is not None:
                self.outcomes[work.place] = FileOutcome(
                    work.file.name,
                    work.file.digest,
                    work.connector.name,
                    FAILED,
                    error=explain(work.file.path, result),
                )

    def _still_new(self, works: Sequence[Work]) -> Iterator[Work]:
        """Another process may have been faster."""
        self.shelf.look_again(work.file.digest for work in works)
        for work in works:
            manifest = self.shelf.current(work.connector, work.file.digest, work.version)
            if manifest:
                self._is_known(work.place, work.file.path, manifest)
            else:
                yield work

    def _is_known(self, place: int, path: Path, manifest: Manifest) -> None:
        self.shelf.keep_name(manifest, path)
        self.outcomes[place] = _outcome(manifest, KNOWN)

    def _connector_of(self, path: Path) -> Connector:
        """The connector that the file's landing folder names, else the one that recognises it."""
        table, _, below = self.shelf.name_of(path).partition("/")
        folder, _, rest = below.partition("/")
        named = self._named(table, folder) if rest else None
        connector = named or registry.recognise(preview_of(path)).connector
        if connector.table != table:
            raise LandingFileError(
                path,
                f"connector {connector.name} reads it, but not from landing/{table}/.",
                f"Move it to landing/{connector.table}/{connector.name}/.",
            )
        return connector

    def _named(self, table: str, folder: str) -> Connector | None:
        if folder not in self.named:
            self.named[folder] = registry.in_folder(table, folder)
        return self.named[folder]


def _outcome(manifest: Manifest, status: str) -> FileOutcome:
    return FileOutcome(
        name=manifest.name,
        digest=manifest.digest,
        connector=manifest.connector,
        status=status,
        rows={table: given.rows for table, given in manifest.tables.items()},
        rejects=manifest.rejects,
        skipped=manifest.skipped,
        notes=manifest.notes,
        event_dates=touched_dates(manifest) if status == INGESTED else {},
    )
