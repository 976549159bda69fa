"""Broken and hostile variants of every real file: no crash, no hang, no blow-up, nothing half done.

`TOKENWORKS_FUZZ_VARIANTS` says how many variants of each file (`make fuzz`: 1,000).
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tests.hostile import spans_with_texts
from tests.unit.connectors.spans import protobuf
from tokenworks_sources.connectors import registry
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.landing import preview_of

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"
VARIANTS = int(os.environ.get("TOKENWORKS_FUZZ_VARIANTS", "2"))
PEAK_MB = 1500
LARGEST_BYTES = 400_000
USUAL_BYTES = 20_000
FORMS = (".jsonl", ".json", ".csv")


def _files() -> list[Path]:
    """One file of each connector, form and mapping, of a usual size.

    Of a format that has no real file, that of our sample or a made one.
    """
    by_format: dict[tuple[str, str], list[tuple[float, Path]]] = defaultdict(list)
    for folder in (SHARED, ROOT / "sample_data" / "landing", ROOT / "tests/hostile/fixtures"):
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or not 0 < path.stat().st_size < LARGEST_BYTES:
                continue
            if registry.is_sidecar(path):
                continue
            try:
                chosen = registry.recognise(preview_of(path))
            except TokenworksError:
                continue
            connector = chosen.connector
            detail = f"{connector.table} {chosen.reason}" if connector.name == "mapped" else ""
            detail += next((form for form in FORMS if form in path.name), "")
            unusual = abs(math.log(path.stat().st_size / USUAL_BYTES))
            by_format[connector.name, detail].append((unusual, path))
    return [min(found)[1] for _, found in sorted(by_format.items())]


FILES = _files() if SHARED.is_dir() else []


@pytest.mark.skipif(not FILES, reason="needs ../shared/data, the real public files")
def test_most_connectors_have_a_real_file_to_break() -> None:
    assert len(FILES) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_variants_neither_crash_nor_hang_nor_leave_halves(path: Path, tmp_path: Path) -> None:
    _break(path, tmp_path)


@pytest.mark.slow
def test_variants_of_binary_spans_neither_crash_nor_hang_nor_leave_halves(tmp_path: Path) -> None:
    path = tmp_path / "in" / "spans.binpb"
    path.parent.mkdir()
    path.write_bytes(protobuf(spans_with_texts.export()))
    _break(path, tmp_path)


def _break(path: Path, scratch: Path) -> None:
    run = subprocess.run(
        [
            sys.executable, "-m", "tests.hostile.ingest_variants", str(path), str(scratch),
            "--count", str(VARIANTS),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    found = json.loads(run.stdout)
    assert found["wrong"] == []
    assert found["peak_mb"] < PEAK_MB
