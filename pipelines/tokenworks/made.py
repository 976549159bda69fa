"""Which dates were made again since an earlier state of the build: others need not be looked at.

Belongs here: the chain of builds of some dates, kept by `restatement.py` and read by `publish.py`. Why it can be
trusted: such a build takes the rows of its dates out of the marts that keep others, and appends rows, nothing else;
an appended row of another date makes the mart's rows more than its dates', which publishing counts. Each link names
the state in which a build left its file. Where the file is in another one, was made whole, or a build did not
complete, the chain does not lead there, and all rows are looked at.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import yaml

from tokenworks.dbt_project import project_dir

# The part of a DuckDB file that each change of it writes: its header and its two roots.
ROOTS = 3 * 4096
# Who has not published for so many builds publishes by looking at all rows.
MOST_BUILDS = 100


class Made(TypedDict):
    """One build: the state in which it left its file, and the dates that differ from the link before."""

    stamp: str
    dates: list[str]


def stamp_of(database: Path) -> str | None:
    """What tells one state of a closed DuckDB file from others; None where it is not there, or open."""
    if not database.is_file() or database.with_name(f"{database.name}.wal").exists():
        return None
    with database.open("rb") as handle:
        roots = handle.read(ROOTS)
        status = os.fstat(handle.fileno())
    told = f"{status.st_size} {status.st_mtime_ns}".encode()
    return hashlib.sha256(roots + told).hexdigest()[:32]


def unbroken(chain: Sequence[Made], database: Path) -> list[Made]:
    """A chain whose last build left the file as it is now; empty where another did."""
    is_as_left = bool(chain) and chain[-1]["stamp"] == stamp_of(database)
    return list(chain) if is_as_left else []


def lengthened(chain: Sequence[Made], database: Path, dates: Sequence[str]) -> list[Made]:
    """The chain with the build that has just left its file."""
    stamp = stamp_of(database)
    return [*chain, Made(stamp=stamp, dates=list(dates))][-MOST_BUILDS:] if stamp else []


def dates_since(chain: Sequence[Made], stamp: str | None) -> frozenset[str] | None:
    """Dates that differ from an earlier state of the file; None where that is not known."""
    places = [place for place, made in enumerate(chain) if made["stamp"] == stamp]
    if not places:
        return None
    return frozenset(day for made in chain[places[-1] + 1 :] for day in made["dates"])


def kept_marts() -> frozenset[str]:
    """Marts of the dbt project that keep the rows of dates which are not made again."""
    project = project_dir()
    settings = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
    if settings["models"][settings["name"]]["marts"]["+materialized"] != "incremental":
        return frozenset()
    return frozenset(
        path.stem
        for path in (project / "models" / "marts").glob("*.sql")
        if not any("materialized" in text for text in _texts(path))
    )


def _texts(model: Path) -> list[str]:
    paths = (model, model.with_suffix(".yml"))
    return [path.read_text(encoding="utf-8") for path in paths if path.is_file()]
