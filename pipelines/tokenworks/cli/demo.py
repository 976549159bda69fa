"""`tokenworks demo`: the whole job on the sample fleet."""

from __future__ import annotations

import time
from pathlib import Path

import typer

from tokenworks.cli import show
from tokenworks.cli.ingested import ingest_and_show
from tokenworks.cli.replay_shown import replay_and_show
from tokenworks.cli.report import headline_table, report_and_show
from tokenworks.cli.warehouse import build_and_publish
from tokenworks.repository import repository_root
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

MONTH = "2026-10"
SCENARIO = "route_and_cache"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo() -> None:
    """Sample fleet → lake → warehouse → replay → reports."""
    began = time.monotonic()
    settings = Settings.from_environment()
    sample = repository_root() / "sample_data" / "landing"
    copied = land_sample(sample, settings)
    show.done(f"Sample fleet landed ({copied} new files)", settings.landing)
    if ingest_and_show(settings):
        raise typer.Exit(1)
    build_and_publish(settings)
    replay_and_show(settings, SCENARIO)
    result = report_and_show(settings, MONTH)
    show.console.print()
    show.console.print(headline_table(f"Sample fleet, {MONTH}", result.headline))
    for what, where in (
        ("Warehouse", settings.published_database),
        ("Replay", settings.replay),
        ("Reports", settings.reports / MONTH),
    ):
        show.done(what, where)
    show.console.print(f"[dim]{time.monotonic() - began:.0f} s[/dim]")
    show.hint(
        "`make dev` opens the graph; `source .venv/bin/activate` puts `tokenworks` on your path"
    )


def land_sample(sample: Path, settings: Settings) -> int:
    """Copies the sample into the landing folder; refuses a home that holds other data.

    Returns:
        number of files that did not lie there yet.
    """
    from tokenworks_sources.landing import landing_files, place

    files = sorted(path for path in sample.rglob("*") if path.is_file())
    expected = {settings.landing / path.relative_to(sample) for path in files}
    foreign = [path for path in landing_files(settings) if path not in expected]
    if foreign:
        raise TokenworksError(
            f"{settings.landing} holds other files, for example {foreign[0].name}. The demo keeps out "
            "of your books: give it a home of its own, `tokenworks --home data-demo demo`."
        )
    return sum(
        place(path, settings.landing / path.relative_to(sample), replace=True) for path in files
    )
