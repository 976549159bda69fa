"""Files of the user's into the landing folder, by recognised format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Connector
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.landing import is_unfinished, place, preview_of
from tokenworks_sources.settings import Settings

# A newer fleet.yaml is the same file, corrected: it takes the place of the earlier one.
REPLACED_IN_PLACE = frozenset({"fleet"})


@dataclass(frozen=True)
class Placement:
    """A file that lies in the landing folder now.

    Attributes:
        reason: why this connector was chosen.
        copied: false where the same bytes already lay there.
    """

    source: Path
    target: Path
    connector: str
    reason: str
    copied: bool


def place_path(
    settings: Settings, source: Path, *, connector: str | None = None, replace: bool = False
) -> tuple[list[Placement], list[LandingFileError]]:
    """Copies a file or a folder into the landing folder.

    Args:
        settings: the home folder.
        source: a file, or a folder whose files keep their relative paths.
        connector: name of the connector for all files, instead of recognition by content.
        replace: put a changed file in the place of the earlier one of that name.

    Returns:
        what was placed, and an error for each file that no connector, or more than one, claims.
    """
    if not source.exists():
        raise LandingFileError(source, "there is no such file or folder.", "Check the path.")
    folder = source if source.is_dir() else source.parent
    prefix = Path(source.resolve().name) if source.is_dir() else Path()
    found = sorted(source.rglob("*")) if source.is_dir() else [source]
    placements: list[Placement] = []
    refused: list[LandingFileError] = []
    for path in found:
        if not path.is_file() or is_unfinished(path) or registry.is_sidecar(path):
            continue
        try:
            chosen, reason = _choose(path, connector)
            relative = prefix / path.relative_to(folder)
            target = settings.landing / chosen.table / chosen.name / relative
            again = replace or chosen.table in REPLACED_IN_PLACE
            copied = place(path, target, replace=again)
            for sidecar in registry.sidecars_of(chosen, path):
                place(sidecar, target.with_name(sidecar.name), replace=True)
            placements.append(Placement(path, target, chosen.name, reason, copied))
        except LandingFileError as error:
            refused.append(error)
    return placements, refused


def _choose(path: Path, connector: str | None) -> tuple[Connector, str]:
    if connector:
        return registry.by_name(connector), "named on the command line"
    recognition = registry.recognise(preview_of(path))
    return recognition.connector, recognition.reason
