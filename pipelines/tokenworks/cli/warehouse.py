"""`tokenworks build`: the books from the lake, and their publication."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import typer

from tokenworks.cli import show
from tokenworks.cli.books import recorded
from tokenworks_sources.settings import Settings

if TYPE_CHECKING:
    from tokenworks.reconciliation import Line

SHOWN_DATES = 10


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(build)


def build() -> None:
    """Compute the marts from the lake, reconcile them and publish."""
    build_and_publish(Settings.from_environment())
    show.hint("`tokenworks tables`, `tokenworks report YYYY-MM`, `tokenworks replay`")


def build_and_publish(settings: Settings) -> None:
    """Builds, publishes and says what was done."""
    from tokenworks.alarms import read_alarms
    from tokenworks.books.recording import recordings
    from tokenworks.books.restated import restatements
    from tokenworks.publish import publish
    from tokenworks.reconciliation import unbalanced
    from tokenworks.warehouse import build_warehouse

    with show.progress_bar("Build") as progress:
        built = build_warehouse(settings, progress=progress)
    show.done(f"{built.models} models built, {built.tests} tests passed in {built.seconds:.0f} s")
    show.done(restated(built.whole_because, built.restated_dates))
    before = len(recordings(settings))
    marts = publish(settings)
    for one in restatements(recordings(settings))[before:]:
        show.done(recorded(one), settings.history)
    rows = sum(mart.rows for mart in marts)
    show.done(f"{len(marts)} marts, {rows:,} rows published", settings.published_database)
    _, lines = unbalanced(settings.published_database)
    if lines:
        show.warning(disagreement(lines))
        show.hint('`tokenworks sql "from rpt_reconciliation where not is_balanced"`')
    alarms = read_alarms(settings.published_database).recent()
    if alarms:
        show.warning(f"{show.count(len(alarms), 'alarm')}, the latest: {alarms[0].message}")
        show.hint("`tokenworks alarms`")


def restated(whole_because: str | None, dates: Sequence[date]) -> str:
    """Which dates of the marts were made again, in words."""
    if whole_because:
        return f"All dates were made again: {whole_because}"
    if not dates:
        return "No date had to be made again: the books are as they were"
    listed = ", ".join(map(str, dates[:SHOWN_DATES]))
    more = f" and {len(dates) - SHOWN_DATES} more" if len(dates) > SHOWN_DATES else ""
    count = "1 date was" if len(dates) == 1 else f"{len(dates)} dates were"
    return f"{count} made again: {listed}{more}"


def disagreement(lines: Sequence[Line]) -> str:
    """What does not balance, by check, and the first line of it."""
    counts = Counter(line.check_name for line in lines)
    listed = ", ".join(f"{name} ({count})" for name, count in counts.most_common())
    return f"Published, but not all agrees: {listed}. For example: {lines[0].message}"
