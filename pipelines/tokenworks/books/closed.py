"""Closed periods: what their records say, and that nothing of them has changed.

Belongs here: reading and verifying. Closing belongs to `closing.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from tokenworks.books.calendar import FiscalPeriod
from tokenworks.books.history import digest_of
from tokenworks.books.known import Known, known_at
from tokenworks.books.recording import ABOUT, FORM, UNDATED, BooksError, date_of
from tokenworks_sources.settings import Settings

RECORD = "closed.json"
LEDGER_FILE, CORRECTIONS_FILE = "ledger.parquet", "corrections.parquet"
SHOWN_FILES = 5
CORRECTIONS = "fct_cost_corrections"
HISTORY = "history/"


class ClosedBooksChangedError(BooksError):
    """A file of a closed period is not what it was when the period was closed.

    Attributes:
        files: the files, relative to the books.
    """

    def __init__(self, period: str, files: list[str]) -> None:
        self.period, self.files = period, tuple(files)
        more = f"\n  and {len(files) - SHOWN_FILES} more" if len(files) > SHOWN_FILES else ""
        super().__init__(
            f"The closed books of {period} were changed:\n  "
            + "\n  ".join(files[:SHOWN_FILES])
            + more
            + "\nPut the files back from a backup of the folder books/; closed books never change."
        )


@dataclass(frozen=True)
class Sums:
    """Money of a period in one currency, as exact decimals.

    Attributes:
        cost: all that the ledger holds.
        accrued: what stands in for bills that have not come.
        unattributed: what no rule could place.
        without_rate: what no rate translates to US dollars.
        corrections: what was posted in the period for earlier ones.
    """

    cost: str = "0"
    accrued: str = "0"
    unattributed: str = "0"
    without_rate: str = "0"
    corrections: str = "0"


@dataclass(frozen=True)
class Closed:
    """The record of a closed period.

    Attributes:
        period: its name, calendar and dates.
        closed_at: when it was closed, as the name of a recording.
        recorded_at: the recording as of which it is frozen.
        files: digest by file, relative to the books.
        totals: money by currency.
        digest: digest over all of that.
    """

    period: FiscalPeriod
    closed_at: str
    recorded_at: str
    files: dict[str, str]
    totals: dict[str, Sums]
    digest: str = ""

    @property
    def moment(self) -> datetime:
        """The recording as of which it is frozen, UTC."""
        return datetime.strptime(self.recorded_at, FORM).replace(tzinfo=UTC)

    @property
    def closed_on(self) -> datetime:
        """When it was closed, UTC."""
        return datetime.strptime(self.closed_at, FORM).replace(tzinfo=UTC)

    def sealed(self) -> str:
        """The digest over what the record says."""
        said = msgspec.to_builtins(self)
        said.pop("digest")
        return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def closed_periods(settings: Settings) -> list[Closed]:
    """The closed periods, the earliest first."""
    if not settings.closed.is_dir():
        return []
    decoder = msgspec.json.Decoder(Closed)
    found = [decoder.decode(path.read_bytes()) for path in settings.closed.glob(f"*/{RECORD}")]
    return sorted(found, key=lambda closed: closed.period)


def verify(settings: Settings, periods: Iterable[Closed]) -> None:
    """Check every file of closed periods against the digests of their records.

    Raises:
        ClosedBooksChangedError: a file is gone or has another content, or the record has.
    """
    digests: dict[str, str] = {}
    for closed in periods:
        wrong = _changed_list(settings, closed)
        for name, digest in sorted(closed.files.items()):
            path = settings.books / name
            if name not in digests:
                digests[name] = digest_of(path) if path.is_file() else "gone"
            if digests[name] != digest:
                wrong.append(f"{path}{' is gone' if digests[name] == 'gone' else ''}")
        if wrong:
            raise ClosedBooksChangedError(closed.period.name, wrong)


def _changed_list(settings: Settings, closed: Closed) -> list[str]:
    """What names the files of a closed period and is not what it was: its record, or a recording."""
    record = settings.closed / closed.period.name / RECORD
    if closed.digest != closed.sealed():
        return [str(record)]
    stated = {name: digest for name, digest in closed.files.items() if name.startswith(HISTORY)}
    if frozen_files(known_at(settings, closed.moment), closed.period) != stated:
        return [f"{settings.history}/*/{ABOUT}"]
    return []


def frozen_files(known: Known, period: FiscalPeriod) -> dict[str, str]:
    """Digest by file of the pieces of a period, and of what stands in no date's books."""
    return {
        f"{HISTORY}{found.recorded_at}/{file}": digest
        for mart in known.state
        for name, found in known.pieces(mart).items()
        if name == UNDATED or mart == CORRECTIONS or _is_of(name, period)
        for file, digest in found.piece.files.items()
    }


def _is_of(name: str, period: FiscalPeriod) -> bool:
    day = date_of(name)
    return day is not None and period.has(day)
