"""`tokenworks report`: the month for finance and for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tokenworks.cli import show
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

if TYPE_CHECKING:
    from tokenworks.reports.build import ReportResult
    from tokenworks.reports.headline import HeadlineRow


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(report)


class NoPeriodError(TokenworksError):
    """A report of nothing in particular, or of two periods at once."""

    def __init__(self) -> None:
        super().__init__(
            "Name one month or fiscal period: `tokenworks report 2026-10`, or FY2026-P03."
        )


def report(
    period: Annotated[
        str | None, typer.Argument(help="YYYY-MM, or a fiscal period such as FY2026-P03.")
    ] = None,
    month: Annotated[str | None, typer.Option(help="The same as an option.")] = None,
    as_known_on: Annotated[
        str | None, typer.Option(help="Read the books as of then: a date, a time, or now.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Print nothing where too much is unknown.")
    ] = False,
    calendar: Annotated[
        str | None, typer.Option(help="Fiscal calendar, where several have such a period.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Show days and times of this zone: America/New_York.")
    ] = None,
) -> None:
    """Write the workbook and page of a month or a fiscal period."""
    if (period is None) == (month is None):
        raise NoPeriodError
    name = period or month or ""
    result = report_and_show(
        Settings.from_environment(),
        name,
        as_known_on,
        strict=strict,
        calendar=calendar,
        time_zone=time_zone,
    )
    say_how_sure(result)
    show.console.print(headline_table(name, result.headline))
    show.hint(f"open {result.page_path} in a browser")


def report_and_show(
    settings: Settings,
    month: str,
    as_known_on: str | None = None,
    *,
    strict: bool = False,
    calendar: str | None = None,
    time_zone: str | None = None,
) -> ReportResult:
    """Builds a report and says where it lies."""
    from tokenworks.books.known import parse_moment
    from tokenworks.reports.build import build_report

    moment = parse_moment(as_known_on) if as_known_on else None
    with show.console.status(f"Report of {month}"):
        result = build_report(
            settings,
            month,
            as_known_on=moment,
            strict=strict,
            calendar=calendar,
            time_zone=time_zone,
        )
    show.done(f"Workbook of {month}", result.workbook_path)
    show.done(f"Page of {month}", result.page_path)
    if result.local_days_path:
        show.done(f"Local days of {month}", result.local_days_path)
    return result


def say_how_sure(result: ReportResult) -> None:
    """The report's first line, and what to do about cost that no rule could place."""
    show.console.print(result.first_line)
    for remedy in result.to_do:
        show.console.print(remedy, highlight=False, markup=False)


def headline_table(title: str, headline: tuple[HeadlineRow, ...]) -> object:
    """The headline as a table: dollars fully loaded, idle included."""
    rows = [
        (
            row.tier or "(unknown)",
            row.region or "(unknown)",
            _money(row.usd_per_m_input_uncached),
            _money(row.usd_per_m_input_cache_read),
            _money(row.usd_per_m_output),
            _money(row.usd_per_m_output_active),
            None if row.idle_share is None else f"{row.idle_share:.1%}",
            None if row.p95_ttft_seconds is None else round(row.p95_ttft_seconds * 1000),
        )
        for row in headline
    ]
    columns = [
        "tier",
        "region",
        "$/M input",
        "$/M cached",
        "$/M output",
        "… active",
        "idle",
        "p95 TTFT ms",
    ]
    return show.table(
        f"{title}: fully loaded, idle and overhead included; active: while it served", columns, rows
    )


def _money(value: object) -> str | None:
    return None if value is None else f"{value:,.3f}"
