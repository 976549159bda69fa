"""Broken and hostile variants of every real file: no crash, no hang, no blow-up, nothing half done.

`TOKENWORKS_FUZZ_VARIANTS` says how many variants of each file (`make fuzz`: 1,000).
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from pathlib import Path

import pytest

from tests.hostile import spans_with_texts
from tests.hostile.watched import wrong_variants
from tests.unit.connectors.spans import protobuf
from tokenworks_sources.connectors import registry
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.landing import preview_of

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
VARIANTS = int(os.environ.get("TOKENWORKS_FUZZ_VARIANTS", "2"))
LARGEST_BYTES = 400_000
USUAL_BYTES = 20_000
FILES_ALIKE = 4
FORMS = (".jsonl", ".json", ".csv")


def _files() -> list[Path]:
    """One file of each connector, form and mapping, of a usual size.

    Of a format that has no real file, that of our sample or a made one.
    """
    by_format: dict[tuple[str, str], list[tuple[float, Path]]] = defaultdict(list)
    for unusual, path in _candidates():
        try:
            chosen = registry.recognise(preview_of(path))
        except TokenworksError:
            continue
        connector = chosen.connector
        detail = f"{connector.table} {chosen.reason}" if connector.name == "mapped" else ""
        detail += next((form for form in FORMS if form in path.name), "")
        by_format[connector.name, detail].append((unusual, path))
    return [min(found)[1] for _, found in sorted(by_format.items())]


def _candidates() -> list[tuple[float, Path]]:
    """Of each folder and suffix the files of the most usual size, with how unusual it is."""
    alike: dict[tuple[Path, str], list[tuple[float, Path]]] = defaultdict(list)
    for folder in (SHARED, ROOT / "sample_data" / "landing", ROOT / "tests/hostile/fixtures"):
        for path in sorted(folder.rglob("*")):
            size = path.stat().st_size if path.is_file() and not registry.is_sidecar(path) else 0
            if 0 < size < LARGEST_BYTES:
                unusual = abs(math.log(size / USUAL_BYTES))
                alike[path.parent, path.suffix].append((unusual, path))
    return [one for found in alike.values() for one in sorted(found)[:FILES_ALIKE]]


FILES = _files() if SHARED.is_dir() else []


@pytest.mark.skipif(not FILES, reason="needs ../shared/data, the real public files")
def test_most_connectors_have_a_real_file_to_break() -> None:
    assert len(FILES) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_variants_neither_crash_nor_hang_nor_leave_halves(path: Path, tmp_path: Path) -> None:
    assert wrong_variants(path, tmp_path, range(VARIANTS)) == []


@pytest.mark.slow
def test_variants_of_binary_spans_neither_crash_nor_hang_nor_leave_halves(tmp_path: Path) -> None:
    path = tmp_path / "in" / "spans.binpb"
    path.parent.mkdir()
    path.write_bytes(protobuf(spans_with_texts.export()))
    assert wrong_variants(path, tmp_path, range(VARIANTS)) == []
