"""Sweeps: one scenario at every point of a grid of values, and the frontier over the points.

A sweep names paths of the scenario and the values that each takes. Its points are ordinary
scenarios, so what holds for one holds for each: every point is validated before any is replayed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from tokenworks.replay.language.base import Strict

#: More points than this are a mistake more often than a wish; a point takes seconds to minutes.
MOST_POINTS = 100
#: What a point of a sweep may not change.
FIXED = ("name", "description", "sweep", "frontier")

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr


def _as_values(value: object) -> object:
    if isinstance(value, list) and any(isinstance(item, list | dict) for item in value):
        raise ValueError("a sweep goes over numbers, words and yes or no, not over sections")
    if isinstance(value, list) and len({repr(item) for item in value}) < len(value):
        raise ValueError("a value is given twice")
    return value


Values = Annotated[list[Scalar], BeforeValidator(_as_values), Field(min_length=1)]
Grid = dict[str, Values]


class Frontier(Strict):
    """Which points no other point beats: lower cost, lower latency, higher quality."""

    cost: str = Field(default="cost_active_usd", description="Metric of cost; less is better.")
    latency: str = Field(
        default="e2e_p95_seconds", description="Metric of latency; less is better."
    )
    quality: str = Field(
        default="quality_score",
        description="Metric of quality; more is better. Where nothing claims quality it is no axis.",
    )


@dataclass(frozen=True)
class Point:
    """One point of a sweep.

    Attributes:
        values: what it sets, by path.
        document: the scenario with these values, as it would be written.
    """

    values: dict[str, Any]
    document: dict[str, Any]

    @property
    def label(self) -> str:
        """The values in words."""
        return ", ".join(f"{path} = {value}" for path, value in self.values.items())


def points_of(document: dict[str, Any], grid: dict[str, list[Any]]) -> Iterator[Point]:
    """Every point of a grid, the last path changing fastest.

    Args:
        document: a scenario as it is written, sweep included.
        grid: values by path.

    Raises:
        ValueError: a path that leads nowhere; the message starts with it.
    """
    for values in product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        made = copy.deepcopy(
            {key: value for key, value in document.items() if key not in ("sweep", "frontier")}
        )
        for path, value in chosen.items():
            _put(made, path, value)
        yield Point(chosen, made)


def check_size(grid: dict[str, list[Any]]) -> None:
    """Refuse a grid of too many points, or over what a point may not change.

    Raises:
        ValueError: with what is wrong.
    """
    count = 1
    for path, values in grid.items():
        if path.split(".")[0] in FIXED:
            raise ValueError(f"{path}: a sweep cannot change {', '.join(FIXED)}")
        count *= len(values)
    if count > MOST_POINTS:
        raise ValueError(f"{count} points; a sweep has at most {MOST_POINTS}, give fewer values")


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set a value at a dotted path; sections that are not there yet are begun."""
    *before, last = path.split(".")
    node: Any = document
    for part in before:
        if isinstance(node, list):
            node = node[_index(part, path, node)]
        else:
            node = node.setdefault(part, {})
        if not isinstance(node, dict | list):
            raise ValueError(f"{path}: {part} is a value, not a section")
    if isinstance(node, list):
        node[_index(last, path, node)] = value
    else:
        node[last] = value


def _index(part: str, path: str, node: list[Any]) -> int:
    if part.isdigit() and int(part) < len(node):
        return int(part)
    raise ValueError(
        f"{path}: {part} is no place in a list of {len(node)}; places are 0 to {len(node) - 1}"
    )
