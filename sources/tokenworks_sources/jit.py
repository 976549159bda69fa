"""The one place that touches numba, so that compiled kernels keep their Python types.

Kernels are cached on disk beside their module: the first call on a machine compiles, later
processes load. Numba looks whether a kernel's own module is what it was; here all modules of its room
have to be, since kernels of others may have become part of it.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from tokenworks_sources.machine_code import digest_of, room_of

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
    """Loads what looks for a BLAS, without one.

    To look imports SciPy, for as long as all else takes that numba loads; no kernel multiplies matrices.
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


with _no_garbage():
    import numba

    _start()


def _stamp_by_room() -> None:
    files: Any = importlib.import_module("numba.core.caching")._SourceFileBackedLocatorMixin
    stamp_of_file = files.get_source_stamp

    def stamp(locator: Any) -> bytes:
        room = _ROOMS.get(locator._py_file)
        return stamp_of_file(locator) if room is None else digest_of(room)

    files.get_source_stamp = stamp


# The rooms of modules with kernels.
_ROOMS: dict[str, Path] = {}
_stamp_by_room()


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to machine code without fast-math, so results do not depend on order."""
    return _compiled(function)


def bare_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel without reference counts, five times as fast where records are passed around.

    Such a kernel must allocate nothing: no new array, list or string.
    """
    return _compiled(function, _nrt=False)


def part_of_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A bare kernel that becomes part of its caller, which hands over no arguments: they are long."""
    return _compiled(function, _nrt=False, forceinline=True)


def _compiler() -> Any:
    # `_nrt` is known to numba's compiler, not to its stubs.
    return cast("Any", numba.njit)


def _compiled(function: Callable[P, R], **options: bool) -> Callable[P, R]:
    compiler = _compiler()
    module = function.__code__.co_filename
    _ROOMS[module] = room_of(Path(module))
    try:
        compiled = compiler(cache=True, nogil=True, **options)(function)
    except RuntimeError:
        # There is no folder to keep it in, neither here nor below the user's home.
        compiled = compiler(nogil=True, **options)(function)
    return cast("Callable[P, R]", compiled)


def object_code(function: Callable[..., int], arguments: tuple[Any, ...]) -> tuple[str, bytes]:
    """A bare kernel for arguments of these kinds: what it is called, and the object file that it is in."""
    kernel: Any = function
    compiled: Any = _compiler()(
        nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )(kernel.py_func)
    kind_of: Any = numba.typeof
    compiled.compile(tuple(kind_of(argument) for argument in arguments))
    (overload,) = compiled.overloads.values()
    library = overload.library
    code = library.codegen._tm.emit_object(library._final_module)
    return overload.fndesc.llvm_func_name, code
