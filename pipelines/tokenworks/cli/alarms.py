"""`tokenworks alarms`: what wants to be looked at, for people without Dagster."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from tokenworks.cli import show
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

COLUMNS = ("since", "alarm", "subject", "cause", "found")


class UnknownKindError(TokenworksError):
    """There is no such kind of alarm."""


class AlarmedError(TokenworksError):
    """There are alarms, and the caller asked to fail then."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(alarms)


def alarms(
    days: Annotated[
        int, typer.Option(min=1, help="Last days of the books whose alarms are shown.")
    ] = 7,
    kind: Annotated[
        str | None, typer.Option(help="Only this kind: idle_share, telemetry_coverage, …")
    ] = None,
    queries: Annotated[bool, typer.Option(help="Show the query behind each alarm.")] = False,
    fail: Annotated[bool, typer.Option(help="Exit with 1 where there is an alarm.")] = False,
) -> None:
    """List what the published books alarm about: gaps, silences, clocks, anomalies, idle."""
    from tokenworks.alarms import KINDS, of_kind, read_alarms
    from tokenworks.published import connect

    if kind is not None and kind not in KINDS:
        raise UnknownKindError(f"No alarm is called {kind!r}. There are: {', '.join(KINDS)}.")
    settings = Settings.from_environment()
    with connect(settings):
        found = read_alarms(settings.published_database)
    if found.newest is None and not found.alarms:
        show.done("No alarm: the books know of no day yet")
        show.hint("`tokenworks ingest PATH` brings logs, `tokenworks build` makes books of them")
        return
    recent = found.recent(days)
    shown = recent if kind is None else of_kind(recent, kind)
    period = f"the last {show.count(days, 'day')} up to {found.newest}"
    if not shown:
        show.done(f"No alarm{f' of {kind}' if kind else ''} in {period}")
        return
    rows = [
        (f"{one.since:%Y-%m-%d %H:%M}", one.alarm, one.subject, one.cause, one.sized)
        for one in shown
    ]
    show.console.print(show.table(f"Alarms up to {found.newest}", COLUMNS, rows))
    kinds = Counter(one.alarm for one in shown)
    counted = ", ".join(f"{number:,} {name}" for name, number in kinds.most_common())
    show.say(f"{show.count(len(shown), 'alarm')} in {period}: {counted}")
    if queries:
        for one in shown:
            show.say(f"{one.message}\n  {one.query}")
    else:
        show.hint(f'`tokenworks alarms --queries`, or `tokenworks sql "{shown[0].query}"`')
    if fail:
        raise AlarmedError(f"{show.count(len(shown), 'alarm')} in {period}.")
