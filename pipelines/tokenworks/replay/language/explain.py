"""Turns pydantic's errors into sentences that name the path and what is allowed there."""

from __future__ import annotations

from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

# A router decides before the answer exists.
UNKNOWN_AT_ARRIVAL = ("output_total_tokens", "e2e_seconds", "ttft_seconds", "status")
# The one pattern of the language is that of names; words say it better than the expression.
NAME_RULE = "use lower case letters, digits, - and _, starting with a letter or digit, at most 64 characters"


def explain(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One line per problem, each starting with the path inside the document."""
    return [_sentence(dict(item), model) for item in error.errors()]


def explain_yaml(error: yaml.YAMLError) -> str:
    """What is wrong with the YAML and where, in one line."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}."
    return " ".join(str(error).split())


def _sentence(item: dict[str, Any], model: type[BaseModel]) -> str:
    location = tuple(item["loc"])
    path = ".".join(str(part) for part in location) or "scenario"
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
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return f"{path}: {message}{shown}."


def _fields_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Names of the fields of the model that stands at a path."""
    current = model
    for part in location:
        field = current.model_fields.get(str(part))
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            return []
        current = inner
    return list(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
