"""Build the warehouse: one dbt run at a time over one private DuckDB file.

Belongs here: the lock, the run, and what it did. How dbt is called lives in `dbt_project.py`; what
people read is made by `publish.py`.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from tokenworks.books.closed import closed_periods, verify
from tokenworks.books.frozen import hand_over as hand_over_books
from tokenworks.books.known import books_calendar
from tokenworks.dbt_project import dbt_paths, is_manifest_current, project_dir, run_dbt
from tokenworks.restatement import Restatement, hand_over, plan, record, record_part, state_file
from tokenworks_sources.errors import TokenworksError
from tokenworks_sources.lake import ensure_tables
from tokenworks_sources.settings import Settings

PASSED = ("success", "pass", "no-op")
# dbt's line at the end of a node, for example "12:00:01  3 of 81 OK created sql view model main.x".
STEP = re.compile(r"(?P<done>\d+) of (?P<total>\d+) (?P<what>\w+)")
Progress = Callable[[int, int, str], None]
MODEL, DATA_TEST, UNIT_TEST = "model", "test", "unit_test"


class WarehouseLockedError(TokenworksError):
    """Another process holds the build file."""


class BuildError(TokenworksError):
    """A build in which a model or a test failed.

    Attributes:
        failures: what failed, in dbt's order.
    """

    def __init__(self, failures: Sequence[Failure], target: Path) -> None:
        self.failures = tuple(failures)
        lines = "\n".join(f"  {failure.name}: {failure.message}" for failure in failures)
        super().__init__(
            f"The warehouse was not built: {len(failures)} of its models or tests failed.\n{lines}\n"
            f"Published marts are unchanged. The compiled SQL lies in {target}."
        )


@dataclass(frozen=True)
class Failure:
    """One model or test that failed.

    Attributes:
        name: the name of the model or test.
        message: what dbt says about it, on one line.
    """

    name: str
    message: str


@dataclass(frozen=True)
class BuildResult:
    """What a build did.

    Attributes:
        models: models built.
        tests: data tests passed.
        unit_tests: unit tests passed.
        warnings: tests that only warn.
        seconds: wall time that dbt measured.
        whole_because: why all dates were made again; None where only some were.
        restated_dates: dates of the marts that were made again.
    """

    models: int
    tests: int
    unit_tests: int
    warnings: tuple[str, ...]
    seconds: float
    whole_because: str | None = None
    restated_dates: tuple[date, ...] = ()


@contextmanager
def warehouse_lock(settings: Settings) -> Iterator[int]:
    """Hold the build file alone; dbt and publish both take this lock. Yields the lock's descriptor.

    The lock falls with the last process that has the descriptor, so a crash leaves nothing to clean
    up, and a dbt that outlives its caller still holds it.

    Raises:
        WarehouseLockedError: another process builds or publishes.
    """
    settings.build.mkdir(parents=True, exist_ok=True)
    path = settings.build / "warehouse.lock"
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            raise WarehouseLockedError(
                f"{settings.build_database}: process {owner} builds or publishes this warehouse. "
                "Wait for it to end, then try again."
            ) from None
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        yield handle.fileno()


@dataclass
class Build:
    """One build under way.

    Attributes:
        restatement: the dates that dbt makes again.
        lock: descriptor that holds the warehouse; who writes to it keeps it.
        restated_dates: dates of the marts that were made again, once the build has passed.
    """

    restatement: Restatement
    lock: int
    restated_dates: list[date] = field(default_factory=list)


@contextmanager
def building(settings: Settings, *, whole: bool = True) -> Iterator[Build]:
    """Hold the build file for one build, and mark it complete when the build passed.

    Args:
        settings: the home folder.
        whole: all models are built; a part leaves a build complete only if it was so before.

    Raises:
        WarehouseLockedError: another process builds or publishes.
        ClosedBooksChangedError: a file of a closed period is not what it was.
    """
    marker = state_file(settings)
    with warehouse_lock(settings) as lock:
        closed = closed_periods(settings)
        verify(settings, closed)
        hand_over_books(settings, closed, books_calendar(settings))
        build = Build(plan(settings), lock)
        was_complete = marker.is_file()
        marker.unlink(missing_ok=True)
        hand_over(settings, build.restatement)
        yield build
        if whole:
            build.restated_dates = record(settings, build.restatement)
        elif was_complete:
            record_part(settings)


def build_arguments(
    select: Sequence[str] = (), *, unit_tests: bool = False, manifest: bool = False
) -> list[str]:
    """Arguments of `dbt build`: models and data tests, unit tests only where asked for.

    Unit tests check the SQL, not the data, so a scheduled build does not repeat them. The manifest,
    which dbt writes twice, is for Dagster: only a build that finds an older one writes it.
    """
    arguments = ["build", "--write-json" if manifest else "--no-write-json"]
    if not unit_tests:
        arguments += ["--exclude-resource-type", "unit_test"]
    if select:
        arguments += ["--select", *select]
    return arguments


def build_warehouse(
    settings: Settings,
    select: Sequence[str] = (),
    *,
    unit_tests: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> BuildResult:
    """Build and test the warehouse from the lake.

    Args:
        settings: the home folder.
        select: dbt selectors; all models where empty.
        unit_tests: run dbt's unit tests too.
        threads: models that dbt builds at once.
        progress: called with (done, total, name) as models and tests end.

    Raises:
        WarehouseLockedError: another build or publish is under way.
        BuildError: a model or a test failed.
    """
    paths = dbt_paths(settings)
    stale = paths.manifest.is_file() and not is_manifest_current(paths.manifest, project_dir())
    arguments = build_arguments(select, unit_tests=unit_tests, manifest=stale)
    ensure_tables(settings.lake)
    with building(settings, whole=not select) as build:
        paths.run_results.unlink(missing_ok=True)
        code, printed = run_dbt(
            settings,
            [*arguments, *build.restatement.arguments],
            threads,
            on_line=_reporting(progress) if progress else None,
            holding=(build.lock,),
        )
        if not paths.run_results.is_file():
            raise BuildError([Failure("dbt", cause(printed))], paths.target)
        result, failures = summarise(json.loads(paths.run_results.read_text()))
        if failures or code != 0:
            raise BuildError(failures or [Failure("dbt", cause(printed))], paths.target)
    return replace(
        result,
        whole_because=build.restatement.whole_because,
        restated_dates=tuple(build.restated_dates),
    )


def _reporting(progress: Progress) -> Callable[[str], None]:
    def report(line: str) -> None:
        found = STEP.search(line)
        if found and found["what"] != "START":
            progress(int(found["done"]), int(found["total"]), found["what"])

    return report


def summarise(run_results: dict[str, object]) -> tuple[BuildResult, list[Failure]]:
    """What dbt's `run_results.json` says: the counts, and what failed. Skipped nodes follow a failure."""
    counts = {MODEL: 0, DATA_TEST: 0, UNIT_TEST: 0}
    failures, warnings = [], []
    results = run_results["results"]
    assert isinstance(results, list)
    for node in results:
        kind, _, name = node["unique_id"].split(".", 2)
        status = node["status"]
        if status in PASSED and kind in counts:
            counts[kind] += 1
        elif status == "warn":
            warnings.append(name)
        elif status not in (*PASSED, "skipped"):
            failures.append(Failure(name, one_line(node.get("message") or status)))
    elapsed = run_results["elapsed_time"]
    assert isinstance(elapsed, float)
    result = BuildResult(
        counts[MODEL], counts[DATA_TEST], counts[UNIT_TEST], tuple(warnings), elapsed
    )
    return result, failures


def cause(printed: str) -> str:
    """What dbt says is wrong: what follows its mark of an error, else the end of what it printed."""
    _, mark, error = printed.partition("Encountered an error:")
    return one_line(error if mark else " ".join(printed.split())[-500:])


def one_line(text: str) -> str:
    """A message on one line, cut to what a terminal can show."""
    return " ".join(text.split())[:500]
