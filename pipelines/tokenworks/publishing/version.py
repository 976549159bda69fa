"""What the published version holds, told to the next publish: dates by fingerprint and files by digest.

Belongs here: keeping that beside what is published, and when it may be built upon. It names the state of the
published file; where that is another, or something is missing, all is written anew.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import msgspec

from tokenworks.made import stamp_of
from tokenworks.publishing.marts import Mart
from tokenworks_sources.settings import Settings

# Raised where the same rows are published as other files than before.
LAYOUT = 1
# A file of which more than this is free is written anew.
FREE_RATIO = 0.5


@dataclass(frozen=True)
class Version:
    """What is published.

    Attributes:
        folder: of the Parquet, by its name.
        marts: by name.
        free: share of the published file that holds nothing.
        stamp: of the published file.
        built: stamp of the build's file that it was made of.
        layout: of the files.
        duckdb: the version of DuckDB that wrote them.
    """

    folder: str
    marts: Mapping[str, Mart]
    free: float
    stamp: str = ""
    built: str | None = None
    layout: int = LAYOUT
    duckdb: str = duckdb.__version__


def version_of(marts: Mapping[str, Mart], free: float) -> Version:
    """A version that holds some marts; its folder is named by what they hold."""
    digests = "".join(mart.digest for _, mart in sorted(marts.items()))
    return Version(hashlib.sha256(digests.encode()).hexdigest()[:16], marts, free)


def published_version(settings: Settings) -> Version | None:
    """The version that the next one can be built upon; None where there is none."""
    path = _path(settings)
    if not path.is_file():
        return None
    try:
        version = msgspec.json.decode(path.read_bytes(), type=Version)
    except msgspec.DecodeError:
        # Other code wrote it.
        return None
    is_ours = (version.layout, version.duckdb) == (LAYOUT, duckdb.__version__)
    is_as_left = version.stamp == stamp_of(settings.published_database)
    return version if is_ours and is_as_left and version.free <= FREE_RATIO else None


def keep_version(settings: Settings, staging: Path, version: Version, folder: Path) -> None:
    """Tell the next publish what is published; the caller has put it in place."""
    stamp = stamp_of(settings.published_database)
    if stamp is None:
        # Somebody has opened it to write: nothing is built upon it.
        _path(settings).unlink(missing_ok=True)
        return
    marts = {
        name: replace(mart, table=replace(mart.table, changed=frozenset()))
        for name, mart in version.marts.items()
    }
    built = stamp_of(settings.build_database)
    told = replace(version, stamp=stamp, built=built, marts=_as_placed(marts, folder))
    beside = staging / "version.json"
    beside.write_bytes(msgspec.json.encode(told))
    os.replace(beside, _path(settings))


def _as_placed(marts: Mapping[str, Mart], folder: Path) -> dict[str, Mart]:
    """Marts with the times of their files: a folder with the same bytes may have been there before."""
    return {
        name: replace(
            mart,
            parts={
                file: replace(part, modified_ns=(folder / name / file).stat().st_mtime_ns)
                for file, part in mart.parts.items()
            },
        )
        for name, mart in marts.items()
    }


def _path(settings: Settings) -> Path:
    return settings.publish / ".version.json"
