"""Environments of their own for the programs that a benchmark is held against."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".peers"


def peer_python(name: str, packages: list[str]) -> Path | str:
    """Python of an environment that has the packages, made where it is not there.

    Returns:
        Its path, or the reason why there is none.
    """
    python = FOLDER / name / "bin" / "python"
    wanted = "\n".join(sorted(packages))
    marker = FOLDER / name / "packages.txt"
    if marker.is_file() and marker.read_text(encoding="utf-8") == wanted:
        return python
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    commands = (
        [uv, "venv", "--quiet", "--clear", "--python", "3.11", str(FOLDER / name)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *packages],
    )
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            return f"uv does not run: {error}"
        if done.returncode:
            return f"{command[1]} failed: {done.stderr.strip().splitlines()[-1]}"
    marker.write_text(wanted, encoding="utf-8")
    return python
