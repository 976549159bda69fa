"""`tokenworks connectors`: the formats that can be read."""

from __future__ import annotations

import typer

from tokenworks.cli import show


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(connectors)


def connectors() -> None:
    """List the formats that ingest recognises."""
    from tokenworks_sources.connectors.registry import CONNECTORS

    rows = [
        (connector.name, ", ".join(connector.tables), connector.summary)
        for connector in sorted(CONNECTORS, key=lambda item: (item.table, item.name))
    ]
    show.console.print(show.table("Connectors", ["name", "writes", "reads"], rows))
