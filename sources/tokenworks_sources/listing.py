"""What lies in the landing folder: names, sizes and times, one listing for each folder.

Nothing heavy is imported here: who only asks whether anything changed gets the answer at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

UNFINISHED = (".part", ".tmp", ".next")


class Listed(NamedTuple):
    """A finished file, as it was when its folder was listed."""

    path: str
    size: int
    modified_ns: int


def is_unfinished(name: str) -> bool:
    """A file that a shipper is still writing, or that is no data (dot files)."""
    return name.startswith((".", "~")) or name.endswith(UNFINISHED)


def finished_below(folder: Path) -> list[Listed]:
    """All finished files below a folder, sorted by the parts of their paths."""
    return sorted(_below(str(folder)), key=_parts)


def finished_in(folder: Path) -> list[Listed]:
    """The finished files of a folder itself, sorted by name."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(_listed(entry) for entry in entries if _is_finished(entry))


def _parts(found: Listed) -> list[str]:
    return found.path.split("/")


def _below(folder: str) -> Iterator[Listed]:
    """There may be ten thousand files: no Path objects here."""
    if not Path(folder).is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(entry.path)
            elif _is_finished(entry):
                yield _listed(entry)


def _is_finished(entry: os.DirEntry[str]) -> bool:
    return not is_unfinished(entry.name) and entry.is_file()


def _listed(entry: os.DirEntry[str]) -> Listed:
    try:
        status = entry.stat()
    except OSError:
        return Listed(entry.path, -1, -1)  # who reads it will meet the reason
    return Listed(entry.path, status.st_size, status.st_mtime_ns)
