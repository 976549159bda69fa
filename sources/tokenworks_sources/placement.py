"""Files of the user's into the landing folder, by recognised format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Connector
from tokenworks_sources.connectors.mapped import resolve
from tokenworks_sources.connectors.mapped.mapped import Mapped
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


@dataclass(frozen=True)
class Choice:
    """How a file is to be read: the user's words before recognition by content."""

    connector: str | None = None
    mapping: Path | None = None


@dataclass(frozen=True)
class _Chosen:
    connector: Connector
    reason: str
    mapping: Path | None = None


def place_path(
    settings: Settings,
    source: Path,
    *,
    connector: str | None = None,
    mapping: Path | None = None,
    replace: bool = False,
) -> tuple[list[Placement], list[LandingFileError]]:
    """Copies a file or a folder into the landing folder.

    Args:
        settings: the home folder.
        source: a file, or a folder whose files keep their relative paths.
        connector: name of the connector for all files, instead of recognition by content.
        mapping: a mapping for all files (docs/mapping.md).
        replace: put a changed file in the place of the earlier one of that name.

    Returns:
        what was placed, and an error for each file that no connector, or more than one, claims.
    """
    for given in (source, mapping):
        if given is not None and not given.exists():
            raise LandingFileError(given, "there is no such file or folder.", "Check the path.")
    folder = source if source.is_dir() else source.parent
    prefix = Path(source.resolve().name) if source.is_dir() else Path()
    placements: list[Placement] = []
    refused: list[LandingFileError] = []
    for path in _data_files(source):
        try:
            chosen = _choose(path, Choice(connector, mapping))
            relative = prefix / path.relative_to(folder)
            placements.append(_place(settings, path, relative, chosen, replace))
        except LandingFileError as error:
            refused.append(error)
    return placements, refused


def _data_files(source: Path) -> list[Path]:
    found = sorted(source.rglob("*")) if source.is_dir() else [source]
    return [
        path
        for path in found
        if path.is_file() and not is_unfinished(path) and not registry.is_sidecar(path)
    ]


def _choose(path: Path, choice: Choice) -> _Chosen:
    beside = path.parent / resolve.SIDECAR
    mapping = choice.mapping or (beside if beside.is_file() and not choice.connector else None)
    if mapping:
        found = resolve.mapping_in(mapping, preview_of(path))
        reason = f"mapping {found.name or mapping.name}"
        return _Chosen(Mapped(found.table), reason, mapping)
    if choice.connector:
        return _Chosen(registry.by_name(choice.connector), "named on the command line")
    recognition = registry.recognise(preview_of(path))
    return _Chosen(recognition.connector, recognition.reason)


def _place(
    settings: Settings, path: Path, relative: Path, chosen: _Chosen, replace: bool
) -> Placement:
    connector = chosen.connector
    folder = settings.landing / connector.table / connector.name
    if chosen.mapping and chosen.mapping.name != resolve.SIDECAR:
        # A mapping of its own gives its files a folder of their own.
        folder = folder / chosen.mapping.name.split(".")[0]
        place(chosen.mapping, folder / resolve.SIDECAR, replace=True)
    target = folder / relative
    copied = place(path, target, replace=replace or connector.table in REPLACED_IN_PLACE)
    named = {resolve.SIDECAR} if chosen.mapping and chosen.mapping.parent != path.parent else set()
    for sidecar in path.parent.iterdir():
        if sidecar.is_file() and registry.is_sidecar(sidecar) and sidecar.name not in named:
            place(sidecar, target.with_name(sidecar.name), replace=True)
    return Placement(path, target, connector.name, chosen.reason, copied)
