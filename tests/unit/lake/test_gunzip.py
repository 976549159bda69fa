"""Gzip files as `gzip` reads them: members behind each other, padding, and what is damaged."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import open_decompressed

LINES = b"a line\n" * 500_000
# Without the time of compressing, which would name the tests.
PACKED = gzip.compress(LINES, mtime=0)
END = gzip.compress(b"the end\n", mtime=0)


def _read(path: Path, packed: bytes) -> bytes:
    path.write_bytes(packed)
    with open_decompressed(path) as stream:
        return stream.read()


@pytest.mark.parametrize(
    ("packed", "text"),
    [
        (PACKED, LINES),
        (PACKED + END, LINES + b"the end\n"),
        (gzip.compress(b"", mtime=0) + END, b"the end\n"),
        (END + b"\0" * 600_000, b"the end\n"),
        (END + b"\0" * 600_000 + END, b"the end\nthe end\n"),
    ],
)
def test_all_members_are_read_when_they_stand_behind_each_other(
    packed: bytes, text: bytes, tmp_path: Path
) -> None:
    assert _read(tmp_path / "x.gz", packed) == text


@pytest.mark.parametrize(
    "packed",
    [PACKED[:-1], PACKED[:-9], PACKED[: len(PACKED) // 2], PACKED + b"more", PACKED + END[:5]],
)
def test_the_file_is_refused_when_it_ends_early_or_something_else_follows(
    packed: bytes, tmp_path: Path
) -> None:
    with pytest.raises(LandingFileError, match="damaged or ends early"):
        _read(tmp_path / "x.gz", packed)


def test_the_file_is_refused_when_its_sum_does_not_match(tmp_path: Path) -> None:
    spoilt = bytearray(PACKED)
    spoilt[-6] ^= 1
    with pytest.raises(LandingFileError, match="damaged or ends early"):
        _read(tmp_path / "x.gz", bytes(spoilt))
