"""`tokenworks close` and `tokenworks restatements`: the books over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from tokenworks.cli import show
from tokenworks_sources.settings import Settings

if TYPE_CHECKING:
    from tokenworks.books.closed import Closed, Sums
    from tokenworks.books.restated import Restated

SHOWN_REASONS, SHOWN_SPANS = 3, 4


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(close)
    app.command()(restatements)


def close(
    period: Annotated[str | None, typer.Argument(help="The period to close: YYYY-MM.")] = None,
    skip: Annotated[bool, typer.Option("--skip", help="Leave earlier periods open.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be frozen, and close nothing.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only check what is closed against its digests.")
    ] = False,
) -> None:
    """Freeze a period: its books and its report never change again."""
    from tokenworks.books.closing import close as close_period
    from tokenworks.cli.report import report_and_show, say_how_sure

    settings = Settings.from_environment()
    if verify or period is None:
        _verify(settings)
        return
    closed = close_period(settings, period, skip=skip, only_try=dry_run)
    if dry_run:
        show.console.print(_totals(closed))
        show.say(f"{period} can be closed, and is open: this was a trial.")
        show.hint(f"`tokenworks close {period}`, which cannot be undone")
        return
    show.done(f"{period} is closed, digest {closed.digest}", settings.closed / period)
    show.console.print(_totals(closed))
    result = report_and_show(settings, period)
    say_how_sure(result)
    show.hint(
        "what becomes known later is posted in the next open period: "
        '`tokenworks sql "from fct_cost_corrections"`'
    )


def _verify(settings: Settings) -> None:
    from tokenworks.books.closed import closed_periods
    from tokenworks.books.closed import verify as verify_closed

    found = closed_periods(settings)
    verify_closed(settings, found)
    for closed in found:
        show.done(
            f"{closed.period.name}: {show.count(len(closed.files), 'file')} as closed on "
            f"{closed.closed_on:%Y-%m-%d %H:%M:%S} UTC, digest {closed.digest}"
        )
    if not found:
        show.say("No period is closed yet.")
        show.hint("`tokenworks close YYYY-MM`")


def _totals(closed: Closed) -> object:
    from tokenworks.reports.money import minor_digits

    columns = ["currency", "cost", "accrued", "unattributed", "without a rate", "corrections"]
    rows = [
        (currency, *(f"{Decimal(text):,.{minor_digits(currency)}f}" for text in amounts(sums)))
        for currency, sums in sorted(closed.totals.items())
    ]
    return show.table(f"The books of {closed.period.name}", columns, rows)


def amounts(sums: Sums) -> tuple[str, ...]:
    """The sums in the order in which they are shown."""
    return sums.cost, sums.accrued, sums.unattributed, sums.without_rate, sums.corrections


def restatements(
    limit: Annotated[int, typer.Option(help="Recordings to show, the latest ones.")] = 20,
) -> None:
    """List what builds made different: when, which dates, why, and the money that moved."""
    from tokenworks.books.recording import recordings
    from tokenworks.books.restated import restatements as restated

    found = restated(recordings(Settings.from_environment()))
    if not found:
        show.say("Nothing is recorded yet.")
        show.hint("`tokenworks build`, which records what it publishes")
        return
    columns = ["recorded (UTC)", "new dates", "restated dates", "money moved", "why"]
    rows = [
        (
            f"{one.recorded_at:%Y-%m-%d %H:%M:%S}",
            spans(one.new_dates) or None,
            spans(one.restated_dates) or None,
            moved(one.moved) or None,
            why(one.reasons),
        )
        for one in found[-limit:]
    ]
    show.console.print(show.table("Recordings of the books", columns, rows))
    if len(found) > limit:
        show.say(f"the last {limit} of {len(found):,}; raise --limit for more")
    show.hint("`tokenworks report YYYY-MM --as-known-on DATE` reads the books as of then")


def recorded(one: Restated) -> str:
    """One recording as a sentence."""
    parts = []
    if one.new_dates:
        parts.append(f"{show.count(len(one.new_dates), 'new date')} ({spans(one.new_dates)})")
    if one.restated_dates:
        changed = f"{show.count(len(one.restated_dates), 'date')} restated"
        parts.append(
            f"{changed} ({spans(one.restated_dates)}; {moved(one.moved) or 'no money moved'})"
        )
    dates = ", ".join(parts) or "nothing of a date changed"
    return f"Recorded in the books: {dates}; because {why(one.reasons)}"


def moved(amounts: dict[str, Decimal]) -> str:
    """Money by what it is, with its sign: `billed USD +3.2`."""
    return ", ".join(f"{what} {_signed(amount)}" for what, amount in amounts.items())


def _signed(amount: Decimal) -> str:
    return f"{amount.normalize():+,f}"


def why(reasons: Sequence[str]) -> str:
    """The first reasons, and how many more there are."""
    more = len(reasons) - SHOWN_REASONS
    shown = ", ".join(reasons[:SHOWN_REASONS])
    return f"{shown}, and {more} more" if more > 0 else shown


def spans(dates: Sequence[date]) -> str:
    """Dates with neighbours joined: `2026-10-01 to 2026-10-14, 2026-10-20`."""
    joined: list[list[date]] = []
    for day in dates:
        if joined and day - joined[-1][-1] == timedelta(days=1):
            joined[-1].append(day)
        else:
            joined.append([day])
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in joined]
    more = len(texts) - SHOWN_SPANS
    return ", ".join(texts[:SHOWN_SPANS]) + (f" and {more} more" if more > 0 else "")
