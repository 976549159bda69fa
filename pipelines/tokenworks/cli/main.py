"""The app: all commands, and one way to fail."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from tokenworks.cli import (
    alarms,
    books,
    compact,
    connectors,
    contracts,
    demo,
    dev,
    focus,
    ingest,
    init,
    prices,
    query,
    replay,
    report,
    simulate,
    warehouse,
)
from tokenworks.cli.show import problem
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import HOME_VARIABLE

app = typer.Typer(
    name="tokenworks",
    help="The metering office of an inference fleet.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback()
def _home(
    home: Annotated[
        str | None,
        typer.Option("--home", help=f"Home folder; default: {HOME_VARIABLE}, else ./data."),
    ] = None,
) -> None:
    if home:
        os.environ[HOME_VARIABLE] = home


for module in (
    demo,
    init,
    ingest,
    compact,
    connectors,
    prices,
    warehouse,
    books,
    replay,
    report,
    focus,
    query,
    alarms,
    contracts,
    simulate,
    dev,
):
    module.register(app)


def run() -> None:
    """Entry point: errors that a user can act on are one message and exit code 1."""
    try:
        app()
    except TokenworksError as error:
        problem(str(error))
        sys.exit(1)
    except PermissionError as error:
        problem(
            f"{error.filename}: {error.strerror}. Give yourself the right, or name another --home."
        )
        sys.exit(1)
    except BrokenPipeError:
        # `tokenworks sql … | head` closed our output: nothing is wrong.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
