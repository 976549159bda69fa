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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tokenworks.replay.answer import Answer, Progress
from tokenworks.replay.beside import side_digest
from tokenworks.replay.errors import LeverRefusedError, ReplayRefusedError, ScenarioError
from tokenworks.replay.language.scenario import Scenario, load_scenario
from tokenworks.replay.results.html import result_page
from tokenworks.replay.results.outcomes import write_outcomes
from tokenworks.replay.results.summary import (
    METHOD_VERSION,
    backtest_document,
    summary,
    summary_frame,
)
from tokenworks.replay.session import Session
from tokenworks.replay.spool import on_disk

SCENARIO_FILE = "scenario.yaml"
OUTCOMES_FILE = "outcomes.parquet"
SUMMARY_FILE = "summary.json"
SUMMARY_TABLE = "summary.parquet"
BACKTEST_FILE = "backtest.json"
PAGE_FILE = "page.html"


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
    marts: Path | Session,
    out_dir: Path,
    progress: Progress | None = None,
    force: bool = False,
    beside: Path | None = None,
) -> ReplayResult:
    """Replay a scenario.

    Args:
        scenario: the what-if, or the file that holds it.
        marts: folder of published Parquet, one folder per mart, or a session that has read it.
        out_dir: folder that gets one folder per result.
        progress: called with the step, its number and the number of steps.
        force: give a result that would be refused, marked as forced.
        beside: where the files lie that the scenario names; by default beside its own file.

    Returns:
        The result, read back from its files.

    Raises:
        LeverRefusedError: this traffic cannot carry a lever of the scenario.
        ReplayRefusedError: the no-change replay misses history by more than the limits.
    """
    asked = load_scenario(scenario) if isinstance(scenario, Path) else scenario
    if asked.sweep:
        raise ScenarioError(
            scenario if isinstance(scenario, Path) else asked.name,
            ["sweep: this scenario has several points; replay it with `tokenworks replay sweep`."],
        )
    session = marts if isinstance(marts, Session) else Session(marts)
    beside = beside or folder_of(scenario)
    run_id = run_name(asked, session.digest, side_digest(asked, beside))
    folder = out_dir / run_id
    if (folder / SUMMARY_FILE).is_file():
        return _accept(read_result(folder, was_reused=True), force)
    with on_disk(out_dir):
        try:
            found = session.answer(asked, progress or _silent, beside)
        except LeverRefusedError as error:
            if not isinstance(scenario, Path):
                raise
            raise error.found_in(scenario, Scenario.model_fields) from error
        if found.reasons and not force:
            raise ReplayRefusedError(found.reasons)
        _write(found, run_id, folder)
    return read_result(folder, was_reused=False)


def folder_of(scenario: Scenario | Path) -> Path:
    """Where the files lie that a scenario names: beside its own, else in the current folder."""
    return scenario.parent if isinstance(scenario, Path) else Path()


def run_name(scenario: Scenario, digest: str, beside: str) -> str:
    """Name of a result: the scenario's name and twelve digits of what it is made from."""
    made_from = scenario.digest(), digest, beside, METHOD_VERSION
    return f"{scenario.name}-{hashlib.sha256(repr(made_from).encode()).hexdigest()[:12]}"


def _silent(step: str, number: int, steps: int) -> None:
    """Progress that goes nowhere."""


def _accept(result: ReplayResult, force: bool) -> ReplayResult:
    reasons = result.summary["refusal_reasons"]
    if reasons and not force:
        raise ReplayRefusedError(reasons)
    return result


def read_result(folder: Path, was_reused: bool = True) -> ReplayResult:
    """A finished result from its files."""
    return ReplayResult(
        run_id=folder.name,
        folder=folder,
        was_reused=was_reused,
        summary=json.loads((folder / SUMMARY_FILE).read_text(encoding="utf-8")),
        backtest=json.loads((folder / BACKTEST_FILE).read_text(encoding="utf-8")),
    )


def _write(found: Answer, run_id: str, folder: Path) -> None:
    partial = new_partial(folder)
    document = found.scenario.model_dump(mode="json", exclude_none=True, exclude={"sweep"})
    written = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    told, judged = summary(found, run_id), backtest_document(found)
    (partial / SCENARIO_FILE).write_text(written, encoding="utf-8")
    write_outcomes(found, run_id, partial / OUTCOMES_FILE)
    summary_frame(found, run_id).write_parquet(partial / SUMMARY_TABLE)
    page = result_page(told, judged, written)
    (partial / PAGE_FILE).write_text(page, encoding="utf-8", newline="\n")
    write_json(partial / BACKTEST_FILE, judged)
    write_json(partial / SUMMARY_FILE, told)
    put_in_place(partial, folder)


def new_partial(folder: Path) -> Path:
    """An empty folder beside a result's, in which it is made; what was killed halfway goes."""
    for left in folder.parent.glob(f".{folder.name}.*.partial"):
        if not _is_running(int(left.suffixes[-2][1:])):
            shutil.rmtree(left, ignore_errors=True)
    partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    return partial


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def put_in_place(partial: Path, folder: Path) -> None:
    """Let a finished folder appear whole."""
    if folder.exists():
        shutil.rmtree(folder)
    partial.replace(folder)


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Plain data, without what JSON does not know."""
    path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n", encoding="utf-8")
