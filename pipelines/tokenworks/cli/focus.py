"""`tokenworks focus`: a month or fiscal period as FOCUS cost and usage, for whoever imports it."""

from __future__ import annotations

from typing import Annotated, TypeVar

import typer

from tokenworks.cli import show
from tokenworks.reports.focus.columns import VERSIONS, VIEWS
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

Choice = TypeVar("Choice", bound=str)


class OptionError(TokenworksError):
    """An option with a value that there is not."""


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(focus)


def focus(
    period: Annotated[str, typer.Argument(help="YYYY-MM, or a fiscal period such as FY2026-P03.")],
    version: Annotated[str, typer.Option(help="Of FOCUS: 1.2, 1.3 or 1.4.")] = "1.2",
    format_: Annotated[
        str | None, typer.Option("--format", help="parquet or csv; both without it.")
    ] = None,
    view: Annotated[str | None, typer.Option(help="supply or showback; both without it.")] = None,
    as_known_on: Annotated[
        str | None, typer.Option(help="Read the books as of then: a date, a time, or now.")
    ] = None,
    calendar: Annotated[
        str | None, typer.Option(help="Fiscal calendar, where several have such a period.")
    ] = None,
) -> None:
    """Write a period's FOCUS cost and usage: what was billed, and what it was spent on."""
    from tokenworks.books.known import parse_moment
    from tokenworks.reports.focus.build import FORMATS, build_focus

    version_ = _one(version, VERSIONS, "--version")
    formats = FORMATS if format_ is None else (_one(format_, FORMATS, "--format"),)
    views = VIEWS if view is None else (_one(view, VIEWS, "--view"),)
    with show.console.status(f"FOCUS {version} of {period}"):
        moment = parse_moment(as_known_on) if as_known_on else None
        files = build_focus(
            Settings.from_environment(), period, version_, formats, views, moment, calendar
        )
    for file in files:
        sums = ", ".join(f"{amount:,.2f} {code}" for code, amount in sorted(file.effective.items()))
        show.done(f"{file.view}: {file.rows:,} rows, effective cost {sums}", file.path)
    show.hint("import one view, not both: each carries the whole cost; docs/focus.md")


def _one(value: str, allowed: tuple[Choice, ...], option: str) -> Choice:
    for choice in allowed:
        if choice == value:
            return choice
    raise OptionError(f"{option} {value}: there is no such one. Choose of {', '.join(allowed)}.")
