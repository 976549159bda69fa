"""The analysts' questions of `dbt/analyses` on a published warehouse of ten million requests.

Run it with `python tests/benchmarks/bench_questions.py [--requests N] [--folder HOME]`. How the warehouse is made says
`questions_warehouse.py`; a folder that is named keeps it for the next run. Each question is answered warm, in turns,
by (a) the question's name on the published file, opened as `tokenworks sql` opens it, and (t) its SQL there, which has
to be parsed; (b) SQL tuned by hand on the bare Parquet, in DuckDB, with footers and bytes kept; (c) Polars' lazy frames
on the same Parquet. The answers have to be equal. Each way has a process of its own, whose peak memory is shown. Wall and
CPU times are the best of several runs, until the rows are Python's. The limit holds for wall time, the ratios for CPU
time: who else uses the cores decides whether a second thread of either helps; those of wall time stand beside them.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.questions_by_hand import HAND, by_frames  # noqa: E402
from tests.benchmarks.questions_warehouse import sample_home, write_warehouse  # noqa: E402
from tokenworks.published import connect  # noqa: E402
from tokenworks.questions import questions  # noqa: E402
from tokenworks_sources.settings import Settings  # noqa: E402

REQUESTS = 10_000_000
# Turns of the three ways, and answers in a row at each.
TURNS = 5
REPEATS = 4
GOAL_MS = 100.0
GOAL_HAND = 1.2
GOAL_POLARS = 1.0
TOLERANCE = 1e-9

Answer = tuple[list[str], list[tuple[object, ...]]]
Ask = Callable[[str], Answer]


@dataclass(frozen=True)
class Took:
    """The best of some answers, in seconds of wall and CPU."""

    wall: float
    cpu: float
    answer: Answer


def by_name(home: Path) -> Ask:
    """The question's view in the published file."""
    connection = _Worker.held.enter_context(connect(Settings.at(home)))
    return lambda question: _fetched(connection, f"from q{question}")


def by_text(home: Path) -> Ask:
    """The question's own SQL on the published file."""
    connection = _Worker.held.enter_context(connect(Settings.at(home)))
    texts = {question.name: question.sql for question in questions()}
    return lambda question: _fetched(connection, texts[question])


