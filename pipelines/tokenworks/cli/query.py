"""`tokenworks sql` and `tokenworks tables`: read what is published."""

from __future__ import annotations

import csv
import sys
from typing import Annotated

import typer

from tokenworks.cli import show
from tokenworks_sources.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(sql)
    app.command()(tables)


def sql(
    statement: Annotated[str, typer.Argument(help='For example "select * from rpt_unit_cost".')],
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of a table.")] = False,
    limit: Annotated[int, typer.Option(help="Rows to show; CSV shows all.")] = 100,
    as_known_on: Annotated[
        str | None, typer.Option(help="Read the books as of then: a date, a time, or now.")
    ] = None,
) -> None:
    """Run SQL on the published warehouse, read-only."""
    from tokenworks.books.known import parse_moment
    from tokenworks.published import query

    moment = parse_moment(as_known_on) if as_known_on else None
    columns, rows = query(Settings.from_environment(), statement, moment)
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows(rows)
        return
    show.result(columns, rows[:limit])
    if len(rows) > limit:
        show.say(f"shown of {len(rows):,}; raise --limit or use --csv for all")


def tables() -> None:
    """List the published marts."""
    from tokenworks.published import list_tables

    rows = [
        (table.name, table.rows, table.description)
        for table in list_tables(Settings.from_environment())
    ]
    show.console.print(show.table("Published marts", ["mart", "rows", "one row is"], rows))
    show.hint('`tokenworks sql "select * from rpt_unit_cost limit 10"`')
