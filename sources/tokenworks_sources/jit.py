"""The one place that touches numba, so that compiled kernels keep their Python types.

Kernels are cached on disk beside their module: the first call on a machine compiles, later
processes load.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar, cast

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Numba makes objects by the hundred thousand when it starts, and nothing that is left over."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _start() -> None:
    """Loads what numba would when the first kernel is called, without a BLAS.

    It looks for one, which imports SciPy for as long as all else takes; no kernel multiplies matrices.
    """
    linalg: Any = importlib.import_module("numba.np.linalg")
    look = linalg.ensure_blas

    def refuse() -> None:
        raise ImportError

    linalg.ensure_blas = refuse
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = look
    importlib.import_module("numba.core.registry").cpu_target.target_context.refresh()


with _no_garbage():
    import numba

    _start()


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to machine code without fast-math, so results do not depend on order."""
    return _compiled(function)


def bare_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel without reference counts, five times as fast where records are passed around.

    Such a kernel must allocate nothing: no new array, list or string.
    """
    # `_nrt` is known to numba's compiler, not to its stubs.
    return _compiled(function, _nrt=False)


def part_of_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A bare kernel that becomes part of its caller, which hands over no arguments: they are long."""
    return _compiled(function, _nrt=False, forceinline=True)


def _compiled(function: Callable[P, R], **options: bool) -> Callable[P, R]:
    compiler = cast("Any", numba.njit)
    return cast("Callable[P, R]", compiler(cache=True, nogil=True, **options)(function))
