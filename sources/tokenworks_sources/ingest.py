"""Ingest: every landing file into the lake, once.

Belongs here: which landing files are new, in which order they are read, and what became of each. How
they are read and committed belongs to `units.py`. A file that cannot be read is one failed outcome
with its reason; the others still land.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
from polars.exceptions import PolarsError

from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.errors import LandingFileError, TokenworksError
from tokenworks_sources.lake.journal import recover
from tokenworks_sources.lake.paths import change_lock, ensure_tables, landing_lock
from tokenworks_sources.landing import preview_of
from tokenworks_sources.listing import Listed, finished_in
from tokenworks_sources.manifest import Manifest
from tokenworks_sources.outcomes import (
    FAILED,
    INGESTED,
    KNOWN,
    FileOutcome,
    IngestReport,
    outcome_of,
)
from tokenworks_sources.settings import Settings
from tokenworks_sources.settled import landing_tables as tables_landed
from tokenworks_sources.settled import listing_of, settle
from tokenworks_sources.shelf import Shelf
from tokenworks_sources.units import (
    BATCH_BYTES,
    BATCH_FILES,
    READ_ERRORS,
    Work,
    explain,
    ingest_unit,
)

Progress = Callable[[int, int, str], None]


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

        found = _TableIngest(Shelf(settings, table), report).run(paths) if paths else []
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
    with _told(settings):
        with change_lock(settings.lake):
            recover(settings.lake)
        ensure_tables(settings.lake)


@contextmanager
def _told(settings: Settings) -> Iterator[None]:
    """An error of the system within says what to do about it."""
    try:
        yield
    except OSError as error:
        raise TokenworksError(
            f"{error.filename or settings.lake}: {error.strerror}. The lake cannot be written; "
            "free space or fix permissions, then run again."
        ) from error


class _TableIngest:
    """The ingest of one landing folder: large files one by one, small ones in batches."""

    def __init__(self, shelf: Shelf, report: Callable[[int, str], None]) -> None:
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
        with _told(self.shelf.settings):
            self.shelf.write_names()
            self.shelf.retire_replaced(landed)
        return [self.outcomes[place] for place in range(len(paths))]

    def _take(self, place: int, path: Path) -> None:
        name, digest, chosen = self.shelf.name_of(path), "", ""
        try:
            connector = self._connector_of(path)
            chosen = connector.name
            before = path.stat()
            version = registry.version_of(connector, LandingFile(path, name, digest))
            file = self.shelf.file_at(path, before, connector, version)
            digest = file.digest
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
            results = ingest_unit(shelf.settings, shelf.catalogue, list(self._still_new(works)))
        for work in works:
            result = results.get(work.place)
            if isinstance(result, Manifest):
                self.outcomes[work.place] = outcome_of(result, work.file.path, INGESTED)
            elif result is not None:
                self.outcomes[work.place] = FileOutcome(
                    work.file.name,
                    work.file.digest,
                    work.connector.name,
                    FAILED,
                    error=_explained(work, result),
                )

    def _still_new(self, works: Sequence[Work]) -> Iterator[Work]:
        """Another process may have been faster."""
        self.shelf.catalogue.look()
        for work in works:
            manifest = self.shelf.current(work.connector, work.file.digest, work.version)
            if manifest:
                self._is_known(work.place, work.file.path, manifest)
            else:
                yield work

    def _is_known(self, place: int, path: Path, manifest: Manifest) -> None:
        self.shelf.keep_name(manifest, path)
        self.outcomes[place] = outcome_of(manifest, path, KNOWN)

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


_SHORT_OF_ROOM = (duckdb.OutOfMemoryException, duckdb.IOException, pa.ArrowMemoryError)


def _explained(work: Work, error: Exception) -> str:
    """Why a file could not be read; where a library gave up on its content, that, unquoted."""
    is_of_library = isinstance(error, (duckdb.Error, PolarsError, pa.ArrowException))
    if not is_of_library or isinstance(error, (*_SHORT_OF_ROOM, OSError)):
        return explain(work.file.path, error)
    what = (
        f"connector {work.connector.name} cannot make sense of it ({type(error).__name__}). "
        "Nothing of this file was kept."
    )
    hint = "Check that it is of that format (`tokenworks connectors`) and whole."
    return str(LandingFileError(work.file.path, what, hint))
