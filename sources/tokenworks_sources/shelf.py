"""The manifests of one landing folder: which files the lake knows, by what, and under which name."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from tokenworks_sources.catalogue import Catalogue
from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.connectors.identity import content_digest_of, identity_of
from tokenworks_sources.lake.commit import retire
from tokenworks_sources.lake.journal import recover
from tokenworks_sources.lake.paths import change_lock, landing_lock
from tokenworks_sources.lake.stage import clear_staging
from tokenworks_sources.manifest import Manifest, write_manifests
from tokenworks_sources.settings import Settings


class Shelf:
    """The manifests of one landing folder, indexed for files that have not changed."""

    def __init__(self, settings: Settings, table: str) -> None:
        self.settings = settings
        self.table = table
        with landing_lock(settings.lake, table):
            clear_staging(settings.lake, table)
        self.catalogue = Catalogue(settings.lake, table)
        self.catalogue.look()
        self._prefix = len(str(settings.landing)) + 1
        self._renamed: dict[str, Manifest] = {}

    def name_of(self, path: Path) -> str:
        """The path that becomes `source_file`."""
        return str(path)[self._prefix :]

    def file_at(
        self, path: Path, status: os.stat_result, connector: Connector, version: str
    ) -> LandingFile:
        """The file with its identity.

        It is not read where name, size and time are as they were when this version of the connector
        read it.
        """
        name = self.name_of(path)
        known = self.catalogue.unchanged.get((name, status.st_size, status.st_mtime_ns))
        if known and self.current(connector, known, version):
            return LandingFile(path, name, known)
        content = content_digest_of(connector, path)
        identity = identity_of(connector, path, name, content)
        return LandingFile(path, name, identity, content)

    def current(self, connector: Connector, digest: str, version: str) -> Manifest | None:
        """The manifest of a digest if this connector and version made it."""
        manifest = self.catalogue.manifests.get(digest)
        made_by = (connector.name, version)
        if manifest and (manifest.connector, manifest.connector_version) == made_by:
            return manifest
        return None

    def keep_name(self, manifest: Manifest, path: Path) -> None:
        """Follows a landing file that was renamed, so that its correction replaces its rows."""
        if manifest.name == self.name_of(path):
            return
        if not (self.settings.landing / manifest.name).exists():
            status = path.stat()
            renamed = replace(
                manifest,
                name=self.name_of(path),
                bytes=status.st_size,
                modified_ns=status.st_mtime_ns,
            )
            self.catalogue.add(renamed)
            self._renamed[manifest.digest] = renamed

    def write_names(self) -> None:
        """Writes the new names: a folder may have been renamed, with all files of a batch."""
        if not self._renamed:
            return
        with change_lock(self.settings.lake):
            recover(self.settings.lake)
            self.catalogue.look()
            for key, manifests in self.catalogue.holding(self._renamed).items():
                following = [self._renamed_now(manifest) for manifest in manifests]
                write_manifests(self.settings.lake, self.table, key, following)
                self.catalogue.took(key, following)
        self._renamed = {}

    def _renamed_now(self, now: Manifest) -> Manifest:
        """What else a manifest says may have changed since."""
        renamed = self._renamed.get(now.digest, now)
        return replace(now, name=renamed.name, bytes=renamed.bytes, modified_ns=renamed.modified_ns)

    def retire_replaced(self, landed: dict[str, str]) -> None:
        """Takes out of the lake what came from paths whose other, newer bytes have landed.

        Args:
            landed: identity by name of the files that lie in the lake now.
        """
        present = set(landed.values())
        replaced = [
            manifest.digest
            for manifest in self.catalogue.manifests.values()
            if landed.get(manifest.name, manifest.digest) != manifest.digest
            and manifest.digest not in present
        ]
        if replaced:
            with landing_lock(self.settings.lake, self.table):
                retire(self.settings.lake, self.table, replaced)
