"""Landing folders as external assets: where the graph begins.

Belongs here: which landing folders feed which lake tables. What a file means belongs to its
connector.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import dagster as dg

from tokenworks_sources.connectors.base import Connector


@dataclass(frozen=True)
class LandingGroup:
    """Landing folders and lake tables that one ingest step brings together.

    One scrape feeds two tables and one `fleet.yaml` seven, so tables that share a folder share a
    step.

    Attributes:
        name: name of the first folder.
        folders: landing folders, sorted.
        tables: lake tables, sorted.
    """

    name: str
    folders: tuple[str, ...]
    tables: tuple[str, ...]


def landing_groups(connectors: Iterable[Connector], tables: Iterable[str]) -> list[LandingGroup]:
    """Groups that no landing file crosses; every table is in exactly one.

    A table that no connector writes has the folder of its own name.
    """
    fed: dict[str, set[str]] = {}
    for connector in connectors:
        fed.setdefault(connector.table, set()).update(connector.tables)
    written = {table for names in fed.values() for table in names}
    for table in tables:
        if table not in written:
            fed.setdefault(table, set()).add(table)
    merged: list[tuple[set[str], set[str]]] = []
    for folder, names in fed.items():
        folders, touched = {folder}, set(names)
        for other in [group for group in merged if group[1] & touched]:
            merged.remove(other)
            folders |= other[0]
            touched |= other[1]
        merged.append((folders, touched))
    groups = [
        LandingGroup(min(folders), tuple(sorted(folders)), tuple(sorted(touched)))
        for folders, touched in merged
    ]
    return sorted(groups, key=lambda group: group.name)


def landing_key(folder: str) -> dg.AssetKey:
    """Asset key of a landing folder."""
    return dg.AssetKey(["landing", folder])


def landing_assets(groups: Iterable[LandingGroup]) -> list[dg.AssetSpec]:
    """External assets, one per landing folder."""
    return [
        dg.AssetSpec(
            landing_key(folder),
            group_name="landing",
            kinds={"file"},
            description=f"Raw files in `landing/{folder}/`, as they were dropped; never modified.",
        )
        for group in groups
        for folder in group.folders
    ]
