"""The books as they were known at a moment: of each piece the last version recorded until then.

Belongs here: choosing the versions and laying them out where a reader of published Parquet finds them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from tokenworks.books.calendar import PERIODS, Calendar, Gregorian, calendar_of, periods_in
from tokenworks.books.recording import (
    COLUMNS,
    BooksError,
    Found,
    State,
    path_of,
    recordings,
    state_of,
)
from tokenworks_sources.settings import Settings

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
NOW = "now"


class MomentError(BooksError):
    """A moment that cannot be read."""

    def __init__(self, text: str) -> None:
        self.text = text
        super().__init__(
            f"{text!r} is no date or time. Write 2026-11-05 for all that was known at the end of that "
            "day, or a time such as 2026-11-05T14:30 (UTC unless it names an offset)."
        )


class NotYetKnownError(BooksError):
    """The books did not exist at a moment."""


@dataclass(frozen=True)
class Known:
    """The books as of a moment.

    Attributes:
        recorded_at: when the last recording that counts was made.
        state: the version of each piece.
    """

    recorded_at: datetime
    state: State

    def pieces(self, mart: str) -> Mapping[str, Found]:
        """The versions of one mart by piece, its columns not among them."""
        return {name: found for name, found in self.state.get(mart, {}).items() if name != COLUMNS}


def parse_moment(text: str, now: datetime | None = None) -> datetime:
    """The instant up to which recordings count, exclusive of what follows it.

    A date means the end of that day.

    >>> parse_moment("2026-11-05").isoformat()
    '2026-11-05T23:59:59.999999+00:00'

    Raises:
        MomentError: it is neither a date nor a time.
    """
    if text == NOW:
        return now or datetime.now(UTC)
    try:
        if _DATE.fullmatch(text):
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return day + timedelta(days=1, microseconds=-1)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise MomentError(text) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def moment_text(moment: datetime) -> str:
    """A moment as people ask for it: a day where it is the end of one.

    >>> moment_text(parse_moment("2026-11-05"))
    '2026-11-05'
    """
    if moment.timetz() == datetime.max.time().replace(tzinfo=UTC):
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%Y-%m-%dT%H%M%SZ}"


def known_at(settings: Settings, moment: datetime) -> Known:
    """The books as of a moment.

    Raises:
        NotYetKnownError: nothing had been recorded by then.
    """
    all_recordings = recordings(settings)
    counted = [recording for recording in all_recordings if recording.moment <= moment]
    if not counted:
        first = (
            f"The first recording is of {all_recordings[0].moment:%Y-%m-%d %H:%M:%S} UTC."
            if all_recordings
            else "Run `tokenworks build`, which records them."
        )
        raise NotYetKnownError(f"There were no books at {moment:%Y-%m-%d %H:%M:%S} UTC. {first}")
    state = state_of(counted)
    # Columns and marts that came later are empty in what was recorded before them.
    for mart, pieces in state_of(all_recordings).items():
        state.setdefault(mart, {})[COLUMNS] = pieces[COLUMNS]
    return Known(counted[-1].moment, state)


def files_of(settings: Settings, pieces: Mapping[str, Found]) -> list[Path]:
    """The Parquet files of some pieces, the columns first."""
    return [
        path_of(settings, found.recorded_at, file)
        for _, found in sorted(pieces.items())
        for file in sorted(found.piece.files)
    ]


@contextmanager
def laid_out(settings: Settings, known: Known) -> Iterator[Path]:
    """A folder in the shape of the published Parquet, for as long as it is read."""
    settings.books.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.books, prefix=".known-") as name:
        for mart, pieces in known.state.items():
            folder = Path(name) / mart
            folder.mkdir()
            for number, path in enumerate(files_of(settings, pieces)):
                (folder / f"{number:06d}.parquet").symlink_to(path)
        yield Path(name)


@contextmanager
def connect_known(
    settings: Settings, known: Known, also: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The books as views of a database in memory, which reads and writes nothing else.

    Args:
        settings: the home folder.
        known: the books.
        also: a folder that is open too.
    """
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        folders = [_quoted(f"{folder}/") for folder in (settings.history, also) if folder]
        connection.execute(f"set allowed_directories = [{', '.join(folders)}]")
        connection.execute("set enable_external_access = false")
        for mart, pieces in sorted(known.state.items()):
            files = [str(path) for path in files_of(settings, pieces)]
            connection.read_parquet(files, hive_partitioning=False, union_by_name=True).create_view(
                mart
            )
        yield connection


def books_calendar(settings: Settings, known: Known | None = None) -> Calendar:
    """The calendar in whose periods the books are closed, as they know it."""
    if known is None:
        if not recordings(settings):
            return Gregorian()
        known = known_at(settings, datetime.max.replace(tzinfo=UTC))
    if PERIODS not in known.state:
        return Gregorian()
    only = replace(known, state={PERIODS: known.state[PERIODS]})
    with connect_known(settings, only) as connection:
        return calendar_of(periods_in(connection, "is_books_calendar"))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
