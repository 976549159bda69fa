"""Kernels whose machine code is kept on disk: compiled once on a machine, then loaded without numba.

Numba and what it keeps by itself take half a second to load, in which a log of 100 MB is read. Here only
LLVM's linker is loaded, in a tenth of that.

Belongs here: where machine code lies, whether it is that of the sources, and how it is called. What
compiles it is `jit.py`.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

CACHE_DIR = "NUMBA_CACHE_DIR"
_DIGEST_BYTES = hashlib.sha256().digest_size
_STAMP_DIGITS = 16
# What was loaded lives as long as the process.
_ENGINES: list[Any] = []


class ObjectCode(NamedTuple):
    """A kernel as a linker takes it.

    Attributes:
        name: what it is called there.
        kinds: of its arguments, behind each other.
        code: the object file.
    """

    name: str
    kinds: str
    code: bytes


class KeptKernel:
    """A bare kernel whose machine code is loaded when it is first called, or compiled.

    It takes whole numbers, arrays whose rows lie behind each other, and named tuples of both, always of the
    same kinds, and gives a whole number.

    Args:
        module: where it is written; it is imported to compile it, and else is not.
        name: its name there.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name
        self._lock = Lock()
        self._linked: tuple[str, Callable[..., int]] | None = None

    def __call__(self, *arguments: Any) -> int:
        """Runs it without the interpreter's lock.

        Raises:
            TypeError: it was compiled for other kinds of arguments.
        """
        given = [*_flat(arguments)]
        kinds, function = self._linked or self._link(arguments)
        if kinds != _kinds(given):
            raise TypeError(f"{self._name} takes {kinds}, not {_kinds(given)}")
        answer, error = ctypes.c_int64(), ctypes.c_void_p()
        values = (value for _, values in given for value in values)
        status = function(ctypes.addressof(answer), ctypes.addressof(error), *values)
        if status:
            raise RuntimeError(f"{self._name} ended with status {status}")
        return answer.value

    @property
    def is_kept(self) -> bool:
        """Whether its machine code lies on disk, so that no process has to compile it."""
        return self._found() is not None

    def _link(self, arguments: tuple[Any, ...]) -> tuple[str, Callable[..., int]]:
        with self._lock:
            if self._linked is None:
                found = self._found() or self._compiled(arguments)
                numbers = [ctypes.c_int64] * sum(len(values) for _, values in _flat(arguments))
                kind = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, *numbers)
                self._linked = found.kinds, kind(_address(found))
            return self._linked

    def _found(self) -> ObjectCode | None:
        for place in self._places:
            try:
                kept = place.read_bytes()
            except OSError:
                continue
            digest, text = kept[:_DIGEST_BYTES], kept[_DIGEST_BYTES:]
            if hashlib.sha256(text).digest() == digest:
                name, kinds, code = text.split(b"\n", 2)
                return ObjectCode(name.decode(), kinds.decode(), code)
        return None

    def _compiled(self, arguments: tuple[Any, ...]) -> ObjectCode:
        from tokenworks_sources.jit import object_code

        name, code = object_code(
            getattr(importlib.import_module(self._module), self._name), arguments
        )
        found = ObjectCode(name, _kinds(_flat(arguments)), code)
        text = b"\n".join((found.name.encode(), found.kinds.encode(), found.code))
        kept = hashlib.sha256(text).digest() + text
        # Where it can be kept nowhere, every process compiles.
        any(_is_written(place, kept) for place in self._places)
        return found

    @cached_property
    def _places(self) -> list[Path]:
        spec = find_spec(self._module)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(self._module)
        module = Path(spec.origin)
        sources = digest_of(room_of(module)).hex()[:_STAMP_DIGITS]
        file = f"{module.stem}.{self._name}-{_machine()}-{sources}.o"
        return [folder / file for folder in _folders(module)]


def room_of(module: Path) -> Path:
    """The package below the outermost one that a module is part of; that one where there is none."""
    packages = [folder for folder in module.parents if (folder / "__init__.py").is_file()]
    return packages[-2:][0] if packages else module.parent


@cache
def digest_of(room: Path) -> bytes:
    """What all modules of a room are, and those that make machine code of them."""
    digest = hashlib.sha256()
    beside = Path(__file__).parent
    for module in (beside / "jit.py", Path(__file__), *sorted(room.rglob("*.py"))):
        digest.update(module.read_bytes())
    return digest.digest()


@cache
def _machine() -> str:
    """Whatever machine code depends on beside its sources."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features().flatten()
    parts = (llvm.get_process_triple(), llvm.get_host_cpu_name(), features, version("numba"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_STAMP_DIGITS]


def _folders(module: Path) -> list[Path]:
    """Where machine code of a module may lie, the best place first; numba keeps its own there."""
    if named := os.environ.get(CACHE_DIR):
        return [Path(named)]
    beside = module.parent / "__pycache__"
    if named := os.environ.get("XDG_CACHE_HOME"):
        return [beside, Path(named) / "tokenworks"]
    try:
        return [beside, Path.home() / ".cache" / "tokenworks"]
    except RuntimeError:
        # A user without a home, as in many a container.
        return [beside]


def _is_written(place: Path, kept: bytes) -> bool:
    """Whether it could be written, whole or not at all; what sources gave before is removed."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = place.with_suffix(f".{os.getpid()}")
        unfinished.write_bytes(kept)
        unfinished.replace(place)
        for other in place.parent.glob(f"{place.name.rpartition('-')[0]}-*.o"):
            if other != place:
                other.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _kinds(given: Iterable[tuple[str, tuple[int, ...]]]) -> str:
    return " ".join(kind for kind, _ in given)


def _flat(arguments: tuple[Any, ...]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The kind of each number and array, and the numbers that numba hands over for it.

    An array is its owner and parent, of which bare kernels need none, its number of values, the bytes
    of one, its address, its shape and its strides (`numba.core.datamodel.models.ArrayModel`).
    """
    for argument in arguments:
        if isinstance(argument, tuple):
            yield from _flat(argument)
        elif isinstance(argument, np.ndarray):
            if not argument.flags.c_contiguous:
                raise TypeError("kernels take arrays whose rows lie behind each other")
            place = argument.ctypes.data
            numbers = (0, 0, argument.size, argument.itemsize, place)
            yield (
                f"{argument.dtype.str}{argument.ndim}",
                numbers + argument.shape + argument.strides,
            )
        else:
            yield "int", (int(argument),)


def _address(found: ObjectCode) -> int:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(found.code))
    engine.finalize_object()
    _ENGINES.append(engine)
    return int(engine.get_function_address(found.name))
