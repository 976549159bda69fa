"""Why the books came out different: what a build read, against what the last recorded one had read.

Belongs here: the comparison, in words. What a build reads is told by `restatement.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SHOWN_FILES = 20
FIRST = "first recording"
RULES = "the models, the contracts or DuckDB changed"
UNTOLD = "a part of the models was built by hand"
NONE = "no landing file changed"


@dataclass(frozen=True)
class Inputs:
    """What a build read.

    Attributes:
        rules: digest of the models, the contracts and DuckDB.
        files: digest of each landing file by its name below `landing/`.
    """

    rules: str
    files: dict[str, str]


def reasons_for(before: Inputs | None, now: Inputs | None) -> list[str]:
    """What changed from one build to another, one sentence each."""
    if now is None:
        return [UNTOLD]
    if before is None:
        return [FIRST]
    reasons = [RULES] if before.rules != now.rules else []
    return [*reasons, *changed_files(before.files, now.files)] or [NONE]


def changed_files(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Landing files that came, were replaced or went; the first of them by name."""
    lines = [
        *(f"{name} arrived" for name in sorted(now.keys() - before.keys())),
        *(
            f"{name} was replaced"
            for name in sorted(now.keys() & before.keys())
            if now[name] != before[name]
        ),
        *(f"{name} went" for name in sorted(before.keys() - now.keys())),
    ]
    more = len(lines) - SHOWN_FILES
    return lines[:SHOWN_FILES] + ([f"and {more} more landing files"] if more > 0 else [])
