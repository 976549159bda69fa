"""Errors of the replay: unreadable scenarios, unfit traffic, answers not worth trusting."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from tokenworks_sources.errors import TokenworksError


class ScenarioError(TokenworksError):
    """A scenario file that does not follow the language."""

    def __init__(self, path: Path | str, problems: Sequence[str]) -> None:
        self.path = str(path)
        self.problems = tuple(problems)
        lines = [f"{path}: {len(self.problems)} mistakes:", *(f"  - {said}" for said in problems)]
        super().__init__("\n".join(lines) if len(lines) > 2 else f"{path}: {' '.join(problems)}")


class TrafficError(TokenworksError):
    """Published marts that are absent or lack what a replay needs."""

    def __init__(self, path: Path | str, what: str, hint: str) -> None:
        self.path = str(path)
        super().__init__(f"{path}: {what} {hint}")


class LeverRefusedError(TokenworksError):
    """A lever that this traffic cannot carry, whatever is forced."""

    def __init__(self, lever: str, why: str, hint: str) -> None:
        self.lever = lever
        self.why = why
        self.hint = hint
        super().__init__(f"{lever}: {why} {hint}")

    def found_in(self, scenario: Path, sections: Collection[str]) -> LeverRefusedError:
        """The same refusal, where the lever is one of a scenario's sections: with the file's name."""
        section = re.match(r"\w+", self.lever)
        if section is None or section[0] not in sections:
            return self
        return LeverRefusedError(f"{scenario}: {self.lever}", self.why, self.hint)


class ReplayRefusedError(TokenworksError):
    """A result that would mislead; `force` gives it all the same, marked as forced."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        listed = "\n".join(f"  - {reason}" for reason in reasons)
        super().__init__(
            f"The replay is refused:\n{listed}\n"
            "Use a longer or cleaner window, or force the result and read it with these in mind."
        )
