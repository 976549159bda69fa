"""How far this process has read a file, as the system tells it.

Readers of many kinds open landing files, some by way of a library. Instead of asking each of them, the
position of the file's open descriptors is looked up; where the system does not tell, nobody knows.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_DESCRIPTORS = Path("/proc/self/fd")
_POSITIONS = Path("/proc/self/fdinfo")


def bytes_read(path: Path) -> int | None:
    """The furthest position in a file that is open for reading; None where it is not, or untold."""
    try:
        wanted = path.stat()
        numbers = [entry.name for entry in os.scandir(_DESCRIPTORS)]
    except OSError:
        return None
    found = [
        position
        for number in numbers
        if (position := _position(number, wanted)) is not None and position > 0
    ]
    return max(found, default=None)


def _position(number: str, wanted: os.stat_result) -> int | None:
    # It may be closed by now.
    with suppress(OSError, ValueError):
        if os.path.samestat(os.fstat(int(number)), wanted):
            first = (_POSITIONS / number).read_text().partition("\n")[0]
            return int(first.partition(":")[2])
    return None
