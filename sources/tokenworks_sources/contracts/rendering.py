"""The rendered files of the repository, and whether they have drifted from the contracts."""

from __future__ import annotations

from pathlib import Path

from tokenworks_sources.contracts.registry import CONTRACTS
from tokenworks_sources.contracts.render import dbt_sources, docs_page


def renderings(root: Path) -> dict[Path, str]:
    """Every rendered file under the repository's root, with the text that it must hold."""
    contracts = list(CONTRACTS.values())
    return {
        root / "dbt" / "models" / "staging" / "_lake__sources.yml": dbt_sources(contracts),
        root / "docs" / "lake-tables.md": docs_page(contracts),
    }


def drifted(root: Path) -> list[Path]:
    """The rendered files that are missing or differ from their contracts."""
    return [
        path
        for path, text in renderings(root).items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def write(root: Path) -> list[Path]:
    """Writes the files that have drifted and returns their paths."""
    paths = drifted(root)
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(renderings(root)[path], encoding="utf-8")
    return paths
