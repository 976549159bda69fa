"""The one place that touches numba, so that compiled kernels keep their Python types.

Kernels are cached on disk beside their module: the first call on a machine compiles, later
processes load.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.np import linalg

P = ParamSpec("P")
R = TypeVar("R")


def _without_blas() -> None:
    """Numba looks for a BLAS when it starts, which imports SciPy; no kernel multiplies matrices."""
    look = linalg.ensure_blas

    def refuse() -> None:
        raise ImportError

    linalg.ensure_blas = refuse
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = look


_without_blas()


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
