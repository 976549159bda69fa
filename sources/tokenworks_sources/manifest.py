"""Manifests: what each landing file gave to the lake, and the commit that makes it so.

The order of a commit is what keeps promises: a journal names the parts, the parts are renamed into
place, the manifest is written last. A journal without its manifest is undone at the next ingest.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.lake import LakeSink, partition_folder, rejects_file


@dataclass(frozen=True)
class TableManifest:
    """What a landing file gave to one table; parts are relative to the lake."""

    rows: int
    min_event_time: str
    max_event_time: str
    event_dates: list[str]
    parts: list[str]


@dataclass(frozen=True)
class Manifest:
    """One landing file in the lake.

    `records_in` = `records_out` + the sum of `rejects` + the sum of `skipped`.
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

    @property
    def parts(self) -> list[str]:
        """All parts of the file, relative to the lake."""
        return [part for table in self.tables.values() for part in table.parts]


def manifest_folder(lake: Path, landing_table: str) -> Path:
    """Folder of the manifests of one landing table."""
    return lake / "_manifest" / landing_table


def load_manifests(lake: Path, landing_table: str) -> dict[str, Manifest]:
    """Manifests of one landing table by digest."""
    return {
        manifest.digest: manifest
        for path in sorted(manifest_folder(lake, landing_table).glob("*.json"))
        for manifest in [_parse(path.read_text())]
    }


def load_manifest(lake: Path, landing_table: str, digest: str) -> Manifest | None:
    """The manifest of one digest, if there is one."""
    path = manifest_folder(lake, landing_table) / f"{digest}.json"
    return _parse(path.read_text()) if path.exists() else None


def _parse(text: str) -> Manifest:
    record = json.loads(text)
    record["tables"] = {table: TableManifest(**given) for table, given in record["tables"].items()}
    return Manifest(**record)


@contextmanager
def file_lock(lake: Path, landing_table: str, digest: str) -> Iterator[None]:
    """One process at a time commits a digest; the lock goes with the process."""
    folder = manifest_folder(lake, landing_table)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f".{digest}.lock"
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def commit(lake: Path, file: LandingFile, connector_version: str, sink: LakeSink) -> Manifest:
    """Moves a sink's staged parts into the lake and writes the manifest, last.

    The caller holds the file's lock. An earlier manifest of the same digest (an older connector)
    is taken out first, so no row of it stays.
    """
    staged = sink.close()
    moves: list[tuple[Path, Path]] = []
    parts: dict[str, list[str]] = {}
    for number, (path, table, event_date) in enumerate(staged):
        final = partition_folder(lake, table, event_date) / f"{file.digest}-{number:04d}.parquet"
        moves.append((path, final))
        parts.setdefault(table, []).append(str(final.relative_to(lake)))
    manifest = _manifest_of(file, connector_version, sink, parts)
    folder = manifest_folder(lake, sink.landing_table)
    target, journal = folder / f"{file.digest}.json", folder / f"{file.digest}.journal"
    if target.exists():
        retire(lake, sink.landing_table, _parse(target.read_text()))
    _write_durably(journal, json.dumps(manifest.parts))
    for path, final in moves:
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, final)
    final_rejects = rejects_file(lake, sink.landing_table, file.digest)
    if sink.staged_rejects is not None:
        final_rejects.parent.mkdir(parents=True, exist_ok=True)
        os.replace(sink.staged_rejects, final_rejects)
    write_manifest(lake, sink.landing_table, manifest)
    journal.unlink(missing_ok=True)
    shutil.rmtree(sink.staging, ignore_errors=True)
    return manifest


def _manifest_of(
    file: LandingFile, connector_version: str, sink: LakeSink, parts: dict[str, list[str]]
) -> Manifest:
    status = file.path.stat()
    return Manifest(
        name=file.name,
        digest=file.digest,
        bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        connector=sink.connector,
        connector_version=connector_version,
        records_in=sink.records_in,
        records_out=sink.records_out,
        rejects=dict(sorted(sink.rejected.items())),
        skipped=dict(sorted(sink.skipped.items())),
        tables={
            table: TableManifest(
                rows=tally.rows,
                min_event_time=str(tally.min_event_time),
                max_event_time=str(tally.max_event_time),
                event_dates=[day.isoformat() for day in sorted(tally.event_dates)],
                parts=parts[table],
            )
            for table, tally in sorted(sink.tallies.items())
            if table in parts
        },
        ingested_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def write_manifest(lake: Path, landing_table: str, manifest: Manifest) -> None:
    """Writes a manifest in one step; the caller holds the file's lock."""
    path = manifest_folder(lake, landing_table) / f"{manifest.digest}.json"
    _write_durably(path, json.dumps(asdict(manifest), indent=1, default=str))


def retire(lake: Path, landing_table: str, manifest: Manifest) -> None:
    """Takes a landing file's rows out of the lake: manifest first, so no reader counts on them.

    The caller holds the file's lock.
    """
    folder = manifest_folder(lake, landing_table)
    _write_durably(folder / f"{manifest.digest}.journal", json.dumps(manifest.parts))
    (folder / f"{manifest.digest}.json").unlink(missing_ok=True)
    _undo(lake, landing_table, manifest.digest)


def recover(lake: Path, landing_table: str) -> None:
    """Undoes commits that were cut off: parts that a journal names and no manifest owns."""
    for journal in sorted(manifest_folder(lake, landing_table).glob("*.journal")):
        with file_lock(lake, landing_table, journal.stem):
            if journal.exists():
                _undo(lake, landing_table, journal.stem)


def _undo(lake: Path, landing_table: str, digest: str) -> None:
    folder = manifest_folder(lake, landing_table)
    journal = folder / f"{digest}.journal"
    if not (folder / f"{digest}.json").exists():
        for part in json.loads(journal.read_text()):
            (lake / part).unlink(missing_ok=True)
        rejects_file(lake, landing_table, digest).unlink(missing_ok=True)
    journal.unlink(missing_ok=True)


def _write_durably(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.next")
    with beside.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, path)


def touched_dates(manifest: Manifest) -> dict[str, list[date]]:
    """Event dates by table that a landing file touched."""
    return {
        table: [date.fromisoformat(day) for day in given.event_dates]
        for table, given in manifest.tables.items()
    }
