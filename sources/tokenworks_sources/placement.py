"""Files of the user's into the landing folder, by recognised format."""

from __future__ import annotations

from dataclasses import dataclass, field
from dataclasses import replace as replaced
from pathlib import Path

from tokenworks_sources.archives import is_zip, unpacked
from tokenworks_sources.connectors import registry
from tokenworks_sources.connectors.base import Connector, Preview
from tokenworks_sources.connectors.mapped import resolve
from tokenworks_sources.connectors.mapped.mapped import Mapped
from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.lake.commit import retire
from tokenworks_sources.lake.paths import landing_lock
from tokenworks_sources.landing import digest_of, place, preview_of
from tokenworks_sources.listing import is_unfinished
from tokenworks_sources.manifest import load_manifests
from tokenworks_sources.settings import Settings

# A newer fleet.yaml is the same file, corrected: it takes the place of the earlier one.
REPLACED_IN_PLACE = frozenset({"fleet"})


@dataclass(frozen=True)
class Placement:
    """A file that lies in the landing folder now.

    Attributes:
        reason: why this connector was chosen.
        copied: false where the same bytes already lay there.
        doubt: why another connector might have been chosen; "" where the connector recognises it.
        added: files that were not there before, sidecars among them.
    """

    source: Path
    target: Path
    connector: str
    reason: str
    copied: bool
    doubt: str = ""
    added: tuple[Path, ...] = ()


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
    is_named: bool = False
    doubt: str = ""

    def may_replace(self, settings: Settings, path: Path, target: Path) -> bool:
        """A newer file of that name takes the place of one that never got into the lake.

        Manifests are read only where another file of that name lies there.
        """
        if self.connector.table in REPLACED_IN_PLACE:
            return True
        if not target.exists() or digest_of(target) == digest_of(path):
            return False
        name = str(target.relative_to(settings.landing))
        manifests = load_manifests(settings.lake, self.connector.table).values()
        return all(manifest.name != name for manifest in manifests)


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
        source: a file, a zip archive whose members become files, or a folder of them, whose
            relative paths are kept.
        connector: name of the connector for all files, instead of recognition by content.
        mapping: a mapping for all files (docs/mapping.md).
        replace: put a changed file in the place of the earlier one of that name.

    Returns:
        what was placed, and an error for each file that no connector, or more than one, claims.
    """
    for given in (source, mapping):
        if given is not None and not given.exists():
            raise LandingFileError(given, "there is no such file or folder.", "Check the path.")
    placing = _Placing(settings, Choice(connector, mapping), replace)
    folder = source if source.is_dir() else source.parent
    prefix = Path(folder.resolve().name)
    for path in _data_files(source):
        relative = prefix / path.relative_to(folder)
        try:
            is_archive = is_zip(path)
        except OSError as error:
            what = LandingFileError(path, "cannot be opened.", f"{error.strerror}.")
            placing.refused.append(what)
            continue
        if is_archive:
            placing.archive(path, relative)
        else:
            placing.file(path, relative)
    return placing.placements, placing.refused


@dataclass
class _Placing:
    """What has been placed so far, and what was refused."""

    settings: Settings
    choice: Choice
    replace: bool
    placements: list[Placement] = field(default_factory=list)
    refused: list[LandingFileError] = field(default_factory=list)

    def file(self, path: Path, relative: Path) -> None:
        """Places one file under its relative path."""
        try:
            chosen = _choose(path, self.choice)
            self.placements.append(_place(self.settings, path, relative, chosen, self.replace))
        except LandingFileError as error:
            self.refused.append(error)

    def archive(self, path: Path, relative: Path) -> None:
        """Places each member of a zip archive, in a folder of the archive's name."""
        try:
            with unpacked(path, self.settings.home) as folder:
                inside = _Placing(self.settings, self.choice, self.replace)
                for member in _data_files(folder):
                    inside.file(member, relative.with_suffix("") / member.relative_to(folder))
                # The unpacked files are gone when this is read: name the archive instead.
                self.placements += [
                    replaced(done, source=path / done.source.relative_to(folder))
                    for done in inside.placements
                ]
                for error in inside.refused:
                    name = Path(error.path)
                    if name.is_relative_to(folder):
                        name = path / name.relative_to(folder)
                    self.refused.append(type(error)(name, error.what, error.hint, error.line))
        except LandingFileError as error:
            self.refused.append(error)