def by_hand(home: Path) -> Ask:
    """Tuned SQL on Parquet."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set parquet_metadata_cache = true")
    parquet = Settings.at(home).published_parquet

    def run(statement: str) -> Answer:
        text = re.sub(r"\{(\w+)\}", rf"read_parquet('{parquet}/\1/*.parquet')", statement)
        return _fetched(connection, text)

    return lambda question: HAND[question](run)


def by_polars(home: Path) -> Ask:
    """Lazy frames on Parquet."""
    parquet = Settings.at(home).published_parquet

    def ask(question: str) -> Answer:
        frame = by_frames(question, lambda mart: pl.scan_parquet(parquet / mart / "*.parquet"))
        found = frame.collect()
        return found.columns, found.rows()

    return ask


def _fetched(connection: duckdb.DuckDBPyConnection, statement: str) -> Answer:
    cursor = connection.execute(statement)
    return [column[0] for column in cursor.description or ()], cursor.fetchall()


WAYS: dict[str, Callable[[Path], Ask]] = {
    "by name": by_name, "as text": by_text, "by hand": by_hand, "Polars": by_polars,
}  # fmt: skip


class _Worker:
    """What lives in the process of one way."""

    ask: Ask
    held = ExitStack()


def _open(way: str, home: Path) -> None:
    _Worker.ask = staticmethod(WAYS[way](home))


def _timed(question: str) -> Took:
    """The best of some answers in a row."""
    walls, cpus = [], []
    for _ in range(REPEATS):
        wall, cpu = time.perf_counter(), time.process_time()
        answer = _Worker.ask(question)
        cpus.append(time.process_time() - cpu)
        walls.append(time.perf_counter() - wall)
    return Took(min(walls), min(cpus), answer)


def _best(runs: Iterable[Took]) -> Took:
    took = list(runs)
    return Took(min(t.wall for t in took), min(t.cpu for t in took), took[0].answer)


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(home: Path) -> tuple[dict[str, list[Took]], list[float]]:
    """The best run of each way for every question, and the peak memory of each way."""
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                ProcessPoolExecutor(1, context, initializer=_open, initargs=(way, home))
            )
            for way in WAYS
        ]
        best = {}
        for question in HAND:
            rounds = [
                [worker.submit(_timed, question).result() for worker in workers]
                for _ in range(TURNS)
            ]
            best[question] = [_best(runs) for runs in zip(*rounds, strict=True)]
        return best, [worker.submit(_peak_mib).result() for worker in workers]


def is_equal(one: Answer, other: Answer) -> bool:
    """The same columns and rows in whatever order; doubles but for the order of their sums."""
    (columns, left), (others, right) = one, other
    if sorted(columns) != sorted(others) or len(left) != len(right) or not left:
        return False
    moved = [tuple(row[others.index(name)] for name in columns) for row in right]
    pairs = zip(sorted(left, key=_key), sorted(moved, key=_key), strict=True)
    return all(_is_close(a, b) for rows in pairs for a, b in zip(*rows, strict=True))


def _key(row: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(str(value) for value in row if not isinstance(value, float | Decimal))


def _is_close(left: object, right: object) -> bool:
    if isinstance(left, float | Decimal) and isinstance(right, float | Decimal | int):
        return math.isclose(float(left), float(right), rel_tol=TOLERANCE, abs_tol=1e-12)
    return left == right


def report(best: dict[str, list[Took]], peaks: list[float]) -> list[str]:
    """Prints the figures; what misses its goal."""
    missed = []
    print(
        f"{'ms wall (CPU)':40}"
        + "".join(f"{way:>16}" for way in WAYS)
        + " a/b wall   CPU a/c wall   CPU t/c wall   CPU"
    )
    for question, (own, text, hand, polars) in best.items():
        pairs = (own, hand), (own, polars), (text, polars)
        walls = [one.wall / other.wall for one, other in pairs]
        ratios = [one.cpu / other.cpu for one, other in pairs]
        times = "".join(f"{t.wall * 1e3:8.2f} ({t.cpu * 1e3:5.2f})" for t in best[question])
        apart = [way for way, took in zip(WAYS, best[question], strict=True)
                 if not is_equal(own.answer, took.answer)]  # fmt: skip
        wrong = [f"differs from {way}" for way in apart]
        wrong += [f"above {GOAL_MS:.0f} ms"] if own.wall * 1e3 >= GOAL_MS else []
        wrong += [f"a/b above {GOAL_HAND}"] if ratios[0] > GOAL_HAND else []
        wrong += ["behind Polars"] if ratios[1] >= GOAL_POLARS else []
        print(f"{question:40}{times}", end="")
        for wall, cpu in zip(walls, ratios, strict=True):
            print(f"{wall:9.2f}{cpu:6.2f}", end="")
        print(f"  {'; '.join(wrong)}")
        missed += [f"{question}: {each}" for each in wrong]
    print(f"{'peak memory, MiB':40}" + "".join(f"{peak:16.0f}" for peak in peaks))
    return missed


def main() -> int:
    """Prints the figures; whether every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=REQUESTS, help="at least so many")
    parser.add_argument("--folder", type=Path, help="keep the warehouse here, or read it from here")
    parser.add_argument("--sample", type=Path, help="home of a finished demo, so that none is run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        target = Settings.at(given.folder or Path(name) / "home")
        if not target.published_database.is_file():
            sample = Settings.at(given.sample) if given.sample else sample_home(Path(name) / "demo")
            write_warehouse(sample, target, given.requests)
        with connect(target) as connection:
            (rows,) = connection.execute("select count(*) from fct_requests").fetchall()[0]
        print(f"{rows:,} requests, {os.cpu_count()} cores, best of {TURNS * REPEATS}")
        missed = report(*measure(target.home))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
