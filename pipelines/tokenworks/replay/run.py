"""Runs one scenario over published traffic and keeps the result in a folder of its own.

A result is named by what it was made from, so the same question on the same traffic is answered
once: a finished folder is read back, an unfinished one is made again. The folder appears whole,
by one rename.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from tokenworks.replay.answer import Answer, Progress, answer
from tokenworks.replay.errors import LeverRefusedError, ReplayRefusedError
from tokenworks.replay.estimates.estimate import Estimate
from tokenworks.replay.language.scenario import Scenario, load_scenario
from tokenworks.replay.results.assumptions import assumptions
from tokenworks.replay.results.outcomes import outcome_frame
from tokenworks.replay.traffic.marts import traffic_digest
from tokenworks.replay.traffic.requests import load_traffic

#: Raise when the same scenario and traffic would give other numbers.
METHOD_VERSION = 1

SCENARIO_FILE = "scenario.yaml"
OUTCOMES_FILE = "outcomes.parquet"
SUMMARY_FILE = "summary.json"
SUMMARY_TABLE = "summary.parquet"
BACKTEST_FILE = "backtest.json"


@dataclass(frozen=True)
class ReplayResult:
    """A finished replay.

    Attributes:
        run_id: name of the result, the same for the same scenario and traffic.
        folder: where its files lie.
        was_reused: whether the result existed already.
        summary: content of summary.json.
        backtest: content of backtest.json.
    """

    run_id: str
    folder: Path
    was_reused: bool
    summary: dict[str, Any]
    backtest: dict[str, Any]

    @property
    def outcomes(self) -> Path:
        """Parquet file with one row per request."""
        return self.folder / OUTCOMES_FILE

    @property
    def assumptions(self) -> list[str]:
        """What the result rests on."""
        return list(self.summary["assumptions"])


def run_replay(
    scenario: Scenario | Path,
    marts: Path,
    out_dir: Path,
    progress: Progress | None = None,
    force: bool = False,
) -> ReplayResult:
    """Replay a scenario.

    Args:
        scenario: the what-if, or the file that holds it.
        marts: folder of published Parquet, one folder per mart.
        out_dir: folder that gets one folder per result.
        progress: called with the step, its number and the number of steps.
        force: give a result that would be refused, marked as forced.

    Returns:
        The result, read back from its files.

    Raises:
        LeverRefusedError: this traffic cannot carry a lever of the scenario.
        ReplayRefusedError: the no-change replay misses history by more than the limits.
    """
    asked = load_scenario(scenario) if isinstance(scenario, Path) else scenario
    run_id = run_name(asked, traffic_digest(marts))
    folder = out_dir / run_id
    if (folder / SUMMARY_FILE).is_file():
        return _accept(_read(run_id, folder, was_reused=True), force)
    traffic = load_traffic(marts, asked)
    try:
        found = answer(asked, traffic, progress or _silent)
    except LeverRefusedError as error:
        raise (error.found_in(scenario) if isinstance(scenario, Path) else error) from error
    if found.reasons and not force:
        raise ReplayRefusedError(found.reasons)
    _write(found, run_id, folder)
    return _read(run_id, folder, was_reused=False)


def run_name(scenario: Scenario, digest: str) -> str:
    """Name of a result: the scenario's name and twelve digits of what it is made from."""
    made_from = Scenario.digest(scenario), digest, METHOD_VERSION
    return f"{scenario.name}-{_short_digest(made_from)}"


def _short_digest(parts: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _silent(step: str, number: int, steps: int) -> None:
    """Progress that goes nowhere."""


def _accept(result: ReplayResult, force: bool) -> ReplayResult:
    reasons = result.summary["refusal_reasons"]
    if reasons and not force:
        raise ReplayRefusedError(reasons)
    return result


def _read(run_id: str, folder: Path, was_reused: bool) -> ReplayResult:
    return ReplayResult(
        run_id=run_id,
        folder=folder,
        was_reused=was_reused,
        summary=json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8")),
        backtest=json.loads((folder / BACKTEST_FILE).read_text(encoding="utf-8")),
    )


def _write(found: Answer, run_id: str, folder: Path) -> None:
    partial = folder.with_name(f".{run_id}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    document = found.scenario.model_dump(mode="json", exclude_none=True)
    (partial / SCENARIO_FILE).write_text(
        yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8"
    )
    outcome_frame(found).write_parquet(partial / OUTCOMES_FILE, row_group_size=122_880)
    rows = [asdict(row) for row in found.estimates]
    pl.DataFrame(rows, schema=_summary_schema()).write_parquet(partial / SUMMARY_TABLE)
    _write_json(partial / BACKTEST_FILE, _backtest(found))
    _write_json(partial / SUMMARY_FILE, summary(found, run_id))
    if folder.exists():
        shutil.rmtree(folder)
    partial.replace(folder)


def _summary_schema() -> dict[str, type[pl.DataType]]:
    kinds: dict[str, type[pl.DataType]] = {"str": pl.String, "int": pl.Int64}
    return {
        name: kinds.get(str(kind), pl.Float64) for name, kind in Estimate.__annotations__.items()
    }


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _backtest(found: Answer) -> dict[str, Any]:
    return {
        "definition": "replay of no change / history - 1; held out: laws and cache sizes learned "
        "from the first half of the requests, judged on the last half",
        "limit_rule": "the held-out error counts where it exists, else the in-sample one; "
        "prefix_hit_ratio is limited in points, all others as a ratio",
        "metrics": [asdict(error) for error in found.errors],
    }


def summary(found: Answer, run_id: str) -> dict[str, Any]:
    """The result as plain data: what a table, a notebook or a report shows."""
    traffic = found.traffic
    busy = {"no_change": found.baseline, "scenario": found.played}
    return {
        "run_id": run_id,
        "scenario": json.loads(found.scenario.canonical()),
        "method_version": METHOD_VERSION,
        "loop": "open",
        "is_forced": bool(found.reasons),
        "refusal_reasons": list(found.reasons),
        "traffic": {
            "digest": traffic.digest,
            "rows_in": traffic.rows_in,
            "replayed": traffic.count,
            "reported": int(found.reported.sum()),
            "excluded": traffic.excluded,
            "rerouted": found.routed.moved,
            "first_arrival": traffic.frame["started_at"][0].isoformat(),
            "last_arrival": traffic.frame["started_at"][-1].isoformat(),
            "logged_over_engine_tokens_ratio": traffic.token_coverage,
            "hashed_tokens_ratio": traffic.hashed_tokens_ratio,
        },
        "metrics": [asdict(row) for row in found.estimates],
        "busy_gpu_hours": {
            side: {
                found.fleet.ids[position]: seconds / 3600
                for position, seconds in sorted(played.timings.busy_gpu_seconds.items())
            }
            for side, played in busy.items()
        },
        "prefix_capacity_curve": found.curve,
        "assumptions": assumptions(found),
    }
