"""`tokenworks replay`: what another policy would have cost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tokenworks.cli import show
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

app = typer.Typer(help="What history would have cost under another policy.")

ScenarioName = Annotated[str, typer.Argument(help="A ready scenario or a YAML file.")]
Force = Annotated[
    bool, typer.Option("--force", help="Give a result that would be refused, marked as forced.")
]
#: What the screen shows of a result; the page has every metric.
SHOWN = (
    "input_cache_read_tokens",
    "prefix_hit_ratio",
    "cost_active_usd",
    "cost_marginal_usd",
    "cost_idle_usd",
    "usd_per_m_total_active",
    "energy_facility_joules",
    "carbon_location_grams",
    "queue_p95_seconds",
    "ttft_mean_seconds",
    "ttft_p95_seconds",
    "tpot_mean_seconds",
    "e2e_mean_seconds",
    "e2e_p95_seconds",
    "slo_attainment_ratio",
    "busy_gpu_hours",
    "effective_batch",
    "quality_score",
)
_LISTED = "`tokenworks replay run route_short_requests`, or a YAML of your own (docs/scenarios.md)"


def register(parent: typer.Typer) -> None:
    """Adds the commands."""
    parent.add_typer(app, name="replay")


@app.callback(invoke_without_command=True)
def replay(context: typer.Context) -> None:
    """What history would have cost under another policy; alone: list the ready scenarios."""
    if context.invoked_subcommand is None:
        _list()


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
    _show_sweep(result.document)
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
    one, other = (_summary(settings, name) for name in (first, second))
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


def _list() -> None:
    from tokenworks.replay.language.scenario import load_scenario, ready_scenarios

    loaded = {name: load_scenario(path) for name, path in sorted(ready_scenarios().items())}
    rows = [
        (name, "sweep" if one.sweep else "run", one.description) for name, one in loaded.items()
    ]
    show.console.print(show.table("Ready scenarios", ["scenario", "by", "asks"], rows))
    show.hint(_LISTED)


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


def _summary(settings: Settings, name: str) -> dict[str, Any]:
    """The summary of a result by its folder or name, or of a scenario, which is replayed."""
    from tokenworks.replay.run import SUMMARY_FILE, read_result, run_replay

    for folder in (settings.replay / name, Path(name)):
        if (folder / SUMMARY_FILE).is_file():
            return read_result(folder).summary
    path = scenario_file(name)
    with show.progress_bar(f"Replay {name}") as progress:
        return run_replay(
            path,
            settings.published_parquet,
            settings.replay,
            progress=lambda step, number, steps: progress(number, steps, step),
        ).summary


def replay_and_show(settings: Settings, scenario: str, force: bool = False) -> str:
    """Replays a scenario and prints its summary; returns the result's name."""
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
    return result.run_id


def _show_summary(summary: dict[str, Any]) -> None:
    from tokenworks.replay.results.words import amount

    rows = [
        (
            metric["metric"],
            amount(metric["history"]),
            amount(metric["no_change"]),
            amount(metric["scenario"]),
            f"{amount(metric['delta'])} ({amount(metric['delta_p10'])} … {amount(metric['delta_p90'])})",
            f"{amount(metric['delta_window_p10'])} … {amount(metric['delta_window_p90'])}",
        )
        for metric in summary["metrics"]
        if metric["segment"] == "all" and metric["metric"] in SHOWN
    ]
    columns = [
        *("metric", "history", "no change", "scenario"),
        *("change (p10 … p90)", "of these requests"),
    ]
    show.console.print(show.table(summary["scenario"]["name"], columns, rows))
    for reason in summary["refusal_reasons"]:
        show.warning(f"Forced: {reason}")
    for line in summary["assumptions"]:
        show.say(f"  • {line}")


def _show_sweep(document: dict[str, Any]) -> None:
    from tokenworks.replay.results.words import amount

    axes = document["frontier"]
    rows = [
        (
            point["label"],
            f"{amount(point['cost'])} ({amount(point['cost_delta_p10'])} … {amount(point['cost_delta_p90'])})",
            f"{amount(point['latency'])} ({amount(point['latency_delta_p10'])} … {amount(point['latency_delta_p90'])})",
            amount(point["quality"]),
            "refused" if point["refusal"] else "yes" if point["is_on_frontier"] else "",
        )
        for point in document["points"]
    ]
    columns = ["point", axes["cost"], axes["latency"], axes["quality"], "frontier"]
    show.console.print(show.table(f"{document['name']}: value (change, p10 … p90)", columns, rows))
    for reason in dict.fromkeys(point["refusal"] for point in document["points"]):
        if reason:
            show.warning(f"Refused: {reason}")
