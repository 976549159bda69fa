"""Landing files into the lake and out of it: rows, rejects and manifests in one change.

The manifests of a unit of work become visible with its parts. Rows of an earlier connector's version
and of replaced files leave in the same change; parts that they share with other landing files are
written anew without them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from tokenworks_sources.catalogue import Catalogue, without
from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.lake.journal import Change, carry_out, recover
from tokenworks_sources.lake.paths import change_lock, manifest_path, partition_folder, rejects_file
from tokenworks_sources.lake.rewrite import holds_any, without_digests
from tokenworks_sources.lake.sink import FileTally, LakeSink
from tokenworks_sources.lake.stage import Stage, StagedPart
from tokenworks_sources.manifest import Manifest, TableManifest, encoded


@dataclass(frozen=True)
class Entry:
    """A landing file that has been read whole."""

    file: LandingFile
    connector: str
    connector_version: str
    tally: FileTally


def commit(lake: Path, file: LandingFile, connector_version: str, sink: LakeSink) -> Manifest:
    """Brings the one file of a sink into the lake; the caller holds its `landing_lock`."""
    sink.check()
    entry = Entry(file, sink.connector, connector_version, sink.tally)
    return commit_unit(lake, sink.stage, [entry], Catalogue(lake, sink.landing_table))[0]


def commit_unit(
    lake: Path, stage: Stage, entries: Sequence[Entry], catalogue: Catalogue
) -> list[Manifest]:
    """Brings the files of one unit of work into the lake, all of them at once.

    The caller holds the landing table's `landing_lock` and discards the stage.
    """
    parts = _final_parts(lake, stage, stage.close())
    rejects = rejects_file(lake, stage.landing_table, stage.key) if stage.rejects else None
    names = _names_by_date(lake, parts)
    manifests = [_manifest_of(lake, entry, names, rejects) for entry in entries]
    moves = _Moves(lake, stage)
    for part, final in parts:
        moves.add(part.path, final)
    if stage.rejects and rejects:
        moves.add(stage.rejects, rejects)
    digests = {entry.file.digest for entry in entries}
    with change_lock(lake):
        recover(lake)
        catalogue.look()
        files = catalogue.holding(digests, stage.key)
        removed = moves.take_out(_among(files, digests))
        left = without(files, digests)
        moves.add_manifests(stage.key, [*left.pop(stage.key, ()), *manifests])
        # Until the new manifests are there, the old ones are.
        superseded = moves.leave(left)
        carry_out(lake, moves.change(removed, superseded))
        catalogue.took(stage.key, manifests)
    return manifests


def retire(lake: Path, landing_table: str, digests: Collection[str]) -> None:
    """Takes landing files out of the lake; the caller holds the table's `landing_lock`."""
    if not digests:
        return
    stage, catalogue = Stage(lake, landing_table, "retired"), Catalogue(lake, landing_table)
    try:
        with change_lock(lake):
            recover(lake)
            catalogue.look()
            files = catalogue.holding(digests)
            moves = _Moves(lake, stage)
            # Manifests go first, so that nobody counts on rows that are going.
            removed = moves.leave(without(files, digests))
            superseded = moves.take_out(_among(files, digests))
            carry_out(lake, moves.change(removed, superseded))
    finally:
        stage.discard()


def _among(files: dict[str, list[Manifest]], digests: Collection[str]) -> list[Manifest]:
    return [one for many in files.values() for one in many if one.digest in digests]


@dataclass
class _Moves:
    """The renames of one change."""

    lake: Path
    stage: Stage
    pairs: dict[Path, Path] = field(default_factory=dict)

    def add(self, staged: Path, final: Path) -> None:
        """A staged file and where it goes."""
        self.pairs[final] = staged

    def add_manifests(self, key: str, manifests: Sequence[Manifest]) -> None:
        """Stages a file of manifests."""
        folder = self.stage.folder / "manifests"
        folder.mkdir(exist_ok=True)
        final = manifest_path(self.lake, self.stage.landing_table, key)
        staged = folder / final.name
        staged.write_bytes(encoded(manifests))
        self.add(staged, final)

    def leave(self, files: dict[str, list[Manifest]]) -> list[Path]:
        """Stages files with the manifests that are left of them; those with none must go."""
        for key, manifests in files.items():
            if manifests:
                self.add_manifests(key, manifests)
        table = self.stage.landing_table
        return [manifest_path(self.lake, table, key) for key, left in files.items() if not left]

    def take_out(self, manifests: Iterable[Manifest]) -> list[Path]:
        """Stages parts without the rows of these files; the files of the lake that must go."""
        owners: dict[str, set[str]] = defaultdict(set)
        for manifest in manifests:
            for name in manifest.parts:
                owners[name].add(manifest.digest)
        removed: list[Path] = []
        for number, (name, digests) in enumerate(sorted(owners.items())):
            part = self.lake / name
            if part in self.pairs or not part.exists():
                continue  # replaced by a new part of its name
            if _is_own(part, digests):
                removed.append(part)
            elif holds_any(part, digests):
                staged = self.stage.folder / "rewritten" / f"{number:05d}.parquet"
                if without_digests(part, staged, digests):
                    self.add(staged, part)
                else:
                    removed.append(part)
        return removed

    def change(self, removed: Iterable[Path], superseded: Iterable[Path]) -> Change:
        """The change, with paths as the journal names them."""
        return Change(
            staging=self._name(self.stage.folder),
            removed=[self._name(path) for path in removed],
            moves=[(self._name(staged), self._name(final)) for final, staged in self.pairs.items()],
            superseded=[self._name(path) for path in superseded],
        )

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self.lake))


def _is_own(part: Path, digests: Collection[str]) -> bool:
    """Parts of a landing file that was a unit of its own are named by its digest."""
    return part.stem.partition("-")[0] in digests


def _final_parts(
    lake: Path, stage: Stage, staged: Sequence[StagedPart]
) -> list[tuple[StagedPart, Path]]:
    return [
        (part, partition_folder(lake, part.table, part.event_date) / f"{stage.key}-{n:04d}.parquet")
        for n, part in enumerate(staged)
    ]


PartNames = dict[tuple[str, date], list[str]]


def _names_by_date(lake: Path, parts: Sequence[tuple[StagedPart, Path]]) -> PartNames:
    names: PartNames = defaultdict(list)
    for part, final in parts:
        names[part.table, part.event_date].append(str(final.relative_to(lake)))
    return names


def _manifest_of(lake: Path, entry: Entry, names: PartNames, rejects: Path | None) -> Manifest:
    status = entry.file.path.stat()
    tally = entry.tally
    return Manifest(
        name=entry.file.name,
        digest=entry.file.digest,
        bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        connector=entry.connector,
        connector_version=entry.connector_version,
        records_in=tally.records_in,
        records_out=tally.records_out,
        rejects=dict(sorted(tally.rejected.items())),
        skipped=dict(sorted(tally.skipped.items())),
        tables={
            table: TableManifest(
                rows=given.rows,
                min_event_time=str(given.min_event_time),
                max_event_time=str(given.max_event_time),
                event_dates=[day.isoformat() for day in sorted(given.event_dates)],
                parts=[name for day in sorted(given.event_dates) for name in names[table, day]],
            )
            for table, given in sorted(tally.tables.items())
        },
        ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
        rejects_file=str(rejects.relative_to(lake)) if rejects and tally.rejected else "",
        notes=dict(sorted(tally.notes.items())),
    )
