"""The journal: changes that readers see, each made whole or not at all.

Everything new is staged first, manifests included, so that a change is nothing but renames, folder
swaps and removals. It is written to the journal and then carried out; once the journal is written it
will be carried out to its end, by this process or by the next one that takes the lock. Every step may
be repeated, so a process may be killed between any two of them.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.lake.paths import COMPACTING, journal_file, journal_folder, staging_folder
from tokenworks_sources.lake.stage import remove_empty

# More files than this are made durable by one call for the whole file system.
SINGLE_SYNCS = 64
_EXCHANGE, _HERE = 2, -100


class InterruptedChangeError(TokenworksError):
    """A change of the lake that has begun and that the system does not let us finish."""


@dataclass(frozen=True)
class Change:
    """One change of the lake; paths are relative to it.

    Attributes:
        staging: folder of what was staged; removed at the end.
        removed: files that go first.
        moves: (staged file, where it goes), in this order.
        swaps: (staged folder, folder that it takes the place of, a file that only the new one has).
        superseded: files that go last, when what takes their place is there.
    """

    staging: str
    removed: list[str] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)
    swaps: list[tuple[str, str, str]] = field(default_factory=list)
    superseded: list[str] = field(default_factory=list)


def carry_out(lake: Path, change: Change) -> None:
    """Makes a change; the caller holds `change_lock` and has called `recover`.

    Raises:
        OSError: the change could not be begun; nothing was changed.
        InterruptedChangeError: it has begun, and the next ingest will finish it.
    """
    _prepare(lake, change)
    new = [lake / staged for staged, _ in change.moves]
    new += [lake / staged / mark for staged, _, mark in change.swaps]
    _make_durable(new)
    journal = journal_file(lake, Path(change.staging))
    beside = journal.with_name(f".{journal.name}.next")
    with beside.open("wb") as stream:
        stream.write(msgspec.json.encode(change))
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, journal)
    _finish(lake, journal, change)


def recover(lake: Path) -> None:
    """Finishes what killed processes began; the caller holds `change_lock`."""
    folder = journal_folder(lake)
    for left in folder.glob(".*.next"):
        left.unlink(missing_ok=True)
    for journal in sorted(folder.glob("*.journal")):
        change = msgspec.json.decode(journal.read_bytes(), type=Change)
        _finish(lake, journal, change)
    # Whoever compacts holds the lock all the while, so what lies there was left.
    shutil.rmtree(staging_folder(lake, COMPACTING), ignore_errors=True)
    remove_empty(lake / "_staging")


def _finish(lake: Path, journal: Path, change: Change) -> None:
    try:
        for name in change.removed:
            (lake / name).unlink(missing_ok=True)
        for staged, final in change.moves:
            if (lake / staged).exists():
                (lake / final).parent.mkdir(parents=True, exist_ok=True)
                os.replace(lake / staged, lake / final)
        for staged, live, mark in change.swaps:
            if not (lake / live / mark).exists():
                swap_folders(lake / staged, lake / live)
        for name in change.superseded:
            (lake / name).unlink(missing_ok=True)
        shutil.rmtree(lake / change.staging, ignore_errors=True)
        journal.unlink(missing_ok=True)
    except OSError as error:
        raise InterruptedChangeError(
            f"{error.filename or journal}: {error.strerror or error}. A change of the lake was "
            "interrupted here; free space or fix permissions, and the next ingest finishes it."
        ) from error
    for folder in {(lake / name).parent for name in (*change.removed, *change.superseded)}:
        remove_empty(folder)


def _prepare(lake: Path, change: Change) -> None:
    """Meets missing permissions before the change has begun."""
    targets = [lake / final for _, final in change.moves]
    removed = [lake / name for name in (*change.removed, *change.superseded)]
    swapped = [lake / live for _, live, _ in change.swaps]
    folders = {path.parent for path in (*targets, *removed, *swapped)}
    for folder in sorted(folders):
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _make_durable(paths: list[Path]) -> None:
    """What the journal names must outlive a loss of power."""
    if len(paths) > SINGLE_SYNCS:
        os.sync()
        return
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def swap_folders(new: Path, live: Path) -> None:
    """Puts a folder in the place of another in one step where the system can.

    Who lists the folder sees the old parts or the new ones, never both and never none. Elsewhere there
    is a moment without the folder, which only readers that take no lock can meet.
    """
    if not live.exists():
        os.replace(new, live)  # a killed process had moved the old one away
        return
    if _exchange(new, live):
        return
    old = new.with_name(f"{new.name}.old")
    os.replace(live, old)
    os.replace(new, live)


def _exchange(one: Path, other: Path) -> bool:
    """renameat2 with RENAME_EXCHANGE; false where the system or the file system lacks it."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(other))
