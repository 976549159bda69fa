"""The calibration report: one HTML page that needs neither network nor script.

Here belongs what the page says of a calibration; its layout is in `templates/`, its look that of
the month's page. `write_report(path, read_calibration(artefact))` writes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from tokenworks.replay.calibration.artefact import StoredCalibration
from tokenworks.replay.calibration.hull import REFUSED_FROM
from tokenworks.replay.calibration.power_law import PowerLaw
from tokenworks.replay.calibration.step_law import METRICS, PERCENTILES, StepCalibration
from tokenworks.reports.drawing import Chart, draw, inline_data

_HERE = Path(__file__).parent / "templates"
_STYLE = Path(__file__).parents[2] / "reports" / "templates"
_NAMES = {"ttft": "Time to first token", "tpot": "Time per output token", "e2e": "End to end"}
_UNITS = {
    "base": "s per step",
    "per_running": "s per running request",
    "per_kv_token": "s per token in KV",
    "per_prefill_token": "s per computed prompt token",
    "with_prefill": "s per step with a prefill",
    "per_longest": "s per token of the busiest attention worker",
    "overhead": "s per request, outside the engine",
}
_POWER_UNITS = {
    "idle": "W of a GPU without a request",
    "busy": "W of a GPU with one",
    "running": "W more of a GPU per request on its replica",
    "doublings": "W more of a GPU per doubling of 1 + the requests on its replica",
    "prefill_tokens": "J per computed prompt token",
}


@dataclass(frozen=True)
class Coefficient:
    """One row of the table of coefficients."""

    name: str
    unit: str
    value: str
    error: str


def write_report(path: Path, stored: StoredCalibration) -> Path:
    """Write the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(calibration_page(stored))
    return path


def calibration_page(stored: StoredCalibration) -> str:
    """The page as text; the same calibration gives the same page."""
    environment = Environment(
        loader=FileSystemLoader([_HERE, _STYLE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "svg": lambda chart: Markup(chart.svg),
        "seconds": lambda value: f"{value:.4g}",
        "per_cent": lambda value: f"{100 * value:+.1f} %",
    }
    learnt = stored.learnt
    return environment.get_template("calibration.html.j2").render(
        learnt=learnt,
        stored=stored,
        verdict=_verdict(learnt),
        coefficients=_coefficients(learnt),
        power=_power(stored.power),
        used=[one for one in learnt.screened if one.accepted],
        refused=[one for one in learnt.screened if not one.accepted],
        names=_NAMES,
        metrics=METRICS,
        choices=(learnt.choice, *learnt.rejected),
        bands={metric: _band(learnt, metric) for metric in METRICS},
        refused_from=REFUSED_FROM,
        charts=(_means(learnt), _residuals(learnt)),
    )


def _verdict(learnt: StepCalibration) -> str:
    errors = [
        abs(one.predicted[metric] / one.observed[metric] - 1)
        for one in learnt.fitted
        for metric in METRICS
    ]
    return (
        f"Learnt from {learnt.requests:,} requests of {len(learnt.fitted)} runs; the means of "
        f"these runs are met within {100 * max(errors):.1f} %. How well new runs are met is told "
        "by the bands below."
    )


def _coefficients(learnt: StepCalibration) -> list[Coefficient]:
    found = []
    for name, unit in _UNITS.items():
        value = learnt.overhead if name == "overhead" else getattr(learnt.law, name)
        found.append(_coefficient(name, unit, value, learnt.standard_errors[name]))
    return found


def _power(law: PowerLaw | None) -> list[Coefficient]:
    if law is None:
        return []
    return [
        _coefficient(name, unit, getattr(law, name), law.standard_errors[name])
        for name, unit in _POWER_UNITS.items()
    ]


def _coefficient(name: str, unit: str, value: float, error: float) -> Coefficient:
    known = "–" if math.isnan(error) else f"{error:.2g}"
    return Coefficient(name, unit, "0 (pinned)" if value == 0 else f"{value:.4g}", known)


def _band(learnt: StepCalibration, metric: str) -> tuple[float, float]:
    """Ends of the band of one request, as changes of its prediction."""
    spread = learnt.spreads[metric]
    low = math.exp(spread.centre - math.hypot(spread.below, spread.bias))
    high = math.exp(spread.centre + math.hypot(spread.above, spread.bias))
    return low - 1, high - 1


def _means(learnt: StepCalibration) -> Chart:
    rows: list[dict[str, Any]] = [
        {
            "run": one.name,
            "metric": _NAMES[metric],
            "measured": one.observed[metric],
            "predicted": one.predicted[metric],
        }
        for one in learnt.fitted
        for metric in METRICS
    ]
    return draw(_against_measured(rows), "means", "Predicted against measured means of each run")


def _against_measured(rows: Sequence[dict[str, Any]]) -> Any:
    ends = [min(row["measured"] for row in rows), max(row["measured"] for row in rows)]
    diagonal = (
        alt.Chart(inline_data([{"measured": end, "predicted": end} for end in ends]))
        .mark_line(color="#9aa5b1", strokeDash=[4, 4])
        .encode(
            alt.X("measured:Q").scale(type="log"),
            alt.Y("predicted:Q").scale(type="log"),
        )
    )
    points = (
        alt.Chart(inline_data(rows))
        .mark_point(filled=True, size=60)
        .encode(
            alt.X("measured:Q", title="measured mean, seconds").scale(type="log"),
            alt.Y("predicted:Q", title="predicted mean, seconds").scale(type="log"),
            alt.Color("metric:N", title=None),
            alt.Shape("metric:N", title=None),
        )
    )
    return (diagonal + points).properties(width=560, height=300)


def _residuals(learnt: StepCalibration) -> Chart:
    rows = [
        {"percentile": percentile, "metric": _NAMES[metric], "ratio": ratio}
        for metric in METRICS
        for percentile, ratio in zip(PERCENTILES, learnt.residuals[metric], strict=True)
    ]
    chart = (
        alt.Chart(inline_data(rows))
        .mark_line()
        .encode(
            alt.X("percentile:Q", title="percentile of the requests"),
            alt.Y("ratio:Q", title="measured over predicted").scale(type="log", nice=False),
            alt.Color("metric:N", title=None),
        )
        .properties(width=560, height=260)
    )
    return draw(chart, "residuals", "Measured over predicted by percentile of the requests")