def _data_files(source: Path) -> list[Path]:
    found = sorted(source.rglob("*")) if source.is_dir() else [source]
    return [
        path
        for path in found
        if path.is_file() and not is_unfinished(path.name) and not registry.is_sidecar(path)
    ]


def _choose(path: Path, choice: Choice) -> _Chosen:
    beside = path.parent / resolve.SIDECAR
    mapping = choice.mapping or (beside if beside.is_file() and not choice.connector else None)
    if mapping:
        if mapping == beside and (neighbour := _neighbour(mapping, preview_of(path))):
            return neighbour
        found = resolve.mapping_in(mapping, preview_of(path))
        label = mapping.name if found.name in ("", resolve.SIDECAR) else found.name
        return _Chosen(Mapped(found.table), f"mapping {label}", mapping, mapping == choice.mapping)
    if choice.connector:
        return _named(registry.by_name(choice.connector), preview_of(path))
    recognition = registry.recognise(preview_of(path))
    return _Chosen(recognition.connector, recognition.reason)


def _neighbour(mapping: Path, preview: Preview) -> _Chosen | None:
    """How a file is read that only lies beside a mapping of others, such as a `fleet.yaml`."""
    if any(resolve.fits(one, preview) for one in resolve.read_mappings(mapping)):
        return None
    claims = registry.claims_on(preview)
    return _Chosen(claims[0].connector, claims[0].reason) if len(claims) == 1 else None


def _named(connector: Connector, preview: Preview) -> _Chosen:
    """The connector that the user named, and what speaks against it."""
    named = "named on the command line"
    if reason := connector.recognise(preview):
        return _Chosen(connector, f"{named}; {reason}")
    claims = registry.claims_on(preview)
    others = " and ".join(f"{claim.connector.name} does ({claim.reason})" for claim in claims)
    doubt = f"connector {connector.name} does not recognise it; {others or 'no other does'}"
    return _Chosen(connector, named, doubt=doubt)


def _place(
    settings: Settings, path: Path, relative: Path, chosen: _Chosen, replace: bool
) -> Placement:
    connector = chosen.connector
    folder = settings.landing / connector.table / connector.name
    sidecars = {
        path.with_name(name): name
        for name in registry.SIDECARS
        if path.with_name(name).is_file() and (name != resolve.SIDECAR or chosen.mapping)
    }
    sidecars |= {companion: companion.name for companion in registry.companions_of(connector, path)}
    if chosen.is_named:
        # A mapping that was named gives its files a folder of their own.
        assert chosen.mapping is not None
        folder = folder / chosen.mapping.name.removesuffix(chosen.mapping.suffix)
        sidecars = {chosen.mapping: resolve.SIDECAR}
    is_single = connector.table in REPLACED_IN_PLACE
    target = folder / (path.name if is_single else relative)
    beside = folder if chosen.is_named else target.parent
    for sidecar, name in sidecars.items():
        _refuse_other_sidecar(sidecar, beside / name, replace)
    again = replace or chosen.may_replace(settings, path, target)
    wanted = [target, *(beside / name for name in sidecars.values())]
    added = tuple(one for one in wanted if not one.exists())
    copied = place(path, target, replace=again)
    for sidecar, name in sidecars.items():
        place(sidecar, beside / name, replace=True)
    return Placement(path, target, connector.name, chosen.reason, copied, chosen.doubt, added)


def withdraw(settings: Settings, placement: Placement, digest: str) -> bool:
    """Takes a file that brought nothing out of the landing folder again; false where it was there.

    Args:
        settings: the home folder.
        placement: what was placed.
        digest: what the lake knows the file by, "" where it does not.
    """
    if placement.target not in placement.added:
        return False
    table = placement.target.relative_to(settings.landing).parts[0]
    placement.target.unlink(missing_ok=True)
    for sidecar in placement.added:
        if not _data_files(sidecar.parent):
            sidecar.unlink(missing_ok=True)
    for folder in placement.target.parents:
        if folder == settings.landing or any(folder.iterdir()):
            break
        folder.rmdir()
    if digest:
        with landing_lock(settings.lake, table):
            retire(settings.lake, table, [digest])
    return True


def _refuse_other_sidecar(source: Path, target: Path, replace: bool) -> None:
    """Another mapping would re-read the files that lie there under the first one."""
    if target.exists() and not replace and digest_of(source) != digest_of(target):
        raise LandingFileError(
            source,
            f"a different {target.name} already lies at {target} and reads the files there.",
            "Pass --replace to read them all by the new one, or rename yours.",
        )
