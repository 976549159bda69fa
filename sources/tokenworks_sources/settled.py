"""What an ingest would find unchanged, without reading files, manifests or connectors.

After an ingest without failures, a landing table is settled: `lake/_settled.json` keeps a digest of
its listing, of the code that read it and of the manifests' folder. As long as all of that is as it
was, there is nothing to do, and a command can say so before it imports what reads files. The truth
stays with the manifests: whatever looks different here is looked at in full.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xxhash

from tokenworks_sources.listing import Listed, finished_below, finished_in
from tokenworks_sources.settings import Settings

_PACKAGE = Path(__file__).parent


def settled_files(settings: Settings) -> int | None:
    """How many landing files are in the lake, where nothing has to be done; None where it may."""
    said = _read(settings)
    if not said or _is_busy(settings.lake) or said["code"] != code_digest():
        return None
    if not all((settings.lake / part).is_file() for part in said["parts"]):
        return None
    tables = landing_tables(settings)
    beside = finished_in(settings.landing)
    for table in tables:
        found = said["tables"].get(table)
        listed = [*beside, *listing_of(settings, table)]
        if not found or found != _state(settings, table, listed, found["files"]):
            return None
    return sum(said["tables"][table]["files"] for table in tables) if tables else None


def landing_tables(settings: Settings) -> list[str]:
    """The folders of the landing folder."""
    if not settings.landing.is_dir():
        return []
    with os.scandir(settings.landing) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))


def listing_of(settings: Settings, table: str) -> list[Listed]:
    """The finished files of one landing table, sidecars included."""
    return finished_below(settings.landing / table)


def settle(
    settings: Settings,
    listings: Mapping[str, Sequence[Listed]],
    beside: Sequence[Listed],
    whole: Mapping[str, int],
) -> None:
    """Keeps what the next ingest may skip.

    Args:
        settings: the home folder.
        listings: what lay in each landing table before it was read.
        beside: what lay beside the tables.
        whole: how many landing files the tables hold of which every one is in the lake now.
    """
    from tokenworks_sources.lake.paths import change_lock, empty_parts, journal_folder

    code = code_digest()
    found = {
        table: _state(settings, table, [*beside, *listings[table]], files)
        for table, files in whole.items()
    }
    parts = [str(part.relative_to(settings.lake)) for part in empty_parts(settings.lake)]
    with change_lock(settings.lake):
        said = _read(settings)
        known = said["tables"] if said and said["code"] == code else {}
        tables = {table: state for table, state in known.items() if table not in listings} | found
        new = {"code": code, "parts": parts, "tables": tables}
        if new != said:
            # Beside the journal, where what a killed process leaves is cleared away.
            staged = journal_folder(settings.lake) / f".settled.{os.getpid()}.next"
            staged.write_text(json.dumps(new))
            os.replace(staged, _file(settings))


def code_digest() -> str:
    """Digest of the package, mappings included: any change may change a connector's version."""
    digest = xxhash.xxh3_128()
    for folder, folders, names in os.walk(_PACKAGE):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(names):
            digest.update(f"\0{folder}/{name}\0".encode())
            digest.update(Path(folder, name).read_bytes())
    return digest.hexdigest()


def _state(
    settings: Settings, table: str, listed: Iterable[Listed], files: int
) -> dict[str, object]:
    lines = "\n".join(f"{size} {modified} {path}" for path, size, modified in listed)
    folder = settings.lake / "_manifest" / table
    return {
        "files": files,
        "listing": xxhash.xxh3_128_hexdigest(lines.encode("utf-8", "surrogateescape")),
        "manifests_ns": folder.stat().st_mtime_ns if folder.is_dir() else None,
    }


def _is_busy(lake: Path) -> bool:
    """Whether another process is at work, or one was killed."""
    return _names(lake / "_staging") != set() or _names(lake / "_journal") != {".lock"}


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _read(settings: Settings) -> dict[str, Any] | None:
    try:
        return dict(json.loads(_file(settings).read_bytes()))
    except (OSError, ValueError):
        return None


def _file(settings: Settings) -> Path:
    return settings.lake / "_settled.json"
