"""Which books a report reads, and where its files lie.

Here belongs the choice between the books as they are, as they were known on a date and as they were
closed, and putting files in place. What a report shows belongs to `tables`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from tokenworks.books.closed import Closed, closed_periods, verify
from tokenworks.books.history import digest_of
from tokenworks.books.known import known_at, laid_out, moment_text
from tokenworks.reports.period import Period
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

SEAL = ".closed.json"


class ClosedReportError(TokenworksError):
    """A file of a closed period's report was changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path}: was changed after the period was closed. Move it elsewhere and run "
            "`tokenworks report` again, which prints it from the closed books."
        )


@dataclass(frozen=True)
class Edition:
    """One report of a month.

    Attributes:
        period: the month, and as of when it is told.
        marts: folder of the marts that it reads.
        folder: where its files lie.
        is_closed: the files are those of a closed period, and stay.
    """

    period: Period
    marts: Path
    folder: Path
    is_closed: bool = False

    def put(self, write: Callable[[Path], None], name: str) -> Path:
        """Write a file beside and move it into place, so that nobody sees half of it.

        A file of a closed period that is in place stays as it is.

        Raises:
            ClosedReportError: it is not as it was written.
        """
        path, beside = self.folder / name, self.folder / f".{name}.part"
        seals = self._seals()
        if name in seals and beside.is_file() and digest_of(beside) == seals[name]:
            # Sealed, and killed before it was moved.
            return beside.replace(path)
        if name in seals and path.is_file():
            if digest_of(path) != seals[name]:
                raise ClosedReportError(path)
            return path
        self.folder.mkdir(parents=True, exist_ok=True)
        write(beside)
        if self.is_closed:
            _seal(self.folder, {**seals, name: digest_of(beside)})
        return beside.replace(path)

    def _seals(self) -> dict[str, str]:
        """Digests of the files in place; none where the period is open."""
        path = self.folder / SEAL
        if not self.is_closed or not path.is_file():
            return {}
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])


def _seal(folder: Path, seals: dict[str, str]) -> None:
    beside = folder / f"{SEAL}.part"
    beside.write_bytes(msgspec.json.encode(seals, order="sorted"))
    os.replace(beside, folder / SEAL)


@contextmanager
def edition(
    settings: Settings, period: Period, as_known_on: datetime | None = None
) -> Iterator[Edition]:
    """The report of a month: as closed where it is, as of a moment where one is given.

    Raises:
        NotYetKnownError: when there were no books at that moment.
        ClosedBooksChangedError: when the closed books are not what they were.
    """
    folder = settings.reports / str(period)
    closed = next((one for one in closed_periods(settings) if one.period.name == str(period)), None)
    if as_known_on is not None:
        text = moment_text(as_known_on)
        noted = replace(period, note=f"; as known on {text}")
        with laid_out(settings, known_at(settings, as_known_on)) as marts:
            yield Edition(noted, marts, folder / f"as-known-on-{text}")
    elif closed is not None:
        verify(settings, [closed])
        with laid_out(settings, known_at(settings, closed.moment)) as marts:
            yield Edition(replace(period, note=closing_note(closed)), marts, folder, is_closed=True)
    else:
        yield Edition(period, settings.published_parquet, folder)


def closing_note(closed: Closed) -> str:
    """When the period was closed, and the digest to compare with."""
    return f"; closed on {closed.closed_on:%Y-%m-%d %H:%M:%S} UTC, digest {closed.digest[:16]}"
