"""`tokenworks ingest`: files into the landing folder, landing folder into the lake."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tokenworks.cli import show
from tokenworks_sources.errors import LandingFileError, UnrecognisedFileError
from tokenworks_sources.settings import Settings


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
    refused = sum(_place(settings, path, connector, mapping, replace) for path in paths or [])
    if not settings.landing.is_dir():
        show.problem(f"There is no landing folder at {settings.landing}.")
        show.hint("`tokenworks init`, then `tokenworks ingest PATH`")
        raise typer.Exit(1)
    failed = ingest_and_show(settings)
    if refused or failed:
        raise typer.Exit(1)
    show.hint("`tokenworks build` computes the books")


def _place(
    settings: Settings, path: Path, connector: str | None, mapping: Path | None, replace: bool
) -> int:
    from tokenworks_sources.placement import place_path

    placements, refused = place_path(
        settings, path, connector=connector, mapping=mapping, replace=replace
    )
    reasons: dict[tuple[str, str], int] = {}
    for placement in placements:
        key = (placement.connector, placement.reason)
        reasons[key] = reasons.get(key, 0) + 1
    for (name, reason), count in reasons.items():
        files = "1 file" if count == 1 else f"{count} files"
        show.console.print(f"{path}: {files} by connector [bold]{name}[/bold] ({reason})")
    # A folder may hold files that are no data; a file that was named, or is damaged, is a failure.
    left_out = [error for error in refused if is_left_out(path, error)]
    if left_out:
        names = ", ".join(Path(error.path).name for error in left_out[:5])
        show.console.print(
            f"{path}: {len(left_out)} files of no known format left out ({names}, …)"
        )
    failures = [error for error in refused if not is_left_out(path, error)]
    for error in failures:
        show.problem(str(error))
    return len(failures)


def is_left_out(path: Path, error: LandingFileError) -> bool:
    """A file below a folder that no connector knows."""
    return path.is_dir() and isinstance(error, UnrecognisedFileError)


def ingest_and_show(settings: Settings) -> int:
    """Ingests the landing folder, prints what happened, returns the number of failed files."""
    from tokenworks_sources.ingest import FAILED, INGESTED, KNOWN, ingest_landing

    with show.progress_bar("Ingest") as progress:
        report = ingest_landing(settings, progress=progress)
    new, known, failed = (report.with_status(status) for status in (INGESTED, KNOWN, FAILED))
    if report.rows():
        dates = report.event_dates()
        rows = [
            (name, count, len(dates.get(name, [])), f"{min(dates[name])} … {max(dates[name])}")
            for name, count in report.rows().items()
        ]
        show.console.print(
            show.table("Into the lake", ["table", "rows", "dates", "from … to"], rows)
        )
    rejects = [
        (outcome.name, count, reason)
        for outcome in new
        for reason, count in outcome.rejects.items()
    ]
    if rejects:
        title = f"Rejected records, kept in {settings.lake / '_rejects'}"
        show.console.print(show.table(title, ["file", "records", "reason"], rejects[:20]))
        if len(rejects) > 20:
            show.console.print(f"… and {len(rejects) - 20} more reasons")
    for outcome in failed:
        show.problem(outcome.error or outcome.name)
    show.done(
        f"{len(new)} files ingested, {len(known)} already known, {len(failed)} failed",
        settings.lake,
    )
    return len(failed)
