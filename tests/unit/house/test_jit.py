"""Kernels on disk: machine code is that of the sources, whatever module a part of it comes from."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from numba.core.caching import CacheImpl

from tokenworks_sources import jit, machine_code

PART = """
from tokenworks_sources.jit import bare_kernel

@bare_kernel
def part(number: int) -> int:
    return number + {more}
"""
WHOLE = """
from tokenworks_sources.jit import kernel
from kernels_of_a_test.part import part

@kernel
def whole(number: int) -> int:
    return 10 * part(number)
"""


def test_a_kernel_is_compiled_anew_when_a_part_of_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "kernels_of_a_test"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "whole.py").write_text(WHOLE)
    monkeypatch.syspath_prepend(tmp_path)

    found = []
    for more in (1, 1, 20):
        (package / "part.py").write_text(PART.format(more=more))
        for name in [name for name in sys.modules if name.startswith(package.name)]:
            del sys.modules[name]
        importlib.invalidate_caches()
        machine_code.digest_of.cache_clear()
        whole = importlib.import_module(f"{package.name}.whole").whole
        found.append((whole(1), sum(whole.stats.cache_hits.values())))

    assert found == [(20, 0), (20, 1), (210, 0)]
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        del sys.modules[name]


def test_a_kernel_runs_when_it_can_be_kept_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])

    doubled = jit.kernel(lambda number: 2 * number)

    assert doubled(21) == 42
