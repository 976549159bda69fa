"""What `tokenworks ingest` prints of what became of the files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tokenworks.cli import show
from tokenworks_sources.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tokenworks_sources.outcomes import FileOutcome, IngestReport
    from tokenworks_sources.placement import Placement


def ingest_and_show(settings: Settings, placed: Sequence[Placement] | None = None) -> int:
    """Ingests the landing folder, prints what happened, returns the number of failed files.

    Args:
        settings: the home folder.
        placed: files of this call; failures of others are only counted. None: all are of this call.
    """
    from tokenworks_sources.settled import settled_files

    settled = settled_files(settings)
    if settled is not None:
        _show_files(settings, [], settled, placed)
        return 0
    from tokenworks_sources.ingest import ingest_landing
    from tokenworks_sources.outcomes import FAILED, INGESTED, KNOWN

    with show.progress_bar("Ingest", settings.landing) as progress:
        report = ingest_landing(settings, progress=progress)
    by_path = {one.target: one for one in placed or []}
    barren = [one for one in report.files if _is_barren(one, by_path.get(_path(settings, one)))]
    new, known = (
        [one for one in report.with_status(status) if one not in barren]
        for status in (INGESTED, KNOWN)
    )
    failed = report.with_status(FAILED)
    _show_rows(report)
    _show_rejects(settings, new)
    _show_reasons("Left out, as it holds nothing for the lake", "skipped", new)
    _show_reasons("Noted", "notes", new)
    _show_files(settings, new, len(known), placed)
    ours = [one for one in failed if placed is None or _path(settings, one) in by_path]
    _show_failures(settings, [*ours, *barren], by_path)
    if len(ours) < len(failed):
        files = show.count(len(failed) - len(ours), "file")
        show.warning(
            f"{files} that landed earlier still cannot be read; `tokenworks ingest` names why"
        )
    return len(ours) + len(barren)


def _path(settings: Settings, outcome: FileOutcome) -> Path:
    return settings.landing / outcome.name


def _is_barren(outcome: FileOutcome, placement: Placement | None) -> bool:
    """A file that gave nothing to a connector that was named and does not recognise it."""
    doubted = placement is not None and bool(placement.doubt)
    return doubted and outcome.error is None and not outcome.rows


def _cause(settings: Settings, outcome: FileOutcome, placement: Placement | None) -> str:
    """Why a file failed, without the path that the cause begins with."""
    from tokenworks_sources.outcomes import reasons_of

    told = (outcome.error or "").removeprefix(str(_path(settings, outcome)))
    if not outcome.error:
        left = reasons_of(outcome.rejects | outcome.skipped) or "it holds no record"
        told = f": connector {outcome.connector} could use nothing of it ({left})."
    return f"{told} Note: {placement.doubt}." if placement and placement.doubt else told


def _show_failures(
    settings: Settings, failed: Sequence[FileOutcome], placed: dict[Path, Placement]
) -> None:
    """One line for each thing that is wrong, with the first file that it is wrong with."""
    if not failed:
        return
    causes: dict[str, list[str]] = {}
    taken_back = 0
    for outcome in failed:
        path = _path(settings, outcome)
        placement = placed.get(path)
        shown = str(placement.source if placement else path)
        causes.setdefault(_cause(settings, outcome, placement), []).append(shown)
        if placement:
            from tokenworks_sources.placement import withdraw

            taken_back += withdraw(settings, placement, outcome.digest)
    for cause, names in causes.items():
        others = f" ({len(names) - 1:,} more files likewise)" if len(names) > 1 else ""
        show.problem(f"{names[0]}{cause}{others}")
    if taken_back:
        files = show.count(taken_back, "file")
        show.problem(
            f"{files} brought nothing, and nothing of that was kept. Do what the message says, then "
            "`tokenworks ingest` the path again."
        )
    if len(failed) > taken_back:
        files = show.count(len(failed) - taken_back, "file")
        show.problem(
            f"{files} cannot be read. Do what the message says, then `tokenworks ingest` again, or "
            f"remove them from {show.short(settings.landing)}."
        )


def _show_files(
    settings: Settings,
    new: Sequence[FileOutcome],
    known: int,
    placed: Sequence[Placement] | None,
) -> None:
    others = []
    if placed is not None:
        ours = {placement.target for placement in placed}
        others = [one for one in new if _path(settings, one) not in ours]
    files = show.count(len(new) - len(others), "file")
    show.done(f"{files} ingested, {known:,} in the lake before", settings.lake)
    if others:
        more = ", …" if len(others) > 1 else ""
        show.say(
            f"{show.count(len(others), 'file')} that lay in the landing folder already came along "
            f"({others[0].name}{more})"
        )


def _show_rows(report: IngestReport) -> None:
    dates = report.event_dates()
    rows = [
        (name, number, len(dates.get(name, [])), f"{min(dates[name])} … {max(dates[name])}")
        for name, number in report.rows().items()
    ]
    if rows:
        columns = ["table", "rows", "dates", "from … to"]
        show.console.print(show.table("Into the lake", columns, rows))


def _show_rejects(settings: Settings, outcomes: Sequence[FileOutcome]) -> None:
    title = f"Rejected records, kept in {show.short(settings.lake / '_rejects')}"
    _show_reasons(title, "rejects", outcomes)


def _show_reasons(title: str, kind: str, outcomes: Sequence[FileOutcome]) -> None:
    columns = {"rejects": ("records", "reason"), "skipped": ("records", "reason")}
    number_name, reason_name = columns.get(kind, ("times", "note"))
    rows = [
        (outcome.name.rpartition("/")[2], number, reason)
        for outcome in outcomes
        for reason, number in getattr(outcome, kind).items()
    ]
    if rows:
        show.console.print(show.table(title, ["file", number_name, reason_name], rows[:20]))
    if len(rows) > 20:
        show.say(f"… and {len(rows) - 20} more {reason_name}s")
