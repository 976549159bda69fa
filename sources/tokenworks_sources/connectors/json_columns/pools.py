"""Memory that is lent, and comes back when the last who looks at it lets it go.

New memory has to be cleared by the system page by page, which takes as long as filling it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy.typing as npt
import pyarrow as pa

Held = TypeVar("Held")


class Lent(Generic[Held]):
    """Something of a pool.

    Attributes:
        held: the thing.
    """

    def __init__(self, held: Held, home: deque[Held]) -> None:
        self.held = held
        self._home = home

    def __del__(self) -> None:
        self._home.append(self.held)

    def buffer(self, array: npt.NDArray[Any]) -> pa.Buffer:
        """An array that is part of it as a buffer of Arrow, which keeps it from coming back."""
        return pa.foreign_buffer(array.ctypes.data, array.nbytes, base=self)


class Pool(Generic[Held]):
    """Things of one kind.

    Args:
        made: makes a new one, where all are lent.
    """

    def __init__(self, made: Callable[[], Held]) -> None:
        self._made = made
        self._home: deque[Held] = deque()

    def lend(self) -> Lent[Held]:
        """One that nobody looks at; what is in it is of no meaning."""
        try:
            held = self._home.pop()
        except IndexError:
            held = self._made()
        return Lent(held, self._home)
