"""Which scrape a sample belongs to, and which scrapes can get no further sample.

The time of a scrape is that of the `# scraped_at` line in force, else the sample's own timestamp,
else the time in the file name. A file that gives none of them is refused: the time of the file
itself says when it was copied, not when the engine was scraped.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokenworks_sources.connectors.base import LandingFile
from tokenworks_sources.connectors.prometheus.clock import parse_time, time_in_name
from tokenworks_sources.errors import LandingFileError

# Scrapers of several targets write one round's timestamps out of order by less than this.
LATE_MICROS = 120 * 1_000_000
UNSTARTED = -1
TIME_HINT = (
    "Put a line '# scraped_at 2026-10-01T00:05:00Z' before each scrape, or the time into the file "
    "name (20261001T000500Z), or have the samples carry timestamps."
)


@dataclass(frozen=True)
class Scrape:
    """One scrape.

    Attributes:
        time: microseconds since the epoch.
        instance: the `# instance` header in force, None where there was none.
    """

    time: int
    instance: str | None


class Scrapes:
    """The scrapes of one file, numbered as they begin.

    Attributes:
        all: the scrapes, by number.
        current: number of the scrape of samples without a timestamp; UNSTARTED where the next such
            sample begins one.
    """

    def __init__(self, file: LandingFile) -> None:
        self.all: list[Scrape] = []
        self.current = UNSTARTED
        self._file = file
        self._file_time = time_in_name(file.name)
        self._header_time: int | None = None
        self._instance: str | None = None
        self._by_stamp: dict[bytes, int] = {}
        self._latest = self._flushed = 0
        self._in_order = True

    def comment(self, line: str, number: int) -> None:
        """`# scraped_at` and `# instance` hold for what follows, each until it is given again."""
        words = line[1:].split()
        if len(words) < 2 or words[0] not in ("scraped_at", "instance"):
            return
        if words[0] == "instance":
            self._instance = words[1]
            self._by_stamp.clear()
        else:
            self._header_time = parse_time(words[1])
            if self._header_time is None:
                hint = "Write an ISO time with its zone, for example 2026-10-01T00:05:00Z."
                raise LandingFileError(
                    self._file.path, "scraped_at: no time of a scrape.", hint, number
                )
        self.current = UNSTARTED

    def known(self, stamp: bytes) -> int | None:
        """The scrape of a timestamp that was met before, where timestamps decide."""
        return self._by_stamp.get(stamp) if self._header_time is None else None

    def at(self, stamp: str | None, number: int) -> int | None:
        """The scrape of a sample, None where its timestamp is no time.

        Raises:
            LandingFileError: nothing gives the time.
        """
        if stamp is not None and self._header_time is None:
            return self._stamped(stamp, number)
        if stamp is not None and parse_time(stamp) is None:
            return None
        if self.current == UNSTARTED:
            time = self._file_time if self._header_time is None else self._header_time
            if time is None:
                raise LandingFileError(
                    self._file.path, "the scrape has no time.", TIME_HINT, number
                )
            self.current = self._begin(time)
        return self.current

    def _stamped(self, stamp: str, number: int) -> int | None:
        at = self._by_stamp.get(stamp.encode())
        if at is not None:
            return at
        time = parse_time(stamp)
        if time is None:
            return None
        if time <= self._flushed:
            raise LandingFileError(
                self._file.path,
                "samples go back in time by more than two minutes.",
                "Sort the file by timestamp, or ship one file per target.",
                number,
            )
        self._in_order = self._in_order and time > self._latest - LATE_MICROS
        self._latest = max(self._latest, time)
        at = self._by_stamp[stamp.encode()] = self._begin(time)
        return at

    def _begin(self, time: int) -> int:
        self.all.append(Scrape(time, self._instance))
        return len(self.all) - 1

    def still_open(self) -> list[int]:
        """Scrapes that may get further samples; the others are taken as complete from now on."""
        current = [] if self.current == UNSTARTED else [self.current]
        if not self._latest:
            return current
        limit = self._latest - LATE_MICROS if self._in_order else 0
        self._flushed = max(self._flushed, limit)
        self._by_stamp = {
            stamp: at for stamp, at in self._by_stamp.items() if self.all[at].time > limit
        }
        return current + [at for at, scrape in enumerate(self.all) if scrape.time > limit]
