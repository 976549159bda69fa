"""The manifests of one landing folder: which files the lake knows, by what, and under which name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tokenworks_sources.connectors.base import Connector, LandingFile
from tokenworks_sources.connectors.identity import content_digest_of, identity_of
from tokenworks_sources.lake.commit import retire
from tokenworks_sources.lake.paths import change_lock, landing_lock
from tokenworks_sources.lake.stage import clear_staging
from tokenworks_sources.manifest import (
    Manifest,
    load_manifest,
    load_manifests,
    manifests_of,
    write_manifest,
)
from tokenworks_sources.settings import Settings


class Shelf:
    """The manifests of one landing folder, indexed for files that have not changed."""

    def __init__(self, settings: Settings, table: str) -> None:
        self.settings = settings
        self.table = table
        with landing_lock(settings.lake, table):
            clear_staging(settings.lake, table)
        self.manifests: dict[str, Manifest] = {}
        self._unchanged: dict[tuple[str, int, int], str] = {}
        self._prefix = len(str(settings.landing)) + 1
        for manifest in load_manifests(settings.lake, table).values():
            self.add(manifest)

    def add(self, manifest: Manifest) -> None:
        """Takes a manifest into the index."""
        self.manifests[manifest.digest] = manifest
        key = (manifest.name, manifest.bytes, manifest.modified_ns)
        self._unchanged[key] = manifest.digest

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
        known = self._unchanged.get((name, status.st_size, status.st_mtime_ns))
        if known and self.current(connector, known, version):
            return LandingFile(path, name, known)
        content = content_digest_of(connector, path)
        identity = identity_of(connector, path, name, content)
        return LandingFile(path, name, identity, content)

    def current(self, connector: Connector, digest: str, version: str) -> Manifest | None:
        """The manifest of a digest if this connector and version made it."""
        manifest = self.manifests.get(digest)
        made_by = (connector.name, version)
        if manifest and (manifest.connector, manifest.connector_version) == made_by:
            return manifest
        return None

    def look_again(self, digests: Iterable[str]) -> None:
        """Takes in what another process has committed in the meantime; the caller holds its lock."""
        for manifest in manifests_of(self.settings.lake, self.table, digests):
            self.add(manifest)

    def keep_name(self, manifest: Manifest, path: Path) -> None:
        """Follows a landing file that was renamed, so that its correction replaces its rows."""
        if manifest.name == self.name_of(path):
            return
        if not (self.settings.landing / manifest.name).exists():
            status = path.stat()
            with change_lock(self.settings.lake):
                now = load_manifest(self.settings.lake, self.table, manifest.digest)
                if now is None:
                    return
                renamed = replace(
                    now,
                    name=self.name_of(path),
                    bytes=status.st_size,
                    modified_ns=status.st_mtime_ns,
                )
                write_manifest(self.settings.lake, self.table, renamed)
            self.add(renamed)

    def retire_replaced(self, landed: dict[str, str]) -> None:
        """Takes out of the lake what came from paths whose other, newer bytes have landed.

        Args:
            landed: identity by name of the files that lie in the lake now.
        """
        present = set(landed.values())
        replaced = [
            manifest.digest
            for manifest in self.manifests.values()
            if landed.get(manifest.name, manifest.digest) != manifest.digest
            and manifest.digest not in present
        ]
        if replaced:
            with landing_lock(self.settings.lake, self.table):
                retire(self.settings.lake, self.table, replaced)
