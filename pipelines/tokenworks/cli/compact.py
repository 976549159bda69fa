"""`tokenworks compact`: one part for each table and date of the lake."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Annotated

import typer

from tokenworks.cli import show
from tokenworks_sources.settings import Settings

# A build may hold the warehouse for minutes; ingest waits as long as compaction does.
PATIENCE_SECONDS = 120.0


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(compact)


def compact(
    table: Annotated[
        list[str] | None, typer.Option(help="Lake table; may be repeated. None: all tables.")
    ] = None,
    before: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only dates before this one.")
    ] = None,
) -> None:
    """Leave one Parquet file per table and date of the lake, and one of rejects; rows stay."""
    from tokenworks_sources.contracts.registry import CONTRACTS, contract_of
    from tokenworks_sources.lake.compact import compact_table

    settings = Settings.from_environment()
    tables = [contract_of(name).table for name in table or CONTRACTS]
    if not settings.lake.is_dir():
        show.problem(f"There is no lake at {settings.lake}.")
        show.hint("`tokenworks ingest`")
        raise typer.Exit(1)
    rows = []
    with show.progress_bar("Compact") as progress:
        for number, name in enumerate(tables):
            progress(number, len(tables), name)
            found = compact_table(
                settings.lake,
                name,
                quiet=lambda: quiet_readers(settings),
                before=before.date() if before else None,
            )
            if found.parts or found.older or found.rejects:
                numbers = (found.parts, found.rows, found.older or None, found.rejects or None)
                rows.append((name, found.dates, *numbers))
    if rows:
        left, rejects = "dates left (older contract)", "files of rejects before"
        columns = ["table", "dates", "parts before", "rows", left, rejects]
        show.console.print(show.table("One part for each date", columns, rows))
    show.done(f"{sum(row[1] for row in rows)} dates compacted", settings.lake)


@contextmanager
def quiet_readers(settings: Settings, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the warehouse, so that no build reads the lake; waits for one that is under way.

    Raises:
        WarehouseLockedError: a build takes longer than `patience` seconds.
    """
    from tokenworks.warehouse import WarehouseLockedError, warehouse_lock

    until = time.monotonic() + patience
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(warehouse_lock(settings))
                break
            except WarehouseLockedError:
                if time.monotonic() >= until:
                    raise
                time.sleep(0.1)
        yield
