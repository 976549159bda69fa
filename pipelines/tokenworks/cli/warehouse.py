"""`tokenworks build`: the books from the lake, and their publication."""

from __future__ import annotations

import typer

from tokenworks.cli import show
from tokenworks_sources.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(build)


def build() -> None:
    """Compute the marts from the lake, reconcile them and publish."""
    build_and_publish(Settings.from_environment())
    show.hint("`tokenworks tables`, `tokenworks report --month YYYY-MM`, `tokenworks replay`")


def build_and_publish(settings: Settings) -> None:
    """Builds, publishes and says what was done."""
    from tokenworks.publish import publish
    from tokenworks.warehouse import build_warehouse

    with show.progress_bar("Build") as progress:
        built = build_warehouse(settings, progress=progress)
    show.done(f"{built.models} models built, {built.tests} tests passed in {built.seconds:.0f} s")
    marts = publish(settings)
    rows = sum(mart.rows for mart in marts)
    show.done(f"{len(marts)} marts, {rows:,} rows published", settings.published_database)
