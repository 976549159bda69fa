"""`tokenworks replay`: what another policy would have cost."""

from __future__ import annotations

from typing import Annotated

import typer

from tokenworks.cli import show
from tokenworks.cli.replay_shown import (
    SHOWN,
    list_ready,
    replay_and_show,
    scenario_file,
    show_sweep,
    summary_of,
)
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

app = typer.Typer(help="What history would have cost under another policy.")

ScenarioName = Annotated[str, typer.Argument(help="A ready scenario or a YAML file.")]
Force = Annotated[
    bool, typer.Option("--force", help="Give a result that would be refused, marked as forced.")
]


def register(parent: typer.Typer) -> None:
    """Adds the commands."""
    parent.add_typer(app, name="replay")


@app.callback(invoke_without_command=True)
def replay(context: typer.Context) -> None:
    """What history would have cost under another policy; alone: list the ready scenarios."""
    if context.invoked_subcommand is None:
        list_ready()


@app.command()
def run(scenario: ScenarioName, force: Force = False) -> None:
    """Replay one scenario beside no change."""
    name = replay_and_show(Settings.from_environment(), scenario, force)
    show.hint(
        f"page.html shows it on one page; `tokenworks replay compare no_change {name}`; "
        "`tokenworks sql` reads all results as rpt_replay_summary and fct_replay_requests"
    )


@app.command()
def sweep(scenario: ScenarioName) -> None:
    """Replay every point of a scenario's sweep, and show the frontier."""
    from tokenworks.replay.study import run_sweep

    settings, path = Settings.from_environment(), scenario_file(scenario)
    with show.progress_bar("Sweep") as progress:
        result = run_sweep(
            path,
            settings.published_parquet,
            settings.replay,
            lambda label, number, points: progress(number, points, label),
        )
    show_sweep(result.document)
    points = len(result.document["points"])
    known = f", {points - result.made} known already or refused" if result.made < points else ""
    show.done(f"Replayed {show.count(points, 'point')}{known}", result.folder)
    show.hint("page.html shows the frontier; each point's own folder stands beside it")
    if result.document["refused_count"] == points:
        raise typer.Exit(1)


@app.command()
def compare(
    first: Annotated[str, typer.Argument(help="A scenario, or the folder of a result.")],
    second: Annotated[str, typer.Argument(help="The other; it is shown less the first.")],
    segment: Annotated[
        str, typer.Option(help="all, or for example tier:large, region:eu-west, tenant:acme.")
    ] = "all",
) -> None:
    """Hold two results of the same traffic against each other."""
    from tokenworks.replay.results.compare import compare as compared
    from tokenworks.replay.results.words import amount

    settings = Settings.from_environment()
    one, other = (summary_of(settings, name) for name in (first, second))
    rows = [row for row in compared(one, other) if row.segment == segment]
    if not rows:
        known = sorted({row["segment"] for row in one["metrics"]})
        raise TokenworksError(f"No segment is called {segment!r}; there are: {', '.join(known)}.")
    shown = [
        (
            row.metric,
            amount(row.first),
            amount(row.second),
            f"{amount(row.delta)} ({amount(row.delta_p10)} … {amount(row.delta_p90)})",
            f"{amount(row.delta_window_p10)} … {amount(row.delta_window_p90)}",
        )
        for row in rows
        if row.delta is not None and row.metric in SHOWN
    ]
    names = (one["scenario"]["name"], other["scenario"]["name"])
    columns = ["metric", *names, "difference (p10 … p90)", "of these requests"]
    show.console.print(show.table(f"{names[1]} less {names[0]}, {segment}", columns, shown))
    show.say(
        "  • The interval takes both results' errors as independent: where they err alike it is wider than it need be."
    )
    show.hint("`--segment tier:large` and the like show a part")


@app.command()
def explain(scenario: ScenarioName) -> None:
    """Say what a scenario changes, which data it takes, and what of it this traffic lacks."""
    from tokenworks.replay.language.scenario import load_scenario
    from tokenworks.replay.results.needs import explain_scenario
    from tokenworks.replay.session import Session

    settings, path = Settings.from_environment(), scenario_file(scenario)
    asked = load_scenario(path)
    is_published = settings.published_parquet.is_dir()
    traffic = Session(settings.published_parquet).traffic(asked) if is_published else None
    found = explain_scenario(asked, traffic, path.parent)
    show.say(f"{asked.name}: {asked.description}")
    for line in found.changes:
        show.say(f"  • {line}")
    if traffic is None:
        show.hint("nothing is published yet: `tokenworks build`, then explain says what is lacking")
        return
    rows = [
        (need.what, need.state, need.found, "" if need.state == "there" else need.without)
        for need in found.needs
    ]
    show.console.print(show.table("It rests on", ["data", "is", "found", "without it"], rows))
    for refusal in found.refusals:
        show.warning(f"Refused on this traffic: {refusal}")
    if found.refusals:
        raise typer.Exit(1)
    verb = "sweep" if asked.sweep else "run"
    show.hint(f"`tokenworks replay {verb} {scenario}`")


@app.command()
def calibrate(
    deployment: Annotated[
        str | None, typer.Option(help="One deployment; by default all that served something.")
    ] = None,
) -> None:
    """Learn how fast each deployment serves, from what is published."""
    from tokenworks.replay.calibration.warehouse import calibrate_fleet
    from tokenworks.replay.language.scenario import Scenario
    from tokenworks.replay.prepare import open_stage
    from tokenworks.replay.session import Session

    settings, asked = Settings.from_environment(), Scenario(name="calibration")
    with show.progress_bar("Calibrate") as progress:
        progress(0, 2, "read")
        stage = open_stage(asked, Session(settings.published_parquet).traffic(asked))
        progress(1, 2, "learn")
        found = calibrate_fleet(stage, settings.calibrations, deployment)
    rows = [
        (one.deployment, learnt.requests, learnt.law.base, learnt.law.per_running, learnt.misfit)
        for one in found
        if one.stored is not None
        for learnt in [one.stored.learnt]
    ]
    columns = ["deployment", "requests", "s per step", "s per running request", "misfit"]
    show.console.print(show.table("Laws", columns, rows))
    for one in found:
        if one.refusal:
            show.warning(f"{one.deployment} is not calibrated: {one.refusal}")
    if not rows:
        raise typer.Exit(1)
    show.done(f"Calibrated {show.count(len(rows), 'deployment')}", settings.calibrations)
    show.hint("each has a page: coefficients, standard errors, where they hold, what is not told")
