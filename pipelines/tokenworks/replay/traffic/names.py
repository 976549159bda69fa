"""Names that a scenario's conditions give, held against those that exist.

A condition that names no tier of the fleet would silently change nothing. Names of tenants and of
models as they were asked for are not checked: a day may well pass without them.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from pydantic import BaseModel

from tokenworks.replay.errors import LeverRefusedError
from tokenworks.replay.language.base import Match
from tokenworks.replay.traffic.requests import Traffic

#: Dimensions whose every value the fleet or the traffic shows.
KNOWN = ("tier", "model", "deployment_id", "region", "site_id")


def check_names(scenario: BaseModel, traffic: Traffic) -> None:
    """Refuse conditions on a tier, model, deployment, region or site that does not exist.

    Raises:
        LeverRefusedError: names the condition's path and what exists.
    """
    for path, match in _matches(scenario, ""):
        for dimension, asked in match.model_dump(include=set(KNOWN), exclude_none=True).items():
            known = _values(traffic, dimension)
            lacking = [name for name in asked if name not in known]
            if known and lacking:
                raise LeverRefusedError(
                    f"{path}.{dimension}",
                    f"neither the fleet nor its traffic has {', '.join(map(repr, lacking))}.",
                    f"There are: {', '.join(sorted(known))}.",
                )


def _matches(section: object, path: str) -> Iterator[tuple[str, Match]]:
    if isinstance(section, Match):
        yield path, section
    elif isinstance(section, BaseModel):
        for name in type(section).model_fields:
            yield from _matches(getattr(section, name), f"{path}.{name}".lstrip("."))
    elif isinstance(section, list | tuple):
        for position, one in enumerate(section):
            yield from _matches(one, f"{path}.{position}")


def _values(traffic: Traffic, dimension: str) -> set[str]:
    held: set[str] = set()
    for column in (
        traffic.series(dimension),
        traffic.deployments.get_column(dimension, default=pl.Series()),
    ):
        held.update(column.cast(pl.String).drop_nulls().unique().to_list())
    return held
