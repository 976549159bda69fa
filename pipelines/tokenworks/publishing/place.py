"""Put a version where people read it: the Parquet by one rename, the file by another.

Belongs here: copying the file that is there, the swap, and taking older versions away.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tokenworks.held import unless_held
from tokenworks.publishing.version import Version, keep_version
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

# What a version is made of, in the folder where it is made.
DATABASE, PARQUET = "warehouse.duckdb", "parquet"


class InTheWayError(TokenworksError):
    """Something stands where the published Parquet belongs."""


def versions_folder(settings: Settings) -> Path:
    """Where the versions of the Parquet lie."""
    return settings.publish / ".versions"


def copy_database(settings: Settings, staging: Path) -> None:
    """Copy the published file inside the kernel; its blocks by reference where the file system can."""
    source, target = settings.published_database, staging / DATABASE
    try:
        with source.open("rb") as read, target.open("wb") as written:
            while os.copy_file_range(read.fileno(), written.fileno(), 1 << 30):
                pass
    except (AttributeError, OSError):
        # Another system, or a file system that cannot.
        shutil.copyfile(source, target)


def put_in_place(settings: Settings, staging: Path, version: Version) -> None:
    """Put the new Parquet and the new file in place, each by one rename."""
    previous = _current_folder(settings)
    versions = versions_folder(settings)
    versions.mkdir(exist_ok=True)
    placed = versions / version.folder
    if not _holds(placed, version):
        if placed.is_dir():
            # Some of it is gone or cut off.
            os.replace(placed, staging / "damaged")
        (staging / PARQUET).mkdir(exist_ok=True)
        os.replace(staging / PARQUET, placed)
    link = staging / "link"
    link.symlink_to(Path(versions.name) / version.folder, target_is_directory=True)
    os.replace(link, settings.published_parquet)
    os.replace(staging / DATABASE, settings.published_database)
    keep_version(settings, staging, version, placed)
    # One version back stays, for those who read it right now, and what a replay holds. An older one leaves
    # its place whole, so that a crash while its files are removed leaves no half of a version behind.
    for old in list(versions.iterdir()):
        if old.name not in (version.folder, previous):
            with unless_held(old) as is_free:
                if is_free:
                    os.replace(old, staging / old.name)


def _holds(placed: Path, version: Version) -> bool:
    """Whether a folder holds the files of a version, which its name tells, whole."""
    try:
        return all(
            (placed / name / file).stat().st_size == part.size
            for name, mart in version.marts.items()
            for file, part in mart.parts.items()
        )
    except FileNotFoundError:
        return False


def _current_folder(settings: Settings) -> str | None:
    if settings.published_parquet.is_symlink():
        return settings.published_parquet.readlink().name
    if settings.published_parquet.exists():
        raise InTheWayError(
            f"{settings.published_parquet}: is in the way of the published Parquet. Move it elsewhere."
        )
    return None
