"""Close a period: freeze what the books know of it, once and for ever.

Belongs here: what has to be true before, and writing the record. A closed period is a folder of
`books/closed/`, made beside and renamed; its record names the files that it stands upon and their
digests.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import msgspec

from tokenworks.books.calendar import Calendar, FiscalPeriod
from tokenworks.books.closed import (
    CORRECTIONS_FILE,
    LEDGER_FILE,
    RECORD,
    Closed,
    Sums,
    closed_periods,
    frozen_files,
    verify,
)
from tokenworks.books.frozen import write_corrections, write_ledger
from tokenworks.books.history import digest_of, inputs_of
from tokenworks.books.known import Known, books_calendar, connect_known, known_at
from tokenworks.books.reasons import changed_files
from tokenworks.books.recording import (
    FORM,
    LEDGER,
    BooksError,
    date_of,
    recordings,
)
from tokenworks.restatement import landed_files
from tokenworks.warehouse import warehouse_lock
from tokenworks_sources.settings import Settings

# A month has data where one of these has rows.
DATA = (LEDGER, "fct_requests")
SHOWN_FILES = 3


class NotClosableError(BooksError):
    """A period that may not be closed yet, or not again."""


def close(
    settings: Settings,
    name: str,
    *,
    skip: bool = False,
    only_try: bool = False,
    now: datetime | None = None,
) -> Closed:
    """Close a period as the books know it now.

    Args:
        settings: the home folder.
        name: the period, such as `2026-10`.
        skip: leave earlier periods open.
        only_try: say what would be closed, and leave it open.
        now: when it is closed; the present where not given.

    Raises:
        NotClosableError: it is not over, closed already, empty, unbalanced, behind an open one, or
            files landed that no build has read.
        ClosedBooksChangedError: an earlier closed period is not what it was.
        WarehouseLockedError: a build or a publish is under way.
    """
    moment = now or datetime.now(UTC)
    with warehouse_lock(settings):
        known = known_at(settings, moment)
        calendar = books_calendar(settings, known)
        period = calendar.named(name)
        earlier = closed_periods(settings)
        verify(settings, earlier)
        _refuse_time(period, earlier, moment)
        _refuse_unread(settings)
        left_open = _open_before(known, period, calendar, [closed.period for closed in earlier])
        if left_open and not skip:
            raise NotClosableError(
                f"Before {period.name} these periods are open and have data: "
                f"{', '.join(left_open)}. Close them first, or leave them open with --skip."
            )
        with (
            _staged(settings, period) as folder,
            connect_known(settings, known, also=folder) as connection,
        ):
            _refuse_imbalance(connection)
            closed = _freeze(known, connection, period, folder, moment)
            if not only_try:
                settings.closed.mkdir(parents=True, exist_ok=True)
                os.replace(folder, settings.closed / period.name)
    return closed


def _refuse_time(period: FiscalPeriod, earlier: list[Closed], now: datetime) -> None:
    for closed in earlier:
        if closed.period.name == period.name:
            raise NotClosableError(
                f"{period.name} was closed on {closed.closed_on:%Y-%m-%d %H:%M:%S} UTC. What came "
                "since is posted as corrections in the next open period."
            )
        if (
            closed.period.first_date <= period.last_date
            and period.first_date <= closed.period.last_date
        ):
            raise NotClosableError(
                f"{period.name} shares dates with {closed.period.name}, which is closed."
            )
    if now < datetime.combine(period.end, datetime.min.time(), UTC):
        raise NotClosableError(
            f"{period.name} is not over: its last hour ends at {period.end} 00:00 UTC. "
            "Close it after that, when its bills have come."
        )


def _refuse_unread(settings: Settings) -> None:
    inputs = inputs_of(settings, recordings(settings))
    files = changed_files(inputs.files, landed_files(settings.lake)) if inputs else []
    if files:
        more = f", and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
        raise NotClosableError(
            f"No build has read what landed last: {', '.join(files[:SHOWN_FILES])}{more}. "
            "Run `tokenworks build`, then close."
        )


def _open_before(
    known: Known, period: FiscalPeriod, calendar: Calendar, closed: list[FiscalPeriod]
) -> list[str]:
    """Names of the earlier periods that are open and have data."""
    dates = {day for mart in DATA for day in _dates(known, mart)}
    if not any(period.has(day) for day in dates):
        raise NotClosableError(
            f"The books hold nothing of {period.name}: there is nothing to close."
        )
    left = {
        day for day in dates if day < period.first_date and not any(one.has(day) for one in closed)
    }
    found = {calendar.containing(day) for day in left}
    return [one.name for one in sorted(one for one in found if one is not None)]


def _dates(known: Known, mart: str) -> set[date]:
    found = {name: one for name, one in known.pieces(mart).items() if one.piece.rows}
    return {day for day in map(date_of, found) if day is not None}


def _refuse_imbalance(connection: duckdb.DuckDBPyConnection) -> None:
    rows = connection.execute(
        "select check_name, subject, difference from rpt_reconciliation "
        "where is_blocking and is_balanced is not true order by all"
    ).fetchall()
    if rows:
        check, subject, difference = rows[0]
        raise NotClosableError(
            f"The books do not balance: {check} of {subject} differs by {difference}. "
            "Correct the source and run `tokenworks build`, then close."
        )


@contextmanager
def _staged(settings: Settings, period: FiscalPeriod) -> Iterator[Path]:
    """A folder beside the closed ones, gone again if it was not put in place."""
    folder = settings.books / ".closing" / period.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _freeze(
    known: Known,
    connection: duckdb.DuckDBPyConnection,
    period: FiscalPeriod,
    folder: Path,
    now: datetime,
) -> Closed:
    write_ledger(connection, period, folder)
    write_corrections(connection, period, folder)
    own = {
        f"closed/{period.name}/{name}": digest_of(folder / name)
        for name in (LEDGER_FILE, CORRECTIONS_FILE)
    }
    draft = Closed(
        period=period,
        closed_at=now.astimezone(UTC).strftime(FORM),
        recorded_at=known.recorded_at.strftime(FORM),
        files=own | frozen_files(known, period),
        totals=_totals(connection),
    )
    closed = replace(draft, digest=draft.sealed())
    (folder / RECORD).write_bytes(msgspec.json.format(msgspec.json.encode(closed), indent=1))
    for path in folder.iterdir():
        path.chmod(0o444)
    return closed


def _totals(connection: duckdb.DuckDBPyConnection) -> dict[str, Sums]:
    rows = connection.execute(
        "select currency, cast(sum(cost) as varchar), "
        "cast(coalesce(sum(cost) filter (is_accrued), 0) as varchar), "
        "cast(coalesce(sum(cost) filter (category = 'unattributed'), 0) as varchar), "
        "cast(coalesce(sum(cost) filter (cost_usd is null), 0) as varchar) "
        "from frozen_ledger group by currency order by currency"
    ).fetchall()
    corrections = dict(
        connection.execute(
            "select currency, cast(sum(cost) as varchar) from frozen_corrections group by currency"
        ).fetchall()
    )
    totals = {currency: Sums(*sums) for currency, *sums in rows}
    for currency, amount in sorted(corrections.items()):
        totals[currency] = replace(totals.get(currency, Sums()), corrections=amount)
    return totals
