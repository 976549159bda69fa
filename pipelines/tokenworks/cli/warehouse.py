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
    show.hint(next_step(build_and_publish(Settings.from_environment())))


def next_step(newest: date | None) -> str:
    """What to do with books whose last known day is `newest`."""
    if newest is None:
        return (
            "no request and no hour of a deployment is known yet: bring logs and a fleet.yaml with "
            "`tokenworks ingest PATH`, then build again"
        )
    return f"`tokenworks tables`, `tokenworks report {newest:%Y-%m}`, `tokenworks replay`"


def build_and_publish(settings: Settings) -> date | None:
    """Builds, publishes and says what was done; gives the last day of which the books know."""
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
    found = read_alarms(settings.published_database)
    if alarms := found.recent():
        show.warning(f"{show.count(len(alarms), 'alarm')}, the latest: {alarms[0].message}")
        show.hint("`tokenworks alarms`")
    return found.newest


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
