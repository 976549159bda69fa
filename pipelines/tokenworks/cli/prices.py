"""`tokenworks prices`: list prices of the installed library into the landing folder."""

from __future__ import annotations

import typer

from tokenworks.cli import show
from tokenworks_sources.settings import Settings

MOST_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(prices)


def prices() -> None:
    """Write the list prices of the installed genai-prices, for the models that requests name."""
    from tokenworks_sources.list_prices import installed_list, seen_models, write_list

    settings = Settings.from_environment()
    seen = seen_models(settings)
    made = installed_list(seen)
    path, is_new = write_list(settings, made)
    if not seen:
        show.say(
            "The lake has no requests yet; run this again when it has, for the names they use."
        )
    else:
        show.say(
            f"{show.count(len(seen), 'model')} in requests: {len(made.found):,} in the list, "
            f"{len(made.unknown):,} not, {len(made.without_vendor):,} of no vendor"
        )
    for name in made.unknown[:MOST_SHOWN]:
        show.say(f"  not in the list: {name.model} of {name.provider}")
    if len(made.unknown) > MOST_SHOWN:
        show.say(f"  … and {len(made.unknown) - MOST_SHOWN:,} more")
    what = "written" if is_new else "unchanged"
    show.done(f"Prices of genai-prices {made.version} {what}", path)
    show.hint("`tokenworks ingest` brings them into the lake")
