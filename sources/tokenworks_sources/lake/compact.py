"""Compaction: one part for each table and date, and one file for the rejects of each landing table.

Readers list `<table>/event_date=*/*.parquet`, and no rename of single files can put one part in the
place of several at once. So the new part is made in a folder of its own, and that folder takes the
place of the date's folder in one step (`journal.swap_folders`). Who lists the lake sees the old parts
or the new one, never rows twice and never none. A reader that has listed the old parts and opens them
only now finds them gone and fails; therefore the swap waits for the warehouse: builds and publishing
hold it while they read. Other long readers should read what is published, not the lake.

The manifests follow in the same change, so what retires a landing file finds its rows in the new part.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from tokenworks_sources.contracts.registry import contract_of
from tokenworks_sources.contracts.render import arrow_schema
from tokenworks_sources.lake.journal import Change, carry_out, recover
from tokenworks_sources.lake.paths import (
    COMPACTING,
    EMPTY_PART,
    change_lock,
    date_of_part,
    manifest_path,
    partition_files,
    rejects_file,
    staging_folder,
)
from tokenworks_sources.lake.rewrite import merged
from tokenworks_sources.lake.stage import REJECT_SCHEMA, remove_empty
from tokenworks_sources.manifest import Manifest, encoded, landing_tables, manifest_files


@dataclass(frozen=True)
class Compacted:
    """What compaction did to a table.

    Attributes:
        table: the lake table.
        dates: dates that have one part now and had several.
        parts: parts that those dates had.
        rows: rows in them.
        older: dates left as they are, because their parts follow an earlier contract.
        rejects: files of rejects that are one file now.
    """

    table: str
    dates: int = 0
    parts: int = 0
    rows: int = 0
    older: int = 0
    rejects: int = 0


def compact_table(
    lake: Path,
    table: str,
    *,
    quiet: Callable[[], AbstractContextManager[None]],
    before: date | None = None,
) -> Compacted:
    """Leaves one part for each date of a table, and where all dates are meant, of its rejects.

    Args:
        lake: the lake.
        table: the lake table.
        quiet: holds off the readers that take a lock, for the moment of the swap.
        before: only dates before this one; all where None.
    """
    with change_lock(lake):
        recover(lake)
        staging = staging_folder(lake, COMPACTING) / f"{table}-{os.getpid()}"
        shutil.rmtree(staging.parent, ignore_errors=True)
        staging.mkdir(parents=True)
        try:
            return _compact(lake, table, staging, quiet, before)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            remove_empty(staging.parent)


def _compact(
    lake: Path,
    table: str,
    staging: Path,
    quiet: Callable[[], AbstractContextManager[None]],
    before: date | None,
) -> Compacted:
    done = Compacted(table)
    swaps: list[tuple[str, str, str]] = []
    renamed: dict[str, str] = {}
    for live, parts, schema in _crowded(lake, table, before):
        if any(pq.read_schema(part).names != schema.names for part in parts):
            done = replace(done, older=done.older + 1)
            continue
        target = staging / live.name / f"{_key_of(parts)}-0000.parquet"
        rows = merged(parts, target, schema)
        swaps.append((_name(lake, target.parent), _name(lake, live), target.name))
        renamed |= {_name(lake, part): _name(lake, live / target.name) for part in parts}
        if schema is REJECT_SCHEMA:
            done = replace(done, rejects=len(parts))
        else:
            done = replace(
                done, dates=done.dates + 1, parts=done.parts + len(parts), rows=done.rows + rows
            )
    if swaps:
        moves = _manifests(lake, staging, renamed)
        with quiet():
            carry_out(lake, Change(_name(lake, staging), moves=moves, swaps=swaps))
    return done


def _crowded(
    lake: Path, table: str, before: date | None
) -> Iterable[tuple[Path, list[Path], pa.Schema]]:
    """Folders with more than one part that has rows: dates, and the table's rejects, which have none."""
    by_folder: dict[Path, list[Path]] = {}
    for part in partition_files(lake, table):
        if part.name != EMPTY_PART and (before is None or date_of_part(part) < before):
            by_folder.setdefault(part.parent, []).append(part)
    schema = arrow_schema(contract_of(table))
    found = [(folder, parts, schema) for folder, parts in by_folder.items()]
    rejects = rejects_file(lake, table, "").parent
    if before is None:
        found.append((rejects, sorted(rejects.glob("*.parquet")), REJECT_SCHEMA))
    return [(folder, parts, schema) for folder, parts, schema in found if len(parts) > 1]


def _manifests(lake: Path, staging: Path, renamed: dict[str, str]) -> list[tuple[str, str]]:
    """Stages files of manifests that name a part which is merged; the moves that put them in place."""
    moves = []
    for landing_table in landing_tables(lake):
        for key, manifests in manifest_files(lake, landing_table).items():
            if any(part in renamed for manifest in manifests for part in manifest.parts):
                final = manifest_path(lake, landing_table, key)
                staged = staging / final.relative_to(lake)
                staged.parent.mkdir(parents=True, exist_ok=True)
                staged.write_bytes(encoded([_following(one, renamed) for one in manifests]))
                moves.append((_name(lake, staged), _name(lake, final)))
    return moves


def _following(manifest: Manifest, renamed: dict[str, str]) -> Manifest:
    tables = {
        table: replace(
            given, parts=list(dict.fromkeys(renamed.get(part, part) for part in given.parts))
        )
        for table, given in manifest.tables.items()
    }
    rejects = renamed.get(manifest.rejects_file, manifest.rejects_file)
    return replace(manifest, tables=tables, rejects_file=rejects)


def _key_of(parts: Iterable[Path]) -> str:
    return str(xxhash.xxh3_128_hexdigest("\n".join(part.name for part in parts).encode()))


def _name(lake: Path, path: Path) -> str:
    return str(path.relative_to(lake))
