"""Units of work: one large landing file, or a batch of small ones, into the lake in one change.

A batch shares what is dear: parts, one change, and for connectors that can, one query. Each file keeps
a manifest and an outcome of its own, and one that cannot be read leaves the others alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import xxhash
from polars.exceptions import PolarsError

from tokenworks_sources.catalogue import Catalogue
from tokenworks_sources.connectors.base import BatchConnector, Connector, LandingFile
from tokenworks_sources.errors import LandingFileError, TokenworksError
from tokenworks_sources.lake.batch import LakeBatch
from tokenworks_sources.lake.commit import Entry, commit_unit
from tokenworks_sources.lake.sink import LakeSink, OutgrownError
from tokenworks_sources.lake.stage import Stage
from tokenworks_sources.landing import preview_of
from tokenworks_sources.manifest import Manifest
from tokenworks_sources.settings import Settings

# Larger files are units of their own, and stream.
SMALL_BYTES = 1 << 20
BATCH_BYTES = 1 << 27
BATCH_FILES = 5_000

READ_ERRORS = (TokenworksError, OSError, duckdb.Error, PolarsError, pa.ArrowException)


@dataclass(frozen=True)
class Work:
    """A landing file that is not in the lake yet.

    Attributes:
        place: its place in the landing folder's order.
        file: the file.
        connector: reads it.
        version: the connector's version for this file.
        before: its size and time before it was read.
    """

    place: int
    file: LandingFile
    connector: Connector
    version: str
    before: os.stat_result

    @property
    def is_small(self) -> bool:
        """Whether it goes into a batch."""
        return self.before.st_size <= SMALL_BYTES

    def entry(self, sink: LakeSink) -> Entry:
        """What the commit has to know."""
        return Entry(self.file, self.connector.name, self.version, sink.tally)


Result = Manifest | Exception


def ingest_unit(
    settings: Settings, catalogue: Catalogue, works: Sequence[Work]
) -> dict[int, Result]:
    """Reads files and commits them; the manifest, or why there is none, by the file's place.

    The caller holds the `landing_lock` of the catalogue's landing table.
    """
    if not works:
        return {}
    if len(works) == 1:
        return {works[0].place: _alone(settings, catalogue, works[0])}
    try:
        results, outgrown = _Batch(settings, catalogue, works).run()
    except READ_ERRORS as error:
        return {work.place: error for work in works}
    results |= {work.place: _alone(settings, catalogue, work) for work in outgrown}
    return results


def _alone(settings: Settings, catalogue: Catalogue, work: Work) -> Result:
    sink: LakeSink | None = None
    try:
        sink = LakeSink(settings, work.file, work.connector.name, catalogue.landing_table)
        _read(work, sink)
        return commit_unit(settings.lake, sink.stage, [work.entry(sink)], catalogue)[0]
    except READ_ERRORS as error:
        return error
    finally:
        if sink:
            sink.discard()


def _read(work: Work, sink: LakeSink) -> None:
    preview_of(work.file.path)  # an empty or damaged file fails here, for every connector alike
    work.connector.read(work.file, sink)
    sink.check()
    _unchanged(work)


def _unchanged(work: Work) -> None:
    now = work.file.path.stat()
    if (now.st_size, now.st_mtime_ns) != (work.before.st_size, work.before.st_mtime_ns):
        raise LandingFileError(
            work.file.path, "it changed while it was read.", "Run again when it is whole."
        )


class _Batch:
    """One attempt to bring small files into the lake together."""

    def __init__(self, settings: Settings, catalogue: Catalogue, works: Sequence[Work]) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.works = works
        self.results: dict[int, Result] = {}
        self.outgrown: list[Work] = []
        self.entries: list[tuple[Work, Entry]] = []

    def run(self) -> tuple[dict[int, Result], list[Work]]:
        """Results by place, and the files that must be read alone."""
        if not self._attempt(at_once=True):
            # One of the files spoils the query that reads them all: find out which.
            self.results, self.outgrown, self.entries = {}, [], []
            self._attempt(at_once=False)
        return self.results, self.outgrown

    def _attempt(self, *, at_once: bool) -> bool:
        """Reads and commits; false where the files cannot be read together."""
        stage = Stage(self.settings.lake, self.catalogue.landing_table, _key_of(self.works))
        try:
            try:
                left = self._read_at_once(stage) if at_once else list(self.works)
            except READ_ERRORS:
                return False
            for work in left:
                self._read_one(stage, work)
            if self.entries:
                entries = [entry for _, entry in self.entries]
                manifests = commit_unit(self.settings.lake, stage, entries, self.catalogue)
                places = [work.place for work, _ in self.entries]
                self.results |= dict(zip(places, manifests, strict=True))
            return True
        finally:
            stage.discard()

    def _read_at_once(self, stage: Stage) -> list[Work]:
        """Reads what connectors can read together; the files that are left."""
        groups: dict[str, list[Work]] = {}
        for work in self.works:
            groups.setdefault(work.connector.name, []).append(work)
        left: list[Work] = []
        for name, group in groups.items():
            connector = group[0].connector
            if not isinstance(connector, BatchConnector) or len(group) == 1:
                left += group
                continue
            batch = LakeBatch(self.settings, [work.file for work in group], name, stage)
            refused = set(connector.read_batch(batch))
            left += [work for place, work in enumerate(group) if place in refused]
            batch.check()
            for place, (work, tally) in enumerate(zip(group, batch.tallies, strict=True)):
                if place not in refused:
                    _unchanged(work)
                    entry = Entry(work.file, name, work.version, tally)
                    self.entries.append((work, entry))
        return left

    def _read_one(self, stage: Stage, work: Work) -> None:
        table = self.catalogue.landing_table
        sink = LakeSink(self.settings, work.file, work.connector.name, table, stage=stage)
        try:
            _read(work, sink)
        except OutgrownError:
            self.outgrown.append(work)
            return
        except READ_ERRORS as error:
            self.results[work.place] = error
            return
        sink.hand_over()
        self.entries.append((work, work.entry(sink)))


def _key_of(works: Iterable[Work]) -> str:
    """The batch of the same files and versions has the same key."""
    lines = sorted(f"{work.file.digest} {work.connector.name} {work.version}" for work in works)
    return str(xxhash.xxh3_128_hexdigest("\n".join(lines).encode()))


def explain(path: Path, error: Exception) -> str:
    """What went wrong with a file and what to do, without quoting it."""
    if isinstance(error, TokenworksError):
        return str(error)
    if isinstance(error, OSError):
        return (
            f"{error.filename or path}: {error.strerror or type(error).__name__}. Nothing of this "
            "file was kept; free space or fix permissions, then run again."
        )
    # Its text may quote the file, so only its kind is told.
    return (
        f"{path}: {type(error).__name__} while reading. Nothing of this file was kept; "
        "look at memory and disk."
    )
