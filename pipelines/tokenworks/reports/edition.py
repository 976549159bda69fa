"""Which books a report reads, and where its files lie.

Here belongs the choice between the books as they are and as they were known on a date, and putting
files in place. What a report shows belongs to `tables`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from tokenworks.books.known import known_at, laid_out, moment_text
from tokenworks.reports.period import Period
from tokenworks_sources.settings import Settings


@dataclass(frozen=True)
class Edition:
    """One report of a month.

    Attributes:
        period: the month, and as of when it is told.
        marts: folder of the marts that it reads.
        folder: where its files lie.
    """

    period: Period
    marts: Path
    folder: Path

    def put(self, write: Callable[[Path], None], name: str) -> Path:
        """Write a file beside and move it into place, so that nobody sees half of it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{name}.part"
        write(beside)
        return beside.replace(self.folder / name)


@contextmanager
def edition(
    settings: Settings, period: Period, as_known_on: datetime | None = None
) -> Iterator[Edition]:
    """The report of a month, as of a moment where one is given.

    Raises:
        NotYetKnownError: when there were no books at that moment.
    """
    folder = settings.reports / str(period)
    if as_known_on is None:
        yield Edition(period, settings.published_parquet, folder)
        return
    known = known_at(settings, as_known_on)
    with laid_out(settings, known) as marts:
        text = moment_text(as_known_on)
        yield Edition(replace(period, known_on=text), marts, folder / f"as-known-on-{text}")
