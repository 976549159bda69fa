"""`tokenworks connectors`: the formats that can be read, and what each emitter gets wrong."""

from __future__ import annotations

import inspect
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from tokenworks.cli import show

if TYPE_CHECKING:
    from tokenworks_sources.connectors.base import Connector
    from tokenworks_sources.connectors.mapped.spec import Mapping

_PACKAGE = "tokenworks_sources.connectors."
_OWN = (
    "A format of your own: describe it in a mapping and pass it with `tokenworks ingest PATH "
    "--mapping FILE` (docs/mapping.md)"
)
_SENTENCE_END = re.compile(r"\.(?:\s|$)")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(connectors)


def connectors(
    name: Annotated[
        str | None, typer.Argument(help="Say all about this connector or built-in mapping.")
    ] = None,
) -> None:
    """List the formats that ingest recognises, or say what one emitter gets wrong."""
    from tokenworks_sources.connectors.mapped.resolve import library

    if name is None:
        _list_all()
        return
    mapping = library().get(name)
    show.say(_about_mapping(mapping) if mapping else _about_connector(name))


def _list_all() -> None:
    from tokenworks_sources.connectors.mapped.resolve import LANDING_FOLDER, library
    from tokenworks_sources.connectors.registry import CONNECTORS

    rows = [
        (connector.name, ", ".join(connector.tables), connector.summary)
        for connector in sorted(CONNECTORS, key=lambda item: (item.table, item.name))
        if connector.name != LANDING_FOLDER
    ]
    show.console.print(show.table("Connectors", ["name", "writes", "reads"], rows))
    mappings = [
        (mapping.name, mapping.table, _first_sentence(mapping.summary))
        for mapping in sorted(library().values(), key=lambda item: (item.table, item.name))
    ]
    show.console.print(show.table("Built-in mappings", ["name", "writes", "reads"], mappings))
    show.say(_OWN)
    show.hint("`tokenworks connectors NAME` says what an emitter gets wrong")


def _first_sentence(text: str) -> str:
    return _SENTENCE_END.split(text.strip(), maxsplit=1)[0]


def _about_connector(name: str) -> str:
    """The docstring of a connector, its tables and its landing folder.

    Raises:
        TokenworksError: there is no connector of that name.
    """
    from tokenworks_sources.connectors import registry
    from tokenworks_sources.connectors.mapped import mapped, resolve

    if name == resolve.LANDING_FOLDER:
        return f"{inspect.getdoc(mapped) or ''}\n\nLanding folders: landing/<table>/{name}/\n{_OWN}"
    connector = registry.by_name(name)
    return "\n".join(
        (
            _docstring(connector),
            "",
            f"Writes:         {', '.join(connector.tables)}",
            f"Landing folder: landing/{connector.table}/{connector.name}/",
            f"Version:        {connector.version}",
        )
    )


def _docstring(connector: Connector) -> str:
    """That of the module that holds the connector; several may share a class of another module."""
    holders = [
        module
        for path, module in sorted(sys.modules.items())
        if path.startswith(_PACKAGE) and getattr(module, "CONNECTOR", None) is connector
    ]
    described = (inspect.getdoc(module) for module in holders)
    return next((text for text in described if text), connector.summary)


def _about_mapping(mapping: Mapping) -> str:
    columns = ", ".join(mapping.recognise or mapping.required_columns())
    lines = [mapping.summary.strip(), "", f"Writes:         {mapping.table}"]
    lines.append(f"Landing folder: landing/{mapping.table}/mapped/")
    lines.append(f"Recognised by:  {mapping.format} with columns {columns}")
    if mapping.anchor is not None:
        lines.append(f"Anchor:         {mapping.anchor.isoformat()}")
    if mapping.needs_anchor:
        lines.append("Anchor:         none; each run needs one in a mapping.yaml beside it")
    lines.append(f"Change it with: {{extends: {mapping.name}, …}} (docs/mapping.md)")
    return "\n".join(lines)
