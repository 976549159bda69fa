"""The one place that touches numba, so that compiled kernels keep their Python types.

Kernels are cached on disk beside their module: the first call on a machine compiles, later
processes load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to machine code without fast-math, so results do not depend on order."""
    return cast("Callable[P, R]", numba.njit(cache=True, nogil=True)(function))


def bare_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel without reference counts, five times as fast where records are passed around.

    Such a kernel must allocate nothing: no new array, list or string.
    """
    # `_nrt` is known to numba's compiler, not to its stubs.
    compiler = cast("Any", numba.njit)
    return cast("Callable[P, R]", compiler(cache=True, nogil=True, _nrt=False)(function))
