"""Where things lie in the lake, and who may change it at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tokenworks_sources.contracts.model import PARTITION_COLUMN, Contract
from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.contracts.render import arrow_schema

EMPTY_PART = "_empty.parquet"
# Staging folder of compaction, which belongs to no landing table.
COMPACTING = "_compact"
MANIFEST_SUFFIX = ".json"


def partition_folder(lake: Path, table: str, event_date: date) -> Path:
    """Folder of one table and date."""
    return lake / table / f"{PARTITION_COLUMN}={event_date.isoformat()}"


def partition_files(lake: Path, table: str) -> list[Path]:
    """All Parquet parts of a table, sorted."""
    return sorted((lake / table).glob(f"{PARTITION_COLUMN}=*/*.parquet"))


def date_of_part(path: Path) -> date:
    """The event date that the folder of a part names."""
    return date.fromisoformat(path.parent.name.partition("=")[2])


def rejects_file(lake: Path, landing_table: str, key: str) -> Path:
    """Rejects of one unit of work: a landing file by its digest, or a batch of small ones."""
    return lake / "_rejects" / landing_table / f"{key}.parquet"


def manifest_folder(lake: Path, landing_table: str) -> Path:
    """Folder of the manifests of one landing table."""
    return lake / "_manifest" / landing_table


def manifest_path(lake: Path, landing_table: str, key: str) -> Path:
    """Where the manifests of a unit of work lie: a landing file by its digest, or a batch of them."""
    return manifest_folder(lake, landing_table) / f"{key}{MANIFEST_SUFFIX}"


def staging_folder(lake: Path, landing_table: str) -> Path:
    """Folder of what is being made for the lake, on the same file system."""
    return lake / "_staging" / landing_table


def journal_folder(lake: Path) -> Path:
    """Folder of the changes that are being made."""
    return lake / "_journal"


def journal_file(lake: Path, staging: Path) -> Path:
    """The journal of the change that was staged in a folder."""
    return journal_folder(lake) / f"{staging.name}.journal"


@contextmanager
def landing_lock(lake: Path, landing_table: str) -> Iterator[None]:
    """One process at a time reads files of a landing table; the lock goes with the process."""
    with _locked(manifest_folder(lake, landing_table) / ".lock"):
        yield


@contextmanager
def change_lock(lake: Path) -> Iterator[None]:
    """One process at a time changes what readers see; taken inside `landing_lock`, never around it."""
    with _locked(journal_folder(lake) / ".lock"):
        yield


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def ensure_tables(lake: Path) -> None:
    """A zero-row part for every table, so that readers see its columns before data arrives."""
    missing = [contract for contract in CONTRACTS.values() if not _has_empty_part(lake, contract)]
    if not missing:
        return
    with change_lock(lake):
        for contract in missing:
            path = _empty_part(lake, contract)
            path.parent.mkdir(parents=True, exist_ok=True)
            # Beside the journal, where what a killed process leaves is cleared away.
            beside = journal_folder(lake) / f".{contract.table}.{os.getpid()}.next"
            pq.write_table(pa.Table.from_batches([], arrow_schema(contract)), beside)
            os.replace(beside, path)


def empty_parts(lake: Path) -> list[Path]:
    """The zero-row parts of all tables."""
    return [_empty_part(lake, contract) for contract in CONTRACTS.values()]


def _has_empty_part(lake: Path, contract: Contract) -> bool:
    path = _empty_part(lake, contract)
    if not path.exists():
        return False
    return _described(pq.read_schema(path)) == _described(arrow_schema(contract))


def _described(schema: pa.Schema) -> list[tuple[object, ...]]:
    """Columns to compare; Parquet calls the members of a list by another name than Arrow."""
    return [
        (field.name, str(field.type).replace("element:", "item:"), field.nullable, field.metadata)
        for field in schema
    ]


def _empty_part(lake: Path, contract: Contract) -> Path:
    return partition_folder(lake, contract.table, date(1970, 1, 1)) / EMPTY_PART
