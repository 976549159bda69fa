"""The whole warehouse without dbt: dbt compiles its SQL once, and DuckDB runs it on any lake.

Belongs here: what makes a hundred small warehouses cheap. All models are built whole, one after the other, as
tables; what dbt adds (tests, contracts, restatement) belongs to other tests.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb

from tests.dbt.small_lake import write_lake
from tokenworks.dbt_project import dbt_paths, project_dir, run_dbt
from tokenworks.warehouse import building
from tokenworks_sources.lake import ensure_tables
from tokenworks_sources.settings import Settings

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]
Ask = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True)
class Models:
    """All models in an order in which they can be built, with their compiled SQL.

    Attributes:
        settings: the home whose lake the SQL reads.
        statements: name and query of each model.
        parents: names of the models that a model reads.
        marts: names of those that are published.
    """

    settings: Settings
    statements: tuple[tuple[str, str], ...] = field(repr=False)
    parents: Mapping[str, tuple[str, ...]] = field(repr=False)
    marts: tuple[str, ...] = field(repr=False)

    def ask(self, tables: Tables, *names: str, threads: int = 1) -> Ask:
        """Rows of a query on a warehouse in memory from these rows of the lake.

        Args:
            tables: rows by table of the lake.
            names: models that the query reads; all where there are none.
            threads: of DuckDB.
        """
        needed = self._needed(names or self.marts)
        shutil.rmtree(self.settings.lake, ignore_errors=True)
        write_lake(self.settings.lake, {name: list(rows) for name, rows in tables.items()})
        connection = duckdb.connect(config={"threads": threads})
        connection.execute("attach ':memory:' as warehouse")
        connection.execute("use warehouse")
        with chdir(self.settings.build):  # where dbt runs: paths are relative to it
            for name, query in self.statements:
                if name in needed:
                    connection.execute(f"create table main.{name} as {query}")
        return lambda query: connection.execute(query).fetchall()

    def _needed(self, names: Sequence[str]) -> set[str]:
        needed, open_ends = set(names), list(names)
        while open_ends:
            parents = set(self.parents[open_ends.pop()]) - needed
            needed |= parents
            open_ends += parents
        return needed


def compile_models(home: Path) -> Models:
    """Compiles the project for the lake of an empty home."""
    settings = Settings.at(home)
    ensure_tables(settings.lake)
    with building(settings, whole=False) as build:
        code, printed = run_dbt(settings, ["compile", *build.restatement.arguments])
    assert code == 0, printed
    manifest = json.loads(dbt_paths(settings).manifest.read_text())
    nodes = {
        key: node
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in ("model", "seed")
    }
    parents = {
        node["name"]: tuple(
            nodes[key]["name"] for key in node["depends_on"].get("nodes", ()) if key in nodes
        )
        for node in nodes.values()
    }
    compiled = dbt_paths(settings).target / "compiled" / "tokenworks" / "models"
    texts = {path.stem: path.read_text() for path in compiled.rglob("*.sql")}
    texts |= {
        node["name"]: f"from read_csv('{project_dir() / node['original_file_path']}')"
        for node in nodes.values()
        if node["resource_type"] == "seed"
    }
    names = TopologicalSorter(parents).static_order()
    marts = [node["name"] for node in nodes.values() if node.get("access") == "public"]
    statements = tuple((name, texts[name]) for name in names)
    return Models(settings, statements, parents, tuple(sorted(marts)))
