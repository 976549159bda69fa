"""The command line as a user runs it, and what a finished demo is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenworks_sources.settings import Settings

Ask = Callable[[str], list[tuple[Any, ...]]]


def tokenworks(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, as a user types it."""
    return subprocess.run(
        [sys.executable, "-c", "from tokenworks.cli.main import run; run()", *arguments],
        env={**os.environ, "TOKENWORKS_HOME": str(home), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Demo:
    """A finished demo."""

    settings: Settings
    printed: str
