"""Where the dbt project lies and how dbt is called.

Belongs here: the project's folder, the environment and arguments of dbt, and its manifest. What a
build means lives in `warehouse.py`. Nothing is parsed, read or created at import.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenworks.dbt_process import RUN_RESULTS
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

PROJECT_VARIABLE = "TOKENWORKS_DBT_PROJECT"
PROJECT_FILES = ("*.sql", "*.yml", "*.csv")


class DbtProjectError(TokenworksError):
    """A dbt project that is not there or cannot be parsed."""


@dataclass(frozen=True)
class DbtPaths:
    """Files that dbt writes for one home folder.

    Attributes:
        target: dbt's target folder.
        logs: dbt's log folder.
    """

    target: Path
    logs: Path

    @property
    def manifest(self) -> Path:
        """The parsed project."""
        return self.target / "manifest.json"

    @property
    def run_results(self) -> Path:
        """What the last command did, node by node."""
        return self.target / RUN_RESULTS


def dbt_paths(settings: Settings) -> DbtPaths:
    """Files of dbt stay in the private build folder."""
    return DbtPaths(target=settings.build / "dbt" / "target", logs=settings.build / "dbt" / "logs")


def project_dir() -> Path:
    """The dbt project: `TOKENWORKS_DBT_PROJECT`, else `dbt/` at the root of the checkout.

    Raises:
        DbtProjectError: there is no `dbt_project.yml`.
    """
    stated = os.environ.get(PROJECT_VARIABLE)
    folder = Path(stated).resolve() if stated else Path(__file__).resolve().parents[2] / "dbt"
    if not (folder / "dbt_project.yml").is_file():
        raise DbtProjectError(
            f"{folder}: there is no dbt_project.yml. Install Tokenworks from a checkout "
            f"(pip install -e .), or name the folder in {PROJECT_VARIABLE}."
        )
    return folder


def dbt_environment(
    settings: Settings, environ: Mapping[str, str], threads: int | None = None
) -> dict[str, str]:
    """Environment of a dbt process: absolute paths, no telemetry, colour or local time."""
    paths = dbt_paths(settings)
    own = {
        "TOKENWORKS_LAKE": str(settings.lake),
        "TOKENWORKS_BOOKS": str(settings.books),
        "TOKENWORKS_BUILD_DATABASE": str(settings.build_database),
        "DBT_TARGET_PATH": str(paths.target),
        "DBT_LOG_PATH": str(paths.logs),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "TZ": "UTC",
        "TOKENWORKS_DUCKDB_THREADS": str(threads or os.cpu_count() or 1),
    }
    if threads is not None:
        own["TOKENWORKS_DBT_THREADS"] = str(threads)
    return {**environ, **own}


def dbt_command(project: Path, arguments: Sequence[str]) -> list[str]:
    """Command line of dbt in the running Python, wherever the current folder is."""
    folders = ["--project-dir", str(project), "--profiles-dir", str(project)]
    return [sys.executable, "-m", "tokenworks.dbt_process", *arguments, *folders]


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    threads: int | None = None,
    on_line: Callable[[str], None] | None = None,
    holding: Sequence[int] = (),
) -> tuple[int, str]:
    """Run dbt in a process of its own; its exit code and what it printed.

    A process of its own closes the build file for certain, so that publish can open it.

    Args:
        settings: the home folder.
        arguments: what dbt is to do.
        threads: models that dbt builds at once, each on as many; a few and all cores where not given.
        on_line: called with each line as dbt prints it.
        holding: descriptors of locks that dbt keeps if this process dies.
    """
    settings.build.mkdir(parents=True, exist_ok=True)
    lines = []
    with subprocess.Popen(
        dbt_command(project_dir(), arguments),
        env=dbt_environment(settings, os.environ, threads),
        cwd=settings.build,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        pass_fds=holding,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if on_line is not None:
                on_line(line)
    return process.returncode, "".join(lines)


def is_manifest_current(manifest: Path, project: Path) -> bool:
    """Whether the manifest is there and no project file is newer."""
    if not manifest.is_file():
        return False
    parsed_at = manifest.stat().st_mtime
    return all(path.stat().st_mtime <= parsed_at for path in project_files(project))


def project_files(project: Path) -> list[Path]:
    """All files that dbt parses."""
    folders = [project / name for name in ("models", "macros", "seeds", "tests")]
    files = [project / "dbt_project.yml", project / "profiles.yml"]
    return files + [
        path for folder in folders for glob in PROJECT_FILES for path in folder.rglob(glob)
    ]


def ensure_manifest(settings: Settings) -> Path:
    """The manifest, parsed only if it is missing or older than the project files.

    Raises:
        DbtProjectError: dbt cannot parse the project.
    """
    manifest = dbt_paths(settings).manifest
    if is_manifest_current(manifest, project_dir()):
        return manifest
    code, printed = run_dbt(settings, ["--quiet", "parse"])
    if code != 0:
        raise DbtProjectError(f"dbt cannot parse {project_dir()}:\n{printed}")
    # dbt leaves the file alone where nothing changed; its age is what is compared next time.
    os.utime(manifest)
    return manifest
