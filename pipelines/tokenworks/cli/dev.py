"""`tokenworks dev`: the Dagster UI on loopback."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from tokenworks.cli import show
from tokenworks.repository import repository_root
from tokenworks_sources.settings import HOME_VARIABLE, Settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(dev)


def dev(
    host: Annotated[str, typer.Option(help="Loopback unless you say otherwise.")] = "127.0.0.1",
    port: Annotated[int, typer.Option()] = 3000,
) -> None:
    """Open the Dagster UI: assets, schedules, the landing sensor, checks."""
    from tokenworks.dbt_project import ensure_manifest

    settings = Settings.from_environment()
    root = repository_root()
    instance = instance_folder(settings, root)
    ensure_manifest(settings)
    show.done("Dagster instance", instance)
    show.hint(
        f"open http://{host}:{port} in half a minute and switch on the schedules and the sensor you want (stop with Ctrl-C)"
    )
    command = [sys.executable, "-m", "dagster", "dev", "-h", host, "-p", str(port)]
    command += ["-w", str(root / "workspace.yaml")]
    environment = {**os.environ, "DAGSTER_HOME": str(instance), HOME_VARIABLE: str(settings.home)}
    # In our place, so that a signal to this process reaches Dagster.
    os.chdir(root)
    os.execve(command[0], command, environment)


def instance_folder(settings: Settings, root: Path) -> Path:
    """The Dagster instance of a home folder, with the repository's limits."""
    folder = settings.home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / "pipelines" / "dagster.yaml", folder / "dagster.yaml")
    return folder
