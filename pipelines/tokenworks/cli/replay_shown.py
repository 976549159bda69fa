"""Finds scenarios and results by name, and prints results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenworks.cli import show
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.settings import Settings

if TYPE_CHECKING:
    from tokenworks.replay.run import ReplayResult

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


def list_ready() -> None:
    """Prints the ready scenarios."""
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


def summary_of(settings: Settings, name: str) -> dict[str, Any]:
    """The summary of a result by its folder or name, or of a scenario, which is replayed."""
    from tokenworks.replay.run import SUMMARY_FILE, read_result

    for folder in (settings.replay / name, Path(name)):
        if (folder / SUMMARY_FILE).is_file():
            return read_result(folder).summary
    return _replayed(settings, name, f"Replay {name}").summary


def replay_and_show(settings: Settings, scenario: str, force: bool = False) -> str:
    """Replays a scenario and prints its summary; returns the result's name."""
    result = _replayed(settings, scenario, "Replay", force)
    _show_summary(result.summary)
    known = " (known already)" if result.was_reused else ""
    show.done(f"Replayed {result.summary['traffic']['replayed']:,} requests{known}", result.folder)
    return result.run_id


def _replayed(settings: Settings, scenario: str, title: str, force: bool = False) -> ReplayResult:
    from tokenworks.replay.run import run_replay

    path = scenario_file(scenario)
    with show.progress_bar(title) as progress:
        return run_replay(
            path,
            settings.published_parquet,
            settings.replay,
            progress=lambda step, number, steps: progress(number, steps, step),
            force=force,
        )


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


def show_sweep(document: dict[str, Any]) -> None:
    """Prints every point of a sweep, and why some were refused."""
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
