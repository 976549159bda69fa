"""`tokenworks ingest`: files into the landing folder, landing folder into the lake."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tokenworks.cli import show
from tokenworks_sources.errors import LandingFileError, UnrecognisedFileError
from tokenworks_sources.settings import Settings

if TYPE_CHECKING:
    from tokenworks_sources.ingest import FileOutcome, IngestReport


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
    placed: set[Path] | None = set() if paths else None
    refused = 0
    for path in paths or []:
        landed, failures = _place(settings, path, connector, mapping, replace)
        refused += failures
        placed = (placed or set()) | landed
    if not settings.landing.is_dir():
        if not refused:
            show.problem(f"There is no landing folder at {settings.landing}.")
            show.hint("`tokenworks init`, then `tokenworks ingest PATH`")
        raise typer.Exit(1)
    failed = ingest_and_show(settings, placed)
    if refused or failed:
        raise typer.Exit(1)
    show.hint("`tokenworks build` computes the books")


def _place(
    settings: Settings, path: Path, connector: str | None, mapping: Path | None, replace: bool
) -> tuple[set[Path], int]:
    """Lands a path; the files it is now, and the number of those that could not land."""
    from tokenworks_sources.placement import place_path

    placements, refused = place_path(
        settings, path, connector=connector, mapping=mapping, replace=replace
    )
    reasons = Counter((placement.connector, placement.reason) for placement in placements)
    for (name, reason), number in reasons.items():
        show.say(f"{path}: {show.count(number, 'file')} by connector {name} ({reason})")
    # A folder may hold files that are no data; a file that was named, or is damaged, is a failure.
    left_out = [error for error in refused if is_left_out(path, error)]
    if left_out:
        names = ", ".join(Path(error.path).name for error in left_out[:5])
        more = ", …" if len(left_out) > 5 else ""
        files = show.count(len(left_out), "file")
        show.say(f"{path}: {files} of no known format left out ({names}{more})")
    failures = [error for error in refused if not is_left_out(path, error)]
    for error in failures:
        show.problem(str(error))
    return {placement.target for placement in placements}, len(failures)


def is_left_out(path: Path, error: LandingFileError) -> bool:
    """A file below a folder, or in an archive, that no connector knows."""
    from tokenworks_sources.archives import is_zip

    return isinstance(error, UnrecognisedFileError) and (path.is_dir() or is_zip(path))


def ingest_and_show(settings: Settings, placed: set[Path] | None = None) -> int:
    """Ingests the landing folder, prints what happened, returns the number of failed files.

    Args:
        settings: the home folder.
        placed: files of this call; failures of others are only counted. None: all are of this call.
    """
    from tokenworks_sources.settled import settled_files

    settled = settled_files(settings)
    if settled is not None:
        _show_files(settings, 0, settled)
        return 0
    from tokenworks_sources.ingest import FAILED, INGESTED, KNOWN, ingest_landing

    with show.progress_bar("Ingest", settings.landing) as progress:
        report = ingest_landing(settings, progress=progress)
    new, known, failed = (report.with_status(status) for status in (INGESTED, KNOWN, FAILED))
    _show_rows(report)
    _show_rejects(settings, new)
    _show_notes(new)
    _show_files(settings, len(new), len(known))
    ours = [one for one in failed if placed is None or settings.landing / one.name in placed]
    _show_failures(settings, ours)
    if len(ours) < len(failed):
        files = show.count(len(failed) - len(ours), "file")
        show.warning(
            f"{files} that landed earlier still cannot be read; `tokenworks ingest` names why"
        )
    return len(ours)


def _show_failures(settings: Settings, failed: list[FileOutcome]) -> None:
    """One line for each thing that is wrong, with the first file that it is wrong with."""
    causes: dict[str, list[FileOutcome]] = {}
    for outcome in failed:
        path = str(settings.landing / outcome.name)
        causes.setdefault((outcome.error or "").removeprefix(path), []).append(outcome)
    for cause, outcomes in causes.items():
        others = f" ({len(outcomes) - 1:,} more files likewise)" if len(outcomes) > 1 else ""
        show.problem(f"{settings.landing / outcomes[0].name}{cause}{others}")
    if failed:
        files = show.count(len(failed), "file")
        show.problem(
            f"{files} cannot be read. Do what the message says, then `tokenworks ingest` again, or "
            f"remove them from {show.short(settings.landing)}."
        )


def _show_files(settings: Settings, new: int, known: int) -> None:
    show.done(f"{show.count(new, 'file')} ingested, {known:,} in the lake before", settings.lake)


def _show_rows(report: IngestReport) -> None:
    dates = report.event_dates()
    rows = [
        (name, number, len(dates.get(name, [])), f"{min(dates[name])} … {max(dates[name])}")
        for name, number in report.rows().items()
    ]
    if rows:
        columns = ["table", "rows", "dates", "from … to"]
        show.console.print(show.table("Into the lake", columns, rows))


def _show_rejects(settings: Settings, outcomes: list[FileOutcome]) -> None:
    title = f"Rejected records, kept in {show.short(settings.lake / '_rejects')}"
    found = [(outcome.name, outcome.rejects) for outcome in outcomes]
    _show_reasons(title, ("records", "reason"), found)


def _show_notes(outcomes: list[FileOutcome]) -> None:
    found = [(outcome.name, outcome.notes) for outcome in outcomes]
    _show_reasons("Noted", ("times", "note"), found)


def _show_reasons(
    title: str, columns: tuple[str, str], found: list[tuple[str, dict[str, int]]]
) -> None:
    rows = [
        (Path(name).name, number, reason)
        for name, reasons in found
        for reason, number in reasons.items()
    ]
    if rows:
        show.console.print(show.table(title, ["file", *columns], rows[:20]))
    if len(rows) > 20:
        show.say(f"… and {len(rows) - 20} more {columns[1]}s")
