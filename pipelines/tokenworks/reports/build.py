"""Builds the report of a month: marts in, workbook and page out.

Here belongs the order of the steps and putting files in place. What they show belongs to `tables`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tokenworks.reports.headline import HeadlineRow
from tokenworks.reports.page import write_page
from tokenworks.reports.period import Period
from tokenworks.reports.read import read_month
from tokenworks.reports.tables import ReportTables, build_tables
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


def build_report(settings: Settings, month: str, progress: Progress | None = None) -> ReportResult:
    """Write the workbook and the page of a month.

    Both are written beside and moved into place, so that a reader never sees half a file.

    Args:
        settings: where the marts and reports lie.
        month: `YYYY-MM`.
        progress: told what is being done, in a few words.

    Raises:
        PeriodError: when the month is not written as YYYY-MM.
        NoDataError: when nothing is published for it; names the months that there are.
        MartError: when a mart is missing or of another version.
    """
    tell = progress or _silent
    period = Period.parse(month)
    tell(f"Reading the marts of {period}")
    tables = build_tables(read_month(settings.published_parquet, period), period)
    folder = settings.reports / str(period)
    folder.mkdir(parents=True, exist_ok=True)
    tell("Writing the workbook")
    workbook = _put(write_workbook, tables, folder / f"tokenworks-{period}.xlsx")
    tell("Drawing the page")
    page = _put(write_page, tables, folder / "index.html")
    return ReportResult(workbook, page, tables.headline, tables.quality.first_line())


def _put(write: Callable[[ReportTables, Path], None], tables: ReportTables, path: Path) -> Path:
    beside = path.with_name(f".{path.name}.part")
    write(tables, beside)
    return beside.replace(path)


def _silent(_: str) -> None:
    """Tell nobody."""
