"""Builds the report of a month: marts in, workbook and page out.

Here belongs the order of the steps and putting files in place. What they show belongs to `tables`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tokenworks.reports.edition import edition
from tokenworks.reports.headline import HeadlineRow
from tokenworks.reports.page import write_page
from tokenworks.reports.period import Period
from tokenworks.reports.read import read_month
from tokenworks.reports.tables import build_tables
from tokenworks.reports.workbook import write_workbook
from tokenworks_sources.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ReportResult:
    """Where the report lies, and its headline.

    Attributes:
        workbook_path: the workbook for finance.
        page_path: the page.
        headline: the headline table, by tier and region.
        first_line: what the first line of the report says about the unknown share.
    """

    workbook_path: Path
    page_path: Path
    headline: tuple[HeadlineRow, ...]
    first_line: str


def build_report(
    settings: Settings,
    month: str,
    progress: Progress | None = None,
    as_known_on: datetime | None = None,
) -> ReportResult:
    """Write the workbook and the page of a month.

    Both are written beside and moved into place, so that a reader never sees half a file.

    Args:
        settings: where the marts and reports lie.
        month: `YYYY-MM`.
        progress: told what is being done, in a few words.
        as_known_on: read the books as they were known then; as they are where not given.

    Raises:
        PeriodError: when the month is not written as YYYY-MM.
        NoDataError: when nothing is published for it; names the months that there are.
        MartError: when a mart is missing or of another version.
        NotYetKnownError: when there were no books at the moment asked for.
    """
    tell = progress or _silent
    period = Period.parse(month)
    with edition(settings, period, as_known_on) as chosen:
        tell(f"Reading the marts of {period}")
        tables = build_tables(read_month(chosen.marts, chosen.period), chosen.period)
        tell("Writing the workbook")
        workbook = chosen.put(
            lambda path: write_workbook(tables, path), f"tokenworks-{period}.xlsx"
        )
        tell("Drawing the page")
        page = chosen.put(lambda path: write_page(tables, path), "index.html")
    return ReportResult(workbook, page, tables.headline, tables.quality.first_line())


def _silent(_: str) -> None:
    """Tell nobody."""
