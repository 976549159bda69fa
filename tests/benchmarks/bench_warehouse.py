"""The ledger and the unit cost of ten million requests by dbt, beside one query written by hand.

Run it with `python tests/benchmarks/bench_warehouse.py [requests]`. The query (`unit_cost_by_hand.sql`) computes
`rpt_unit_cost` alone, straight from the same Parquet: in doubles, without a ledger, without restatement,
without tests; its numbers have to agree. Figures are wall and CPU seconds of two threads. dbt's own start,
which does not grow with the rows, is measured on an empty lake and shown apart; the ratio holds it. What
dbt parsed it keeps in the home, so that only the first build ever pays for that: also shown apart, and
not in the ratio.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
from warehouse_lake import write_base, write_bills, write_day

from tokenworks.dbt_project import dbt_paths, run_dbt
from tokenworks.warehouse import build_arguments
from tokenworks_sources.lake import ensure_tables
from tokenworks_sources.settings import Settings

REQUESTS = 10_000_000
DAYS = 30
THREADS = 2
GOAL = 2.5
# The query shares weights as doubles, the warehouse whole tokens by the hour.
TOLERANCE = 1e-6
SELECTED = (*build_arguments(), "--full-refresh", "--indirect-selection", "buildable",
            "--select", "+fct_cost_ledger", "+rpt_unit_cost")  # fmt: skip


@dataclass
class Cost:
    """What a piece of work took, in seconds."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    """Wall and CPU seconds of this process and of the children that end meanwhile."""
    cost, wall, cpu = Cost(), time.perf_counter(), _cpu()
    yield cost
    cost.wall, cost.cpu = time.perf_counter() - wall, _cpu() - cpu


def _cpu() -> float:
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def by_hand(settings: Settings) -> Cost:
    """The query into a table of a file of its own."""
    text = Path(__file__).with_name("unit_cost_by_hand.sql").read_text()
    with duckdb.connect(str(settings.home / "hand.duckdb")) as connection:
        connection.execute(f"set threads = {THREADS}")
        with measured() as cost:
            connection.execute(f"create table unit_cost as {text.format(lake=settings.lake)}")
    return cost


def by_dbt(settings: Settings, arguments: Sequence[str] = SELECTED) -> Cost:
    """What the report and the ledger need, built and tested."""
    ensure_tables(settings.lake)
    with measured() as cost:
        code, printed = run_dbt(settings, arguments, THREADS)
    if code != 0:
        sys.exit(printed)
    return cost


def differences(settings: Settings) -> list[str]:
    """Columns in which the two disagree."""
    with duckdb.connect(str(settings.home / "hand.duckdb")) as connection:
        connection.execute(f"attach '{settings.build_database}' as built (read_only)")
        names = [name for (name, *_) in connection.execute("describe unit_cost").fetchall()]
        apart = ", ".join(
            f"count(*) filter (abs(h.{name}::double - d.{name}::double) > "
            f"{TOLERANCE} * abs(d.{name}::double) or (h.{name} is null) <> (d.{name} is null))"
            for name in names[4:]
        )
        query = (
            f"select count(*), {apart} from unit_cost as h "
            "full join built.rpt_unit_cost as d using (event_date, model, tier, region) "
            "where coalesce(h.request_count, d.request_count) > 0"
        )
        rows, *counts = connection.execute(query).fetchall()[0]
    assert rows > 0
    return [name for name, count in zip(names[4:], counts, strict=True) if count]


def slowest(settings: Settings, count: int = 5) -> list[tuple[str, float]]:
    """The models that took longest, in wall seconds."""
    results = json.loads(dbt_paths(settings).run_results.read_text())["results"]
    seconds = {node["unique_id"].split(".")[2]: node["execution_time"] for node in results}
    return sorted(seconds.items(), key=lambda item: -item[1])[:count]


def main() -> int:
    """Prints the figures; whether the goal is met."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        settings = Settings.at(Path(name) / "home")
        first, start = by_dbt(settings), by_dbt(settings)
        write_base(settings.lake)
        for day in range(DAYS):
            write_day(settings.lake, day, requests // DAYS)
        # What ran past the last midnight is billed too, so that no token is without a cost.
        write_bills(settings.lake, DAYS)
        hand, built = by_hand(settings), by_dbt(settings)
        apart, models = differences(settings), slowest(settings)
    print(f"{requests:,} requests, {DAYS} days, {THREADS} threads")
    empty = ("dbt, empty lake", start), ("and never parsed", first)
    for what, cost in (("by hand", hand), ("dbt", built), *empty):
        print(f"  {what:16} {cost.wall:8.1f} s wall {cost.cpu:8.1f} s CPU")
    for model, seconds in models:
        print(f"    {model:32} {seconds:8.1f} s wall")
    ratio = built.cpu / hand.cpu
    print(f"  ratio of CPU {ratio:.2f}, goal {GOAL}; columns that differ: {apart or 'none'}")
    return 0 if ratio <= GOAL and not apart else 1


if __name__ == "__main__":
    sys.exit(main())
