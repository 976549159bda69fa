"""`tokenworks simulate`: a believable fleet of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tokenworks.cli import show


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(simulate)


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder for the landing files and truth.json.")],
    days: Annotated[int, typer.Option(min=1)] = 14,
    scale: Annotated[float, typer.Option(min=0.01, help="1 is the committed sample.")] = 1.0,
    seed: Annotated[int, typer.Option()] = 7,
) -> None:
    """Generate a sample fleet: logs, scrapes, meters, bills, and the truth about them."""
    from tokenworks_sample.generate import generate

    with show.progress_bar("Simulate") as progress:
        generate(
            out,
            seed=seed,
            days=days,
            scale=scale,
            progress=lambda done, total: progress(done, total, ""),
        )
    show.done(f"{days} days at scale {scale:g}", out)
    show.hint(f"`tokenworks --home HOME ingest {out}/landing`, then `tokenworks --home HOME build`")
