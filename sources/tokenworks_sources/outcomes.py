"""What became of landing files: the words that an ingest reports in. Pure.

A file that gave rejects and no row is a failed one: it was read by the wrong connector, or is damaged as
a whole. Its rejects stay beside the lake, so that each can be looked at. A file that was known, or that
rightly holds nothing for the lake (an hour without requests, meters of gas alone), has not failed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tokenworks_sources.errors import LandingFileError
from tokenworks_sources.manifest import Manifest, touched_dates

INGESTED, KNOWN, FAILED = "ingested", "known", "failed"

# Reasons that one sentence names.
MOST_REASONS = 3


@dataclass(frozen=True)
class FileOutcome:
    """What became of one landing file.

    Attributes:
        name: path relative to the landing folder.
        status: ingested, known (already in the lake) or failed.
        rows: rows by table.
        rejects, skipped: records by reason.
        notes: remarks about the file, counted.
        event_dates: dates touched by table; empty where the file was known.
        error: why it failed.
    """

    name: str
    digest: str
    connector: str
    status: str
    rows: dict[str, int] = field(default_factory=dict)
    rejects: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    notes: dict[str, int] = field(default_factory=dict)
    event_dates: dict[str, list[date]] = field(default_factory=dict)
    error: str | None = None

    @property
    def rejected(self) -> int:
        """Number of rejected records."""
        return sum(self.rejects.values())


@dataclass(frozen=True)
class IngestReport:
    """Outcomes of one ingest, in the order of the landing folder."""

    files: list[FileOutcome]

    def with_status(self, status: str) -> list[FileOutcome]:
        """The outcomes of one status."""
        return [outcome for outcome in self.files if outcome.status == status]

    def rows(self) -> dict[str, int]:
        """Rows added by table."""
        totals: dict[str, int] = {}
        for outcome in self.with_status(INGESTED):
            for table, rows in outcome.rows.items():
                totals[table] = totals.get(table, 0) + rows
        return dict(sorted(totals.items()))

    def event_dates(self) -> dict[str, list[date]]:
        """Event dates touched by table."""
        dates: dict[str, set[date]] = {}
        for outcome in self.files:
            for table, days in outcome.event_dates.items():
                dates.setdefault(table, set()).update(days)
        return {table: sorted(days) for table, days in sorted(dates.items())}


def outcome_of(manifest: Manifest, path: Path, status: str) -> FileOutcome:
    """What the manifest of a file that lies at `path` says; a file of nothing but rejects failed."""
    error = None
    if is_refused(manifest):
        status, error = FAILED, str(refusal(manifest, path))
    return FileOutcome(
        name=manifest.name,
        digest=manifest.digest,
        connector=manifest.connector,
        status=status,
        rows={table: given.rows for table, given in manifest.tables.items()},
        rejects=manifest.rejects,
        skipped=manifest.skipped,
        notes=manifest.notes,
        event_dates=touched_dates(manifest) if status == INGESTED else {},
        error=error,
    )


def is_refused(manifest: Manifest) -> bool:
    """Whether a file gave no row, and records of it were rejected."""
    return bool(manifest.rejects) and not manifest.records_out


def refusal(manifest: Manifest, path: Path) -> LandingFileError:
    """Why such a file failed, by its most frequent reasons."""
    records = sum(manifest.rejects.values())
    all_of_them = "its only record was" if records == 1 else f"all {records:,} records were"
    if left_out := sum(manifest.skipped.values()):
        all_of_them = f"of {records + left_out:,} records {left_out:,} hold nothing for the lake, all others were"
    return LandingFileError(
        path,
        f"connector {manifest.connector} could use nothing of it: {all_of_them} rejected "
        f"({reasons_of(manifest.rejects)}).",
        "Check that the file is of that format (`tokenworks connectors`).",
    )


def reasons_of(counted: dict[str, int]) -> str:
    """The most frequent reasons in words, each with its count."""
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    named = ", ".join(f"{number:,} × {reason}" for reason, number in ordered[:MOST_REASONS])
    more = len(ordered) - MOST_REASONS
    return f"{named}, and {more} more reasons" if more > 0 else named
