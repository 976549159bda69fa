"""The landing folder: which files lie there, what their bytes are, and how a file gets there.

`landing/<table>/<connector>/...` is what shippers drop. Files are never modified; a dot or `~` in
front or a `.part`, `.tmp` or `.next` behind marks a file that is still being written.
"""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa
import xxhash
from isal import isal_zlib

from tokenworks_sources import archives
from tokenworks_sources.connectors.base import Preview
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.listing import finished_below
from tokenworks_sources.settings import Settings

HEAD_BYTES = 64 * 1024
GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PACKED = (GZIP_MAGIC, ZSTD_MAGIC, archives.ZIP_MAGIC)
_BUFFER_BYTES = 1 << 20
# As much as stays in the cache of a core.
_DIGEST_BYTES = 1 << 18
_PACKED_BYTES = 1 << 18
_GZIP_BITS = 31
# Its stub says that this is an error, not the class of one.
_DamagedGzipError = cast("type[Exception]", isal_zlib.error)


def landing_files(settings: Settings, tables: Collection[str] | None = None) -> list[Path]:
    """All finished files below the landing folder, sorted by name."""
    roots = [settings.landing / table for table in sorted(tables)] if tables else [settings.landing]
    return [Path(found.path) for root in roots for found in finished_below(root)]


def digest_of(path: Path) -> str:
    """xxh3-128 of the file's bytes, hex."""
    digest = xxhash.xxh3_128()
    with path.open("rb", buffering=0) as stream:
        size = min(os.fstat(stream.fileno()).st_size + 1, _DIGEST_BYTES)
        block = memoryview(bytearray(size))
        while size := stream.readinto(block):
            digest.update(block[:size])
    return digest.hexdigest()


def decompressed_digest_of(path: Path) -> str:
    """xxh3-128 of what the file holds, hex: a compressed copy has the digest of the plain file.

    Raises:
        LandingFileError: its compression is damaged.
    """
    digest = xxhash.xxh3_128()
    with open_decompressed(path) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_compressed(path: Path) -> bool:
    """Whether the file is gzip, zstd or zip by its first bytes."""
    with path.open("rb") as stream:
        return stream.read(4).startswith(_PACKED)


@contextmanager
def open_decompressed(path: Path) -> Iterator[BinaryIO]:
    """The file's bytes, decompressed where it is gzip, zstd or a zip with one member.

    Raises:
        LandingFileError: the compressed stream is damaged, ends early, or is a bomb.
    """
    try:
        with path.open("rb") as raw, ExitStack() as opened:
            magic = raw.read(4)
            raw.seek(0)
            packed: BinaryIO | None = None
            if magic.startswith(GZIP_MAGIC):
                packed = cast("BinaryIO", _Gunzipped(raw))
            elif magic == ZSTD_MAGIC:
                stream = pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd")
                packed = cast("BinaryIO", opened.enter_context(stream))
            elif magic == archives.ZIP_MAGIC:
                packed = _only_member(path, opened.enter_context(zipfile.ZipFile(raw)), opened)
            if packed is None:
                yield raw
            else:
                bounded = io.BufferedReader(_Bounded(path, packed), _BUFFER_BYTES)
                yield cast("BinaryIO", opened.enter_context(bounded))
    except (
        EOFError,
        zipfile.BadZipFile,
        NotImplementedError,
        _DamagedGzipError,
        OSError,
        pa.ArrowException,
    ) as error:
        if isinstance(error, PermissionError | FileNotFoundError):
            raise LandingFileError(path, "cannot be opened.", f"{error.strerror}.") from error
        if getattr(error, "errno", None):
            raise  # the disk or the process, not the file
        raise LandingFileError(
            path,
            f"the compressed data is damaged or ends early ({error}).",
            "Ship the file again, whole.",
        ) from error


def line_end(stream: BinaryIO, place: int, end: int) -> int:
    """The byte behind the line that holds a place, or `end` where that comes first."""
    if place >= end:
        return end
    stream.seek(place)
    # Piece by piece: a file may be one line.
    while (piece := stream.readline(_BUFFER_BYTES)) and not piece.endswith(b"\n"):
        pass
    return min(stream.tell(), end)


def _only_member(path: Path, archive: zipfile.ZipFile, opened: ExitStack) -> BinaryIO:
    members = archives.data_members(path, archive)
    if len(members) > 1:
        raise LandingFileError(
            path,
            f"it is an archive of {len(members):,} files.",
            "`tokenworks ingest` unpacks it: pass its path, and remove it here.",
        )
    return cast("BinaryIO", opened.enter_context(archive.open(members[0])))


class _Gunzipped:
    """Members of a gzip file, one behind the other; `gzip` takes four times as long."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._packed = b""
        self._member = isal_zlib.decompressobj(_GZIP_BITS)
        self._is_within = False

    def read(self, size: int) -> bytes:
        """Up to so many bytes; none at the end."""
        while self._packed or self._more():
            if not self._is_within:
                # As `gzip`: zeros may stand behind a member.
                self._packed = self._packed.lstrip(b"\0")
                self._member = isal_zlib.decompressobj(_GZIP_BITS)
                self._is_within = bool(self._packed)
                continue
            data = self._member.decompress(self._packed, size)
            self._packed = self._member.unconsumed_tail
            if self._member.eof:
                self._packed, self._is_within = self._member.unused_data, False
            if data:
                return data
        return b""

    def _more(self) -> bool:
        self._packed = self._raw.read(_PACKED_BYTES)
        if self._is_within and not self._packed:
            raise EOFError("the end-of-stream marker is missing")
        return bool(self._packed)


class _Bounded(io.RawIOBase):
    """Decompressed bytes, up to what a file of that size may honestly hold."""

    def __init__(self, path: Path, packed: BinaryIO) -> None:
        self._path = path
        self._packed = packed
        self._stored = path.stat().st_size
        self._left = archives.most_bytes(self._stored)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._packed.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise archives.too_large(self._path, self._stored)
        buffer[: len(data)] = data
        return len(data)


def bytes_of(path: Path, most: int) -> bytes:
    """The first bytes of a file, decompressed; the quickest way to a small one.

    Raises:
        LandingFileError: its compression is damaged.
    """
    with path.open("rb", buffering=0) as stream:
        size = os.fstat(stream.fileno()).st_size
        text = stream.read(min(size + 1, most)) or b""
    if text.startswith(_PACKED):
        with open_decompressed(path) as stream:
            return stream.read(most)
    return text


def preview_of(path: Path) -> Preview:
    """The first 64 KiB of the file, decompressed.

    Raises:
        LandingFileError: the file is empty or its compression is damaged.
    """
    with open_decompressed(path) as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise LandingFileError(path, "the file is empty.", "Remove it, or ship it again.")
    return Preview(path, bytes(head))


def place(source: Path, target: Path, *, replace: bool = False) -> bool:
    """Copies a file into the landing folder in one step; false where it already lies there.

    Raises:
        LandingFileError: a different file of that name lies there, and `replace` is false.
    """
    if target.exists():
        if digest_of(target) == digest_of(source):
            return False
        if not replace:
            raise LandingFileError(
                source,
                f"a different file already lies at {target}.",
                "Rename the new one, or pass --replace to put it in the place of the old one.",
            )
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(source, beside)
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    return True
