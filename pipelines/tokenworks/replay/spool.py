"""Columns of many requests lie on disk, so that ten million of them need little memory.

Within `on_disk(folder)` a long column given to `kept` is written to a file without a name and mapped
into memory: the system reads what is used of it and may forget it at any time. The file goes with
the column, and with the process however that ends. Outside, and for short columns, `kept` gives
back what it got.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, TypeVar, cast
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

#: Bytes from which a column is long.
LEAST_BYTES = 1 << 22
#: Rows that are worked out at a time.
AT_ONCE = 1 << 19

Floats = NDArray[np.float64]
Column = TypeVar("Column", bound=NDArray[Any])

_folder: ContextVar[Path | None] = ContextVar("folder", default=None)
_mapped: WeakSet[mmap.mmap] = WeakSet()


@contextmanager
def on_disk(folder: Path) -> Iterator[None]:
    """Keep long columns in files below a folder, which is made; they may outlive the context."""
    folder.mkdir(parents=True, exist_ok=True)
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def kept(values: Column) -> Column:
    """The same column, on disk where it is long."""
    folder = _folder.get()
    if folder is None or values.nbytes < LEAST_BYTES or _is_mapped(values):
        return values
    with TemporaryFile(dir=folder) as file:
        # Through the system's cache, not through the mapping, whose pages count as memory.
        np.ascontiguousarray(values).tofile(file)
        file.flush()
        mapping = mmap.mmap(file.fileno(), values.nbytes)
    let_go()
    _mapped.add(mapping)
    column = np.frombuffer(mapping, dtype=values.dtype).reshape(values.shape)
    column.flags.writeable = values.flags.writeable
    return cast("Column", column)


def room(count: int, dtype: type[np.generic]) -> NDArray[Any]:
    """A column to be filled, on disk where it is long."""
    return kept(np.zeros(count, dtype=dtype))


def by_piece(count: int, of: Callable[[slice], NDArray[Any]]) -> Floats:
    """A column of what follows from each row alone, worked out for some rows at a time."""
    found = room(count, np.float64)
    for start in range(0, count, AT_ONCE):
        place = slice(start, min(start + AT_ONCE, count))
        found[place] = of(place)
    return found


def let_go() -> None:
    """Take the pages of all columns out of this process's memory; the next use reads them again."""
    for mapping in list(_mapped):
        mapping.madvise(mmap.MADV_DONTNEED)


def _is_mapped(values: NDArray[Any]) -> bool:
    owner: Any = values
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    return isinstance(owner, mmap.mmap)
