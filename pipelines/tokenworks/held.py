"""Versions of what is published that somebody reads: none of them is taken away meanwhile.

A reader of many files holds their folder from before the first to after the last; whoever replaces
the published folder leaves a held one where it is, and takes it away another time. A hold falls with
its process, so that a crash leaves nothing to clean up.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Held:
    """A folder that stays as long as this object does.

    Attributes:
        folder: the folder itself, whatever a link to it comes to lead to.
    """

    def __init__(self, folder: Path) -> None:
        """Hold what a path leads to now; a path that leads nowhere is held as it is."""
        while True:
            self.folder = folder.resolve()
            if not self.folder.is_dir():
                return
            try:
                descriptor = os.open(self.folder, os.O_RDONLY)
            except FileNotFoundError:
                continue
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if _is_here(self.folder, descriptor):
                weakref.finalize(self, os.close, descriptor)
                return
            # It was taken away before it was held: the path leads to another by now.
            os.close(descriptor)


def _is_here(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def unless_held(folder: Path) -> Iterator[bool]:
    """Whether nobody holds a folder; nobody comes to hold it until this ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)
