"""The layout of the repository is part of its design: a new room is a decision, not an accident."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

TOP_LEVEL = {
    ".ci",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "dbt",
    "docs",
    "notebooks",
    "pipelines",
    "pyproject.toml",
    "requirements.lock",
    "sample_data",
    "sources",
    "tests",
    "workspace.yaml",
}


@pytest.fixture(scope="module")
def tracked(root: Path) -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    )
    return [Path(name) for name in listing.stdout.split("\0") if name]


def test_top_level_holds_only_what_the_design_names(tracked: list[Path]) -> None:
    assert {path.parts[0] for path in tracked} == TOP_LEVEL


def test_dbt_folder_is_no_python_package(tracked: list[Path]) -> None:
    """`dbt/__init__.py` would shadow dbt itself."""
    assert not [path for path in tracked if path.parts[0] == "dbt" and path.suffix == ".py"]


def test_files_stay_one_room(tracked: list[Path], root: Path) -> None:
    limits = {".py": 400, ".sql": 150}
    long = {
        str(path): lines
        for path in tracked
        # The query that the warehouse is measured against is one, whatever it takes.
        if path.suffix in limits
        and path.parts[:2] != ("tests", "benchmarks")
        and (root / path).exists()
        for lines in [len((root / path).read_text(encoding="utf-8").splitlines())]
        if lines > limits[path.suffix]
    }
    assert long == {}


def test_every_python_module_says_what_belongs_in_it(tracked: list[Path], root: Path) -> None:
    silent = [
        str(path)
        for path in tracked
        if path.suffix == ".py"
        and path.parts[0] in ("sources", "pipelines", "sample_data")
        and (root / path).exists()
        and not (root / path).read_text(encoding="utf-8").lstrip().startswith(('"""', 'r"""'))
    ]
    assert silent == []


def test_no_path_of_a_machine_and_no_package_host_is_tracked(
    tracked: list[Path], root: Path
) -> None:
    host = "python" + "hosted|py" + "pi[.]org|registry[.]npm" + "js|deb[.]deb" + "ian"
    pattern = re.compile(rf"(?<![A-Za-z0-9_.])/(?:work|tmp|root|home|Users)/[A-Za-z.]|{host}")
    texts = {".py", ".sql", ".md", ".yml", ".yaml", ".toml", ".lock", ".html", ".j2", ".json", ""}
    found = [
        f"{path}: {match.group()}"
        for path in tracked
        if path.suffix in texts and (root / path).is_file()
        for match in [pattern.search((root / path).read_text(encoding="utf-8", errors="replace"))]
        if match
    ]
    assert found == []
