"""Turns pydantic's errors into sentences that name the path and what is allowed there."""

from __future__ import annotations

from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

# A router decides before the answer exists.
UNKNOWN_AT_ARRIVAL = ("output_total_tokens", "e2e_seconds", "ttft_seconds", "status")
# The one pattern of the language is that of names; words say it better than the expression.
NAME_RULE = "use lower case letters, digits, - and _, starting with a letter or digit, at most 64 characters"
_SHOWN = str | int | float | bool


def explain(error: ValidationError, model: type[BaseModel], document: object) -> list[str]:
    """One line per problem, each starting with the path inside the document."""
    return [_sentence(dict(item), model, document) for item in error.errors()]


def explain_yaml(error: yaml.YAMLError) -> str:
    """What is wrong with the YAML and where, in one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}."
    return " ".join(str(error).split())


def _sentence(item: dict[str, Any], model: type[BaseModel], document: object) -> str:
    location = tuple(item["loc"])
    path = ".".join(_written(location, document)) or "scenario"
    if item["type"] == "extra_forbidden":
        allowed = ", ".join(_fields_at(model, location[:-1]))
        hint = ""
        if location[-1] in UNKNOWN_AT_ARRIVAL:
            hint = " It is not known yet when a router decides."
        return f"{path}: not a known key.{hint} Allowed here: {allowed}."
    if item["type"] == "missing":
        allowed = ", ".join(_fields_at(model, location[:-1]))
        return f"{path}: required, but not given. Keys here: {allowed}."
    message = str(item["msg"]).removeprefix("Value error, ")
    if item["type"] == "string_pattern_mismatch":
        message = NAME_RULE
    given = item.get("input")
    shown = f" (given: {given!r})" if isinstance(given, _SHOWN) else ""
    return f"{path}: {message}{shown}."


def _written(location: tuple[Any, ...], document: object) -> list[str]:
    """The path as it stands in the file: without the names that pydantic gives to choices."""
    found: list[str] = []
    node = document
    for place, part in enumerate(location):
        in_list = isinstance(node, list) and isinstance(part, int) and part < len(node)
        if in_list or (isinstance(node, dict) and part in node):
            node = node[part]  # type: ignore[index]
        elif place < len(location) - 1 or isinstance(part, int):
            # One thing where several may stand, or the name of a choice.
            continue
        found.append(str(part))
    return found


def _fields_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Names of the fields that may stand at a path."""
    current = [model]
    for part in location:
        if isinstance(part, int):
            continue
        inner = [
            found
            for one in current
            if str(part) in one.model_fields
            for found in _models_in(one.model_fields[str(part)].annotation)
        ]
        chosen = [one for one in current if str(part) in _tags(one)]
        current = inner or chosen or current
    return list(dict.fromkeys(name for one in current for name in one.model_fields))


def _tags(model: type[BaseModel]) -> set[str]:
    """What a choice between models is called: its class, or the words of its first field."""
    first = next(iter(model.model_fields.values()), None)
    return {model.__name__, *map(str, get_args(first.annotation) if first else ())}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Models that an annotation may hold, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _models_in(part)]
