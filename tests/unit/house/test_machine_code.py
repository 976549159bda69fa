"""Machine code that is kept: loaded without numba, never that of other sources, never damaged."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tokenworks_sources import machine_code
from tokenworks_sources.machine_code import KeptKernel

SUM = """
import numpy as np
from tokenworks_sources.jit import bare_kernel

@bare_kernel
def total(numbers, more: int) -> int:
    numbers[0, 1] = 7
    found = 0
    for row in range(numbers.shape[0]):
        for column in range(numbers.shape[1]):
            found += numbers[row, column]
    return {sign}found + more
"""
CALL = """
import sys
import numpy as np
from tokenworks_sources.machine_code import KeptKernel

print(KeptKernel("kept_of_a_test.sums", "total")(np.ones((2, 3), np.int64), 100))
print("numba" in sys.modules)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "kept_of_a_test"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "sums.py").write_text(SUM.format(sign=""))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv(machine_code.CACHE_DIR, raising=False)
    importlib.invalidate_caches()
    return folder


def called(package: Path) -> list[str]:
    """What the kernel gives in a process of its own, and whether numba was needed for it."""
    run = subprocess.run(
        [sys.executable, "-c", CALL], cwd=package.parent, capture_output=True, text=True, check=True
    )
    return run.stdout.split()


def objects(package: Path) -> list[Path]:
    return sorted(package.rglob("*.o"))


def test_numba_is_not_needed_when_machine_code_is_kept(package: Path) -> None:
    # 5 ones, a seven and a hundred.
    assert [called(package), called(package)] == [["112", "True"], ["112", "False"]]


def test_a_kernel_is_compiled_anew_when_its_sources_changed(package: Path) -> None:
    called(package)
    (package / "sums.py").write_text(SUM.format(sign="-"))

    assert [called(package), called(package)] == [["88", "True"], ["88", "False"]]
    assert len(objects(package)) == 1


def test_machine_code_is_made_again_when_it_is_damaged(package: Path) -> None:
    called(package)
    (kept,) = objects(package)
    whole = kept.read_bytes()
    for damaged in (b"", whole[:-1], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]):
        kept.write_bytes(damaged)

        assert [called(package), called(package)] == [["112", "True"], ["112", "False"]]


def test_a_kernel_runs_when_its_code_can_be_kept_nowhere(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (package / "no folder").touch()
    monkeypatch.setenv(machine_code.CACHE_DIR, str(package / "no folder"))
    total = KeptKernel("kept_of_a_test.sums", "total")

    assert total(np.ones((2, 3), np.int64), 100) == 112
    assert not total.is_kept
    del sys.modules["kept_of_a_test.sums"]


def test_code_is_kept_beside_its_module_when_a_user_has_no_home(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def home() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)

    assert machine_code._folders(package / "sums.py") == [package / "__pycache__"]


@pytest.mark.parametrize(
    "other", [(np.ones((2, 3), np.int32), 1), (np.ones(6, np.int64), 1), (1, 1)]
)
def test_a_kernel_refuses_when_arguments_are_of_other_kinds(
    package: Path, other: tuple[object, ...]
) -> None:
    total = KeptKernel("kept_of_a_test.sums", "total")
    total(np.ones((2, 3), np.int64), 100)

    with pytest.raises(TypeError, match="total takes <i82 int, not"):
        total(*other)
    with pytest.raises(TypeError, match="rows lie behind each other"):
        total(np.ones((3, 2), np.int64).T, 100)
    sys.modules.pop("kept_of_a_test.sums", None)
