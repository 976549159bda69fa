"""`tokenworks contracts`: the lake's tables, and what is rendered from them."""

from __future__ import annotations

from typing import Annotated

import typer

from tokenworks.cli import show


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(contracts)


def contracts(
    table: Annotated[str | None, typer.Argument(help="Show the columns of this table.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Fail where a rendering drifted.")] = False,
    write: Annotated[bool, typer.Option("--write", help="Render again what drifted.")] = False,
) -> None:
    """Show the contracts of the lake; check or write their renderings."""
    from tokenworks.repository import repository_root
    from tokenworks_sources.contracts import rendering

    if check:
        paths = rendering.drifted(repository_root())
        for path in paths:
            show.problem(f"{path} has drifted from the contracts.")
        if paths:
            show.hint("`tokenworks contracts --write`, then look at the difference")
            raise typer.Exit(1)
        show.done("All renderings equal their contracts")
    elif write:
        for path in rendering.write(repository_root()):
            show.done("Rendered", path)
    elif table:
        _columns(table)
    else:
        _tables()


def _tables() -> None:
    from tokenworks_sources.contracts.registry import CONTRACTS

    rows = [
        (name, contract.grain, ", ".join(contract.key), contract.event_time)
        for name, contract in CONTRACTS.items()
    ]
    show.console.print(
        show.table("Tables of the lake", ["table", "one row is", "key", "event time"], rows)
    )
    show.hint("`tokenworks contracts requests` shows the columns of a table")


def _columns(table: str) -> None:
    from tokenworks_sources.contracts.registry import contract_of
    from tokenworks_sources.contracts.render import rule_text

    rows = [
        (column.name, column.type, column.unit, rule_text(column), column.description)
        for column in contract_of(table).all_columns
    ]
    show.console.print(show.table(table, ["column", "type", "unit", "rule", "meaning"], rows))
