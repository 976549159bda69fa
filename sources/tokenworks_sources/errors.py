"""Errors that name what is wrong, where, and what to do.

Every error keeps its parts as attributes and makes one sentence of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class TokenworksError(Exception):
    """Base of all errors that a user can act on; shells print the message without a traceback."""


class UnknownTableError(TokenworksError):
    """A table that no contract describes."""

    def __init__(self, table: str, known: Sequence[str]) -> None:
        self.table = table
        self.known = tuple(known)
        super().__init__(f"There is no table {table!r}. Use one of: {', '.join(known)}.")


class LandingFileError(TokenworksError):
    """A landing file that cannot be read at all; the other files still land."""

    def __init__(self, path: Path | str, what: str, hint: str, line: int | None = None) -> None:
        self.path = str(path)
        self.what = what
        self.hint = hint
        self.line = line
        where = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{where}: {what} {hint}".strip())


class UnrecognisedFileError(LandingFileError):
    """No connector claims a file."""


class AmbiguousFileError(LandingFileError):
    """More than one connector claims a file."""


class ContractError(TokenworksError):
    """A connector produced rows that its contract does not allow: a fault of ours, not of the file."""


MOST_TOLD = 500


class FleetError(TokenworksError):
    """A `fleet.yaml` that contradicts itself."""

    def __init__(self, path: Path | str, field: str, what: str, hint: str) -> None:
        self.path = str(path)
        self.field = field
        # What is wrong quotes the file; a name of megabytes tells no more than its beginning.
        told = what if len(what) <= MOST_TOLD else f"{what[:MOST_TOLD]}…"
        super().__init__(f"{path}: {field}: {told} {hint}".strip())


def place_in_yaml(error: Exception) -> str:
    """Where a YAML error lies; its own text quotes the file, which may hold what nobody may read."""
    mark = getattr(error, "problem_mark", None)
    return f"see line {mark.line + 1}, column {mark.column + 1}" if mark else "it is no UTF-8 text"
