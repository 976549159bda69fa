"""Counts within a usage object, wherever an emitter put them. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tokenworks_sources.connectors.requests.token_classes import UsageError, whole_tokens


def count(body: Mapping[str, object], *places: str) -> int | None:
    """The largest of several places: an adapter fills one, and leaves 0 in another."""
    counts = [whole_tokens(value_at(body, place), place) for place in places]
    return max((count for count in counts if count is not None), default=None)


def value_at(body: Mapping[str, object], place: str) -> object:
    """What stands at a path of keys; None where an object on the way is absent."""
    found: object = body
    for key in place.split("."):
        if found is None:
            return None
        if not isinstance(found, Mapping):
            raise UsageError(f"{place}: not inside an object")
        found = found.get(key)
    return found


def or_nothing(output: int | None, input_total: int | None, total: int | None) -> int | None:
    """No output where the total leaves no room for any; unknown where there is no total."""
    return 0 if output is None and total is not None and total == input_total else output
