"""The catalogue of one landing table: what its manifests say, and in which file each of them stands.

A unit of work has one file of manifests, so a table of ten thousand landing files may have a dozen of
them. They are read once; `look` reads what has come or changed since, in this process or another.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from tokenworks_sources.lake.paths import MANIFEST_SUFFIX, manifest_folder, manifest_path
from tokenworks_sources.manifest import Manifest, read_manifests

_State = tuple[int, int, int]


def _state(status: os.stat_result) -> _State:
    """What tells a file from the one whose place it took; the number of that may be given again."""
    return status.st_ino, status.st_size, status.st_mtime_ns


class Catalogue:
    """Manifests by digest, as far as was looked.

    Attributes:
        lake, landing_table: where the manifests lie.
        manifests: by digest; one that another process took out since may still be among them.
        unchanged: digests by name, bytes and time of the landing file.
    """

    def __init__(self, lake: Path, landing_table: str) -> None:
        self.lake = lake
        self.landing_table = landing_table
        self.manifests: dict[str, Manifest] = {}
        self.unchanged: dict[tuple[str, int, int], str] = {}
        self._files: dict[str, _State] = {}
        self._key_of: dict[str, str] = {}

    def look(self) -> None:
        """Reads the files that are not those which were read before.

        Every change of a file is a new one in its place. Who holds the table's `landing_lock` knows
        from then on which digests there are, and in which files.
        """
        folder = manifest_folder(self.lake, self.landing_table)
        if not folder.is_dir():
            return
        with os.scandir(folder) as entries:
            found = {
                entry.name: state
                for entry in entries
                if entry.name.endswith(MANIFEST_SUFFIX)
                and self._files.get(entry.name) != (state := _state(entry.stat()))
            }
        for name in sorted(found):
            key = name.removesuffix(MANIFEST_SUFFIX)
            for manifest in read_manifests(f"{folder}/{name}"):
                self._add(key, manifest)
        self._files |= found

    def took(self, key: str, manifests: Iterable[Manifest]) -> None:
        """Takes in what this process has written to a file; the caller holds `change_lock`."""
        path = manifest_path(self.lake, self.landing_table, key)
        for manifest in manifests:
            self._add(key, manifest)
        self._files[path.name] = _state(path.stat())

    def add(self, manifest: Manifest) -> None:
        """Takes in a manifest that will be written."""
        self.manifests[manifest.digest] = manifest
        self.unchanged[manifest.name, manifest.bytes, manifest.modified_ns] = manifest.digest

    def holding(self, digests: Iterable[str], *keys: str) -> dict[str, list[Manifest]]:
        """The files with the manifests of some digests, and all that they hold now, by key.

        Args:
            digests: of landing files.
            keys: of further files.
        """
        wanted = {self._key_of[digest] for digest in digests if digest in self._key_of}
        found = {}
        for key in sorted(wanted | set(keys)):
            path = manifest_path(self.lake, self.landing_table, key)
            if manifests := read_manifests(str(path)):
                found[key] = manifests
        return found

    def _add(self, key: str, manifest: Manifest) -> None:
        self.add(manifest)
        self._key_of[manifest.digest] = key


def without(
    files: dict[str, list[Manifest]], digests: Collection[str]
) -> dict[str, list[Manifest]]:
    """Files of manifests without those of some digests."""
    return {
        key: [manifest for manifest in manifests if manifest.digest not in digests]
        for key, manifests in files.items()
    }
