"""`python -m tokenworks_sample OUT --seed 7 --days 14 --scale 1`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tokenworks_sample.generate import generate


def main(arguments: list[str] | None = None) -> None:
    """Generate a sample with a progress bar."""
    parser = argparse.ArgumentParser(prog="tokenworks_sample", description=__doc__)
    parser.add_argument("out", type=Path, help="folder that gets landing/ and truth.json")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="demand, 1 is the committed sample"
    )
    chosen = parser.parse_args(arguments)
    columns = (
        TextColumn("simulating hours"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns) as bar:
        task = bar.add_task("hours", total=chosen.days * 24)
        generate(
            chosen.out, seed=chosen.seed, days=chosen.days, scale=chosen.scale,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    bar.console.print(f"Wrote {chosen.out / 'landing'} and {chosen.out / 'truth.json'}.")


if __name__ == "__main__":
    main()
