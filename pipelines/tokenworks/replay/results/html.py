"""Writes a result as one HTML page that needs neither network nor script.

Here belongs which figures the page shows and in what words; the layout is in `templates/`, the
pictures in `pictures`. The look is that of the month's page, whose style sheet it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tokenworks.replay.results import pictures
from tokenworks.replay.results.words import amount, change, interval, per_cent

_HERE = Path(__file__).parent / "templates"
_STYLE = Path(__file__).parents[2] / "reports" / "templates"
#: What stands at the top of the page.
HEADLINE = (
    ("cost_active_usd", "Active cost"),
    ("cost_marginal_usd", "Saved at once (marginal)"),
    ("cost_idle_usd", "Idle cost"),
    ("e2e_p95_seconds", "End to end, p95"),
    ("ttft_p95_seconds", "First token, p95"),
    ("slo_attainment_ratio", "Within objectives"),
    ("energy_facility_joules", "Facility energy"),
    ("quality_score", "Quality"),
)
#: Segments come after the whole, kind by kind.
KINDS = (("tier", "Tier"), ("region", "Region"), ("tenant", "Tenant"))
#: Caches with a table of who fills them and who profits.
CACHES = (("prefix_cache", "Prefix caches"), ("response_cache", "Response cache"))
SHOWN_BY_SEGMENT = (
    "request_count",
    "cost_active_usd",
    "energy_accelerator_joules",
    "ttft_p95_seconds",
    "e2e_p95_seconds",
    "slo_attainment_ratio",
)

Row = dict[str, Any]


@dataclass(frozen=True)
class Figure:
    """A headline figure and what it stands on."""

    label: str
    value: str
    basis: str


def result_page(summary: dict[str, Any], backtest: dict[str, Any], written: str) -> str:
    """The page of one result.

    Args:
        summary: content of summary.json.
        backtest: content of backtest.json.
        written: the scenario as YAML.
    """
    rows: list[Row] = summary["metrics"]
    whole = [row for row in rows if row["segment"] == "all"]
    return (
        _environment()
        .get_template("result.html.j2")
        .render(
            summary=summary,
            verdict=_verdict(summary, backtest),
            figures=_figures({row["metric"]: row for row in whole}),
            whole=whole,
            kinds=[(title, _segments(rows, kind)) for kind, title in KINDS],
            backtest=backtest,
            written=written,
            changes=pictures.changes(whole),
            curve=pictures.curve(summary["prefix_capacity_curve"]),
            shared=[
                (title, summary["cache_sharing"][cache])
                for cache, title in CACHES
                if summary["cache_sharing"][cache]
            ],
        )
    )


def sweep_page(document: dict[str, Any]) -> str:
    """The page of a sweep: every point, and which no other beats."""
    return (
        _environment()
        .get_template("sweep.html.j2")
        .render(
            sweep=document,
            scatter=pictures.scatter(document["points"], document["frontier"]),
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader([_HERE, _STYLE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "amount": amount,
        "interval": interval,
        "per_cent": per_cent,
        "svg": Markup,
    }
    return environment


def _verdict(summary: dict[str, Any], backtest: dict[str, Any]) -> tuple[str, str]:
    """Class and words of the first line: may this be trusted?"""
    if summary["is_forced"]:
        return "above", "Forced, not to be relied on: " + " ".join(summary["refusal_reasons"])
    judged = [row for row in backtest["metrics"] if row["is_within_limit"] is not None]
    if not judged:
        return "open", "History knows nothing that the replay of no change could be held against."
    worst = max(judged, key=lambda row: abs(row["held_out_ratio"] or row["in_sample_ratio"] or 0))
    error = worst["held_out_ratio"] if worst["held_out_ratio"] is not None else None
    size = per_cent(error if error is not None else worst["in_sample_ratio"])
    return "", (
        f"No change, replayed, meets history on all {len(judged)} judged metrics; "
        f"the largest error is {size} ({worst['metric']})."
    )


def _figures(whole: dict[str, Row]) -> list[Figure]:
    found = []
    for metric, label in HEADLINE:
        row = whole.get(metric)
        if row is None:
            continue
        if row["delta"] is None:
            found.append(Figure(label, "–", "not known from this traffic"))
            continue
        found.append(Figure(label, change(row), _basis(row)))
    return found


def _basis(row: Row) -> str:
    these = interval(row, "delta_window")
    return f"p10 to p90: {interval(row)}; of these very requests: {these}"


def _segments(rows: list[Row], kind: str) -> list[tuple[str, list[Row]]]:
    """Segments of one kind with the rows that the page shows of each."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        name = row["segment"]
        if name.startswith(f"{kind}:") and row["metric"] in SHOWN_BY_SEGMENT:
            found.setdefault(name.removeprefix(f"{kind}:"), []).append(row)
    return list(found.items())
