"""Builds the report of a month: marts in, workbook and page out.

Here belongs the order of the steps and putting files in place. What they show belongs to `tables`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tokenworks.reports.edition import Edition, edition
from tokenworks.reports.headline import HeadlineRow
from tokenworks.reports.local_days import known_zone, write_local_days, zone_of_books
from tokenworks.reports.page import write_page
from tokenworks.reports.period import Period, named
from tokenworks.reports.read import read_month
from tokenworks.reports.remedies import remedies
from tokenworks.reports.tables import build_tables
from tokenworks.reports.workbook import write_workbook
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

Progress = Callable[[str], None]


class UnsureReportError(TokenworksError):
    """A report that was to be printed only if enough of it is known."""

    def __init__(self, period: Period, first_line: str, to_do: tuple[str, ...] = ()) -> None:
        self.first_line = first_line
        said = " ".join((first_line, *to_do))
        super().__init__(
            f"The report of {period} was not printed. {said} See the sheet Data quality of the "
            "report without --strict for what is unknown."
        )


@dataclass(frozen=True)
class ReportResult:
    """Where the report lies, and its headline.

    Attributes:
        workbook_path: the workbook for finance.
        page_path: the page.
        headline: the headline table, by tier and region.
        first_line: what the first line of the report says about the unknown share.
        to_do: what to do about cost that no rule could place, where it is too much.
        local_days_path: the days of a time zone, where one is named.
    """

    workbook_path: Path
    page_path: Path
    headline: tuple[HeadlineRow, ...]
    first_line: str
    to_do: tuple[str, ...]
    local_days_path: Path | None = None


def build_report(
    settings: Settings,
    month: str,
    progress: Progress | None = None,
    as_known_on: datetime | None = None,
    *,
    strict: bool = False,
    calendar: str | None = None,
    time_zone: str | None = None,
) -> ReportResult:
    """Write the workbook and the page of a month.

    Both are written beside and moved into place, so that a reader never sees half a file.

    Args:
        settings: where the marts and reports lie.
        month: `YYYY-MM`, or the name of a fiscal period.
        progress: told what is being done, in a few words.
        as_known_on: read the books as they were known then; as they are where not given.
        strict: print nothing where the unknown share is not within its limit.
        calendar: the fiscal calendar that the period is of, where several have one of its name.
        time_zone: whose days and times are shown; that of the books where not given.

    Raises:
        PeriodError: when there is no period of that name.
        NoDataError: when nothing is published for it; names the months that there are.
        MartError: when a mart is missing or of another version.
        NotYetKnownError: when there were no books at the moment asked for.
        UnsureReportError: when too much is unknown and the report is strict.
        TimeZoneError: when there is no time zone of that name.
    """
    tell = progress or _silent
    period = named(month, settings.published_parquet, calendar)
    with edition(settings, period, as_known_on) as chosen:
        tell(f"Reading the marts of {period}")
        books_zone = zone_of_books(chosen.marts)
        zone = known_zone(time_zone) if time_zone else books_zone
        tables = build_tables(read_month(chosen.marts, chosen.period), chosen.period, zone)
        # Another zone's report stands beside that of the books.
        apart = f"-{_slug(zone)}" if zone and zone != books_zone else ""
        first_line, to_do = tables.quality.first_line(), remedies(tables.quality)
        if strict and tables.quality.verdict() != "within":
            raise UnsureReportError(period, first_line, to_do)
        tell("Writing the workbook")
        workbook = chosen.put(
            lambda path: write_workbook(tables, path), f"tokenworks-{period}{apart}.xlsx"
        )
        tell("Drawing the page")
        page = chosen.put(lambda path: write_page(tables, path), f"index{apart}.html")
        days = _put_local_days(chosen, zone) if zone else None
    return ReportResult(workbook, page, tables.headline, first_line, to_do, days)


def _put_local_days(chosen: Edition, zone: str) -> Path:
    return chosen.put(
        lambda path: write_local_days(chosen.marts, chosen.period, zone, path),
        f"days-{_slug(zone)}.csv",
    )


def _slug(zone: str) -> str:
    return zone.replace("/", "-")


def _silent(_: str) -> None:
    """Tell nobody."""
