"""Zip archives: their members as files, and nothing that an archive could do besides.

Belongs here: which members are data, and what makes an archive unfit. An archive with several members
is unpacked when it is placed, and each member becomes a landing file of its own; one that lies in the
landing folder and has one member is read as if it were gzip (`landing.open_decompressed`). Archives
inside archives are not opened.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from tokenworks_sources.errors import LandingFileError

ZIP_MAGIC = b"PK\x03\x04"
MOST_MEMBERS = 50_000
# What is decompressed may be this many times as large as what is stored; small files may be more.
LARGEST_RATIO = 250
ALWAYS_ALLOWED_BYTES = 1 << 28
_BLOCK = 1 << 20
_ENCRYPTED = 0x1


def is_zip(path: Path) -> bool:
    """Whether a file is a zip archive by its first bytes."""
    with path.open("rb") as stream:
        return stream.read(4) == ZIP_MAGIC


def most_bytes(stored: int) -> int:
    """How much a compressed file of this size may hold."""
    return max(ALWAYS_ALLOWED_BYTES, LARGEST_RATIO * stored)


def too_large(path: Path, stored: int) -> LandingFileError:
    """The error of a file that goes on and on."""
    return LandingFileError(
        path,
        f"it decompresses to over {most_bytes(stored) >> 20:,} MiB, {LARGEST_RATIO} times its size.",
        "If it is no trap, decompress it yourself and ship that.",
    )


@contextmanager
def unpacked(archive: Path, beside: Path) -> Iterator[Path]:
    """A temporary folder with the data files of an archive; it goes with the context.

    Args:
        archive: a zip archive.
        beside: folder on whose file system it is unpacked.

    Raises:
        LandingFileError: the archive is damaged, unfit or too large.
    """
    beside.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".unpacked-", dir=beside))
    try:
        _unpack(archive, folder)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack(archive: Path, folder: Path) -> None:
    left = most_bytes(archive.stat().st_size)
    try:
        with zipfile.ZipFile(archive) as opened:
            for member in data_members(archive, opened):
                target = folder / member.filename
                target.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(member) as source, target.open("xb") as stream:
                    while block := source.read(_BLOCK):
                        left -= len(block)
                        if left < 0:
                            raise too_large(archive, archive.stat().st_size)
                        stream.write(block)
                if is_zip(target):
                    raise LandingFileError(
                        archive, "it holds another archive.", "Unpack the inner one and ship that."
                    )
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        EOFError,
        ValueError,
        FileExistsError,
    ) as error:
        raise _damaged(archive, error) from error
    except RuntimeError as error:  # zipfile's word for a missing password
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno:
            raise  # the disk, not the archive
        raise _damaged(archive, error) from error


def data_members(archive: Path, opened: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Members that are files with data, each under a plain relative name of its own.

    Raises:
        LandingFileError: a member's name leads elsewhere, appears twice or is a link.
    """
    members = opened.infolist()
    if len(members) > MOST_MEMBERS:
        raise LandingFileError(
            archive, f"it has over {MOST_MEMBERS:,} members.", "Ship it in smaller pieces."
        )
    names: set[str] = set()
    found = []
    for member in members:
        _refuse_tricks(archive, member)
        if member.is_dir() or _is_no_data(member.filename):
            continue
        name = os.path.normcase(member.filename).casefold()
        if name in names:
            raise LandingFileError(
                archive, "two of its members have the same name.", "Pack it again."
            )
        names.add(name)
        found.append(member)
    if not found:
        raise LandingFileError(archive, "it holds no file.", "Pack it again.")
    return found


def _is_no_data(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return parts[0] == "__MACOSX" or parts[-1].startswith((".", "~"))


def _refuse_tricks(archive: Path, member: zipfile.ZipInfo) -> None:
    name = member.filename
    parts = name.rstrip("/").split("/")
    leads_away = name.startswith("/") or not {"", ".", ".."}.isdisjoint(parts) or "\\" in name
    if leads_away or ":" in parts[0] or not name.isprintable():
        raise LandingFileError(
            archive, "the name of a member leads out of it.", "Pack it again with plain names."
        )
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind and kind not in (stat.S_IFREG, stat.S_IFDIR):
        raise LandingFileError(
            archive, "a member is a link or a device.", "Pack the files that are meant."
        )
    if member.flag_bits & _ENCRYPTED:
        raise LandingFileError(
            archive, "it is locked with a password.", "Unpack it yourself and ship the files."
        )


def _damaged(archive: Path, error: Exception) -> LandingFileError:
    return LandingFileError(
        archive, f"the archive is damaged ({type(error).__name__}).", "Ship it again, whole."
    )
