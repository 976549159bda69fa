"""The analysts' questions in what is published: a view for each, so that an answer has a name.

Belongs here: reading `dbt/analyses` and writing its questions as views `q01_…` of the published file. Who
asks by name need not know the SQL, and DuckDB need not parse it, which takes up to a sixth of a small answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import duckdb

from tokenworks.dbt_project import project_dir

ASKED = re.compile(r"\{\{ ref\('(\w+)'\) \}\}")


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        name: of its file, `01_what_…`.
        asks: its words.
        marts: what it reads.
        sql: its answer, of marts by their names.
    """

    name: str
    asks: str
    marts: frozenset[str]
    sql: str

    @property
    def view(self) -> str:
        """Its name in what is published."""
        return f"q{self.name}"


def questions() -> list[Question]:
    """Those of the dbt project, in order."""
    return [_read(path) for path in sorted((project_dir() / "analyses").glob("*.sql"))]


def write_questions(connection: duckdb.DuckDBPyConnection, marts: list[str]) -> None:
    """The questions that these marts can answer, as views beside them."""
    for question in questions():
        if question.marts <= set(marts):
            connection.execute(f"create view {question.view} as {question.sql}")
            asks = question.asks.replace("'", "''")
            connection.execute(f"comment on view {question.view} is '{asks}'")


def _read(path: Path) -> Question:
    text = path.read_text(encoding="utf-8")
    head = takewhile(lambda line: line.startswith("--"), text.splitlines())
    said = [line.removeprefix("--").strip() for line in head]
    marts = frozenset(ASKED.findall(text))
    return Question(path.stem, " ".join(said), marts, ASKED.sub(r"\1", text))
