"""`tokenworks replay`: what another policy would have cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tokenworks.cli import show
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(replay)


def replay(
    scenario: Annotated[
        str | None,
        typer.Argument(help="A ready scenario or a YAML file; none: list the ready ones."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Give a result that would be refused, marked as forced.")
    ] = False,
) -> None:
    """Replay history under another policy, beside the replay of no change."""
    if scenario is None:
        _list()
        return
    replay_and_show(Settings.from_environment(), scenario, force)
    show.hint("outcomes.parquet holds every request; notebooks/01_what_if.py shows them")


def _list() -> None:
    from tokenworks.replay.language.scenario import load_scenario, ready_scenarios

    rows = [
        (name, load_scenario(path).description) for name, path in sorted(ready_scenarios().items())
    ]
    show.console.print(show.table("Ready scenarios", ["scenario", "asks"], rows))
    show.hint("`tokenworks replay route_short_requests`, or a YAML of your own (docs/scenarios.md)")


def scenario_file(name: str) -> Path:
    """A ready scenario by name, or a file of the user's."""
    from tokenworks.replay.language.scenario import ready_scenarios

    ready = ready_scenarios()
    path = ready.get(name, Path(name))
    if not path.is_file():
        raise TokenworksError(
            f"There is no scenario {name!r}. Use a YAML file or one of: {', '.join(sorted(ready))}."
        )
    return path


def replay_and_show(settings: Settings, scenario: str, force: bool = False) -> None:
    """Replays a scenario and prints its summary."""
    from tokenworks.replay.run import run_replay

    path = scenario_file(scenario)
    with show.progress_bar("Replay") as progress:
        result = run_replay(
            path,
            settings.published_parquet,
            settings.replay,
            progress=lambda step, number, steps: progress(number, steps, step),
            force=force,
        )
    _show_summary(result.summary)
    known = " (known already)" if result.was_reused else ""
    show.done(f"Replayed {result.summary['traffic']['replayed']:,} requests{known}", result.folder)


def _show_summary(summary: dict[str, Any]) -> None:
    rows = [
        (
            metric["metric"],
            metric["history"],
            metric["no_change"],
            metric["scenario"],
            f"{_number(metric['delta_p50'])} ({_number(metric['delta_p10'])} … {_number(metric['delta_p90'])})",
        )
        for metric in summary["metrics"]
        if metric["segment"] == "all"
    ]
    columns = ["metric", "history", "no change", "scenario", "change (p10 … p90)"]
    show.console.print(show.table(summary["scenario"]["name"], columns, rows))
    for line in summary["assumptions"]:
        show.say(f"  • {line}")


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
