"""`metadata` of spend logs as DuckDB reads it: which of its forty places are values, which only watched.

An emitter fills a few of the places. Those that the first records fill are read as values. The others
are watched: what is found there sends the record to a second reading of all places. An object that no
record has is watched as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import Any

from tokenworks_sources.connectors.requests.litellm_fields import COUNTS, TEXTS

Tree = dict[str, Any]

# A share of records whose metadata may be JSON in a string, from which on all are read as JSON.
DOUBTFUL_SHARE = 0.01

PLACES = tuple(
    dict.fromkeys(place for places in (*COUNTS.values(), *TEXTS.values()) for place in places)
)


def _objects() -> Iterable[str]:
    for place in PLACES:
        parents = place.split(".")[:-1]
        yield from (".".join(parents[: depth + 1]) for depth in range(len(parents)))


# All of them, objects and what is in them.
EVERYWHERE = frozenset({*PLACES, *_objects()})


def tree(found: Collection[str] = EVERYWHERE) -> Tree:
    """The shape that metadata is read into; objects that are not among `found` are one text."""
    root: Tree = {}
    for path in read_paths(found):
        *parents, leaf = path.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = "VARCHAR"
    return root


def from_text(text: str, found: Collection[str]) -> str:
    """SQL of the object that DuckDB would read from JSON where the text `text` stands.

    What is no JSON is an object of nulls, as a string there would be, and so doubtful.
    """
    shape = json.dumps(tree(found))
    return (
        f"case when json_valid({text}) then json_transform({text}, '{shape}') "
        f"when {text} is not null then json_transform('{{}}', '{shape}') end"
    )


def struct(shape: Tree) -> str:
    """The type of DuckDB for a shape."""
    members = (
        f'"{name}" {struct(kind) if isinstance(kind, dict) else kind}'
        for name, kind in shape.items()
    )
    return f"STRUCT({', '.join(members)})"


def only(places: Iterable[str], found: Collection[str]) -> list[str]:
    """The places that are read as values."""
    return [place for place in places if place in found]


def sightings() -> str:
    """SQL of what `found_by` needs, over records whose metadata `_m` has the shape of all places."""
    return f"[{', '.join(f'count(_m.{path})' for path in sorted(EVERYWHERE))}]"


def found_by(counts: Iterable[int] | None) -> frozenset[str]:
    """The places and objects that records have, from the value of `sightings`."""
    paths = sorted(EVERYWHERE)
    return frozenset(path for path, count in zip(paths, counts or (), strict=False) if count)


def doubtful(found: Collection[str] = EVERYWHERE) -> str:
    """Metadata in which nothing was found, or no usage beside a prompt: there may be JSON in a string.

    A string where an object is wanted is read as an object of nulls. So is a record doubtful that has
    something at a place that is only watched.
    """
    shape, read = tree(found), list(read_paths(found))
    doubts = [" and ".join(f"_m.{name} is null" for name in shape)]
    usage = [path for path in read if path.startswith("usage_object.")]
    if usage:
        # Where there is no usage at all, DuckDB's object is null; a string makes an object of nulls.
        doubts.append(
            "prompt_tokens <> '0' and _m.usage_object is not null "
            f"and coalesce({_members(usage)}) is null"
        )
    watched = [path for path in read if path not in PLACES or path not in found]
    if watched:
        doubts.append(" or ".join(f"_m.{path} is not null" for path in watched))
    return f"_m is not null and ({' or '.join(f'({doubt})' for doubt in doubts)})"


def _members(paths: Iterable[str]) -> str:
    return ", ".join(f"_m.{path}" for path in paths)


def read_paths(found: Collection[str]) -> Iterable[str]:
    """Places, and the objects that are read as one text instead of their places."""
    paths: dict[str, None] = {}
    for place in PLACES:
        parents = place.split(".")[:-1]
        above = (".".join(parents[: depth + 1]) for depth in range(len(parents)))
        paths[next((path for path in above if path not in found), place)] = None
    return paths
