"""One new day on a year of history, beside the same day on ten days.

Run it with `python tests/benchmarks/bench_warehouse_day.py [requests a day]`. Both warehouses are built whole and
published first; then a day arrives, is built and published. Figures are wall and CPU seconds of the build with its
tests, and of publication.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bench_warehouse import THREADS, Cost, measured, slowest
from warehouse_lake import write_base, write_day

from tokenworks.publish import publish
from tokenworks.warehouse import build_warehouse
from tokenworks_sources.settings import Settings

REQUESTS_A_DAY = 20_000
HISTORIES = (10, 365)
GOAL = 1.3


def new_day(settings: Settings, history: int, requests: int) -> tuple[Cost, Cost, int]:
    """Build and publication of a day that arrives on a history; the dates that were made again."""
    write_base(settings.lake)
    for day in range(history):
        write_day(settings.lake, day, requests)
    build_warehouse(settings, threads=THREADS)
    publish(settings)
    write_day(settings.lake, history, requests)
    with measured() as built:
        result = build_warehouse(settings, threads=THREADS)
    with measured() as published:
        publish(settings)
    return built, published, len(result.restated_dates)


def main() -> int:
    """Prints the figures; whether the goal is met."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS_A_DAY
    costs = {}
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        for history in HISTORIES:
            settings = Settings.at(Path(name) / f"{history}")
            built, published, dates = new_day(settings, history, requests)
            costs[history] = built.cpu, built.cpu + published.cpu
            print(
                f"one day of {requests:,} requests on {history:3} days: {built.wall:6.1f} s wall "
                f"{built.cpu:6.1f} s CPU, {dates} dates made again; published in {published.cpu:.1f} s CPU"
            )
            for model, seconds in slowest(settings):
                print(f"    {model:32} {seconds:8.1f} s wall")
    build, both = (long / short for short, long in zip(*costs.values(), strict=True))
    print(f"ratio of CPU {build:.2f}, with publication {both:.2f}, goal {GOAL}")
    return 0 if both <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
