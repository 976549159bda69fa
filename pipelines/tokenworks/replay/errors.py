"""Errors of the replay: unreadable scenarios, unfit traffic, answers not worth trusting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tokenworks_sources.errors import TokenworksError


class ScenarioError(TokenworksError):
    """A scenario file that does not follow the language."""

    def __init__(self, path: Path | str, problems: Sequence[str]) -> None:
        self.path = str(path)
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))


class TrafficError(TokenworksError):
    """Published marts that are absent or lack what a replay needs."""

    def __init__(self, path: Path | str, what: str, hint: str) -> None:
        self.path = str(path)
        super().__init__(f"{path}: {what} {hint}")


class LeverRefusedError(TokenworksError):
    """A lever that this traffic cannot carry, whatever is forced."""

    def __init__(self, lever: str, why: str, hint: str) -> None:
        self.lever = lever
        super().__init__(f"{lever}: {why} {hint}")


class ReplayRefusedError(TokenworksError):
    """A result that would mislead; `force` gives it all the same, marked as forced."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        listed = "\n".join(f"  - {reason}" for reason in reasons)
        super().__init__(
            f"The replay is refused:\n{listed}\n"
            "Use a longer or cleaner window, or force the result and read it with these in mind."
        )
