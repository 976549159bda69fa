"""`tokenworks ingest`: files into the landing folder, landing folder into the lake."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenworks.cli import show
from tokenworks.cli.ingested import ingest_and_show
from tokenworks_sources.errors import LandingFileError, UnrecognisedFileError
from tokenworks_sources.settings import Settings

if TYPE_CHECKING:
    from tokenworks_sources.placement import Placement

# Names of left-out files that are shown of each kind.
MOST_NAMES = 3


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(ingest)


def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; none: what already landed.")
    ] = None,
    connector: Annotated[
        str | None, typer.Option(help="Connector for all files, instead of recognition.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="Mapping YAML for all files (docs/mapping.md).")
    ] = None,
    replace: Annotated[
        bool, typer.Option(help="Put changed files in the place of earlier ones.")
    ] = False,
) -> None:
    """Bring files into the lake, each once. Formats are recognised by content."""
    settings = Settings.from_environment()
    given = [_place(settings, path, connector, mapping, replace) for path in paths or []]
    placed = [placement for one in given for placement in one.placements]
    if given and not placed:
        raise typer.Exit(1)
    if not settings.landing.is_dir():
        show.problem(f"There is no landing folder at {settings.landing}.")
        show.hint("`tokenworks init`, then `tokenworks ingest PATH`")
        raise typer.Exit(1)
    failed = ingest_and_show(settings, placed if given else None)
    if failed or any(one.is_failure for one in given):
        raise typer.Exit(1)
    show.hint("`tokenworks build` computes the books")


@dataclass
class _Given:
    """What became of one path on its way to the landing folder."""

    placements: list[Placement] = field(default_factory=list)
    failures: int = 0

    @property
    def is_failure(self) -> bool:
        """A file of it could not land, or none did."""
        return bool(self.failures) or not self.placements


def _place(
    settings: Settings, path: Path, connector: str | None, mapping: Path | None, replace: bool
) -> _Given:
    """Lands a path, and says what is chosen, left out or refused."""
    from tokenworks_sources.placement import place_path

    placements, refused = place_path(
        settings, path, connector=connector, mapping=mapping, replace=replace
    )
    reasons = Counter((one.connector, one.reason, one.doubt) for one in placements)
    for (name, reason, doubt), number in reasons.items():
        show.say(f"{path}: {show.count(number, 'file')} by connector {name} ({reason})")
        if doubt:
            show.warning(f"{path}: {doubt}")
    # A folder may hold files that are no data; a file that was named, or is damaged, is a failure.
    left_out = [error for error in refused if is_left_out(path, error)]
    failures = [error for error in refused if not is_left_out(path, error)]
    for error in failures:
        show.problem(str(error))
    _show_left_out(path, left_out)
    if not placements and not failures:
        what = "none of its files is of a known format" if left_out else "there is no data file"
        show.problem(f"{path}: nothing was ingested: {what}.")
    return _Given(placements, len(failures))


def is_left_out(path: Path, error: LandingFileError) -> bool:
    """A file below a folder, or in an archive, that no connector knows."""
    from tokenworks_sources.archives import is_zip

    return isinstance(error, UnrecognisedFileError) and (path.is_dir() or is_zip(path))


def _show_left_out(path: Path, errors: Sequence[LandingFileError]) -> None:
    """The files that nobody knows, by the ends of their names, and what to do about them."""
    if not errors:
        return
    from tokenworks_sources.connectors.registry import UNKNOWN_HINT

    show.warning(f"{path}: {show.count(len(errors), 'file')} of no known format left out:")
    kinds: dict[str, list[str]] = defaultdict(list)
    told: dict[str, int] = Counter()
    for error in errors:
        name = Path(error.path).name
        kinds["".join(Path(name).suffixes[-2:]) or "no extension"].append(name)
        if error.hint != UNKNOWN_HINT:
            told[f"{name}: {error.what} {error.hint}"] += 1
    for kind, names in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0])):
        more = ", …" if len(names) > MOST_NAMES else ""
        show.say(f"  {len(names):,} × {kind} ({', '.join(names[:MOST_NAMES])}{more})")
    for text in list(told)[:MOST_NAMES]:
        show.say(f"  {text}")
    show.hint(
        "`tokenworks connectors` lists what is known; some files need an about.yaml beside them "
        "(docs/sidecars.md); any table can be described in a mapping (docs/mapping.md)"
    )
