"""Cutting a file into slices of whole lines, and the blank lines that shift their numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokenworks_sources.connectors.requests import slices


@pytest.mark.parametrize("block", [3, 64, 1000])
def test_blank_lines_are_found_when_lines_span_read_blocks(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "BLOCK_BYTES", block)
    path = tmp_path / "lines"
    path.write_bytes(b'{"a":1}\n\n  \r\n {"b":2}\n' + b"x" * 100 + b"\n\t\nlast")
    (part,) = slices.slices_of(path, 0, path.stat().st_size, 0, 1)
    assert (part.lines, part.blank) == (7, (2, 3, 6))
    assert part.shifts() == [(1, 0), (2, 2), (4, 3)]
