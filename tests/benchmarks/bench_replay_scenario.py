"""Whole scenarios over many requests: `tokenworks replay run` beside a scan of the same columns by Polars.

Run it with `python tests/benchmarks/bench_replay_scenario.py [--requests N] [--folder MARTS] [--sample HOME]
[scenario ...]`. How the marts are made says `replay_marts.py`; a folder that is named keeps them for the next run.
Every scenario has a process of its own, whose CPU time (user and system), wall time and peak memory are shown, until
its result is written. The scan reads every column that a replay may read and adds up the numbers. Results that would
be refused are made all the same: what is measured is the work.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.questions_warehouse import sample_home  # noqa: E402
from tests.benchmarks.replay_marts import write_marts  # noqa: E402
from tokenworks.replay.language.scenario import ready_scenarios  # noqa: E402
from tokenworks.replay.run import run_replay  # noqa: E402
from tokenworks.replay.traffic.marts import REQUESTS, scan_mart  # noqa: E402
from tokenworks_sources.settings import Settings  # noqa: E402

COUNT = 10_000_000
SCENARIOS = (
    "no_change", "route_short_requests", "bigger_prefix_cache", "autoscale", "keep_equal_answers",
)  # fmt: skip
#: Memory of a scenario over ten million requests.
GOAL_MIB = 4096.0


@dataclass(frozen=True)
class Took:
    """Seconds of wall and CPU, and peak memory."""

    wall: float
    cpu: float
    peak_mib: float


def scanned(marts: Path) -> None:
    """Every column of the requests, read once."""
    numbers = pl.selectors.numeric().sum()
    others = (~pl.selectors.numeric()).count()
    scan_mart(marts, REQUESTS).select(numbers, others).collect(engine="streaming")


def replayed(name: str, marts: Path, out: Path) -> None:
    """A result of a ready scenario, written."""
    run_replay(ready_scenarios()[name], marts, out, force=True)


def _timed(work: Callable[..., None], *given: object) -> Took:
    """What some work takes in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work(*given)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Took(wall, cpu, _peak_mib())


def _peak_mib() -> float:
    """Most memory of this process; `ru_maxrss` would count that of the one that started it."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found.group(1)) / 1024 if found else math.nan


def alone(work: Callable[..., None], *given: object) -> Took:
    """The same in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(_timed, work, *given).result()


def report(marts: Path, out: Path, names: list[str]) -> bool:
    """Prints the figures; whether every scenario stays within memory."""
    (rows,) = scan_mart(marts, REQUESTS).select(pl.len()).collect().row(0)
    floor = alone(scanned, marts)
    print(f"{rows:,} requests, {os.cpu_count()} cores")
    print(f"{'':24}{'CPU s':>9}{'wall s':>9}{'MiB':>9}{'CPU / scan':>12}")
    print(f"{'scan by Polars':24}{floor.cpu:9.1f}{floor.wall:9.1f}{floor.peak_mib:9.0f}")
    most = 0.0
    for name in names:
        took = alone(replayed, name, marts, out)
        most = max(most, took.peak_mib)
        ratio = took.cpu / floor.cpu
        print(
            f"{name:24}{took.cpu:9.1f}{took.wall:9.1f}{took.peak_mib:9.0f}{ratio:12.1f}", flush=True
        )
    if most > GOAL_MIB:
        print(f"goal: at most {GOAL_MIB:.0f} MiB")
    return most <= GOAL_MIB


def main() -> int:
    """Prints the figures; whether the goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", nargs="*", default=list(SCENARIOS))
    parser.add_argument("--requests", type=int, default=COUNT, help="at least so many")
    parser.add_argument("--folder", type=Path, help="keep the marts here, or read them from here")
    parser.add_argument("--sample", type=Path, help="home of a finished demo, so that none is run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        marts = given.folder or Path(name) / "marts"
        if not marts.is_dir():
            sample = Settings.at(given.sample) if given.sample else sample_home(Path(name) / "demo")
            write_marts(sample.published_parquet, marts, given.requests)
        return 0 if report(marts, Path(name) / "results", given.scenario) else 1


if __name__ == "__main__":
    sys.exit(main())
